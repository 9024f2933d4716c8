//! The agents: they do what their screens tell them, at their own pace.

use std::time::Duration;

use engine::{AgentAsk, AgentEvent, AgentState, Outcome};
use model::{AgentId, AttemptId, WallTime};

use crate::world::{Coming, World};

impl World {
    /// An agent's screen shows something.
    pub(crate) fn screen(&mut self, agent: AgentId, event: AgentEvent) {
        match event {
            AgentEvent::PreviewOffered { .. } => {
                let looks = self.between(500, 8_000);
                let ask = if self.chance(0.85) {
                    AgentAsk::TakePreview { phone: None }
                } else {
                    AgentAsk::SkipPreview
                };
                self.later(looks, Coming::Agent { agent, ask });
            }
            AgentEvent::Connected { pop } => {
                let Some(attempt) = pop.attempt else { return };
                let talk = self.exponential(self.scenario.team.talk);
                // Half of the talks are ended by the agent, some with the outcome at once.
                if self.chance(0.5) {
                    let ask = if self.chance(0.3) {
                        self.outcome_of(attempt)
                    } else {
                        AgentAsk::HangUp
                    };
                    self.later(talk, Coming::Agent { agent, ask });
                } else {
                    self.later(talk, Coming::PersonLeaves { attempt });
                }
                if self.chance(0.1) {
                    self.later(
                        talk / 3,
                        Coming::Agent {
                            agent,
                            ask: AgentAsk::Hold,
                        },
                    );
                    self.later(
                        talk / 2,
                        Coming::Agent {
                            agent,
                            ask: AgentAsk::Unhold,
                        },
                    );
                }
            }
            AgentEvent::WrapUp { attempt, .. } => {
                let notes = self.exponential(self.scenario.team.wrap_up);
                let ask = if self.chance(0.9) {
                    self.outcome_of(attempt)
                } else {
                    AgentAsk::CloseWithoutOutcome { attempt }
                };
                self.later(notes, Coming::Agent { agent, ask });
            }
            // Whoever is taken out comes back after a while.
            AgentEvent::State {
                state: AgentState::NotReady,
                ..
            } => {
                let pause = self.between(1_000, 20_000);
                self.later(
                    pause,
                    Coming::Agent {
                        agent,
                        ask: AgentAsk::Ready,
                    },
                );
            }
            AgentEvent::ReminderDue { callback } => {
                let ask = AgentAsk::Dial {
                    campaign: callback.campaign,
                    prospect: callback.prospect,
                    phone: None,
                };
                self.later(Duration::from_secs(2), Coming::Agent { agent, ask });
            }
            AgentEvent::State { .. }
            | AgentEvent::Dialling { .. }
            | AgentEvent::CallEnded { .. }
            | AgentEvent::WrapUpEnding { .. }
            | AgentEvent::WrapUpTimedOut { .. }
            | AgentEvent::OutcomeSaved { .. }
            | AgentEvent::ReminderGone { .. }
            | AgentEvent::Notice { .. } => {}
        }
    }

    fn outcome_of(&mut self, attempt: AttemptId) -> AgentAsk {
        const CODES: [&str; 8] = [
            "sale",
            "declined",
            "promise_to_pay",
            "wrong_number",
            "do_not_call",
            "callback_private",
            "callback_public",
            "machine_seen_by_agent",
        ];
        let code = CODES
            .get(self.draw(CODES.len() as u64) as usize)
            .copied()
            .unwrap_or("sale");
        let call_at = code.starts_with("callback").then_some(WallTime::default());
        let outcome = Outcome {
            disposition: code.to_owned(),
            answers: Vec::new(),
            note: String::new(),
            call_at,
            call_phone: None,
        };
        AgentAsk::Submit { attempt, outcome }
    }
}
