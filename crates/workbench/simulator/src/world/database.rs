//! The database: commits take time, some fail, and what comes while it is away is kept or refused.

use std::time::Duration;

use engine::{StoreFact, StoreWish};
use model::CallbackId;

use super::{Coming, World};
use crate::books::COMMIT;

impl World {
    pub(super) fn wish(&mut self, wish: StoreWish) {
        let wall = self.now().wall;
        let done = match wish {
            StoreWish::Claim { campaign, .. } if self.claim_fails() => {
                self.later(COMMIT, Coming::Fact(StoreFact::ClaimFailed { campaign }));
                Ok(())
            }
            StoreWish::Claim {
                campaign, count, ..
            } => {
                let (claims, queue) = self.books.claim(campaign, count, wall);
                self.later(
                    COMMIT,
                    Coming::Fact(StoreFact::Claimed {
                        campaign,
                        claims,
                        queue,
                    }),
                );
                Ok(())
            }
            StoreWish::ClaimOne {
                agent,
                campaign,
                prospect,
                ..
            } => {
                let claim = self.books.claim_one(campaign, prospect).map(Box::new);
                self.later(COMMIT, Coming::Fact(StoreFact::ClaimedOne { agent, claim }));
                Ok(())
            }
            StoreWish::Return(back) => back.into_iter().try_for_each(|b| self.books.give_back(b)),
            StoreWish::RecordLaunches(launches) => {
                let answers: Result<Vec<_>, _> =
                    launches.into_iter().map(|l| self.books.record(l)).collect();
                // Now and then a commit takes longer than a launch may wait.
                let takes = if self.chance(0.01) {
                    Duration::from_millis(1_500)
                } else {
                    COMMIT
                };
                answers.map(|a| self.later(takes, Coming::Fact(StoreFact::LaunchesRecorded(a))))
            }
            // No scenario's campaign gives callbacks away.
            StoreWish::Progress { .. }
            | StoreWish::LogAgent(_)
            | StoreWish::MissedCallbacks { .. } => Ok(()),
            StoreWish::Finish(end) => self.books.finish(&end, wall),
            StoreWish::SaveOutcome(record) => {
                let done = self.books.outcome(&record);
                self.callbacks += 1;
                let id = CallbackId(self.callbacks);
                let callback =
                    record
                        .callback
                        .filter(|c| c.agent.is_some())
                        .map(|c| engine::Callback {
                            id,
                            campaign: record.campaign,
                            prospect: record.prospect,
                            agent: c.agent,
                            at: c.at,
                            phone: c.phone,
                            name: String::new(),
                            note: c.note,
                        });
                self.later(
                    COMMIT,
                    Coming::Fact(StoreFact::OutcomeSaved {
                        attempt: record.attempt,
                        callback,
                    }),
                );
                done
            }
            StoreWish::LoadCallbacks(agent) => {
                self.later(
                    COMMIT,
                    Coming::Fact(StoreFact::Callbacks {
                        agent,
                        callbacks: Vec::new(),
                    }),
                );
                Ok(())
            }
        };
        if let Err(what) = done {
            self.wrong = Some(what);
        }
    }

    /// The database is away: what an attempt or an outcome brought is kept on disk; what asks is answered with a
    /// failure.
    pub(super) fn wish_in_vain(&mut self, wish: StoreWish) {
        match wish {
            StoreWish::Claim { .. }
            | StoreWish::MissedCallbacks { .. }
            | StoreWish::LoadCallbacks(_)
            | StoreWish::LogAgent(_)
            | StoreWish::Progress { .. } => {}
            StoreWish::ClaimOne { agent, .. } => {
                let claim = Err(engine::ClaimRefused::StoreLost);
                self.later(COMMIT, Coming::Fact(StoreFact::ClaimedOne { agent, claim }));
            }
            StoreWish::RecordLaunches(launches) => {
                let attempts = launches.iter().map(|l| l.attempt).collect();
                self.later(COMMIT, Coming::Fact(StoreFact::LaunchesFailed(attempts)));
            }
            StoreWish::Return(_) | StoreWish::Finish(_) | StoreWish::SaveOutcome(_) => {
                self.kept.push(wish);
            }
        }
    }

    fn claim_fails(&mut self) -> bool {
        let share = self.scenario.faults.claims_failed;
        share > 0.0 && self.chance(share)
    }
}
