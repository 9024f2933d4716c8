//! What a simulated agent has met.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proto::agent::v1::AgentState;

/// Everything an agent saw and did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentCounts {
    /// The state last heard of, as numbered in the contract.
    pub state: i32,
    /// Changes of state.
    pub state_changes: u64,
    /// Prospects offered.
    pub previews: u64,
    /// Of them dialled.
    pub taken: u64,
    /// Of them put back.
    pub skipped: u64,
    /// Calls dialled for the agent.
    pub dialled: u64,
    /// Talks.
    pub connected: u64,
    /// Of them without a card.
    pub pops_without_card: u64,
    /// From the connection, by the server's clock, to the screen-pop; one per talk.
    pub pop_latency: Vec<Duration>,
    /// When the screen-pop of each talk came, by attempt.
    pub popped_at: BTreeMap<String, Instant>,
    /// Ends of calls, by call result; the empty one is not known yet.
    pub ended: BTreeMap<String, u64>,
    /// Talks that the agent ended.
    pub hung_up: u64,
    /// Outcomes that the server has taken, in order.
    pub acknowledged: Vec<Acknowledged>,
    /// Events that said an outcome is safe.
    pub outcomes_saved: u64,
    /// Wrap-ups closed on purpose without an outcome.
    pub closed_without_outcome: u64,
    /// Wrap-ups whose time ran out.
    pub wrap_ups_timed_out: u64,
    /// Notes of earlier talks that could be finished still.
    pub drafts_offered: u64,
    /// Callbacks agreed.
    pub callbacks: u64,
    /// Reminders that came.
    pub reminders: u64,
    /// Reminders that stand.
    pub reminders_due: u64,
    /// Times that the session had to be taken up again.
    pub reconnects: u64,
    /// Commands that were refused, in words; the newest, at most 100.
    pub refused: Vec<String>,
}

/// An outcome that the server answered for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// The attempt, a UUID.
    pub attempt_id: String,
    /// The disposition.
    pub disposition: String,
}

/// Refusals kept.
const REFUSED_KEPT: usize = 100;

impl AgentCounts {
    /// Whether the agent waits for a call.
    pub fn is_ready(&self) -> bool {
        self.state == i32::from(AgentState::Ready)
    }

    /// Whether the agent talks.
    pub fn is_talking(&self) -> bool {
        self.state == i32::from(AgentState::Talking)
    }

    /// Outcomes by disposition.
    pub fn dispositions(&self) -> BTreeMap<&str, u64> {
        let mut by_code = BTreeMap::new();
        for outcome in &self.acknowledged {
            *by_code.entry(outcome.disposition.as_str()).or_default() += 1;
        }
        by_code
    }

    pub(crate) fn refuse(&mut self, what: String) {
        if self.refused.len() == REFUSED_KEPT {
            self.refused.remove(0);
        }
        self.refused.push(what);
    }
}
