//! How many calls to launch now: a function of a snapshot.
//!
//! The engine builds a [`Snapshot`] of one campaign whenever something changed and asks its [`Pacer`].
//! The answer says how many calls to launch and what kept it from being more, so that "why is it not
//! dialling?" has an answer in numbers.
//!
//! ```
//! use pacing::{Bound, Pacer, PolicyName, Snapshot};
//! let mut pacer = Pacer::new("ratio:2".parse()?);
//! let seen = Snapshot { agents_ready: 3, in_flight: 4, lines_free: 10, launches_free: 10, prospects: 50, ..Snapshot::default() };
//! let decision = pacer.decide(&seen);
//! assert_eq!((decision.launch, decision.bound_by), (2, Bound::Agents)); // 3 agents × 2 lines − 4 in flight
//! # Ok::<(), pacing::UnknownPolicy>(())
//! ```
#![warn(missing_docs)]

mod policy;

pub use policy::{PolicyName, UnknownPolicy};

use model::Timestamp;
use serde::{Deserialize, Serialize};

/// What was known of a campaign at `taken_at`. Plain data: build it in a test, log it, replay it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When.
    pub taken_at: Timestamp,
    /// Agents who wait for a call of this campaign and are promised to no other.
    pub agents_ready: u32,
    /// Launches being recorded, dialling or ringing.
    pub in_flight: u32,
    /// People who answered and have no agent yet.
    pub waiting: u32,
    /// Free channels of the campaign's trunk group.
    pub lines_free: u32,
    /// Launches that the trunks' calls per second still allow at this instant.
    pub launches_free: u32,
    /// Prospects at hand that may be called.
    pub prospects: u32,
    /// The abandon ledger's period is over its legal limit and has enough answers to say so.
    pub over_limit: bool,
}

/// Calls to launch now, and what held the number down (shown to the supervisor).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// So many.
    pub launch: u32,
    /// What kept it from being more.
    pub bound_by: Bound,
}

/// What keeps a decision from launching more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// More calls would find no agent.
    Agents,
    /// No free channel.
    Lines,
    /// The trunks' calls per second.
    CallsPerSecond,
    /// No prospect at hand that may be called.
    Prospects,
    /// The abandon ledger is over its limit: one call per agent until it is back.
    AbandonLimit,
}

/// A campaign's pacing: its policy and, for those that learn, what it learnt.
#[derive(Clone, Debug)]
pub struct Pacer {
    policy: PolicyName,
}

impl Pacer {
    /// A pacer that has seen nothing.
    pub const fn new(policy: PolicyName) -> Self {
        Self { policy }
    }

    /// The policy it works by.
    pub const fn policy(&self) -> PolicyName {
        self.policy
    }

    /// Changes the policy from the next decision on.
    pub const fn set_policy(&mut self, policy: PolicyName) {
        self.policy = policy;
    }

    /// Calls to launch at this instant.
    pub fn decide(&mut self, seen: &Snapshot) -> Decision {
        let under_way = seen.in_flight.saturating_add(seen.waiting);
        let progressive = seen.agents_ready.saturating_sub(under_way);
        let (wanted, bound_by) = match self.policy {
            PolicyName::Lines => (u32::MAX, Bound::Lines),
            PolicyName::Progressive => (progressive, Bound::Agents),
            PolicyName::Ratio { .. } if seen.over_limit => (progressive, Bound::AbandonLimit),
            PolicyName::Ratio { per_mille } => {
                let lines = u64::from(seen.agents_ready) * u64::from(per_mille) / 1_000;
                let lines = u32::try_from(lines).unwrap_or(u32::MAX);
                (lines.saturating_sub(under_way), Bound::Agents)
            }
        };
        // The tightest bound wins; among equals the one named first, which is the one that lasts longest.
        [
            (wanted, bound_by),
            (seen.prospects, Bound::Prospects),
            (seen.lines_free, Bound::Lines),
            (seen.launches_free, Bound::CallsPerSecond),
        ]
        .into_iter()
        .min_by_key(|(n, _)| *n)
        .map_or(
            Decision {
                launch: 0,
                bound_by,
            },
            |(launch, bound_by)| Decision { launch, bound_by },
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen(ready: u32, in_flight: u32, waiting: u32) -> Snapshot {
        Snapshot {
            agents_ready: ready,
            in_flight,
            waiting,
            lines_free: 100,
            launches_free: 100,
            prospects: 100,
            ..Snapshot::default()
        }
    }

    #[test]
    fn policies_launch_what_their_rule_says() {
        for (policy, snapshot, launch, bound_by) in [
            ("progressive", seen(3, 0, 0), 3, Bound::Agents),
            ("progressive", seen(3, 2, 1), 0, Bound::Agents),
            ("ratio:2", seen(3, 4, 0), 2, Bound::Agents),
            ("ratio:1.5", seen(3, 0, 0), 4, Bound::Agents),
            ("ratio:2", seen(3, 7, 0), 0, Bound::Agents),
            (
                "ratio:2",
                Snapshot {
                    over_limit: true,
                    ..seen(3, 1, 0)
                },
                2,
                Bound::AbandonLimit,
            ),
            (
                "ratio:2",
                Snapshot {
                    lines_free: 1,
                    ..seen(3, 0, 0)
                },
                1,
                Bound::Lines,
            ),
            (
                "ratio:2",
                Snapshot {
                    launches_free: 0,
                    ..seen(3, 0, 0)
                },
                0,
                Bound::CallsPerSecond,
            ),
            (
                "ratio:2",
                Snapshot {
                    prospects: 5,
                    ..seen(3, 0, 0)
                },
                5,
                Bound::Prospects,
            ),
            ("lines", seen(0, 50, 0), 100, Bound::Prospects),
            (
                "lines",
                Snapshot {
                    lines_free: 7,
                    ..seen(0, 0, 0)
                },
                7,
                Bound::Lines,
            ),
        ] {
            let decision = Pacer::new(policy.parse().unwrap()).decide(&snapshot);
            assert_eq!(
                decision,
                Decision { launch, bound_by },
                "{policy} {snapshot:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_launch_never_exceeds_lines_launches_or_prospects(
            ready in 0u32..50, in_flight in 0u32..50, waiting in 0u32..5,
            lines_free in 0u32..50, launches_free in 0u32..20, prospects in 0u32..50,
            over_limit: bool, policy in prop::sample::select(vec!["progressive", "ratio:1.7", "ratio:3", "lines"]),
        ) {
            let s = Snapshot { lines_free, launches_free, prospects, over_limit, ..seen(ready, in_flight, waiting) };
            let d = Pacer::new(policy.parse().unwrap()).decide(&s);
            prop_assert!(d.launch <= lines_free && d.launch <= launches_free && d.launch <= prospects);
        }

        #[test]
        fn one_more_ready_agent_never_means_fewer_calls(
            ready in 0u32..50, in_flight in 0u32..50, policy in prop::sample::select(vec!["progressive", "ratio:2.5"]),
        ) {
            let mut pacer = Pacer::new(policy.parse().unwrap());
            prop_assert!(pacer.decide(&seen(ready, in_flight, 0)).launch <= pacer.decide(&seen(ready + 1, in_flight, 0)).launch);
        }
    }
}
