//! What to answer to a request, before it is bytes.

use std::net::SocketAddr;

use model::SipStatus;

use crate::message::Message;
use crate::offer_answer::SDP_TYPE;
use crate::wire::Wire;
use crate::writer::Writer;

/// The methods that are understood here.
pub(crate) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: SipStatus,
    headers: Vec<(&'static str, Vec<u8>)>,
    sdp: Option<Vec<u8>>,
}

impl Reply {
    pub(crate) fn new(status: u16) -> Self {
        let reply = Self {
            status: SipStatus(status),
            headers: Vec::new(),
            sdp: None,
        };
        match status {
            // RFC 3261 section 21.4.6: a 405 must say what is allowed.
            405 => reply.with("Allow", ALLOW),
            // RFC 6665 section 8.3.2.
            489 => reply.with("Allow-Events", ""),
            _ => reply,
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn with_sdp(mut self, sdp: Vec<u8>) -> Self {
        self.sdp = Some(sdp);
        self
    }

    pub(crate) const fn is_success(&self) -> bool {
        self.status.0 >= 200 && self.status.0 < 300
    }

    pub(crate) fn write(
        self,
        wire: &Wire,
        request: &Message<'_>,
        source: SocketAddr,
        tag: Option<&str>,
    ) -> Vec<u8> {
        let mut w = Writer::response_to(request, source, self.status, tag);
        for (name, value) in self.headers {
            w.header(name, value);
        }
        w.header("Server", &wire.product);
        match self.sdp {
            Some(sdp) => w.body(SDP_TYPE, &sdp),
            None => w.end(),
        }
    }
}
