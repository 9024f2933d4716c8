//! After the talk: notes, the outcome, what follows for the prospect.

use std::time::Duration;

use model::{AgentId, AttemptId, Disposition, DispositionAction, WallTime};

use crate::agent::{Doing, WrapUp};
use crate::call::Call;
use crate::campaign::CampaignSpec;
use crate::effect::{AgentEvent, Answer, Refused, StoreWish};
use crate::engine::{Engine, Saving};
use crate::input::RequestId;
use crate::timers::Timer;
use crate::work::{
    Callback, Claim, ClosedState, NewCallback, Next, NumberMark, Outcome, OutcomeRecord,
    PhoneFacts, Unfinished, WorkKind,
};

/// An agent is warned so long before the wrap-up ends.
const WARNING: Duration = Duration::from_secs(10);
/// Code of what an attempt has when the agent gave nothing.
pub const NO_OUTCOME: &str = "no_outcome";
/// Code of what an attempt has whose talk broke off because the agent was lost and nobody took it up.
pub const AGENT_LOST: &str = "agent_lost";

/// Whether notes ended because the agent wished it, or because time did.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OnPurpose {
    Yes,
    No,
}

/// Where an outcome comes from: everything that its record needs.
struct Source<'a> {
    attempt: AttemptId,
    claim: &'a Claim,
    phone: &'a PhoneFacts,
    agent: Option<AgentId>,
}

impl Engine {
    pub(crate) fn begin_wrap_up(&mut self, agent: AgentId, call: Call) {
        if let Some(outcome) = call.outcome.clone() {
            self.save_outcome(&call, Some(agent), outcome, None);
            self.settle(agent);
            return;
        }
        let mut otherwise = Some(NO_OUTCOME);
        if call.broken_off {
            // Safe at once, whether the agent comes back or not; words of the agent's own replace it.
            self.save_outcome(&call, Some(agent), Outcome::of(AGENT_LOST), None);
            otherwise = None;
            if self.agents.get(&agent).is_none_or(|a| a.client_lost) {
                self.settle(agent);
                return;
            }
        }
        let (limit, extension_left) = self
            .campaigns
            .get(&call.campaign)
            .map_or((Duration::from_secs(60), Duration::ZERO), |c| {
                (c.spec.wrap_up_limit, c.spec.wrap_up_extension)
            });
        let until = self.after(limit);
        let work = WrapUp {
            attempt: call.id,
            campaign: call.campaign,
            phone: call.phone.clone(),
            claim: call.claim,
            until,
            warned: false,
            extension_left,
            otherwise,
        };
        let attempt = work.attempt;
        self.agent_doing(agent, Doing::WrapUp(Box::new(work)));
        self.tell(
            agent,
            AgentEvent::WrapUp {
                attempt,
                until: self.now.wall + limit,
            },
        );
        self.wrap_up_timer(agent);
    }

    /// Warns, or ends a wrap-up whose time is over: nothing is applied.
    pub(crate) fn wrap_up_timer(&mut self, id: AgentId) {
        let now = self.now.mono;
        let Some(agent) = self.agents.get_mut(&id) else {
            return;
        };
        let Doing::WrapUp(work) = &mut agent.doing else {
            return;
        };
        let left = work.until.since(now);
        let attempt = work.attempt;
        if left.is_zero() {
            self.tell(id, AgentEvent::WrapUpTimedOut { attempt });
            self.no_outcome(id, OnPurpose::No);
        } else if left <= WARNING {
            let at = work.until;
            let first = !std::mem::replace(&mut work.warned, true);
            if first {
                let until = self.now.wall + left;
                self.tell(id, AgentEvent::WrapUpEnding { attempt, until });
            }
            self.timers.set(Timer::Agent(id), at);
        } else {
            let at = work.until - WARNING;
            self.timers.set(Timer::Agent(id), at);
        }
    }

    pub(crate) fn extend_wrap_up(&mut self, id: AgentId, by: Duration) -> Result<Answer, Refused> {
        let now = self.now;
        let agent = self.agent_mut(id)?;
        let state = agent.state();
        let Doing::WrapUp(work) = &mut agent.doing else {
            let hint = "no notes are being finished".to_owned();
            return Err(Refused::WrongState { state, hint });
        };
        if work.extension_left.is_zero() {
            let campaign = work.campaign;
            let limit = self.campaigns.get(&campaign);
            let limit = limit.map_or(Duration::ZERO, |c| c.spec.wrap_up_extension);
            return Err(Refused::NoMoreTime { limit });
        }
        // As much as there is: an agent in the middle of a word is better served by less than by a refusal.
        let by = by.min(work.extension_left);
        work.extension_left = work.extension_left.saturating_sub(by);
        work.until = work.until + by;
        work.warned = false;
        let attempt = work.attempt;
        let until = now.wall + work.until.since(now.mono);
        self.tell(id, AgentEvent::WrapUp { attempt, until });
        self.wrap_up_timer(id);
        Ok(Answer::Done)
    }

    /// Takes an outcome. During the talk it ends the call; the request is answered when it is safe.
    pub(crate) fn submit(
        &mut self,
        request: RequestId,
        id: AgentId,
        attempt: AttemptId,
        outcome: Outcome,
    ) -> Result<(), Refused> {
        let agent = self.agents.get(&id).ok_or(Refused::NotSignedIn(id))?;
        if agent.attempt() != Some(attempt) || self.saving.contains_key(&attempt) {
            return Err(Refused::NotYourAttempt(attempt));
        }
        let campaign = self.campaign_of(agent).and_then(|c| self.campaigns.get(&c));
        let campaign = campaign.ok_or(Refused::NotYourAttempt(attempt))?;
        check_outcome(&campaign.spec, &outcome, self.now.wall)?;
        match &agent.doing {
            Doing::WrapUp(_) => {
                self.saving.insert(
                    attempt,
                    Saving {
                        request: Some(request),
                        agent: Some(id),
                    },
                );
                self.save_wrapped_up(id, outcome, OnPurpose::Yes);
                Ok(())
            }
            Doing::Talking { .. } | Doing::Lost { .. } => {
                self.saving.insert(
                    attempt,
                    Saving {
                        request: Some(request),
                        agent: Some(id),
                    },
                );
                let machine = outcome.disposition == "machine_seen_by_agent";
                if let Some(call) = self.calls.get_mut(&attempt) {
                    call.outcome = Some(outcome);
                    if machine {
                        call.machine_marked();
                    }
                }
                self.release(attempt);
                Ok(())
            }
            Doing::NotReady
            | Doing::Ready
            | Doing::Previewing(_)
            | Doing::Fetching { .. }
            | Doing::CallingPhone(_)
            | Doing::Dialling { .. } => {
                let hint = "an outcome belongs to a talk; hang up instead".to_owned();
                Err(Refused::WrongState {
                    state: agent.state(),
                    hint,
                })
            }
        }
    }

    /// Takes the outcome of a talk that is over. What follows moves the prospect only as far as nobody has it and it was
    /// not called since: the database looks.
    pub(crate) fn submit_late(
        &mut self,
        request: RequestId,
        id: AgentId,
        talk: &Unfinished,
        outcome: Outcome,
    ) -> Result<(), Refused> {
        if !self.agents.contains_key(&id) {
            return Err(Refused::NotSignedIn(id));
        }
        let attempt = talk.attempt;
        let phone = talk.claim.phones.iter().find(|p| p.id == talk.phone);
        let (Some(phone), false) = (phone, self.saving.contains_key(&attempt)) else {
            return Err(Refused::NotYourAttempt(attempt));
        };
        let id_of = talk.claim.campaign;
        let campaign = self.campaigns.get(&id_of);
        let campaign = campaign.ok_or(Refused::NoCampaign(id_of))?;
        check_outcome(&campaign.spec, &outcome, self.now.wall)?;
        let source = Source {
            attempt,
            claim: &talk.claim,
            phone,
            agent: Some(id),
        };
        let record = self.outcome_record(&source, outcome, None);
        let saving = Saving {
            request: Some(request),
            agent: Some(id),
        };
        self.saving.insert(attempt, saving);
        self.store(StoreWish::SaveOutcome(Box::new(record)));
        Ok(())
    }

    pub(crate) fn close_without_outcome(
        &mut self,
        id: AgentId,
        attempt: AttemptId,
    ) -> Result<Answer, Refused> {
        let agent = self.agent_mut(id)?;
        if !matches!(&agent.doing, Doing::WrapUp(work) if work.attempt == attempt) {
            return Err(Refused::NotYourAttempt(attempt));
        }
        self.no_outcome(id, OnPurpose::Yes);
        let text = "closed without an outcome: nothing was applied".to_owned();
        self.tell(id, AgentEvent::Notice { text });
        Ok(Answer::Done)
    }

    /// What an attempt has when the agent gave nothing: it returns to the queue after a while.
    fn no_outcome(&mut self, id: AgentId, on_purpose: OnPurpose) {
        let Some(Doing::WrapUp(work)) = self.agents.get(&id).map(|a| &a.doing) else {
            return;
        };
        let Some(otherwise) = work.otherwise else {
            self.settle(id);
            return;
        };
        if let Some(attempt) = self.agents.get(&id).and_then(|a| a.attempt()) {
            self.saving.insert(
                attempt,
                Saving {
                    request: None,
                    agent: None,
                },
            );
        }
        self.save_wrapped_up(id, Outcome::of(otherwise), on_purpose);
    }

    fn save_wrapped_up(&mut self, id: AgentId, outcome: Outcome, on_purpose: OnPurpose) {
        let Some(Doing::WrapUp(work)) = self.agents.get(&id).map(|a| &a.doing) else {
            return;
        };
        let source = Source {
            attempt: work.attempt,
            claim: &work.claim,
            phone: &work.phone,
            agent: Some(id),
        };
        let mut record = self.outcome_record(&source, outcome, None);
        record.stands_in &= on_purpose == OnPurpose::No;
        self.store(StoreWish::SaveOutcome(Box::new(record)));
        self.settle(id);
    }

    /// Saves an outcome that was given during the call. `next` overrides what the disposition says.
    pub(crate) fn save_outcome(
        &mut self,
        call: &Call,
        agent: Option<AgentId>,
        outcome: Outcome,
        next: Option<Next>,
    ) {
        // Words that stand in for the agent's own do not end the agent's notes.
        let told = agent.filter(|_| outcome.disposition != AGENT_LOST);
        self.saving.entry(call.id).or_insert(Saving {
            request: None,
            agent: told,
        });
        let source = Source {
            attempt: call.id,
            claim: &call.claim,
            phone: &call.phone,
            agent,
        };
        let record = self.outcome_record(&source, outcome, next);
        self.store(StoreWish::SaveOutcome(Box::new(record)));
    }

    fn outcome_record(
        &self,
        source: &Source<'_>,
        outcome: Outcome,
        next: Option<Next>,
    ) -> OutcomeRecord {
        let Source {
            attempt,
            claim,
            phone,
            agent,
        } = *source;
        let campaign = self.campaigns.get(&claim.campaign);
        let spec = campaign.map(|c| &c.spec);
        let action = spec.and_then(|s| {
            s.dispositions
                .iter()
                .find(|d| d.code == outcome.disposition)
        });
        let action_is_missing = action.is_none();
        let success = action.is_some_and(|d| d.success);
        let refused = action.is_some_and(Disposition::is_refusal);
        let action = action.map(|d| d.action.clone());
        let mut suppress = false;
        let mut callback = None;
        let mut mark = None;
        let now = self.now.wall;
        let code = outcome.disposition.as_str();
        let follows = match (action, spec) {
            (Some(DispositionAction::CloseProspect), _) => {
                let state = if success {
                    ClosedState::Success
                } else {
                    ClosedState::Done
                };
                Next::Closed {
                    state,
                    close_phone: None,
                    because: code.to_owned(),
                }
            }
            (Some(DispositionAction::SuppressPerson), _) => {
                suppress = true;
                let state = ClosedState::Suppressed;
                Next::Closed {
                    state,
                    close_phone: Some(phone.id),
                    because: code.to_owned(),
                }
            }
            (Some(DispositionAction::ClosePhone), _) => {
                mark = Some(NumberMark::Reassigned);
                let other = claim
                    .phones
                    .iter()
                    .find(|p| p.id != phone.id && p.may_be_tried());
                match other {
                    Some(other) => due(now, Some(other), WorkKind::Hunt, Some(phone), code),
                    None => Next::Closed {
                        state: ClosedState::Exhausted,
                        close_phone: Some(phone.id),
                        because: format!("{code}, no number is left"),
                    },
                }
            }
            (Some(DispositionAction::CallBack { private }), _) => {
                let at = outcome.call_at.unwrap_or(now);
                let owner = agent.filter(|_| private);
                let number = outcome.call_phone.or(Some(phone.id));
                callback = Some(NewCallback {
                    at,
                    agent: owner,
                    phone: number,
                    note: outcome.note.clone(),
                });
                let kind = if owner.is_some() {
                    WorkKind::PrivateCallback
                } else {
                    WorkKind::PublicCallback
                };
                Next::Due {
                    at,
                    phone: number,
                    kind,
                    close_phone: None,
                    because: code.to_owned(),
                }
            }
            (Some(DispositionAction::TryAgain { after }), Some(spec)) => {
                let at = outcome.call_at.unwrap_or(now + after);
                let at = spec.rules.window(&claim.zones, at).next.unwrap_or(at);
                Next::Due {
                    at,
                    phone: outcome.call_phone,
                    kind: WorkKind::Retry,
                    close_phone: None,
                    because: code.to_owned(),
                }
            }
            (None, Some(spec)) if code == AGENT_LOST => {
                // Before anybody else, as soon as the rules allow.
                let at = spec.rules.window(&claim.zones, now).next.unwrap_or(now);
                let number = Some(phone.id);
                callback = Some(NewCallback {
                    at,
                    agent: None,
                    phone: number,
                    note: "the talk broke off".to_owned(),
                });
                due(at, Some(phone), WorkKind::PublicCallback, None, code)
            }
            (None, Some(spec)) => {
                let at = now + Duration::from_secs(spec.retry.no_outcome_after_s);
                let at = spec.rules.window(&claim.zones, at).next.unwrap_or(at);
                due(at, Some(phone), WorkKind::Retry, None, code)
            }
            (Some(DispositionAction::TryAgain { .. }) | None, None) => {
                due(now, Some(phone), WorkKind::Retry, None, code)
            }
        };
        OutcomeRecord {
            attempt,
            campaign: claim.campaign,
            prospect: claim.prospect,
            phone: phone.id,
            number: phone.number,
            seller: spec.map(|s| s.seller.clone()).unwrap_or_default(),
            agent,
            outcome,
            at: now,
            stands_in: action_is_missing,
            refused,
            suppress,
            callback,
            mark,
            next: next.unwrap_or(follows),
        }
    }

    pub(crate) fn outcome_saved(&mut self, attempt: AttemptId, callback: Option<Callback>) {
        if let Some(saving) = self.saving.remove(&attempt) {
            if let Some(agent) = saving.agent {
                self.tell(agent, AgentEvent::OutcomeSaved { attempt });
            }
            if let Some(request) = saving.request {
                self.reply(request, Ok(Answer::Done));
            }
        }
        if let Some(callback) = callback
            && let Some(owner) = callback.agent
        {
            self.add_callback(owner, callback);
        }
        self.look = true;
    }
}

impl Outcome {
    /// What a talk has when nobody gave anything.
    pub(crate) fn of(code: &str) -> Self {
        Self {
            disposition: code.to_owned(),
            answers: Vec::new(),
            note: String::new(),
            call_at: None,
            call_phone: None,
        }
    }
}

fn due(
    at: WallTime,
    phone: Option<&PhoneFacts>,
    kind: WorkKind,
    close: Option<&PhoneFacts>,
    because: &str,
) -> Next {
    Next::Due {
        at,
        phone: phone.map(|p| p.id),
        kind,
        close_phone: close.map(|p| p.id),
        because: because.to_owned(),
    }
}

fn check_outcome(spec: &CampaignSpec, outcome: &Outcome, now: WallTime) -> Result<(), Refused> {
    let Some(disposition) = spec
        .dispositions
        .iter()
        .find(|d| d.code == outcome.disposition)
    else {
        let known: Vec<&str> = spec.dispositions.iter().map(|d| d.code.as_ref()).collect();
        return Err(Refused::UnknownDisposition {
            code: outcome.disposition.clone(),
            known: known.join(", "),
        });
    };
    let needs_time = matches!(disposition.action, DispositionAction::CallBack { .. });
    if needs_time && outcome.call_at.is_none_or(|at| at <= now) {
        return Err(Refused::NeedsCallTime {
            code: outcome.disposition.clone(),
        });
    }
    Ok(())
}
