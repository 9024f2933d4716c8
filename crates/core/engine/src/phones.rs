//! Agents' phones: the standing leg that lets an answer be joined without a second ringing, and what
//! happens when it goes away.

use std::time::Duration;

use model::{AgentId, AttemptId, LegId};

use crate::agent::{Doing, Phone, Wish};
use crate::call::{MessageStage, State};
use crate::classify::Stop;
use crate::effect::AgentEvent;
use crate::engine::{Engine, LegOwner};
use crate::leg::{LegCommand, LegEvent, Sound, Tone};
use crate::timers::Timer;

/// How long an agent's phone rings before it counts as not picked up.
const AGENT_RING_LIMIT: Duration = Duration::from_secs(30);
/// A phone that does not pick up so often in a row takes its agent out: nobody may be there.
const MISSED_MOST: u32 = 2;

impl Engine {
    pub(crate) fn phone_registered(&mut self, id: AgentId) {
        self.registered.insert(id);
        let Some(agent) = self.agents.get_mut(&id) else {
            return;
        };
        agent.registered = true;
        match agent.doing {
            Doing::Ready | Doing::Lost { .. } => self.call_phone(id),
            // Taken over from another run of the daemon before the phone was there.
            Doing::NotReady if agent.wish == Wish::Ready => {
                agent.idle_since = self.now.mono;
                self.agent_doing(id, Doing::Ready);
                self.call_phone(id);
            }
            Doing::NotReady
            | Doing::Previewing(_)
            | Doing::Fetching { .. }
            | Doing::CallingPhone(_)
            | Doing::Dialling { .. }
            | Doing::Talking { .. }
            | Doing::WrapUp(_) => {}
        }
    }

    pub(crate) fn phone_unregistered(&mut self, id: AgentId) {
        self.registered.remove(&id);
        let Some(agent) = self.agents.get_mut(&id) else {
            return;
        };
        agent.registered = false;
        // A leg that is up stays up: registration says where to call, not who talks.
        if matches!(agent.doing, Doing::Ready) && agent.phone == Phone::Down {
            agent.wish = Wish::Pause("phone_lost".to_owned());
            self.agent_doing(id, Doing::NotReady);
        }
    }

    /// Brings the standing leg up, so that an answered person is joined without a second ringing.
    pub(crate) fn call_phone(&mut self, id: AgentId) {
        let Some(agent) = self.agents.get(&id) else {
            return;
        };
        if agent.phone != Phone::Down || !agent.registered {
            return;
        }
        let leg = self.new_leg(LegOwner::Agent(id));
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.phone = Phone::Calling(leg);
        }
        self.leg(LegCommand::CallAgent { leg, agent: id });
        let at = self.after(AGENT_RING_LIMIT);
        // In a talk that was lost, the timer of the talk is the shorter one and stays.
        if self
            .agents
            .get(&id)
            .is_some_and(|a| !matches!(a.doing, Doing::Lost { .. }))
        {
            self.timers.set(Timer::Agent(id), at);
        }
    }

    pub(crate) fn hang_up_phone(&mut self, id: AgentId) {
        let Some(agent) = self.agents.get_mut(&id) else {
            return;
        };
        let (Phone::Calling(leg) | Phone::Up(leg)) = agent.phone else {
            return;
        };
        agent.phone = Phone::Down;
        self.legs.remove(&leg);
        self.leg(LegCommand::HangUp { leg });
    }

    pub(crate) fn agent_leg(&mut self, id: AgentId, leg: LegId, event: LegEvent) {
        match event {
            LegEvent::Answered { .. } => self.phone_up(id, leg),
            LegEvent::Ended { .. } => {
                self.legs.remove(&leg);
                self.phone_gone(id, leg);
            }
            LegEvent::AudioLost { .. } => {
                // No sound from the phone in the middle of a talk: as good as hung up.
                if self
                    .agents
                    .get(&id)
                    .is_some_and(|a| matches!(a.doing, Doing::Talking { .. }))
                {
                    self.leg(LegCommand::HangUp { leg });
                }
            }
            LegEvent::AudioPaused { .. } => self.keep_company(id, true),
            LegEvent::AudioStarted { .. } => self.keep_company(id, false),
            LegEvent::Ringing { .. }
            | LegEvent::Digit { .. }
            | LegEvent::Played { .. }
            | LegEvent::Bridged { .. } => {}
        }
    }

    /// While nothing comes from the agent's phone the person hears that the line is alive.
    fn keep_company(&mut self, id: AgentId, alone: bool) {
        let talk = match self.agents.get(&id).map(|a| &a.doing) {
            Some(Doing::Talking {
                attempt,
                held: false,
            }) => *attempt,
            _ => return,
        };
        let Some(leg) = self.calls.get(&talk).and_then(|c| c.state.leg()) else {
            return;
        };
        if alone {
            let play = self.new_play();
            let sounds = vec![Sound::Tone { tone: Tone::Hold }];
            self.leg(LegCommand::Play {
                leg,
                play,
                sounds,
                repeat: true,
            });
        } else {
            self.leg(LegCommand::StopPlay { leg });
        }
    }

    fn phone_up(&mut self, id: AgentId, leg: LegId) {
        let Some(agent) = self.agents.get_mut(&id) else {
            return;
        };
        if agent.phone != Phone::Calling(leg) {
            return;
        }
        agent.phone = Phone::Up(leg);
        agent.missed = 0;
        self.look = true;
        match std::mem::replace(&mut agent.doing, Doing::NotReady) {
            Doing::Ready => {
                agent.doing = Doing::Ready;
                self.timers.cancel(Timer::Agent(id));
                self.tell_state(id);
                self.serve_waiting(id);
            }
            Doing::CallingPhone(offer) => {
                self.timers.cancel(Timer::Agent(id));
                if let Err(refused) = self.launch_offer(id, *offer) {
                    let because = refused.to_string();
                    self.tell(
                        id,
                        AgentEvent::CallEnded {
                            attempt: None,
                            result: None,
                            because,
                        },
                    );
                    self.settle(id);
                }
            }
            Doing::Lost { attempt } => {
                agent.doing = Doing::Lost { attempt };
                // A call that is being released ends by itself, and its end takes the agent on.
                let waits = self.calls.get(&attempt).is_some_and(|c| {
                    let told = MessageStage::Abandoned;
                    matches!(c.state, State::AgentLost { .. })
                        || matches!(c.state, State::Message { part, .. } if part == told)
                });
                if waits {
                    self.join(attempt, id);
                }
            }
            doing @ (Doing::NotReady
            | Doing::Previewing(_)
            | Doing::Fetching { .. }
            | Doing::Dialling { .. }
            | Doing::Talking { .. }
            | Doing::WrapUp(_)) => {
                agent.doing = doing;
                self.tell_state(id);
            }
        }
    }

    pub(crate) fn phone_gone(&mut self, id: AgentId, leg: LegId) {
        let Some(agent) = self.agents.get_mut(&id) else {
            return;
        };
        if !matches!(agent.phone, Phone::Calling(l) | Phone::Up(l) if l == leg) {
            return;
        }
        let was_up = matches!(agent.phone, Phone::Up(_));
        agent.phone = Phone::Down;
        if !was_up {
            agent.missed += 1;
        }
        let rings_again = !was_up && agent.registered && agent.missed < MISSED_MOST;
        self.look = true;
        match std::mem::replace(&mut agent.doing, Doing::NotReady) {
            Doing::Ready if rings_again => {
                agent.doing = Doing::Ready;
                let text = "your phone did not pick up; it is called once more".to_owned();
                self.tell(id, AgentEvent::Notice { text });
                self.call_phone(id);
            }
            Doing::Ready => {
                let reason = if was_up {
                    "phone_lost"
                } else {
                    "phone_no_answer"
                };
                agent.missed = 0;
                agent.wish = Wish::Pause(reason.to_owned());
                self.agent_doing(id, Doing::NotReady);
                let text =
                    "your phone hung up or did not answer; press ready when it is back".to_owned();
                self.tell(id, AgentEvent::Notice { text });
            }
            Doing::CallingPhone(offer) => {
                self.give_back(vec![offer.claim]);
                let because = "your phone did not answer".to_owned();
                self.tell(
                    id,
                    AgentEvent::CallEnded {
                        attempt: None,
                        result: None,
                        because,
                    },
                );
                if !rings_again && let Some(agent) = self.agents.get_mut(&id) {
                    agent.missed = 0;
                    agent.wish = Wish::Pause("phone_no_answer".to_owned());
                }
                self.settle(id);
            }
            Doing::Talking { attempt, held } => {
                agent.doing = Doing::Talking { attempt, held };
                self.agent_lost(id, attempt);
            }
            Doing::Dialling { attempt } => {
                agent.doing = Doing::Dialling { attempt };
                // The person has not answered: stop the ringing, nobody will be there.
                self.cancel(attempt, Stop::NotWanted);
            }
            doing @ (Doing::NotReady
            | Doing::Previewing(_)
            | Doing::Fetching { .. }
            | Doing::Lost { .. }
            | Doing::WrapUp(_)) => {
                agent.doing = doing;
                self.tell_state(id);
            }
        }
    }

    /// The agent's phone is gone in the middle of a talk, whether it hung up or fell silent: a softphone that
    /// dies says BYE too, and a talk is ended from the agent's client. The person hears at once that somebody is coming.
    /// First the agent may return, who knows what was said; then any agent may take the call; then the person is told,
    /// released, and called back.
    fn agent_lost(&mut self, id: AgentId, attempt: AttemptId) {
        let Some(call) = self.calls.get_mut(&attempt) else {
            self.settle(id);
            return;
        };
        let State::Talking { leg, trunk, .. } = call.state else {
            return;
        };
        call.state = State::AgentLost {
            leg,
            trunk,
            agent: id,
            any: false,
        };
        let campaign = call.campaign;
        self.leg(LegCommand::Unbridge { leg });
        let play = self.new_play();
        let sounds = vec![Sound::Tone { tone: Tone::Hold }];
        self.leg(LegCommand::Play {
            leg,
            play,
            sounds,
            repeat: true,
        });
        let limit = self
            .campaigns
            .get(&campaign)
            .map_or(Duration::from_secs(8), |c| c.spec.return_limit);
        let at = self.after(limit);
        self.timers.set(Timer::Attempt(attempt), at);
        self.agent_doing(id, Doing::Lost { attempt });
        self.call_phone(id);
    }

    /// The time in which the agent alone could return is over.
    pub(crate) fn let_others_take(&mut self, attempt: AttemptId) {
        let Some(call) = self.calls.get_mut(&attempt) else {
            return;
        };
        if let State::AgentLost { any, .. } = &mut call.state {
            *any = true;
        }
        let id = call.campaign;
        let needs = self.calls.get(&attempt).and_then(|c| self.needs(&c.claim));
        let limit = self
            .campaigns
            .get(&id)
            .map_or(Duration::from_secs(10), |c| c.spec.lost_agent_limit);
        let at = self.after(limit);
        self.timers.set(Timer::Attempt(attempt), at);
        if let Some(other) = self.longest_idle(id, needs.as_deref()) {
            self.join(attempt, other);
        }
    }
}
