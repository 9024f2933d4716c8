//! Keeping a registration of ours fresh (RFC 3261 section 10.2): trunks that want one, simulated phones.

use std::time::Duration;

use model::{SipStatus, Timestamp};

use crate::auth::Auth;
use crate::exchange::{DownReason, Event, Registrant};
use crate::header_name::HeaderName;
use crate::lexis::number;
use crate::message::Message;
use crate::method::Method;
use crate::wire::{Owner, Wake, Wire};

/// First wait after a failure; it doubles up to [`RETRY_MAX`] (RFC 5626 section 4.5 recommends the form).
const RETRY_MIN: Duration = Duration::from_secs(5);
const RETRY_MAX: Duration = Duration::from_secs(300);
/// Renewed after half of the lifetime granted, but never more often than this.
const REFRESH_MIN: Duration = Duration::from_secs(15);

pub(crate) struct Registration {
    of: Registrant,
    call_id: String,
    tag: String,
    cseq: u32,
    auth: Auth,
    expires: Duration,
    state: State,
    retry: Duration,
    wakeup: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Unknown,
    Registered,
    Failed,
    /// Taken back: the last REGISTER is out.
    Leaving,
}

impl Registration {
    pub(crate) fn start(wire: &mut Wire, of: Registrant) -> Self {
        let auth = Auth::new(of.credentials.clone());
        let (call_id, tag, expires) = (wire.random.token(), wire.random.token(), of.expires);
        let mut registration = Self {
            of,
            call_id,
            tag,
            cseq: 0,
            auth,
            expires,
            state: State::Unknown,
            retry: RETRY_MIN,
            wakeup: None,
        };
        registration.send(wire);
        registration
    }

    /// Takes the registration back.
    pub(crate) fn leave(&mut self, wire: &mut Wire) {
        self.state = State::Leaving;
        self.expires = Duration::ZERO;
        self.wake_at(wire, None);
        self.auth.begin_request();
        self.send(wire);
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.state == State::Leaving
    }

    fn send(&mut self, wire: &mut Wire) {
        self.cseq += 1;
        let branch = wire.random.key();
        let uri = self.of.registrar.as_bytes();
        let mut w = wire.begin("REGISTER", uri, branch);
        w.header("From", format!("<{}>;tag={}", self.of.aor, self.tag))
            .header("To", format!("<{}>", self.of.aor))
            .header("Call-ID", &self.call_id)
            .header("CSeq", format!("{} REGISTER", self.cseq))
            .header("Contact", wire.contact(self.of.user.as_bytes()))
            .header("Expires", self.expires.as_secs().to_string())
            .header("User-Agent", &wire.product);
        self.auth
            .apply(&mut w, Method::Register, uri, &mut wire.random);
        wire.start_request(
            Owner::Registration(self.of.peer),
            branch,
            self.of.addr,
            w.end(),
        );
    }

    /// A final response; whether the registration is over for good.
    pub(crate) fn on_response(
        &mut self,
        wire: &mut Wire,
        status: SipStatus,
        response: &Message<'_>,
    ) -> bool {
        if self.auth.learn(status, response) {
            self.send(wire);
            return false;
        }
        if self.is_leaving() {
            return true;
        }
        match status.0 {
            200..300 => self.succeed(wire, response),
            423 => {
                // RFC 3261 section 10.2.8: once more with the lifetime that the registrar accepts.
                let least = response
                    .header(HeaderName::MinExpires)
                    .and_then(number::<u32>);
                let least = Duration::from_secs(least.unwrap_or(0).min(86_400).into());
                if least > self.expires {
                    self.expires = least;
                    self.send(wire);
                } else {
                    self.fail(wire, DownReason::Refused(status), None);
                }
            }
            _ => {
                let after = response
                    .retry_after()
                    .map(|s| Duration::from_secs(s.into()));
                self.fail(wire, DownReason::Refused(status), after);
            }
        }
        false
    }

    fn succeed(&mut self, wire: &mut Wire, response: &Message<'_>) {
        let ours = wire.contact(self.of.user.as_bytes());
        // Section 10.2.4: the lifetime granted stands at our Contact, else in Expires.
        let granted = response
            .list(HeaderName::Contact)
            .filter(|c| c.starts_with(&ours))
            .filter_map(crate::address::NameAddr::read)
            .find_map(|c| c.params.get("expires").and_then(number::<u32>))
            .or(response.expires())
            .map_or(self.expires, |s| Duration::from_secs(s.into()));
        self.retry = RETRY_MIN;
        self.wake_at(wire, Some(wire.now.mono + (granted / 2).max(REFRESH_MIN)));
        if self.state != State::Registered {
            self.state = State::Registered;
            wire.report(Event::Registered(self.of.peer));
        }
    }

    /// The transaction failed without a response.
    pub(crate) fn on_failure(&mut self, wire: &mut Wire, why: DownReason) -> bool {
        if self.is_leaving() {
            return true;
        }
        self.fail(wire, why, None);
        false
    }

    fn fail(&mut self, wire: &mut Wire, why: DownReason, after: Option<Duration>) {
        let wait = after.unwrap_or(self.retry).clamp(RETRY_MIN, RETRY_MAX);
        self.retry = self.retry.saturating_mul(2).min(RETRY_MAX);
        self.wake_at(wire, Some(wire.now.mono + wait));
        if self.state != State::Failed {
            self.state = State::Failed;
            wire.report(Event::NotRegistered(self.of.peer, why));
        }
    }

    pub(crate) fn on_time(&mut self, wire: &mut Wire) {
        self.wakeup = None;
        self.auth.begin_request();
        self.send(wire);
    }

    pub(crate) fn stop(&mut self, wire: &mut Wire) {
        self.wake_at(wire, None);
    }

    fn wake_at(&mut self, wire: &mut Wire, at: Option<Timestamp>) {
        wire.schedule
            .set(Wake::Registration(self.of.peer), self.wakeup, at);
        self.wakeup = at;
    }
}
