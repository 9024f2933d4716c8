//! The client transaction of every request but INVITE and ACK: RFC 3261 section 17.1.2.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use model::{SipStatus, Timestamp};

use crate::invite_client::Due;
use crate::timers::Timers;

#[derive(Debug)]
pub(crate) struct RequestClient {
    pub(crate) to: SocketAddr,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting {
        request: Arc<[u8]>,
        provisional: bool,
        resend_at: Timestamp,
        interval: Duration,
        give_up_at: Timestamp,
    },
    /// Timer K: retransmissions of the final response are absorbed.
    Completed {
        until: Timestamp,
    },
    Terminated,
}

impl RequestClient {
    /// `patience` is timer F.
    pub(crate) fn new(
        now: Timestamp,
        timers: &Timers,
        patience: Duration,
        to: SocketAddr,
        request: Arc<[u8]>,
    ) -> Self {
        let state = State::Waiting {
            request,
            provisional: false,
            resend_at: now + timers.t1,
            interval: timers.t1,
            give_up_at: now + patience,
        };
        Self { to, state }
    }

    /// Whether this is the final response, for the first time.
    pub(crate) fn on_response(
        &mut self,
        now: Timestamp,
        timers: &Timers,
        status: SipStatus,
    ) -> bool {
        match &mut self.state {
            State::Waiting { provisional, .. } if status.0 < 200 => {
                *provisional = true;
                false
            }
            State::Waiting { .. } => {
                self.state = State::Completed {
                    until: now + timers.t4,
                };
                true
            }
            State::Completed { .. } | State::Terminated => false,
        }
    }

    pub(crate) fn on_time(&mut self, now: Timestamp, timers: &Timers) -> Due {
        match &mut self.state {
            State::Waiting { give_up_at, .. } if now >= *give_up_at => {
                self.state = State::Terminated;
                Due::TimedOut
            }
            State::Waiting {
                request,
                provisional,
                resend_at,
                interval,
                ..
            } if now >= *resend_at => {
                // Timer E doubles up to T2, and is T2 once a provisional response came.
                *interval = if *provisional {
                    timers.t2
                } else {
                    interval.saturating_mul(2).min(timers.t2)
                };
                *resend_at = now + *interval;
                Due::Resend(request.clone())
            }
            State::Completed { until } if now >= *until => {
                self.state = State::Terminated;
                Due::Done
            }
            State::Terminated => Due::Done,
            State::Waiting { .. } | State::Completed { .. } => Due::Nothing,
        }
    }

    /// Whether the final response is outstanding.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
    }

    pub(crate) fn next_wakeup(&self) -> Option<Timestamp> {
        match &self.state {
            State::Waiting {
                resend_at,
                give_up_at,
                ..
            } => Some(*resend_at.min(give_up_at)),
            State::Completed { until } => Some(*until),
            State::Terminated => Some(Timestamp::default()),
        }
    }
}
