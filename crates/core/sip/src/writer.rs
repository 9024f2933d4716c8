//! The message writer.

use model::SipStatus;

use crate::header_name::HeaderName;
use crate::message::Message;
use crate::via::completed_via;

/// Builds one message. Line ends inside a value become spaces, so no value can add a header.
#[derive(Clone, Debug)]
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// Begins a request.
    pub fn request(method: &str, uri: &[u8]) -> Self {
        let mut w = Self {
            out: Vec::with_capacity(768),
        };
        w.clean(method.as_bytes());
        w.out.push(b' ');
        w.clean(uri);
        w.out.extend_from_slice(b" SIP/2.0\r\n");
        w
    }

    /// Begins a response.
    pub fn response(status: SipStatus, phrase: &[u8]) -> Self {
        let mut w = Self {
            out: Vec::with_capacity(512),
        };
        w.out
            .extend_from_slice(format!("SIP/2.0 {status} ").as_bytes());
        w.clean(phrase);
        w.out.extend_from_slice(b"\r\n");
        w
    }

    /// Begins the response to a request that came from `source`, with the headers that must be
    /// copied (RFC 3261 section 8.2.6.2); `to_tag` is added when To has none.
    pub fn response_to(
        request: &Message<'_>,
        source: std::net::SocketAddr,
        status: SipStatus,
        to_tag: Option<&str>,
    ) -> Self {
        let mut w = Self::response(status, phrase(status).as_bytes());
        let mut topmost = true;
        for h in request.headers() {
            let copied = [
                HeaderName::Via,
                HeaderName::From,
                HeaderName::CallId,
                HeaderName::CSeq,
            ];
            if h.name == HeaderName::Via && topmost {
                w.header("Via", completed_via(h.value, source));
                topmost = false;
            } else if h.name == HeaderName::To {
                w.header("To", tagged(request, h.value, to_tag));
            } else if copied.contains(&h.name) {
                w.header(h.name.as_str(), h.value);
            }
        }
        w
    }

    /// Adds a header.
    pub fn header(&mut self, name: &str, value: impl AsRef<[u8]>) -> &mut Self {
        self.clean(name.as_bytes());
        self.out.extend_from_slice(b": ");
        self.clean(value.as_ref());
        self.out.extend_from_slice(b"\r\n");
        self
    }

    /// Ends the message without a body.
    pub fn end(mut self) -> Vec<u8> {
        self.out.extend_from_slice(b"Content-Length: 0\r\n\r\n");
        self.out
    }

    /// Ends the message with a body.
    pub fn body(mut self, content_type: &str, body: &[u8]) -> Vec<u8> {
        self.header("Content-Type", content_type);
        self.header("Content-Length", body.len().to_string());
        self.out.extend_from_slice(b"\r\n");
        self.out.extend_from_slice(body);
        self.out
    }

    fn clean(&mut self, s: &[u8]) {
        self.out.extend(
            s.iter()
                .map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { *b }),
        );
    }
}

fn tagged(request: &Message<'_>, to: &[u8], tag: Option<&str>) -> Vec<u8> {
    match tag {
        Some(tag) if request.to().is_none_or(|t| t.tag().is_none()) => {
            [to, b";tag=", tag.as_bytes()].concat()
        }
        Some(_) | None => to.to_vec(),
    }
}

impl Message<'_> {
    /// The message as bytes again: what was read, folds and compact forms included.
    pub fn print(&self) -> Vec<u8> {
        use crate::message::StartLine;
        let mut out = Vec::with_capacity(1024);
        match self.start() {
            StartLine::Request { method, uri } => {
                out.extend_from_slice(method);
                out.push(b' ');
                out.extend_from_slice(uri);
                out.extend_from_slice(b" SIP/2.0\r\n");
            }
            StartLine::Response { status, phrase } => {
                out.extend_from_slice(format!("SIP/2.0 {status} ").as_bytes());
                out.extend_from_slice(phrase);
                out.extend_from_slice(b"\r\n");
            }
        }
        for h in self.headers() {
            out.extend_from_slice(h.raw_name);
            out.extend_from_slice(b": ");
            out.extend_from_slice(h.value);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(self.body());
        out
    }
}

/// The reason phrase of the statuses that are sent from here (RFC 3261 section 21, RFC 6665).
pub(crate) const fn phrase(status: SipStatus) -> &'static str {
    match status.0 {
        100 => "Trying",
        180 => "Ringing",
        181 => "Call Is Being Forwarded",
        183 => "Session Progress",
        200 => "OK",
        302 => "Moved Temporarily",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        410 => "Gone",
        415 => "Unsupported Media Type",
        420 => "Bad Extension",
        423 => "Interval Too Brief",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        484 => "Address Incomplete",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        600 => "Busy Everywhere",
        603 => "Decline",
        604 => "Does Not Exist Anywhere",
        607 => "Unwanted",
        608 => "Rejected",
        _ => "Other",
    }
}
