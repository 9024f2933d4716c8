//! The timers of RFC 3261 section 17 and RFC 6026, over an unreliable transport.

use std::collections::BTreeSet;
use std::time::Duration;

use model::Timestamp;

/// The durations that others are multiples of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// Round-trip estimate (RFC 3261 section 17.1.1.1: 500 ms).
    pub t1: Duration,
    /// Longest gap between retransmissions of what is not an INVITE (4 s).
    pub t2: Duration,
    /// How long a message stays in the network (5 s).
    pub t4: Duration,
    /// Timer B: how long an INVITE waits for any response. RFC 3261 says 64*T1 (32 s); a dialer that can
    /// hunt to another trunk goes on after 5 s.
    pub invite_timeout: Duration,
    /// Timer F: how long another request waits for its final response (64*T1).
    pub request_timeout: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            invite_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(32),
        }
    }
}

impl Timers {
    /// 64*T1: timers D, H, J, L and M, and the wait for a final response after CANCEL.
    pub(crate) const fn t1_64(&self) -> Duration {
        self.t1.saturating_mul(64)
    }
}

/// When each of many machines wants to be woken.
#[derive(Debug)]
pub(crate) struct Schedule<K> {
    due: BTreeSet<(Timestamp, K)>,
}

impl<K: Ord + Copy> Schedule<K> {
    pub(crate) const fn new() -> Self {
        Self {
            due: BTreeSet::new(),
        }
    }

    /// Moves the wakeup of `key` from `old` to `new`.
    pub(crate) fn set(&mut self, key: K, old: Option<Timestamp>, new: Option<Timestamp>) {
        if old == new {
            return;
        }
        if let Some(at) = old {
            self.due.remove(&(at, key));
        }
        if let Some(at) = new {
            self.due.insert((at, key));
        }
    }

    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes out the earliest wakeup that is due.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<K> {
        self.next().filter(|at| *at <= now)?;
        self.due.pop_first().map(|(_, key)| key)
    }
}
