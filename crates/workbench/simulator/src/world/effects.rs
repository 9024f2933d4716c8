//! What the engine wants done on the lines, carried out and checked.

use std::time::Duration;

use engine::{Effect, Input, LegCommand, LegEvent};
use model::{AttemptId, CampaignId, E164, TrunkId};

use super::{Coming, World};
use crate::carrier::Line;

impl World {
    pub(super) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Leg(command) => self.leg_command(command),
            Effect::Store(wish) if self.store_up => self.wish(wish),
            Effect::Store(wish) => self.wish_in_vain(wish),
            Effect::Agent { agent, event } => self.screen(agent, event),
            Effect::Reply { request, .. } => {
                if !self.open_requests.remove(&request) {
                    self.wrong = Some(format!(
                        "request {request:?} was answered twice or never asked"
                    ));
                }
            }
            Effect::CampaignEnded { campaign, .. } => {
                self.running.insert(campaign, false);
                let open = self.books.leases_of(campaign);
                if open > 0 && self.kept.is_empty() {
                    self.wrong = Some(format!(
                        "campaign {campaign} ended with {open} claims in hand"
                    ));
                }
            }
            Effect::Drained => {}
        }
    }

    fn leg_command(&mut self, command: LegCommand) {
        match command {
            LegCommand::Dial {
                leg,
                attempt,
                trunk,
                to,
                ..
            } => {
                self.check_dial(attempt, trunk, to);
                let campaign = self
                    .books
                    .attempts
                    .get(&attempt)
                    .map_or(CampaignId(0), |a| a.launch.campaign);
                self.lines.insert(leg, Line::Alerting);
                self.persons.insert(leg, (attempt, trunk, campaign));
                self.person_called(leg);
            }
            LegCommand::CallAgent { leg, agent } => {
                self.lines.insert(leg, Line::Alerting);
                self.phones.insert(agent, leg);
                let picks_up = self.between(20, 400);
                self.later(
                    picks_up,
                    Coming::Answer {
                        leg,
                        after_cancel: false,
                    },
                );
            }
            LegCommand::Cancel { leg } => self.cancelled(leg),
            LegCommand::HangUp { leg } => self.hung_up(leg),
            LegCommand::Bridge { a, b } => {
                if self.lines.get(&a) == Some(&Line::Up) && self.lines.get(&b) == Some(&Line::Up) {
                    self.soon(Coming::Input(Box::new(Input::Leg(LegEvent::Bridged {
                        a,
                        b,
                    }))));
                }
            }
            LegCommand::Unbridge { .. } => {}
            LegCommand::Play {
                leg,
                play,
                sounds,
                repeat,
            } => {
                self.plays.insert(leg, play);
                if self.persons.contains_key(&leg) {
                    self.listens(leg);
                }
                if !repeat {
                    let heard = Duration::from_millis(400) * sounds.len() as u32;
                    self.later(heard, Coming::Played { leg, play, heard });
                }
            }
            LegCommand::StopPlay { leg } => {
                if let Some(play) = self.plays.remove(&leg) {
                    let heard = Duration::from_millis(100);
                    let event = LegEvent::Played {
                        leg,
                        play,
                        heard,
                        whole: false,
                    };
                    self.soon(Coming::Input(Box::new(Input::Leg(event))));
                }
            }
        }
    }

    /// No INVITE leaves that should not: recorded first, a free channel, one call per number, no pause.
    fn check_dial(&mut self, attempt: AttemptId, trunk: TrunkId, to: E164) {
        let on_trunk = self
            .persons
            .values()
            .filter(|(_, t, _)| *t == trunk)
            .count();
        if on_trunk >= self.scenario.channels as usize {
            self.wrong = Some(format!("trunk {trunk} carries more than its channels"));
        }
        let same_number = self.persons.values().any(|(other, ..)| {
            *other != attempt
                && self
                    .books
                    .attempts
                    .get(other)
                    .is_some_and(|a| a.launch.number == to)
        });
        if same_number {
            self.wrong = Some(format!("{to:?} is in two live calls"));
        }
        match self.books.dialled(attempt, to) {
            Ok(launch) => {
                let campaign = launch.campaign;
                let by_agent = launch.decision.policy == "agent";
                if !by_agent && self.running.get(&campaign) != Some(&true) {
                    self.wrong = Some(format!("campaign {campaign} dials while paused"));
                }
            }
            Err(what) => self.wrong = Some(what),
        }
    }
}
