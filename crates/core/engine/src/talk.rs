//! What an agent can do during a call.

use model::AgentId;

use crate::agent::Doing;
use crate::classify::Stop;
use crate::effect::{Answer, Refused};
use crate::engine::Engine;
use crate::leg::{LegCommand, Sound, Tone};

impl Engine {
    pub(crate) fn agent_hangs_up(&mut self, id: AgentId) -> Result<Answer, Refused> {
        let agent = self.agent_mut(id)?;
        match agent.doing {
            Doing::Talking { attempt, .. } | Doing::Lost { attempt } => {
                self.release(attempt);
                Ok(Answer::Done)
            }
            Doing::Dialling { attempt } => {
                match self.calls.get(&attempt).map(|c| c.state.live()) {
                    Some(true) => self.release(attempt),
                    _ => self.cancel(attempt, Stop::NotWanted),
                }
                Ok(Answer::Done)
            }
            Doing::NotReady
            | Doing::Ready
            | Doing::Previewing(_)
            | Doing::Fetching { .. }
            | Doing::CallingPhone(_)
            | Doing::WrapUp(_) => {
                let hint = "there is no call to end".to_owned();
                Err(Refused::WrongState {
                    state: agent.state(),
                    hint,
                })
            }
        }
    }

    pub(crate) fn hold(&mut self, id: AgentId) -> Result<Answer, Refused> {
        let agent = self.agent_mut(id)?;
        let Doing::Talking {
            attempt,
            held: false,
        } = agent.doing
        else {
            let hint = "only a talk can be held".to_owned();
            return Err(Refused::WrongState {
                state: agent.state(),
                hint,
            });
        };
        let Some(leg) = self.calls.get(&attempt).and_then(|c| c.state.leg()) else {
            return Err(Refused::NotYourAttempt(attempt));
        };
        self.leg(LegCommand::Unbridge { leg });
        let play = self.new_play();
        let sounds = vec![Sound::Tone { tone: Tone::Hold }];
        self.leg(LegCommand::Play {
            leg,
            play,
            sounds,
            repeat: true,
        });
        self.agent_doing(
            id,
            Doing::Talking {
                attempt,
                held: true,
            },
        );
        Ok(Answer::Done)
    }

    pub(crate) fn unhold(&mut self, id: AgentId) -> Result<Answer, Refused> {
        let agent = self.agent_mut(id)?;
        let (
            Doing::Talking {
                attempt,
                held: true,
            },
            Some(agent_leg),
        ) = (&agent.doing, agent.leg())
        else {
            let hint = "no person is on hold".to_owned();
            return Err(Refused::WrongState {
                state: agent.state(),
                hint,
            });
        };
        let attempt = *attempt;
        let Some(leg) = self.calls.get(&attempt).and_then(|c| c.state.leg()) else {
            return Err(Refused::NotYourAttempt(attempt));
        };
        self.leg(LegCommand::StopPlay { leg });
        self.leg(LegCommand::Bridge {
            a: leg,
            b: agent_leg,
        });
        self.agent_doing(
            id,
            Doing::Talking {
                attempt,
                held: false,
            },
        );
        Ok(Answer::Done)
    }
}
