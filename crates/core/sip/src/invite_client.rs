//! The INVITE client transaction: RFC 3261 section 17.1.1 with the Accepted state of RFC 6026.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use model::{SipStatus, Timestamp};

use crate::header_name::HeaderName;
use crate::message::Message;
use crate::timers::Timers;
use crate::writer::Writer;

#[derive(Debug)]
pub(crate) struct InviteClient {
    pub(crate) to: SocketAddr,
    state: State,
}

#[derive(Debug)]
enum State {
    Calling {
        request: Arc<[u8]>,
        resend_at: Timestamp,
        interval: Duration,
        give_up_at: Timestamp,
    },
    /// No timer of its own: how long a phone may ring is the owner's decision. `until` is set when
    /// the owner has lost interest.
    Proceeding {
        request: Arc<[u8]>,
        until: Option<Timestamp>,
    },
    /// Timer D: the same ACK for each retransmission of the final response.
    Completed {
        ack: Arc<[u8]>,
        until: Timestamp,
    },
    /// Timer M (RFC 6026 section 7.2): further 2xx, of this branch or of another, still come through.
    Accepted {
        until: Timestamp,
    },
    Terminated,
}

/// What a response means to the transaction's owner.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing, or a retransmission that was dealt with; the ACK to send again, if any.
    Again(Option<Arc<[u8]>>),
    Provisional,
    /// A final response that is not 2xx, for the first time; the ACK to send.
    Rejected(Option<Arc<[u8]>>),
    /// A 2xx, each time it comes: the owner sends the ACK (RFC 3261 section 13.2.2.4).
    Answered,
}

/// What has become due.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    Resend(Arc<[u8]>),
    /// Timer B or F.
    TimedOut,
    /// The transaction is over and its owner knows the outcome.
    Done,
}

impl InviteClient {
    pub(crate) fn new(now: Timestamp, timers: &Timers, to: SocketAddr, request: Arc<[u8]>) -> Self {
        let state = State::Calling {
            request,
            resend_at: now + timers.t1,
            interval: timers.t1,
            give_up_at: now + timers.invite_timeout,
        };
        Self { to, state }
    }

    /// One whose INVITE another process sent. It is never sent again.
    pub(crate) const fn left_behind(to: SocketAddr, request: Arc<[u8]>) -> Self {
        let state = State::Proceeding {
            request,
            until: None,
        };
        Self { to, state }
    }

    pub(crate) fn on_response(
        &mut self,
        now: Timestamp,
        timers: &Timers,
        status: SipStatus,
        response: &Message<'_>,
    ) -> Heard {
        match (&self.state, status.0) {
            (State::Calling { request, .. }, 100..200) => {
                self.state = State::Proceeding {
                    request: request.clone(),
                    until: None,
                };
                Heard::Provisional
            }
            (State::Proceeding { .. }, 100..200) => Heard::Provisional,
            (State::Calling { .. } | State::Proceeding { .. }, 200..300) => {
                self.state = State::Accepted {
                    until: now + timers.t1_64(),
                };
                Heard::Answered
            }
            (State::Accepted { .. }, 200..300) => Heard::Answered,
            (State::Calling { request, .. } | State::Proceeding { request, .. }, _) => {
                match ack_of_rejection(request, response) {
                    Some(ack) => {
                        self.state = State::Completed {
                            ack: ack.clone(),
                            until: now + timers.t1_64(),
                        };
                        Heard::Rejected(Some(ack))
                    }
                    None => {
                        self.state = State::Terminated;
                        Heard::Rejected(None)
                    }
                }
            }
            (State::Completed { ack, .. }, 300..) => Heard::Again(Some(ack.clone())),
            (State::Completed { .. } | State::Accepted { .. } | State::Terminated, _) => {
                Heard::Again(None)
            }
        }
    }

    pub(crate) fn on_time(&mut self, now: Timestamp) -> Due {
        match &mut self.state {
            State::Calling { give_up_at, .. } if now >= *give_up_at => {
                self.state = State::Terminated;
                Due::TimedOut
            }
            State::Calling {
                request,
                resend_at,
                interval,
                ..
            } if now >= *resend_at => {
                // Timer A doubles without a cap; timer B ends it.
                *interval = interval.saturating_mul(2);
                *resend_at = now + *interval;
                Due::Resend(request.clone())
            }
            State::Proceeding {
                until: Some(until), ..
            }
            | State::Completed { until, .. }
            | State::Accepted { until }
                if now >= *until =>
            {
                self.state = State::Terminated;
                Due::Done
            }
            State::Terminated => Due::Done,
            State::Calling { .. }
            | State::Proceeding { .. }
            | State::Completed { .. }
            | State::Accepted { .. } => Due::Nothing,
        }
    }

    pub(crate) fn next_wakeup(&self) -> Option<Timestamp> {
        match &self.state {
            State::Calling {
                resend_at,
                give_up_at,
                ..
            } => Some(*resend_at.min(give_up_at)),
            State::Proceeding { until, .. } => *until,
            State::Completed { until, .. } | State::Accepted { until } => Some(*until),
            State::Terminated => Some(Timestamp::default()),
        }
    }

    /// Whether a final response is outstanding that somebody waits for.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(
            self.state,
            State::Calling { .. } | State::Proceeding { until: None, .. }
        )
    }

    /// The CANCEL for this INVITE; only while a final response is outstanding.
    pub(crate) fn cancel(&self) -> Option<Vec<u8>> {
        match &self.state {
            State::Calling { request, .. } | State::Proceeding { request, .. } => {
                // RFC 3261 section 9.1: all of it copied from the INVITE, the branch too.
                let invite = Message::read(request).ok()?;
                hop_by_hop("CANCEL", &invite, invite.header(HeaderName::To)?).map(Writer::end)
            }
            State::Completed { .. } | State::Accepted { .. } | State::Terminated => None,
        }
    }

    /// The owner no longer waits. A late final response is still acknowledged until `until`.
    pub(crate) fn abandon(&mut self, at: Timestamp) {
        match &mut self.state {
            State::Calling { request, .. } | State::Proceeding { request, .. } => {
                self.state = State::Proceeding {
                    request: request.clone(),
                    until: Some(at),
                };
            }
            State::Completed { .. } | State::Accepted { .. } | State::Terminated => {}
        }
    }
}

/// RFC 3261 section 17.1.1.3: the ACK of a rejection belongs to the transaction: its branch, its route
/// set, and the To of the response.
fn ack_of_rejection(request: &[u8], response: &Message<'_>) -> Option<Arc<[u8]>> {
    let invite = Message::read(request).ok()?;
    let to = response
        .header(HeaderName::To)
        .or(invite.header(HeaderName::To))?;
    hop_by_hop("ACK", &invite, to).map(|w| w.end().into())
}

fn hop_by_hop(method: &str, invite: &Message<'_>, to: &[u8]) -> Option<Writer> {
    let mut w = Writer::request(method, invite.request_uri()?);
    w.header("Via", invite.list(HeaderName::Via).next()?);
    for route in invite.list(HeaderName::Route) {
        w.header("Route", route);
    }
    w.header("Max-Forwards", "70")
        .header("From", invite.header(HeaderName::From)?)
        .header("To", to)
        .header("Call-ID", invite.call_id()?)
        .header("CSeq", format!("{} {method}", invite.cseq()?.number));
    Some(w)
}
