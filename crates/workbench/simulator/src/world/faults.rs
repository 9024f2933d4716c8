//! What goes wrong, and how it comes right again.

use std::time::Duration;

use engine::{AgentAsk, Ask, CampaignState, Input, StoreFact};
use model::{AgentId, CampaignId, Ended, LegEnd, Timestamp, TrunkId};

use super::{Coming, World};
use crate::books::Violation;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    PhoneLost,
    PhoneBack(AgentId),
    ClientLost,
    StoreLost,
    TrunkDown,
    Pause(CampaignId),
    PauseAny,
    ClockJump,
}

impl World {
    pub(super) fn fault(&mut self, fault: Fault) -> Result<(), Violation> {
        let f = self.scenario.faults;
        let ten_seconds = Duration::from_secs(10);
        let (mean, over) = match fault {
            Fault::PhoneLost | Fault::PhoneBack(_) => {
                let nth = self.draw(self.phones.len().max(1) as u64) as usize;
                let lost = self.phones.iter().nth(nth).map(|(a, l)| (*a, *l));
                if let Some((agent, leg)) = lost {
                    self.hand_in(Input::PhoneDown(agent))?;
                    self.happens(Coming::Over {
                        leg,
                        end: LegEnd::bare(Ended::Remote),
                    })?;
                    let back = self.between(500, 40_000);
                    self.later(back, Coming::FaultOver(Fault::PhoneBack(agent)));
                }
                (f.phone_lost, None)
            }
            Fault::ClientLost => {
                let agent = AgentId(1 + self.draw(u64::from(self.scenario.team.agents)) as i32);
                self.happens(Coming::Agent {
                    agent,
                    ask: AgentAsk::ClientLost,
                })?;
                self.later(
                    Duration::from_secs(60),
                    Coming::Agent {
                        agent,
                        ask: AgentAsk::ClientBack,
                    },
                );
                (f.client_lost, None)
            }
            Fault::StoreLost => {
                self.store_up = false;
                self.hand_in(Input::Store(StoreFact::Lost))?;
                (f.store_lost, Some(fault))
            }
            Fault::TrunkDown => {
                self.hand_in(Input::TrunkDown {
                    trunk: TrunkId(1),
                    reason: "no answer".to_owned(),
                })?;
                (f.trunk_down, Some(fault))
            }
            Fault::PauseAny | Fault::Pause(_) => {
                let nth = self.draw(self.scenario.campaigns.len() as u64) as usize;
                let campaign = self.scenario.campaigns.get(nth).map(|c| c.id);
                let Some(campaign) = campaign.filter(|c| self.running.get(c) == Some(&true)) else {
                    return Ok(());
                };
                self.running.insert(campaign, false);
                self.set_state(campaign, CampaignState::Paused)?;
                (f.pause, Some(Fault::Pause(campaign)))
            }
            Fault::ClockJump => {
                let by_us = self.draw(7_200_000_000) as i64 - 3_600_000_000;
                self.wall_offset += by_us;
                self.hand_in(Input::ClockJumped { by_us })?;
                (f.clock_jump, None)
            }
        };
        if let Some(over) = over {
            self.later(ten_seconds, Coming::FaultOver(over));
        }
        let again = self.exponential(mean);
        if self.mono + again < Timestamp::default() + self.scenario.lasts {
            self.later(again, Coming::Fault(fault));
        }
        // Now and then an agent asks for a prospect out of turn.
        let nth = self.draw(10_000) as usize;
        if let Some((campaign, prospect)) = self.books.any_prospect(nth) {
            let agent = AgentId(1 + self.draw(u64::from(self.scenario.team.agents)) as i32);
            self.soon(Coming::Agent {
                agent,
                ask: AgentAsk::Dial {
                    campaign,
                    prospect,
                    phone: None,
                },
            });
        }
        Ok(())
    }

    pub(super) fn fault_over(&mut self, fault: Fault) -> Result<(), Violation> {
        match fault {
            Fault::PhoneBack(agent) => self.hand_in(Input::PhoneUp(agent)),
            Fault::StoreLost => {
                self.store_up = true;
                for wish in std::mem::take(&mut self.kept) {
                    self.wish(wish);
                }
                self.hand_in(Input::Store(StoreFact::Back))
            }
            Fault::TrunkDown => self.hand_in(Input::TrunkUp(TrunkId(1))),
            Fault::Pause(campaign) => {
                self.running.insert(campaign, true);
                self.set_state(campaign, CampaignState::Running)
            }
            Fault::PhoneLost | Fault::ClientLost | Fault::PauseAny | Fault::ClockJump => Ok(()),
        }
    }

    fn set_state(&mut self, campaign: CampaignId, state: CampaignState) -> Result<(), Violation> {
        self.ask(Ask::SetCampaignState { campaign, state })
    }
}
