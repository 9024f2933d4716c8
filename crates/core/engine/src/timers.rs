//! What is due when. A timer that is set again moves; the owner cancels it by setting nothing.

use std::collections::{BTreeMap, BTreeSet};

use model::{AgentId, AttemptId, CampaignId, Timestamp};

/// Who wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Campaign(CampaignId),
    Attempt(AttemptId),
    Agent(AgentId),
    Callbacks(AgentId),
    Owes(AgentId),
    Missed(CampaignId),
}

#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeSet<(Timestamp, Timer)>,
    set: BTreeMap<Timer, Timestamp>,
}

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: Timestamp) {
        self.cancel(timer);
        self.set.insert(timer, at);
        self.due.insert((at, timer));
    }

    pub(crate) fn cancel(&mut self, timer: Timer) {
        if let Some(at) = self.set.remove(&timer) {
            self.due.remove(&(at, timer));
        }
    }

    /// Takes one timer that is due at `now`, the earliest first.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<Timer> {
        let &(at, timer) = self.due.first()?;
        if at > now {
            return None;
        }
        self.cancel(timer);
        Some(timer)
    }

    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_set_again_moves_and_one_cancelled_never_fires() {
        let mut timers = Timers::default();
        let (a, b) = (Timer::Agent(AgentId(1)), Timer::Agent(AgentId(2)));
        timers.set(a, Timestamp::from_millis(10));
        timers.set(b, Timestamp::from_millis(20));
        timers.set(a, Timestamp::from_millis(30));
        timers.cancel(b);
        assert_eq!(timers.next(), Some(Timestamp::from_millis(30)));
        assert_eq!(timers.pop(Timestamp::from_millis(29)), None);
        assert_eq!(timers.pop(Timestamp::from_millis(30)), Some(a));
        assert_eq!(timers.next(), None);
    }
}
