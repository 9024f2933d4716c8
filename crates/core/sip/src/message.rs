//! The message reader: an index of header slices over the bytes that came.
//!
//! Bytes, not UTF-8: a display name in CP1251 must not lose the headers that follow it.

use model::SipStatus;

use crate::header_name::HeaderName;
use crate::lexis::{cut, is_lws, number, split, trim};
use crate::method::Method;

/// Longest message read: a UDP datagram carries no more.
pub const MESSAGE_BYTES_MAX: usize = 65_535;
/// Most header lines read; carriers send 15 to 40.
pub const HEADERS_MAX: usize = 128;

/// Why bytes are not a SIP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Longer than a datagram.
    #[error("message is {0} bytes long; the limit is {MESSAGE_BYTES_MAX}")]
    TooLong(usize),
    /// Only line ends: a keep-alive (RFC 5626 section 3.5.1), not an error of the peer.
    #[error("message is empty")]
    Empty,
    /// No blank line ends the headers.
    #[error("message has no blank line after its headers")]
    NoEndOfHeaders,
    /// The first line is neither a request line nor a status line of SIP/2.0.
    #[error("first line is not that of a SIP/2.0 request or response")]
    StartLine,
    /// A header line without a colon, or with an empty name.
    #[error("header line {0} has no name followed by a colon")]
    HeaderLine(usize),
    /// Too many header lines.
    #[error("message has more than {HEADERS_MAX} header lines")]
    TooManyHeaders,
}

impl ReadError {
    /// Whose move it is: always the sender's.
    pub const fn problem(self) -> model::Problem {
        model::Problem::Caller
    }
}

/// The first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartLine<'a> {
    /// A request.
    Request {
        /// The method, as bytes: it may be one not known here.
        method: &'a [u8],
        /// The Request-URI.
        uri: &'a [u8],
    },
    /// A response.
    Response {
        /// 100 to 699.
        status: SipStatus,
        /// The reason phrase; may be empty and in any charset.
        phrase: &'a [u8],
    },
}

/// One header line, unfolded on reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Which header.
    pub name: HeaderName,
    /// The name as written.
    pub raw_name: &'a [u8],
    /// The value, trimmed; may contain folds (CR LF and white space).
    pub value: &'a [u8],
}

/// What is wrong with a body; the headers can be relied upon all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyProblem {
    /// Content-Length promises more than the datagram holds (RFC 3261 section 18.3).
    Truncated,
    /// Content-Length is not a number.
    Length,
}

/// A message over the bytes it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    start: StartLine<'a>,
    headers: Vec<Header<'a>>,
    body: &'a [u8],
    body_problem: Option<BodyProblem>,
}

impl<'a> Message<'a> {
    /// Reads one datagram.
    ///
    /// # Errors
    /// [`ReadError`] when the frame of the message cannot be made out. Wrong header *values* are
    /// found by whoever reads them.
    pub fn read(bytes: &'a [u8]) -> Result<Self, ReadError> {
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(ReadError::TooLong(bytes.len()));
        }
        // RFC 3261 section 7.5: empty lines before the start line are ignored.
        let skipped = bytes
            .iter()
            .take_while(|b| matches!(b, b'\r' | b'\n'))
            .count();
        let bytes = bytes.get(skipped..).unwrap_or_default();
        if bytes.is_empty() {
            return Err(ReadError::Empty);
        }
        let (first, mut rest) = line(bytes).ok_or(ReadError::NoEndOfHeaders)?;
        let start = start_line(first).ok_or(ReadError::StartLine)?;
        let mut headers = Vec::with_capacity(24);
        loop {
            let (logical, after) = folded_line(rest).ok_or(ReadError::NoEndOfHeaders)?;
            rest = after;
            if logical.is_empty() {
                break;
            }
            if headers.len() == HEADERS_MAX {
                return Err(ReadError::TooManyHeaders);
            }
            let (name, value) = cut(logical, b':');
            let (name, Some(value)) = (trim(name), value) else {
                return Err(ReadError::HeaderLine(headers.len() + 1));
            };
            if name.is_empty() || name.iter().any(|b| is_lws(*b)) {
                return Err(ReadError::HeaderLine(headers.len() + 1));
            }
            headers.push(Header {
                name: HeaderName::from_bytes(name),
                raw_name: name,
                value: trim(value),
            });
        }
        let mut message = Self {
            start,
            headers,
            body: rest,
            body_problem: None,
        };
        message.frame_body();
        Ok(message)
    }

    /// RFC 3261 section 18.3: over UDP a missing Content-Length means the rest of the datagram, and
    /// bytes beyond it are discarded.
    fn frame_body(&mut self) {
        let Some(length) = self.header(HeaderName::ContentLength) else {
            return;
        };
        match number::<usize>(length) {
            None => self.body_problem = Some(BodyProblem::Length),
            Some(n) => match self.body.get(..n) {
                Some(body) => self.body = body,
                None => self.body_problem = Some(BodyProblem::Truncated),
            },
        }
    }

    /// The first line.
    pub fn start(&self) -> StartLine<'a> {
        self.start
    }

    /// The method of a request; `None` for a response.
    pub fn method(&self) -> Option<Method> {
        match self.start {
            StartLine::Request { method, .. } => Some(Method::from_bytes(method)),
            StartLine::Response { .. } => None,
        }
    }

    /// The Request-URI; `None` for a response.
    pub fn request_uri(&self) -> Option<&'a [u8]> {
        match self.start {
            StartLine::Request { uri, .. } => Some(uri),
            StartLine::Response { .. } => None,
        }
    }

    /// The status and phrase of a response; `None` for a request.
    pub fn status(&self) -> Option<(SipStatus, &'a [u8])> {
        match self.start {
            StartLine::Request { .. } => None,
            StartLine::Response { status, phrase } => Some((status, phrase)),
        }
    }

    /// All header lines in their order.
    pub fn headers(&self) -> &[Header<'a>] {
        &self.headers
    }

    /// The value of the first header line of a name.
    pub fn header(&self, name: HeaderName) -> Option<&'a [u8]> {
        self.headers
            .iter()
            .find(|h| h.name == name)
            .map(|h| h.value)
    }

    /// All values of a header that may be a list, over all its lines, in their order
    /// (RFC 3261 section 7.3.1: several lines and one line with commas are the same).
    pub fn list(&self, name: HeaderName) -> impl Iterator<Item = &'a [u8]> + '_ {
        self.headers
            .iter()
            .filter(move |h| h.name == name)
            .flat_map(|h| split(h.value, b','))
    }

    /// The body; may be empty. To be used only when [`Message::body_problem`] is `None`.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// What is wrong with the body, if anything.
    pub fn body_problem(&self) -> Option<BodyProblem> {
        self.body_problem
    }
}

/// What a datagram seems to be, from its first bytes alone: lets the owner of a socket drop noise
/// and strangers before anything is parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glance {
    /// It begins like a response.
    Response,
    /// It begins like a request of this method.
    Request(Method),
    /// A keep-alive of line ends or zero bytes.
    KeepAlive,
    /// Anything else.
    Noise,
}

/// Looks at the first bytes of a datagram; costs no allocation.
pub fn glance(bytes: &[u8]) -> Glance {
    if bytes.iter().all(|b| matches!(b, b'\r' | b'\n' | 0)) {
        return Glance::KeepAlive;
    }
    if bytes.starts_with(b"SIP/2.0 ") {
        return Glance::Response;
    }
    let word = bytes.iter().take(32).take_while(|b| is_token(**b)).count();
    match bytes.get(word) {
        Some(b' ') if word > 0 => Glance::Request(Method::from_bytes(&bytes[..word])),
        _ => Glance::Noise,
    }
}

fn start_line(line: &[u8]) -> Option<StartLine<'_>> {
    let version = line.get(..7).unwrap_or_default();
    if version.eq_ignore_ascii_case(b"SIP/2.0") {
        let (status, phrase) = cut(trim(line.get(7..)?), b' ');
        let status: u16 = number(status).filter(|s| (100..700).contains(s))?;
        let phrase = trim(phrase.unwrap_or_default());
        return Some(StartLine::Response {
            status: SipStatus(status),
            phrase,
        });
    }
    // Wider white space and spaces around the URI are tolerated; an URI with a space inside is not
    // (RFC 4475 section 3.1.2.9 leaves the choice).
    let mut words = line
        .split(|b| *b == b' ' || *b == b'\t')
        .filter(|w| !w.is_empty());
    let (method, uri, version) = (words.next()?, words.next()?, words.next()?);
    let whole = words.next().is_none()
        && version.eq_ignore_ascii_case(b"SIP/2.0")
        && method.iter().all(|b| is_token(*b));
    whole.then_some(StartLine::Request { method, uri })
}

/// RFC 3261 section 25.1, `token`.
pub(crate) const fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(
            b,
            b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~'
        )
}

/// One physical line without its end, and what follows. A bare LF ends a line too.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|b| *b == b'\n')?;
    let line = &bytes[..end];
    Some((
        line.strip_suffix(b"\r").unwrap_or(line),
        bytes.get(end + 1..)?,
    ))
}

/// One header line with its continuation lines (RFC 3261 section 7.3.1), and what follows.
fn folded_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, mut rest) = line(bytes)?;
    if first.is_empty() {
        return Some((first, rest));
    }
    let mut end = first.len();
    while let Some(b' ' | b'\t') = rest.first() {
        let begin = bytes.len() - rest.len();
        let (more, after) = line(rest)?;
        end = begin + more.len();
        rest = after;
    }
    Some((bytes.get(..end)?, rest))
}
