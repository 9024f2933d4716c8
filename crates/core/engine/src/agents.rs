//! Agents at work: signing in and out, ready and not ready, and what comes next after a call.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{AgentId, CallResult, CampaignId};

use crate::agent::{Agent, Doing, Owes, Phone, Wish};
use crate::call::State;
use crate::effect::{AgentEvent, AgentLog, AgentState, Answer, Refused, StoreWish};
use crate::engine::Engine;
use crate::input::{AgentAsk, AgentSpec, PauseWhen, RequestId};
use crate::leg::LegCommand;
use crate::timers::Timer;

impl Engine {
    pub(crate) fn agent_ask(&mut self, request: RequestId, agent: AgentId, ask: AgentAsk) {
        let answer = match ask {
            AgentAsk::SignIn(spec) => self.sign_in(spec),
            AgentAsk::Resume { agent, pause } => self.resume_agent(agent, pause),
            AgentAsk::SignOut => self.sign_out(agent),
            AgentAsk::Ready => self.ready(agent),
            AgentAsk::NotReady { reason, when } => self.not_ready(agent, reason, when),
            AgentAsk::TakePreview { phone } => self.take_preview(agent, phone),
            AgentAsk::SkipPreview => self.skip_preview(agent),
            AgentAsk::Dial {
                campaign,
                prospect,
                phone,
            } => {
                // Answered when the database has said whether the prospect can be had.
                match self.fetch(request, agent, campaign, prospect, phone) {
                    Ok(()) => return,
                    Err(refused) => Err(refused),
                }
            }
            AgentAsk::HangUp => self.agent_hangs_up(agent),
            AgentAsk::Hold => self.hold(agent),
            AgentAsk::Unhold => self.unhold(agent),
            AgentAsk::Submit { attempt, outcome } => {
                // Answered when the outcome is safe.
                match self.submit(request, agent, attempt, outcome) {
                    Ok(()) => return,
                    Err(refused) => Err(refused),
                }
            }
            AgentAsk::SubmitLate { talk, outcome } => {
                match self.submit_late(request, agent, &talk, outcome) {
                    Ok(()) => return,
                    Err(refused) => Err(refused),
                }
            }
            AgentAsk::CloseWithoutOutcome { attempt } => self.close_without_outcome(agent, attempt),
            AgentAsk::ExtendWrapUp { by } => self.extend_wrap_up(agent, by),
            AgentAsk::ClientLost => self.client_lost(agent),
            AgentAsk::ClientBack => self.client_back(agent),
        };
        self.reply(request, answer);
    }

    pub(crate) fn agent_mut(&mut self, agent: AgentId) -> Result<&mut Agent, Refused> {
        self.agents
            .get_mut(&agent)
            .ok_or(Refused::NotSignedIn(agent))
    }

    fn sign_in(&mut self, spec: AgentSpec) -> Result<Answer, Refused> {
        if self.draining {
            return Err(Refused::Draining);
        }
        let id = spec.id;
        match self.agents.get_mut(&id) {
            // The same agent from another screen: work goes on where it was.
            Some(agent) => {
                agent.spec = spec;
                agent.client_lost = false;
            }
            None => {
                let agent = Agent {
                    spec,
                    doing: Doing::NotReady,
                    wish: Wish::Pause("signed_in".to_owned()),
                    phone: Phone::Down,
                    registered: self.registered.contains(&id),
                    client_lost: false,
                    idle_since: self.now.mono,
                    since: self.now.wall,
                    callbacks: BTreeMap::new(),
                    owes: Owes::Nothing,
                    missed: 0,
                };
                self.agents.insert(id, agent);
                self.log_agent(id);
            }
        }
        self.store(StoreWish::LoadCallbacks(id));
        self.tell_state(id);
        self.tell_again(id);
        Ok(Answer::Done)
    }

    /// Takes an agent in as another run of the daemon knew it. No call comes before the client is back to show it.
    fn resume_agent(&mut self, spec: AgentSpec, pause: Option<String>) -> Result<Answer, Refused> {
        let id = spec.id;
        self.sign_in(spec)?;
        let agent = self.agent_mut(id)?;
        agent.client_lost = true;
        agent.wish = pause.map_or(Wish::Ready, Wish::Pause);
        if agent.wish == Wish::Ready && agent.registered {
            self.agent_doing(id, Doing::Ready);
            self.call_phone(id);
        } else {
            self.tell_state(id);
        }
        Ok(Answer::Done)
    }

    fn sign_out(&mut self, id: AgentId) -> Result<Answer, Refused> {
        let agent = self.agent_mut(id)?;
        match &agent.doing {
            Doing::NotReady | Doing::Ready => {}
            Doing::Previewing(_) => {
                let offer = self.take_offer(id)?;
                self.give_back(vec![offer.claim]);
            }
            Doing::Fetching { .. }
            | Doing::CallingPhone(_)
            | Doing::Dialling { .. }
            | Doing::Talking { .. }
            | Doing::Lost { .. }
            | Doing::WrapUp(_) => {
                let hint = "end the call and give its outcome first".to_owned();
                return Err(Refused::WrongState {
                    state: agent.state(),
                    hint,
                });
            }
        }
        self.hang_up_phone(id);
        self.timers.cancel(Timer::Agent(id));
        self.timers.cancel(Timer::Callbacks(id));
        self.timers.cancel(Timer::Owes(id));
        self.agents.remove(&id);
        let reason = String::new();
        let at = self.now.wall;
        let state = AgentState::Offline;
        self.store(StoreWish::LogAgent(AgentLog {
            agent: id,
            state,
            reason: reason.clone(),
            campaign: None,
            attempt: None,
            at,
        }));
        self.tell(
            id,
            AgentEvent::State {
                state,
                reason,
                since: at,
                pause_after_call: false,
                phone_up: false,
            },
        );
        self.look = true;
        Ok(Answer::Done)
    }

    /// A client that comes back sees what it would have seen: the card of the call or the offer in hand.
    fn tell_again(&mut self, id: AgentId) {
        let Some(agent) = self.agents.get(&id) else {
            return;
        };
        match &agent.doing {
            Doing::Talking { attempt, .. } | Doing::Lost { attempt } => {
                let pop = self.screen_pop(*attempt);
                self.tell_pop(id, pop, |pop| AgentEvent::Connected { pop });
            }
            Doing::Dialling { attempt } => {
                let pop = self.screen_pop(*attempt);
                self.tell_pop(id, pop, |pop| AgentEvent::Dialling { pop });
            }
            Doing::Previewing(offer) => {
                let pop = self.pop_of(&offer.claim, None, Some(offer.phone));
                let until = self.now.wall
                    + offer
                        .until
                        .map_or(Duration::ZERO, |u| u.since(self.now.mono));
                self.tell(
                    id,
                    AgentEvent::PreviewOffered {
                        pop: Box::new(pop),
                        until,
                    },
                );
            }
            Doing::WrapUp(work) => {
                let until = self.now.wall + work.until.since(self.now.mono);
                let attempt = work.attempt;
                self.tell(id, AgentEvent::WrapUp { attempt, until });
            }
            Doing::NotReady | Doing::Ready | Doing::Fetching { .. } | Doing::CallingPhone(_) => {}
        }
    }

    fn ready(&mut self, id: AgentId) -> Result<Answer, Refused> {
        if self.draining {
            return Err(Refused::Draining);
        }
        let now = self.now.mono;
        let agent = self.agent_mut(id)?;
        if !agent.registered && agent.phone == Phone::Down {
            return Err(Refused::NoPhone);
        }
        agent.wish = Wish::Ready;
        if matches!(agent.doing, Doing::NotReady) {
            agent.idle_since = now;
            self.agent_doing(id, Doing::Ready);
            self.call_phone(id);
            self.serve_waiting(id);
        } else {
            self.tell_state(id);
        }
        self.look = true;
        Ok(Answer::Done)
    }

    fn not_ready(
        &mut self,
        id: AgentId,
        reason: String,
        when: PauseWhen,
    ) -> Result<Answer, Refused> {
        let agent = self.agent_mut(id)?;
        agent.wish = Wish::Pause(reason);
        match (&agent.doing, when) {
            (Doing::Ready, PauseWhen::Now) | (Doing::NotReady, _) => {
                self.agent_doing(id, Doing::NotReady)
            }
            (Doing::Previewing(_), _) => {
                self.take_offer_back(id, "paused");
            }
            // A call that rings may need this agent: `let_leavers_go` decides at once whether it does.
            (Doing::Ready, PauseWhen::AfterCall) => self.tell_state(id),
            (
                Doing::Fetching { .. }
                | Doing::CallingPhone(_)
                | Doing::Dialling { .. }
                | Doing::Talking { .. }
                | Doing::Lost { .. }
                | Doing::WrapUp(_),
                _,
            ) => self.tell_state(id),
        }
        self.look = true;
        Ok(Answer::Done)
    }

    /// Agents who wish to pause go as soon as the calls under way can do without them.
    pub(crate) fn let_leavers_go(&mut self) {
        let leavers: Vec<AgentId> = self
            .agents
            .values()
            .filter(|a| matches!((&a.doing, &a.wish), (Doing::Ready, Wish::Pause(_))))
            .map(|a| a.spec.id)
            .collect();
        for id in leavers {
            if !self.is_needed(id) {
                self.agent_doing(id, Doing::NotReady);
            }
        }
    }

    /// Whether a call under way could need this agent: more calls than other agents who can take them.
    fn is_needed(&self, id: AgentId) -> bool {
        let Some(agent) = self.agents.get(&id).filter(|a| a.can_take_call()) else {
            return false;
        };
        self.campaigns
            .values()
            .filter(|c| agent.serves(&c.spec.groups))
            .any(|campaign| {
                let mut under_way = self.calls.values().filter(|c| {
                    c.campaign == campaign.spec.id
                        && c.reserved.is_none()
                        && (c.state.in_flight() || matches!(c.state, State::Waiting { .. }))
                });
                let others = self.agents.values().filter(|a| {
                    a.spec.id != id && a.can_take_call() && a.serves(&campaign.spec.groups)
                });
                under_way.nth(others.count()).is_some()
            })
    }

    /// Nothing is under way for the agent any more: on to the next call, or into the pause wished for.
    pub(crate) fn settle(&mut self, id: AgentId) {
        self.timers.cancel(Timer::Agent(id));
        let Some(agent) = self.agents.get_mut(&id) else {
            return;
        };
        agent.idle_since = self.now.mono;
        if agent.client_lost {
            agent.wish = Wish::Pause("connection_lost".to_owned());
        } else if agent.phone == Phone::Down && !agent.registered && agent.wish == Wish::Ready {
            agent.wish = Wish::Pause("phone_lost".to_owned());
        }
        self.look = true;
        match agent.wish {
            Wish::Ready => {
                self.agent_doing(id, Doing::Ready);
                self.call_phone(id);
                self.serve_waiting(id);
            }
            Wish::Pause(_) => self.agent_doing(id, Doing::NotReady),
        }
    }

    /// Changes what an agent does: logged, and told.
    pub(crate) fn agent_doing(&mut self, id: AgentId, doing: Doing) {
        debug_assert!(
            self.leaves_nobody(id, &doing),
            "agent {id} leaves a talk: {doing:?}"
        );
        let Some(agent) = self.agents.get_mut(&id) else {
            return;
        };
        agent.doing = doing;
        agent.since = self.now.wall;
        self.log_agent(id);
        self.tell_state(id);
    }

    /// No person is on the line with this agent whom the new doing would forget.
    fn leaves_nobody(&self, id: AgentId, doing: &Doing) -> bool {
        let stays = matches!(doing, Doing::Talking { .. } | Doing::Lost { .. });
        stays
            || !self
                .calls
                .values()
                .any(|c| matches!(c.state, State::Talking { agent, .. } if agent == id))
    }

    fn log_agent(&mut self, id: AgentId) {
        let Some(agent) = self.agents.get(&id) else {
            return;
        };
        let attempt = agent.attempt();
        let log = AgentLog {
            agent: id,
            state: agent.state(),
            reason: agent.reason().to_owned(),
            campaign: self.campaign_of(agent),
            attempt,
            at: self.now.wall,
        };
        self.store(StoreWish::LogAgent(log));
    }

    pub(crate) fn campaign_of(&self, agent: &Agent) -> Option<CampaignId> {
        match &agent.doing {
            Doing::WrapUp(work) => Some(work.campaign),
            Doing::Previewing(offer) | Doing::CallingPhone(offer) => Some(offer.claim.campaign),
            Doing::Fetching { campaign, .. } => Some(*campaign),
            Doing::Dialling { attempt }
            | Doing::Talking { attempt, .. }
            | Doing::Lost { attempt } => self.calls.get(attempt).map(|c| c.campaign),
            Doing::NotReady | Doing::Ready => None,
        }
    }

    pub(crate) fn tell_state(&mut self, id: AgentId) {
        let Some(agent) = self.agents.get(&id) else {
            return;
        };
        let busy = !matches!(agent.doing, Doing::NotReady);
        let event = AgentEvent::State {
            state: agent.state(),
            reason: agent.reason().to_owned(),
            since: agent.since,
            pause_after_call: busy && matches!(agent.wish, Wish::Pause(_)),
            phone_up: agent.leg().is_some(),
        };
        self.tell(id, event);
    }

    fn client_lost(&mut self, id: AgentId) -> Result<Answer, Refused> {
        let agent = self.agent_mut(id)?;
        agent.client_lost = true;
        match agent.doing {
            // Nothing is under way: no call may come to a screen that nobody sees.
            Doing::Ready | Doing::NotReady => {
                agent.wish = Wish::Pause("connection_lost".to_owned());
                self.agent_doing(id, Doing::NotReady);
            }
            Doing::Previewing(_) => self.take_offer_back(id, "connection lost"),
            // The talk goes on over the phone; `settle` takes the agent out afterwards.
            Doing::Fetching { .. }
            | Doing::CallingPhone(_)
            | Doing::Dialling { .. }
            | Doing::Talking { .. }
            | Doing::Lost { .. }
            | Doing::WrapUp(_) => {}
        }
        self.look = true;
        Ok(Answer::Done)
    }

    fn client_back(&mut self, id: AgentId) -> Result<Answer, Refused> {
        let agent = self.agent_mut(id)?;
        agent.client_lost = false;
        self.tell_state(id);
        self.tell_again(id);
        self.look = true;
        Ok(Answer::Done)
    }

    pub(crate) fn agent_timer(&mut self, id: AgentId) {
        let Some(agent) = self.agents.get_mut(&id) else {
            return;
        };
        match &agent.doing {
            Doing::Previewing(_) => {
                // Whoever does not decide may not be there.
                agent.wish = Wish::Pause("preview_timed_out".to_owned());
                if let Ok(offer) = self.take_offer(id) {
                    self.decide_preview(id, offer, CallResult::PreviewTimedOut);
                    self.settle(id);
                }
            }
            Doing::WrapUp(_) => self.wrap_up_timer(id),
            Doing::Ready | Doing::CallingPhone(_) => {
                // The phone rang too long.
                if let Phone::Calling(leg) = agent.phone {
                    self.leg(LegCommand::Cancel { leg });
                    self.phone_gone(id, leg);
                    self.legs.remove(&leg);
                }
            }
            Doing::NotReady
            | Doing::Fetching { .. }
            | Doing::Dialling { .. }
            | Doing::Talking { .. }
            | Doing::Lost { .. } => {}
        }
    }
}

impl Agent {
    /// Whether the agent's hands hold something of a campaign.
    pub(crate) fn works_for(&self, id: CampaignId) -> bool {
        match &self.doing {
            Doing::WrapUp(work) => work.campaign == id,
            Doing::Previewing(offer) | Doing::CallingPhone(offer) => offer.claim.campaign == id,
            Doing::Fetching { campaign, .. } => *campaign == id,
            Doing::NotReady
            | Doing::Ready
            | Doing::Dialling { .. }
            | Doing::Talking { .. }
            | Doing::Lost { .. } => false,
        }
    }
}
