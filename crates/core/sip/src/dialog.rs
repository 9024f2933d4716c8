//! A dialog (RFC 3261 section 12): who the two ends are, and where a request inside it goes.

use std::net::SocketAddr;

use crate::address::{NameAddr, Uri};
use crate::exchange::NextHop;
use crate::header_name::HeaderName;
use crate::message::Message;
use crate::method::Method;
use crate::wire::Wire;
use crate::writer::Writer;

/// Most routes kept; a path of more proxies is a loop.
const ROUTES_MAX: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dialog {
    pub(crate) call_id: Box<[u8]>,
    /// Our From or To value, with our tag.
    pub(crate) local: Box<[u8]>,
    /// The far end's value, with its tag.
    pub(crate) remote: Box<[u8]>,
    /// May be empty: RFC 2543 knew none.
    pub(crate) remote_tag: Box<[u8]>,
    pub(crate) local_cseq: u32,
    pub(crate) remote_cseq: Option<u32>,
    /// Remote target: the Request-URI of what we send.
    target: Box<[u8]>,
    routes: Box<[Box<[u8]>]>,
    peer: SocketAddr,
    next_hop: NextHop,
}

impl Dialog {
    /// The dialog that a response to our INVITE makes (section 12.1.2). `local` and `cseq` are the
    /// INVITE's; `peer` is where it went.
    pub(crate) fn of_response(
        response: &Message<'_>,
        peer: SocketAddr,
        next_hop: NextHop,
    ) -> Option<Self> {
        let remote = response.header(HeaderName::To)?;
        let target = match response.contact() {
            Some(contact) => contact.uri.into(),
            // No Contact in a 2xx is a fault of the peer; the request can still go where the INVITE went.
            None => response.to()?.uri.into(),
        };
        // Section 12.1.2: Record-Route in reverse order.
        let mut routes: Vec<Box<[u8]>> = routes_of(response);
        routes.reverse();
        Some(Self {
            call_id: response.call_id()?.into(),
            local: response.header(HeaderName::From)?.into(),
            remote: remote.into(),
            remote_tag: NameAddr::read(remote)?.tag().unwrap_or_default().into(),
            local_cseq: response.cseq()?.number,
            remote_cseq: None,
            target,
            routes: routes.into(),
            peer,
            next_hop,
        })
    }

    /// The dialog that our answer to an INVITE makes (section 12.1.1); `tag` is ours.
    pub(crate) fn of_request(
        request: &Message<'_>,
        tag: &str,
        peer: SocketAddr,
        next_hop: NextHop,
    ) -> Option<Self> {
        let mut local = request.header(HeaderName::To)?.to_vec();
        local.extend_from_slice(b";tag=");
        local.extend_from_slice(tag.as_bytes());
        let remote = request.header(HeaderName::From)?;
        Some(Self {
            call_id: request.call_id()?.into(),
            local: local.into(),
            remote: remote.into(),
            remote_tag: NameAddr::read(remote)?.tag().unwrap_or_default().into(),
            local_cseq: 0,
            remote_cseq: Some(request.cseq()?.number),
            target: request.contact()?.uri.into(),
            routes: routes_of(request).into(),
            peer,
            next_hop,
        })
    }

    /// Whether a request from the far end belongs here. Our own tag has been looked up already.
    pub(crate) fn is_of(&self, request: &Message<'_>) -> bool {
        request.call_id() == Some(&self.call_id)
            && request.from().and_then(|f| f.tag()).unwrap_or_default() == &*self.remote_tag
    }

    /// Section 12.2.2: a request older than the last one is out of order.
    pub(crate) fn takes_cseq(&mut self, cseq: u32) -> bool {
        let fresh = self.remote_cseq.is_none_or(|last| cseq > last);
        if fresh {
            self.remote_cseq = Some(cseq);
        }
        fresh
    }

    /// Section 12.2.1.2 and 12.2.2: re-INVITE and UPDATE may move the remote target.
    pub(crate) fn refresh_target(&mut self, message: &Message<'_>) {
        if let Some(contact) = message.contact()
            && contact.uri != b"*"
        {
            self.target = contact.uri.into();
        }
    }

    /// Where requests are sent.
    pub(crate) fn destination(&self) -> SocketAddr {
        let first = self
            .routes
            .first()
            .and_then(|r| NameAddr::read(r))
            .map(|r| r.uri);
        match self.next_hop {
            NextHop::Peer => self.peer,
            NextHop::Dialog => Uri::read(first.unwrap_or(&self.target))
                .and_then(|u| u.socket_addr())
                .unwrap_or(self.peer),
        }
    }

    /// The Request-URI of the next request.
    pub(crate) fn request_uri(&self) -> &[u8] {
        self.strict_hop().unwrap_or(&self.target)
    }

    /// Section 12.2.1.1: a first route without `lr` is a strict router, which wants to be the Request-URI.
    fn strict_hop(&self) -> Option<&[u8]> {
        let first = NameAddr::read(self.routes.first()?)?.uri;
        Uri::read(first)
            .is_some_and(|u| !u.is_loose())
            .then_some(first)
    }

    /// Begins a request with everything that the dialog determines. ACK uses the number of its INVITE.
    pub(crate) fn begin(&self, wire: &Wire, method: Method, cseq: u32, branch: u64) -> Writer {
        let mut w = wire.begin(method.as_str(), self.request_uri(), branch);
        let strict = self.strict_hop().is_some();
        for route in self.routes.iter().skip(usize::from(strict)) {
            w.header("Route", route);
        }
        if strict {
            w.header("Route", [b"<".as_slice(), &self.target, b">"].concat());
        }
        w.header("From", &self.local)
            .header("To", &self.remote)
            .header("Call-ID", &self.call_id)
            .header("CSeq", format!("{cseq} {method}"));
        w
    }
}

fn routes_of(message: &Message<'_>) -> Vec<Box<[u8]>> {
    message
        .list(HeaderName::RecordRoute)
        .take(ROUTES_MAX)
        .map(Into::into)
        .collect()
}
