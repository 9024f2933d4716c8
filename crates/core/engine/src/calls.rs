//! What happens on the line: ringing, answers, ends; and the attempt's one result.

use std::time::Duration;

use compliance::ledger_class;
use model::{AgentId, AttemptId, CallResult, CampaignId, Ended, LegEnd, LegId};

use crate::agent::{Agent, Doing};
use crate::call::{Call, MessageStage, PersonSaid, State};
use crate::campaign::Mode;
use crate::classify::{AgentPart, Stop, classify, may_hunt_on};
use crate::effect::{AgentEvent, StoreWish};
use crate::engine::{Engine, LegOwner};
use crate::leg::{LegCommand, LegEvent, Sound, Tone};
use crate::outcome::{AGENT_LOST, NO_OUTCOME};
use crate::retry::{self, Signals};
use crate::timers::Timer;
use crate::work::{FinishedAttempt, Next, Outcome};

/// Keys kept per attempt.
const MOST_DIGITS: usize = 32;

impl Engine {
    pub(crate) fn leg_event(&mut self, event: LegEvent) {
        let leg = event.leg();
        match self.legs.get(&leg) {
            Some(LegOwner::Person(attempt)) => self.person_leg(*attempt, leg, event),
            Some(LegOwner::Agent(agent)) => self.agent_leg(*agent, leg, event),
            // A leg that both sides have forgotten: its last events crossed our last command.
            None => {}
        }
    }

    fn person_leg(&mut self, attempt: AttemptId, leg: LegId, event: LegEvent) {
        match event {
            LegEvent::Ringing { early_media, .. } => self.ringing(attempt, early_media),
            LegEvent::Answered { after_cancel, .. } => self.answered(attempt, leg, after_cancel),
            LegEvent::Digit { digit, .. } => {
                if let Some(call) = self.calls.get_mut(&attempt)
                    && call.digits.len() < MOST_DIGITS
                {
                    call.digits.push(digit);
                }
                self.key_pressed(attempt, digit);
            }
            LegEvent::Played {
                play, heard, whole, ..
            } => self.message_played(attempt, play, heard, whole),
            LegEvent::AudioStarted { .. } => {
                // Audio before the answer is no answer.
                if let Some(answered) = self
                    .calls
                    .get_mut(&attempt)
                    .and_then(|c| c.answered.as_mut())
                {
                    answered.audio = true;
                }
            }
            LegEvent::AudioPaused { .. } => {}
            LegEvent::AudioLost { .. } => self.person_audio_lost(attempt),
            LegEvent::Bridged { .. } => self.bridged(attempt),
            LegEvent::Ended { end, .. } => {
                self.legs.remove(&leg);
                self.person_leg_ended(attempt, end);
            }
        }
    }

    fn ringing(&mut self, attempt: AttemptId, early_media: bool) {
        let wall = self.now.wall;
        let Some(call) = self.calls.get_mut(&attempt) else {
            return;
        };
        // Audio before the answer may be an announcement as well as a ringing tone; only 180 is ringing for sure.
        call.rang |= !early_media;
        call.times.ringing_at.get_or_insert(wall);
        let State::Dialling { leg, trunk } = call.state else {
            return;
        };
        call.state = State::Ringing { leg, trunk };
        let limit = self
            .campaigns
            .get(&call.campaign)
            .map_or(Duration::from_secs(25), |c| c.spec.ring_limit);
        let at = self.after(limit);
        self.timers.set(Timer::Attempt(attempt), at);
    }

    // ---- the answer

    fn answered(&mut self, attempt: AttemptId, leg: LegId, after_cancel: bool) {
        let wall = self.now.wall;
        self.timers.cancel(Timer::Attempt(attempt));
        let Some(call) = self.calls.get_mut(&attempt) else {
            return;
        };
        let trunk = call.state.trunk();
        let (id, reserved) = (call.campaign, call.reserved);
        call.times.answered_at = Some(wall);
        // Until greetings are detected, they end at the answer: the strictest reading of "within two seconds".
        call.times.greeting_ended_at = Some(wall);
        call.answered_mut();
        call.state = State::Waiting { leg, trunk };
        let mode = self.campaigns.get(&id).map(|c| c.spec.mode);
        if let Some(campaign) = self.campaigns.get_mut(&id) {
            campaign.counts.answered += 1;
        }
        self.store(StoreWish::Progress {
            campaign: id,
            attempt,
            answered_at: Some(wall),
            bridged_at: None,
            agent: None,
        });
        self.look = true;
        if mode == Some(Mode::Notification) {
            if let Some(call) = self.calls.get_mut(&attempt) {
                call.answered_mut().agentless = true;
            }
            if after_cancel
                && self
                    .calls
                    .get(&attempt)
                    .is_some_and(|c| c.stop == Some(Stop::NotWanted))
                && self.draining
            {
                self.release(attempt);
                return;
            }
            self.start_message(attempt);
            return;
        }
        let agent = match reserved {
            Some(agent) => self
                .agents
                .get(&agent)
                .filter(|a| a.is_dialling(attempt) && a.leg().is_some())
                .map(|a| a.spec.id),
            None => {
                let needs = self.calls.get(&attempt).and_then(|c| self.needs(&c.claim));
                self.longest_idle(id, needs.as_deref())
            }
        };
        match agent {
            Some(agent) => self.join(attempt, agent),
            None => {
                if reserved.is_some()
                    && let Some(call) = self.calls.get_mut(&attempt)
                {
                    call.answered_mut().agent = AgentPart::NoPickup;
                }
                let threshold = self.threshold(id);
                let at = self.after(threshold);
                self.timers.set(Timer::Attempt(attempt), at);
            }
        }
    }

    /// How long after the greeting an agent must come, by the campaign's rules.
    pub(crate) fn threshold(&self, id: CampaignId) -> Duration {
        self.campaigns.get(&id).map_or(Duration::from_secs(2), |c| {
            c.spec.rules.abandon().max_silence
        })
    }

    /// Of the agents who could look at a prospect of this campaign, the one idle longest.
    pub(crate) fn longest_idle_for_preview(&self, id: CampaignId) -> Option<AgentId> {
        let groups = &self.campaigns.get(&id)?.spec.groups;
        let able = self
            .agents
            .values()
            .filter(|a| a.counts_for_launch() && a.serves(groups));
        // A call that is under way for the agent's other campaigns needs the agent more than an offer does.
        let owed = self
            .calls
            .values()
            .filter(|c| c.reserved.is_none() && c.state.in_flight());
        let owed = owed
            .filter(|c| {
                self.campaigns
                    .get(&c.campaign)
                    .is_some_and(|c| c.spec.groups.iter().any(|g| groups.contains(g)))
            })
            .count();
        let mut able: Vec<&Agent> = able.collect();
        if able.len() <= owed {
            return None;
        }
        able.sort_by_key(|a| (a.idle_since, a.spec.id));
        able.first().map(|a| a.spec.id)
    }

    /// Joins a person who is on the line with an agent.
    pub(crate) fn join(&mut self, attempt: AttemptId, agent: AgentId) {
        let Some(agent_leg) = self.agents.get(&agent).and_then(Agent::leg) else {
            return;
        };
        let Some(call) = self.calls.get_mut(&attempt) else {
            return;
        };
        let (Some(leg), trunk) = (call.state.leg(), call.state.trunk()) else {
            return;
        };
        let hears_something = matches!(call.state, State::Message { .. } | State::AgentLost { .. });
        let lost = if let State::AgentLost { agent: lost, .. } = call.state
            && lost != agent
        {
            Some(lost)
        } else {
            None
        };
        call.state = State::Talking { leg, trunk, agent };
        call.agent = Some(agent);
        call.broken_off = false;
        if hears_something {
            self.leg(LegCommand::StopPlay { leg });
        }
        self.timers.cancel(Timer::Attempt(attempt));
        self.leg(LegCommand::Bridge {
            a: leg,
            b: agent_leg,
        });
        let play = self.new_play();
        let sounds = vec![Sound::Tone {
            tone: Tone::Connected,
        }];
        self.leg(LegCommand::Play {
            leg: agent_leg,
            play,
            sounds,
            repeat: false,
        });
        self.agent_doing(
            agent,
            Doing::Talking {
                attempt,
                held: false,
            },
        );
        let pop = self.screen_pop(attempt);
        self.tell_pop(agent, pop, |pop| AgentEvent::Connected { pop });
        if let Some(lost) = lost {
            let text = "your phone was lost; another agent took the call".to_owned();
            self.tell(lost, AgentEvent::Notice { text });
            self.settle(lost);
        }
    }

    /// Two-way audio is there.
    fn bridged(&mut self, attempt: AttemptId) {
        let wall = self.now.wall;
        let Some(call) = self.calls.get_mut(&attempt) else {
            return;
        };
        if !matches!(call.state, State::Talking { .. }) || call.times.bridged_at.is_some() {
            return;
        }
        call.times.bridged_at = Some(wall);
        call.answered_mut().agent = AgentPart::Joined;
        let (campaign, agent) = (call.campaign, call.agent);
        if let Some(campaign) = self.campaigns.get_mut(&campaign) {
            campaign.counts.connected += 1;
        }
        self.store(StoreWish::Progress {
            campaign,
            attempt,
            answered_at: None,
            bridged_at: Some(wall),
            agent,
        });
    }

    /// An agent became free: the person who waits longest, of a campaign the agent serves, is joined.
    pub(crate) fn serve_waiting(&mut self, agent: AgentId) -> bool {
        let Some(free) = self.agents.get(&agent).filter(|a| a.can_take_call()) else {
            return false;
        };
        let serves = |c: &&Call| {
            self.campaigns
                .get(&c.campaign)
                .is_some_and(|k| free.serves(&k.spec.groups))
                && free.has(self.needs(&c.claim).as_deref())
        };
        let waits = |c: &&Call| match c.state {
            State::Waiting { .. } => true,
            State::AgentLost {
                agent: lost, any, ..
            } => any || lost == agent,
            // Better late than not at all; the ledger knows that it was late.
            State::Message {
                part: MessageStage::Abandoned,
                ..
            } => true,
            State::Recording { .. }
            | State::Dialling { .. }
            | State::Ringing { .. }
            | State::Cancelling { .. }
            | State::Talking { .. }
            | State::Message { .. }
            | State::Releasing { .. } => false,
        };
        let longest = self
            .calls
            .values()
            .filter(waits)
            .filter(serves)
            .min_by_key(|c| (c.times.answered_at, c.id));
        match longest.map(|c| c.id) {
            Some(attempt) => {
                self.join(attempt, agent);
                true
            }
            None => false,
        }
    }

    // ---- giving up

    pub(crate) fn attempt_timer(&mut self, attempt: AttemptId) {
        let Some(call) = self.calls.get(&attempt) else {
            return;
        };
        match call.state.clone() {
            State::Dialling { .. } => self.cancel(attempt, Stop::SetUpLimit),
            State::Ringing { .. } => self.cancel(attempt, Stop::RingLimit),
            State::Waiting { .. } => self.nobody_came(attempt),
            State::AgentLost { any: false, .. } => self.let_others_take(attempt),
            State::AgentLost { any: true, .. } => self.nobody_came(attempt),
            State::Message {
                part: MessageStage::Gate,
                ..
            } => self.gate_timed_out(attempt),
            State::Recording { .. }
            | State::Cancelling { .. }
            | State::Talking { .. }
            | State::Message { .. }
            | State::Releasing { .. } => {}
        }
    }

    pub(crate) fn cancel(&mut self, attempt: AttemptId, stop: Stop) {
        let Some(call) = self.calls.get_mut(&attempt) else {
            return;
        };
        match call.state {
            State::Dialling { leg, trunk } | State::Ringing { leg, trunk } => {
                call.stop = Some(stop);
                call.state = State::Cancelling { leg, trunk };
                self.timers.cancel(Timer::Attempt(attempt));
                self.leg(LegCommand::Cancel { leg });
            }
            State::Recording { .. }
            | State::Cancelling { .. }
            | State::Waiting { .. }
            | State::Talking { .. }
            | State::AgentLost { .. }
            | State::Message { .. }
            | State::Releasing { .. } => {}
        }
    }

    /// The time for an agent to come is over: the person is told so, then released.
    fn nobody_came(&mut self, attempt: AttemptId) {
        let Some(call) = self.calls.get(&attempt) else {
            return;
        };
        let broken_off = matches!(call.state, State::AgentLost { .. });
        let mut message = self
            .campaigns
            .get(&call.campaign)
            .map(|c| c.spec.abandoned_message.clone())
            .unwrap_or_default();
        if message.is_empty() && broken_off {
            // In the middle of a talk nobody is released without a sound.
            message = vec![Sound::Tone { tone: Tone::Fault }];
        }
        if message.is_empty() {
            self.release(attempt);
            return;
        }
        if !call.agent_joined()
            && let Some(campaign) = self.campaigns.get_mut(&call.campaign)
        {
            campaign.counts.abandoned += 1;
        }
        if let Some(call) = self.calls.get_mut(&attempt) {
            call.broken_off |= broken_off;
        }
        self.play_to_person(attempt, MessageStage::Abandoned, message);
    }

    /// Ends the person's leg; the result is written when its end is known.
    pub(crate) fn release(&mut self, attempt: AttemptId) {
        let Some(call) = self.calls.get_mut(&attempt) else {
            return;
        };
        let trunk = call.state.trunk();
        let Some(leg) = call.state.leg() else { return };
        if matches!(call.state, State::Releasing { .. }) {
            return;
        }
        call.state = State::Releasing { leg, trunk };
        self.timers.cancel(Timer::Attempt(attempt));
        self.leg(LegCommand::HangUp { leg });
    }

    fn person_audio_lost(&mut self, attempt: AttemptId) {
        let Some(call) = self.calls.get(&attempt) else {
            return;
        };
        match call.state {
            // A talk without audio from the person may be a talk on mute; the agent decides.
            State::Talking { .. } | State::AgentLost { .. } => {
                if let Some(agent) = call.agent {
                    let text = "no audio comes from the person".to_owned();
                    self.tell(agent, AgentEvent::Notice { text });
                }
            }
            State::Recording { .. }
            | State::Dialling { .. }
            | State::Ringing { .. }
            | State::Cancelling { .. }
            | State::Waiting { .. }
            | State::Message { .. }
            | State::Releasing { .. } => {}
        }
    }

    // ---- the end

    fn person_leg_ended(&mut self, attempt: AttemptId, end: LegEnd) {
        let wall = self.now.wall;
        let Some(call) = self.calls.get_mut(&attempt) else {
            return;
        };
        let by_person = end.by == Ended::Remote && !matches!(call.state, State::Releasing { .. });
        let may_hunt = call.answered.is_none() && call.stop.is_none() && may_hunt_on(&end);
        let (id, tried, latest) = (call.campaign, call.tried.clone(), call.latest_start);
        call.own_fault |= end.by == Ended::Refused;
        call.broken_off |= matches!(call.state, State::AgentLost { .. });
        call.leg_ended(end);
        if call.answered.is_some() {
            call.times.ended_at = Some(wall);
            call.answered_mut().person_left = by_person;
        }
        if may_hunt && wall <= latest && !self.draining {
            let group = self
                .campaigns
                .get(&id)
                .filter(|c| c.running())
                .map(|c| c.spec.trunk_group);
            let next = group.and_then(|g| self.trunks.hunt(g, &tried, self.now.mono));
            if let (Some(trunk), Some(call)) = (next, self.calls.get_mut(&attempt)) {
                self.trunks.release(call.state.trunk());
                call.own_fault = false;
                call.tried.push(trunk);
                call.state = State::Recording { trunk };
                self.dial(attempt);
                return;
            }
        }
        self.finish(attempt);
    }

    /// Gives the attempt its result and tells everybody concerned.
    pub(crate) fn finish(&mut self, attempt: AttemptId) {
        let Some(call) = self.calls.get(&attempt) else {
            return;
        };
        let result = classify(&call.facts(), self.threshold(call.campaign));
        let last = call.legs.last();
        let signals = Signals {
            status: last.and_then(|l| l.end.status),
            q850: last.and_then(|l| l.end.q850),
            rang: call.rang,
            ..Signals::default()
        };
        self.finish_as(attempt, result, &signals);
    }

    /// Writes the end of an attempt, once, and removes it.
    pub(crate) fn finish_as(&mut self, attempt: AttemptId, result: CallResult, signals: &Signals) {
        let Some(mut call) = self.calls.remove(&attempt) else {
            return;
        };
        self.timers.cancel(Timer::Attempt(attempt));
        self.trunks.release(call.state.trunk());
        // Marks of numbers and events carry this instant, also of calls that nobody answered.
        call.times.ended_at.get_or_insert(self.now.wall);
        self.look = true;
        let Some(campaign) = self.campaigns.get_mut(&call.campaign) else {
            return;
        };
        let spec = &campaign.spec;
        let threshold = spec.rules.abandon().max_silence;
        let rang = call.rang || result.rang_by_default();
        let counts_as_try = result.counts_as_try() || earlier_without_ringback(&call, result) >= 2;
        let ledger = call
            .ledger_times()
            .and_then(|times| ledger_class(&times, result, threshold));
        if let Some(class) = ledger {
            campaign.ledger.add(class);
        }
        campaign.counts.delivered += u64::from(result == CallResult::MessageDelivered);
        let signals = Signals {
            rang,
            machine_message_is_success: spec.machine_message_is_success,
            wrong_person: call.said == PersonSaid::WrongPerson,
            ..*signals
        };
        let suppress = call.said == PersonSaid::NeverAgain || retry::suppresses(result, &signals);
        let next = if suppress {
            let because = "asked not to be called again".to_owned();
            Next::Closed {
                state: crate::work::ClosedState::Suppressed,
                close_phone: Some(call.phone_id()),
                because,
            }
        } else {
            spec.retry.next(
                result,
                counts_as_try,
                &call.claim,
                call.phone_id(),
                self.now.wall,
                &spec.rules,
                &signals,
            )
        };
        let human_heard = matches!(
            result,
            CallResult::MessageDelivered | CallResult::MessagePartial
        );
        let finished = FinishedAttempt {
            attempt,
            campaign: call.campaign,
            prospect: call.claim.prospect,
            phone: call.phone_id(),
            number: call.phone.number,
            result,
            counts_as_try,
            rang,
            talked: result == CallResult::ConnectedAgent,
            message: call.message_started() || human_heard,
            ledger,
            agent: call.agent.or(call.reserved),
            times: call.times,
            legs: call.legs.clone(),
            heard: call.message_started().then_some(call.heard),
            digits: call.digits.clone(),
            mark: retry::mark(result, &signals),
            suppress,
            next,
        };
        let next = finished.next.clone();
        let (id, prospect, talked) = (finished.campaign, finished.prospect, finished.talked);
        self.store(StoreWish::Finish(Box::new(finished)));
        self.promise_called(id, prospect, talked);
        self.release_agent(call, result, next);
    }

    /// Tells the agent of an attempt that it is over, and what is next.
    fn release_agent(&mut self, call: Call, result: CallResult, next: Next) {
        let Some(agent) = call.agent.or(call.reserved) else {
            return;
        };
        if self.agents.get(&agent).and_then(Agent::attempt) != Some(call.id) {
            // Nobody is left to give an outcome, and every talk has one.
            if result == CallResult::ConnectedAgent {
                let outcome = call.outcome.clone();
                let code = if call.broken_off {
                    AGENT_LOST
                } else {
                    NO_OUTCOME
                };
                let outcome = outcome.unwrap_or_else(|| Outcome::of(code));
                self.save_outcome(&call, Some(agent), outcome, None);
            }
            return;
        }
        let because = match (result, call.answered.is_some_and(|a| a.person_left)) {
            (CallResult::ConnectedAgent, true) => "the person hung up".to_owned(),
            (CallResult::ConnectedAgent, false) => "the call was ended".to_owned(),
            _ => result.as_str().replace('_', " "),
        };
        self.tell(
            agent,
            AgentEvent::CallEnded {
                attempt: Some(call.id),
                result: Some(result),
                because,
            },
        );
        if result == CallResult::ConnectedAgent {
            self.begin_wrap_up(agent, call);
        } else {
            // The agent said what was heard (a machine) before the call ended: the words are kept, and what
            // follows for the prospect is what the result says.
            if let Some(outcome) = call.outcome.clone() {
                self.save_outcome(&call, Some(agent), outcome, Some(next));
            }
            self.settle(agent);
        }
    }
}

/// Tries of this number in this campaign that ended without any ringing; the third counts as a try.
fn earlier_without_ringback(call: &Call, result: CallResult) -> usize {
    if result != CallResult::NoRingback {
        return 0;
    }
    let same = call
        .phone
        .history
        .iter()
        .filter(|t| t.campaign == call.campaign && t.result == Some(result));
    same.count()
}

impl Agent {
    pub(crate) fn is_dialling(&self, attempt: AttemptId) -> bool {
        matches!(self.doing, Doing::Dialling { attempt: doing } if doing == attempt)
    }
}
