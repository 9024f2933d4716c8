//! Answering challenges to our own requests (RFC 3261 section 22.2, 22.3).

use std::sync::Arc;

use model::SipStatus;

use crate::digest::{Challenge, Credentials};
use crate::header_name::HeaderName;
use crate::message::Message;
use crate::method::Method;
use crate::random::Random;
use crate::writer::Writer;

/// Credentials with the challenge they answer at the moment.
#[derive(Clone, Debug)]
pub(crate) struct Auth {
    who: Arc<Credentials>,
    challenge: Option<(Challenge, Place)>,
    /// Uses of the nonce so far.
    nc: u32,
    /// Challenges answered for the request under way.
    answered: u8,
    /// The header of the last request: the ACK of a 2xx carries that of its INVITE.
    last: Option<(&'static str, Box<[u8]>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Server,
    Proxy,
}

impl Auth {
    pub(crate) const fn new(who: Arc<Credentials>) -> Self {
        Self {
            who,
            challenge: None,
            nc: 0,
            answered: 0,
            last: None,
        }
    }

    /// Another request begins: it may be challenged anew.
    pub(crate) const fn begin_request(&mut self) {
        self.answered = 0;
    }

    /// Takes the challenge of a 401 or 407; whether the request is worth sending again.
    pub(crate) fn learn(&mut self, status: SipStatus, response: &Message<'_>) -> bool {
        let (name, place) = match status.0 {
            401 => (HeaderName::WwwAuthenticate, Place::Server),
            407 => (HeaderName::ProxyAuthenticate, Place::Proxy),
            _ => return false,
        };
        let values = response
            .headers()
            .iter()
            .filter(|h| h.name == name)
            .map(|h| h.value);
        let Some(challenge) = Challenge::choose(values, &self.who) else {
            return false;
        };
        // A second challenge says that the password is wrong, unless only the nonce was too old.
        // A request never asks more than three times, whatever the server says.
        if self.answered >= 3 || (self.answered > 0 && !challenge.stale) {
            return false;
        }
        self.answered += 1;
        self.nc = 0;
        self.challenge = Some((challenge, place));
        true
    }

    /// Adds the Authorization header that the last challenge asks for, also to later requests: RFC 3261
    /// section 22.2 lets them carry it unasked.
    pub(crate) fn apply(
        &mut self,
        w: &mut Writer,
        method: Method,
        uri: &[u8],
        random: &mut Random,
    ) {
        let Some((challenge, place)) = &self.challenge else {
            return;
        };
        self.nc = self.nc.saturating_add(1);
        if let Some(value) = challenge.answer(&self.who, method, uri, self.nc, &random.token()) {
            let name = match place {
                Place::Server => "Authorization",
                Place::Proxy => "Proxy-Authorization",
            };
            w.header(name, &value);
            self.last = Some((name, value.into()));
        }
    }

    /// RFC 3261 section 13.2.2.4: the ACK has the same credentials as the INVITE.
    pub(crate) fn repeat(&mut self, w: &mut Writer) {
        if let Some((name, value)) = self.last.take() {
            w.header(name, value);
        }
    }
}
