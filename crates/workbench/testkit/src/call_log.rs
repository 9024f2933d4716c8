//! Everything a carrier has seen, for tests that compare it with what the daemon says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use model::{E164, Ended, LegEnd, SipStatus, WallTime};
use sip::Method;

use crate::clock::wall;
use crate::ear::{Ear, Heard};

/// What somebody hears changes without a signal; waiting looks again so often.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A request as it came, repetitions included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenRequest {
    /// When.
    pub at: Instant,
    /// The same, by the calendar.
    pub wall: WallTime,
    /// INVITE, ACK, CANCEL or BYE.
    pub method: Method,
    /// Its Call-ID.
    pub call_id: String,
    /// Its CSeq number.
    pub cseq: u32,
    /// Whether it came before with the same Call-ID and CSeq.
    pub repeated: bool,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallEnd {
    /// The caller's CANCEL took effect.
    Cancelled,
    /// It was refused with this status.
    Refused(SipStatus),
    /// The caller sent BYE.
    HungUpByCaller,
    /// The person sent BYE.
    HungUpByPerson,
    /// The caller fell silent: no ACK, or no response to BYE.
    Lost,
    /// It was never responded to.
    Ignored,
}

/// One call: an INVITE that began a dialog, and what came of it.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its Call-ID.
    pub call_id: String,
    /// User part of the Request-URI.
    pub dialled: String,
    /// The same as a number, when it is one.
    pub number: Option<E164>,
    /// User part of From.
    pub caller: String,
    /// How often this number was called before.
    pub nth: u32,
    /// The INVITE.
    pub invited_at: Instant,
    /// The same, by the calendar.
    pub invited_wall: WallTime,
    /// The first 180 or 183.
    pub rang_at: Option<Instant>,
    /// The first CANCEL.
    pub cancelled_at: Option<Instant>,
    /// The 200.
    pub answered_at: Option<Instant>,
    /// Its ACK.
    pub acknowledged_at: Option<Instant>,
    /// The end.
    pub ended_at: Option<Instant>,
    /// How it ended; `None`: it has not.
    pub end: Option<CallEnd>,
    ear: Ear,
}

impl Call {
    /// One whose INVITE has just come.
    pub(crate) fn begun(
        call_id: &str,
        dialled: &str,
        number: Option<E164>,
        caller: String,
    ) -> Self {
        Self {
            call_id: call_id.to_owned(),
            dialled: dialled.to_owned(),
            number,
            caller,
            nth: 0,
            invited_at: Instant::now(),
            invited_wall: wall(),
            rang_at: None,
            cancelled_at: None,
            answered_at: None,
            acknowledged_at: None,
            ended_at: None,
            end: None,
            ear: Ear::default(),
        }
    }

    pub(crate) fn ear(&self) -> Ear {
        self.ear.clone()
    }

    /// Whether it was answered, before or after a CANCEL.
    pub fn is_answered(&self) -> bool {
        self.answered_at.is_some()
    }

    /// Whether it rings or talks.
    pub fn is_open(&self) -> bool {
        self.end.is_none()
    }

    /// What the person hears, or heard.
    pub fn heard(&self) -> Heard {
        self.ear.heard()
    }
}

/// Sums over the log, counted anew from its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CarrierCounts {
    /// Calls, whatever became of them.
    pub invites: u64,
    /// Calls answered.
    pub answers: u64,
    /// Calls for which a CANCEL came.
    pub cancels: u64,
    /// Calls refused.
    pub refusals: u64,
    /// Calls that ring or talk.
    pub open: u64,
}

/// The log of a carrier. Only ever grows; clones share it, and it stays readable after the carrier stops.
#[derive(Clone, Debug, Default)]
pub struct CallLog(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    requests: Vec<SeenRequest>,
    seen: BTreeSet<(&'static str, String, u32)>,
    calls: Vec<Call>,
    by_call_id: BTreeMap<String, usize>,
    times_called: BTreeMap<E164, u32>,
}

impl CallLog {
    /// Every INVITE, ACK, CANCEL and BYE, in the order they came.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.lock().requests.clone()
    }

    /// Every call, in the order they began.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// The calls of one number, in the order they began.
    pub fn calls_to(&self, number: E164) -> Vec<Call> {
        self.those(|c| c.number == Some(number))
    }

    /// The calls that ring or talk.
    pub fn dialogs_open(&self) -> Vec<Call> {
        self.those(Call::is_open)
    }

    /// Sums.
    pub fn counts(&self) -> CarrierCounts {
        let state = self.lock();
        let mut counts = CarrierCounts::default();
        for call in &state.calls {
            counts.invites += 1;
            counts.answers += u64::from(call.is_answered());
            counts.cancels += u64::from(call.cancelled_at.is_some());
            counts.refusals += u64::from(matches!(call.end, Some(CallEnd::Refused(_))));
            counts.open += u64::from(call.is_open());
        }
        counts
    }

    /// Waits until `holds` of all calls, at most so long; whether it came to hold.
    pub fn wait(&self, at_most: Duration, mut holds: impl FnMut(&[Call]) -> bool) -> bool {
        let deadline = Instant::now() + at_most;
        let mut state = self.lock();
        loop {
            if holds(&state.calls) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self
                .0
                .changed
                .wait_timeout(state, left.min(LOOK_AGAIN))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn those(&self, wanted: impl Fn(&Call) -> bool) -> Vec<Call> {
        let state = self.lock();
        state.calls.iter().filter(|c| wanted(c)).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The carrier's side of the log.
impl CallLog {
    pub(crate) fn saw(&self, at: Instant, wall: WallTime, method: Method, id: &str, cseq: u32) {
        let name = match method {
            Method::Invite => "INVITE",
            Method::Ack => "ACK",
            Method::Cancel => "CANCEL",
            Method::Bye => "BYE",
            _ => return,
        };
        let mut state = self.lock();
        let repeated = !state.seen.insert((name, id.to_owned(), cseq));
        state.requests.push(SeenRequest {
            at,
            wall,
            method,
            call_id: id.to_owned(),
            cseq,
            repeated,
        });
        let known = state.by_call_id.get(id).copied();
        if let Some(call) = known.and_then(|n| state.calls.get_mut(n)) {
            match method {
                Method::Cancel => call.cancelled_at = call.cancelled_at.or(Some(at)),
                // The ACK of a refusal confirms nothing that anybody waits for.
                Method::Ack if call.is_answered() => {
                    call.acknowledged_at = call.acknowledged_at.or(Some(at));
                }
                _ => {}
            }
        }
        drop(state);
        self.0.changed.notify_all();
    }

    pub(crate) fn knows(&self, call_id: &str) -> bool {
        self.lock().by_call_id.contains_key(call_id)
    }

    /// Takes in a call, counts how often its number was called before, and returns its place and that.
    pub(crate) fn begin(&self, mut call: Call) -> (usize, u32) {
        let mut state = self.lock();
        if let Some(number) = call.number {
            let times = state.times_called.entry(number).or_default();
            call.nth = *times;
            *times += 1;
        }
        let (place, nth) = (state.calls.len(), call.nth);
        state.by_call_id.insert(call.call_id.clone(), place);
        state.calls.push(call);
        drop(state);
        self.0.changed.notify_all();
        (place, nth)
    }

    pub(crate) fn rang(&self, place: usize) {
        self.change(place, |call, at| call.rang_at = Some(at));
    }

    pub(crate) fn answered(&self, place: usize) {
        self.change(place, |call, at| call.answered_at = Some(at));
    }

    pub(crate) fn ended(&self, place: usize, end: CallEnd) {
        self.change(place, |call, at| {
            call.ended_at = Some(at);
            call.end = Some(end);
        });
    }

    fn change(&self, place: usize, change: impl FnOnce(&mut Call, Instant)) {
        if let Some(call) = self.lock().calls.get_mut(place) {
            change(call, Instant::now());
        }
        self.0.changed.notify_all();
    }
}

impl CallEnd {
    /// What the end of a leg is, seen by the called side.
    pub(crate) fn of(end: &LegEnd) -> Self {
        match (end.by, end.status) {
            (Ended::Remote, Some(_)) => Self::Cancelled,
            (Ended::Remote, None) => Self::HungUpByCaller,
            (Ended::Local | Ended::Refused, Some(status)) => Self::Refused(status),
            (Ended::Local | Ended::Refused, None) => Self::HungUpByPerson,
            (Ended::Timeout | Ended::Transport | Ended::Lost, _) => Self::Lost,
        }
    }
}
