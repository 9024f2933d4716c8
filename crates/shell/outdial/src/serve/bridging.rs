//! How long an answered person waits for the bridge: the figure that decides whether they hear silence.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::LegEvent;
use model::LegId;

/// Upper ends of the buckets in microseconds.
pub const BUCKETS_US: [u64; 16] = [
    100, 200, 300, 500, 700, 1_000, 1_500, 2_000, 3_000, 5_000, 7_000, 10_000, 25_000, 50_000,
    100_000, 1_000_000,
];

/// Counts the time from a 2xx, as the SIP thread reports it, to the bridge, as the media thread reports it.
/// Announcements, and people who wait for an agent on purpose, have no bridge and are not counted.
#[derive(Debug, Default)]
pub struct Bridging {
    answered: Mutex<BTreeMap<LegId, Instant>>,
    buckets: [AtomicU64; BUCKETS_US.len()],
    count: AtomicU64,
    sum_us: AtomicU64,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Bridges within the bucket's end, each bucket for itself.
    pub buckets: [u64; BUCKETS_US.len()],
    /// All bridges.
    pub count: u64,
    /// Their times together, in microseconds.
    pub sum_us: u64,
}

impl Bridging {
    /// Looks at a fact on its way.
    pub fn see(&self, event: &LegEvent, now: Instant) {
        match *event {
            LegEvent::Answered { leg, .. } => {
                self.answered().insert(leg, now);
            }
            LegEvent::Bridged { a, b } => {
                let mut answered = self.answered();
                // The standing leg of an agent was answered long before: whoever came last has waited.
                let last = answered.remove(&a).max(answered.remove(&b));
                drop(answered);
                if let Some(at) = last {
                    self.count(now.saturating_duration_since(at));
                }
            }
            LegEvent::Ended { leg, .. } => {
                self.answered().remove(&leg);
            }
            _ => {}
        }
    }

    /// As it is now.
    pub fn counted(&self) -> Counted {
        let mut counted = Counted {
            count: self.count.load(Ordering::Relaxed),
            sum_us: self.sum_us.load(Ordering::Relaxed),
            ..Counted::default()
        };
        for (into, bucket) in counted.buckets.iter_mut().zip(&self.buckets) {
            *into = bucket.load(Ordering::Relaxed);
        }
        counted
    }

    fn count(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let ends = BUCKETS_US.iter().zip(&self.buckets);
        if let Some((_, bucket)) = ends.into_iter().find(|(end, _)| us <= **end) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    fn answered(&self) -> std::sync::MutexGuard<'_, BTreeMap<LegId, Instant>> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(leg: u64) -> LegEvent {
        LegEvent::Answered {
            leg: LegId(leg),
            after_cancel: false,
        }
    }

    #[test]
    fn a_person_waits_from_their_own_answer_and_a_second_bridge_does_not_count() {
        let bridging = Bridging::default();
        let at = Instant::now();
        let (agent, person) = (LegId(1), LegId(2));
        let bridged = LegEvent::Bridged {
            a: person,
            b: agent,
        };
        bridging.see(&answered(1), at);
        bridging.see(&answered(2), at + Duration::from_secs(60));
        let joined = at + Duration::from_secs(60) + Duration::from_micros(800);
        bridging.see(&bridged, joined);
        bridging.see(&bridged, joined + Duration::from_secs(5));
        let counted = bridging.counted();
        assert_eq!((counted.count, counted.sum_us), (1, 800));
        let nonzero = BUCKETS_US.iter().zip(counted.buckets).find(|b| b.1 > 0);
        assert_eq!(nonzero, Some((&1_000, 1)));
    }

    #[test]
    fn legs_that_end_without_a_bridge_are_forgotten() {
        let bridging = Bridging::default();
        bridging.see(&answered(1), Instant::now());
        let end = model::LegEnd::bare(model::Ended::Local);
        bridging.see(&LegEvent::Ended { leg: LegId(1), end }, Instant::now());
        assert!(bridging.answered().is_empty());
    }
}
