//! Typed reads of the headers a user agent needs, each on demand.

use crate::address::NameAddr;
use crate::header_name::HeaderName;
use crate::lexis::{Params, cut, number, text, trim, unquote};
use crate::message::Message;
use crate::method::Method;
use crate::via::Via;

/// CSeq.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CSeq<'a> {
    /// Below 2^31 (RFC 3261 section 8.1.1.5).
    pub number: u32,
    /// The method, as bytes.
    pub method: &'a [u8],
}

/// The Reason header (RFC 3326), its Q.850 value preferred.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Reason {
    /// ITU-T Q.850 cause, 1 to 127.
    pub q850: Option<u8>,
    /// The `text` parameter of the value that gave the cause, else of the first value; at most 128 bytes.
    pub text: Option<String>,
}

/// Longest reason text kept; as `model::LegEnd::text` promises.
pub(crate) const TEXT_BYTES_MAX: usize = 128;

impl<'a> Message<'a> {
    /// The topmost Via.
    pub fn via(&self) -> Option<Via<'a>> {
        self.list(HeaderName::Via).next().and_then(Via::read)
    }

    /// From.
    pub fn from(&self) -> Option<NameAddr<'a>> {
        self.header(HeaderName::From).and_then(NameAddr::read)
    }

    /// To.
    pub fn to(&self) -> Option<NameAddr<'a>> {
        self.header(HeaderName::To).and_then(NameAddr::read)
    }

    /// Call-ID.
    pub fn call_id(&self) -> Option<&'a [u8]> {
        self.header(HeaderName::CallId).filter(|id| !id.is_empty())
    }

    /// CSeq.
    pub fn cseq(&self) -> Option<CSeq<'a>> {
        let value = self.header(HeaderName::CSeq)?;
        let gap = value.iter().position(|b| crate::lexis::is_lws(*b))?;
        let (n, method) = value.split_at(gap);
        let number = number::<u32>(n).filter(|n| *n < 1 << 31)?;
        Some(CSeq {
            number,
            method: trim(method),
        })
    }

    /// The method that CSeq names.
    pub fn cseq_method(&self) -> Option<Method> {
        self.cseq().map(|c| Method::from_bytes(c.method))
    }

    /// The first Contact.
    pub fn contact(&self) -> Option<NameAddr<'a>> {
        self.list(HeaderName::Contact)
            .next()
            .and_then(NameAddr::read)
    }

    /// Expires, seconds; `None` when absent or not a number below 2^32 (RFC 3261 section 20.19).
    pub fn expires(&self) -> Option<u32> {
        self.header(HeaderName::Expires).and_then(number)
    }

    /// Retry-After, seconds (RFC 3261 section 20.33); a comment or parameters behind it are skipped.
    pub fn retry_after(&self) -> Option<u32> {
        let value = self.header(HeaderName::RetryAfter)?;
        let end = value
            .iter()
            .position(|b| !b.is_ascii_digit())
            .unwrap_or(value.len());
        number(&value[..end])
    }

    /// The Reason header; empty when there is none.
    pub fn reason(&self) -> Reason {
        let mut first_text = None;
        for value in self.list(HeaderName::Reason) {
            let (protocol, params) = cut(value, b';');
            let params = Params(params.unwrap_or_default());
            let said = params
                .get("text")
                .map(|t| text(&unquote(t), TEXT_BYTES_MAX))
                .filter(|t| !t.is_empty());
            // Carriers quote the number now and then.
            let cause = params.get("cause").and_then(|c| number::<u8>(&unquote(c)));
            if trim(protocol).eq_ignore_ascii_case(b"Q.850")
                && let Some(q850) = cause.filter(|c| (1..=127).contains(c))
            {
                return Reason {
                    q850: Some(q850),
                    text: said.or(first_text),
                };
            }
            first_text = first_text.or(said);
        }
        Reason {
            q850: None,
            text: first_text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(lines: &str) -> Reason {
        let bytes = format!("SIP/2.0 480 x\r\n{lines}\r\n\r\n");
        Message::read(bytes.as_bytes()).unwrap().reason()
    }

    #[test]
    fn a_q850_cause_is_taken_before_a_sip_one() {
        for (lines, q850, text) in [
            (
                "Reason: Q.850;cause=17;text=\"User busy\"",
                Some(17),
                Some("User busy"),
            ),
            (
                "Reason: SIP;cause=480;text=\"x\", q.850 ; cause=\"20\"",
                Some(20),
                Some("x"),
            ),
            ("Reason: SIP;cause=200\r\nReason: Q.850;cause=0", None, None),
            ("Reason: Q.850;cause=300", None, None),
            ("Subject: none", None, None),
        ] {
            let got = reason(lines);
            assert_eq!((got.q850, got.text.as_deref()), (q850, text), "{lines}");
        }
    }
}
