//! From a claim to an INVITE: the rules' word, the commit, and the last look before the INVITE leaves.

use std::time::Duration;

use compliance::{Asked, RuleRef, Rules, Verdict};
use model::{AgentId, AttemptId, CallResult, CampaignId, E164, PhoneId, TrunkId, WallTime};

use crate::agent::{Doing, Offer};
use crate::call::{Call, PersonSaid, State};
use crate::claims::returned;
use crate::effect::{AgentEvent, Refused, StoreWish};
use crate::engine::{Engine, LegOwner};
use crate::leg::LegCommand;
use crate::live::Campaign;
use crate::messages::may_be_told;
use crate::retry::Signals;
use crate::timers::Timer;
use crate::work::{
    AttemptTimes, Claim, ClosedState, DecisionRecord, Launch, LaunchAnswer, Next, PhoneFacts,
    ReturnTo, ReturnedClaim,
};

/// A launch whose commit took longer is not sent any more: the forecast it rests on is old.
const COMMIT_LIMIT: Duration = Duration::from_secs(1);
/// A number in another live call is tried again after this.
const NUMBER_LIVE_AGAIN: Duration = Duration::from_secs(60);

/// A claim with the number chosen and the rules' word on it.
pub(crate) enum Judged {
    Allowed(Box<Allowed>),
    Back(ReturnedClaim),
}

/// A claim whose chosen number may be called until `latest_start`.
pub(crate) struct Allowed {
    pub(crate) claim: Claim,
    pub(crate) phone: PhoneFacts,
    latest_start: WallTime,
    /// The profiles that said so.
    profile: String,
}

/// Why a call is launched, for its record.
pub(crate) struct Why {
    pub(crate) policy: String,
    pub(crate) agents_ready: u32,
    pub(crate) in_flight: u32,
}

impl Engine {
    /// Chooses the number and asks the rules.
    pub(crate) fn judge(
        &mut self,
        claim: Claim,
        wanted: Option<PhoneId>,
        agent_reserved: bool,
    ) -> Judged {
        let Some(campaign) = self.campaigns.get(&claim.campaign) else {
            let back = returned(&claim, ReturnTo::Unchanged);
            return Judged::Back(back);
        };
        let chosen = wanted
            .or(claim.next_phone)
            .and_then(|id| {
                claim
                    .phones
                    .iter()
                    .find(|p| p.id == id && (p.may_be_tried() || wanted.is_some()))
            })
            .or_else(|| claim.phones.iter().find(|p| p.may_be_tried()));
        let Some(phone) = chosen.cloned() else {
            return Judged::Back(self.nothing_to_dial(&claim));
        };
        if let Some(message) = &campaign.spec.message
            && let Err(missing) = may_be_told(message, &claim)
        {
            let rule = format!("message: {missing}");
            return Judged::Back(returned(&claim, ReturnTo::Held { until: None, rule }));
        }
        let asked = Asked {
            at: self.now.wall,
            zones: &claim.zones,
            number: phone.number,
            ring_limit: campaign.spec.ring_limit,
            seller: &campaign.spec.seller,
            subject: claim
                .subject
                .as_deref()
                .or(campaign.spec.subject.as_deref()),
            history: &phone.history,
            suppressed: phone.suppressed,
            consent: claim.consent,
            agent_reserved,
            in_live_call: phone.live || self.is_live(phone.number),
        };
        match campaign.spec.rules.check(&asked) {
            Verdict::Allowed { latest_start } => {
                let profile = names(&campaign.spec.rules);
                Judged::Allowed(Box::new(Allowed {
                    claim,
                    phone,
                    latest_start,
                    profile,
                }))
            }
            Verdict::Held { until, rule } => {
                // The other call ends, and nothing tells this prospect's place in the queue that it did.
                let again = rule
                    .is_in_live_call()
                    .then(|| self.now.wall + NUMBER_LIVE_AGAIN);
                Judged::Back(returned(
                    &claim,
                    ReturnTo::Held {
                        until: until.or(again),
                        rule: in_words(&rule),
                    },
                ))
            }
        }
    }

    /// A prospect without a number that may be tried is closed; one on a suppression list says so with a result.
    fn nothing_to_dial(&mut self, claim: &Claim) -> ReturnedClaim {
        let suppressed = claim.phones.iter().find(|p| p.suppressed);
        let (state, because) = match suppressed {
            Some(_) => (ClosedState::Suppressed, "on a suppression list"),
            None => (ClosedState::Exhausted, "no number is left to try"),
        };
        let next = Next::Closed {
            state,
            close_phone: None,
            because: because.to_owned(),
        };
        match suppressed.or(claim.phones.first()) {
            Some(phone) if state == ClosedState::Suppressed => returned(
                claim,
                ReturnTo::Decided {
                    attempt: self.new_attempt_id(),
                    phone: phone.id,
                    result: CallResult::DoNotCall,
                    agent: None,
                    at: self.now.wall,
                    next,
                },
            ),
            _ => returned(
                claim,
                ReturnTo::Closed {
                    state,
                    because: because.to_owned(),
                },
            ),
        }
    }

    pub(crate) fn is_live(&self, number: E164) -> bool {
        self.calls.values().any(|c| c.phone.number == number)
    }

    /// Makes the attempt; its channel is held and it counts as in flight from here on.
    pub(crate) fn launch(
        &mut self,
        allowed: Allowed,
        trunk: TrunkId,
        reserved: Option<AgentId>,
        why: Why,
    ) -> Launch {
        let Allowed {
            claim,
            phone,
            latest_start,
            profile,
        } = allowed;
        let decision = DecisionRecord {
            profile,
            zones: claim.zones.clone(),
            latest_start,
            policy: why.policy,
            agents_ready: why.agents_ready,
            in_flight: why.in_flight,
        };
        let attempt = self.new_attempt_id();
        let (seller, subject) = self
            .campaigns
            .get(&claim.campaign)
            .map(|c| {
                (
                    c.spec.seller.clone(),
                    claim.subject.clone().or_else(|| c.spec.subject.clone()),
                )
            })
            .unwrap_or_default();
        let launch = Launch {
            attempt,
            campaign: claim.campaign,
            prospect: claim.prospect,
            lease: claim.lease,
            phone: phone.id,
            number: phone.number,
            facts_version: phone.version,
            seller,
            subject,
            trunk,
            agent: reserved,
            at: self.now.wall,
            decision,
        };
        if let Some(campaign) = self.campaigns.get_mut(&claim.campaign) {
            campaign.counts.launched += 1;
        }
        let call = Call {
            id: attempt,
            campaign: claim.campaign,
            claim,
            phone,
            state: State::Recording { trunk },
            reserved,
            agent: None,
            decided_at: self.now.mono,
            latest_start,
            times: AttemptTimes::default(),
            legs: Vec::new(),
            tried: vec![trunk],
            rang: false,
            stop: None,
            own_fault: false,
            answered: None,
            heard: Duration::ZERO,
            digits: String::new(),
            said: PersonSaid::Nothing,
            outcome: None,
            broken_off: false,
        };
        self.calls.insert(attempt, call);
        if let Some(agent) = reserved {
            self.agent_doing(agent, Doing::Dialling { attempt });
            let pop = self.screen_pop(attempt);
            self.tell_pop(agent, pop, |pop| AgentEvent::Dialling { pop });
        }
        launch
    }

    /// The campaign, when calls may be launched for it at all, also such as an agent asks for.
    pub(crate) fn may_launch_for(&self, id: CampaignId) -> Result<&Campaign, Refused> {
        let campaign = self.campaigns.get(&id).ok_or(Refused::NoCampaign(id))?;
        if self.draining {
            return Err(Refused::Draining);
        }
        if !self.store_up {
            return Err(Refused::StoreLost);
        }
        if !campaign.running() {
            let state = campaign.spec.state;
            return Err(Refused::NotRunning { state });
        }
        match self.stops.of(&campaign.spec) {
            Some(stop) => Err(stop.refusal()),
            None => Ok(campaign),
        }
    }

    /// Launches the offer in an agent's hand; the agent's phone is up.
    pub(crate) fn launch_offer(&mut self, agent: AgentId, offer: Offer) -> Result<(), Refused> {
        let id = offer.claim.campaign;
        let prospect = offer.claim.prospect;
        let group = match self.may_launch_for(id) {
            Ok(campaign) => campaign.spec.trunk_group,
            Err(refused) => {
                self.give_back(vec![offer.claim]);
                return Err(refused);
            }
        };
        let allowed = match self.judge(offer.claim, Some(offer.phone), true) {
            Judged::Allowed(allowed) => allowed,
            Judged::Back(back) => {
                let refused = match &back.to {
                    ReturnTo::Held { until, rule } => Refused::Held {
                        rule: rule.clone(),
                        until: *until,
                    },
                    ReturnTo::Decided { .. } | ReturnTo::Closed { .. } => Refused::NotClaimed {
                        prospect,
                        why: "no number is left that may be called".to_owned(),
                    },
                    ReturnTo::Unchanged => Refused::NoCampaign(id),
                };
                self.store(StoreWish::Return(vec![back]));
                return Err(refused);
            }
        };
        let Some(trunk) = self.trunks.hunt(group, &[], self.now.mono) else {
            let down = self.trunks.down_in(group).join("; ");
            self.give_back(vec![allowed.claim]);
            let why = if down.is_empty() {
                "all channels are in use; try again in a moment".to_owned()
            } else {
                down
            };
            return Err(Refused::NoLine { why });
        };
        let why = Why {
            policy: "agent".to_owned(),
            agents_ready: 0,
            in_flight: 0,
        };
        let launch = self.launch(*allowed, trunk, Some(agent), why);
        self.store(StoreWish::RecordLaunches(vec![launch]));
        Ok(())
    }

    pub(crate) fn launches_recorded(&mut self, answers: Vec<(AttemptId, LaunchAnswer)>) {
        for (attempt, answer) in answers {
            match answer {
                LaunchAnswer::Recorded => self.recorded(attempt),
                LaunchAnswer::FactsChanged => {
                    self.never_launched(attempt, Some(ReturnTo::Unchanged), "its facts changed")
                }
                LaunchAnswer::NumberLive => {
                    let until = Some(self.now.wall + NUMBER_LIVE_AGAIN);
                    let to = ReturnTo::Held {
                        until,
                        rule: "number in a live call".to_owned(),
                    };
                    self.never_launched(attempt, Some(to), "the number is in another call");
                }
                LaunchAnswer::LeaseLost => {
                    self.never_launched(attempt, None, "somebody else took the prospect")
                }
            }
        }
        self.look = true;
    }

    pub(crate) fn launches_failed(&mut self, attempts: &[AttemptId]) {
        for attempt in attempts {
            self.never_launched(
                *attempt,
                Some(ReturnTo::Unchanged),
                "the database did not take it",
            );
        }
    }

    /// A launch that was not committed: it never was.
    fn never_launched(&mut self, attempt: AttemptId, back: Option<ReturnTo>, why: &str) {
        let Some(call) = self.calls.remove(&attempt) else {
            return;
        };
        self.timers.cancel(Timer::Attempt(attempt));
        self.trunks.release(call.state.trunk());
        if let Some(campaign) = self.campaigns.get_mut(&call.campaign) {
            campaign.counts.launched = campaign.counts.launched.saturating_sub(1);
        }
        if let Some(to) = back {
            self.store(StoreWish::Return(vec![returned(&call.claim, to)]));
        }
        if let Some(agent) = call.reserved {
            let because = format!("not dialled: {why}");
            self.tell(
                agent,
                AgentEvent::CallEnded {
                    attempt: None,
                    result: None,
                    because,
                },
            );
            self.settle(agent);
        }
    }

    /// The launch is committed. Looks again before the INVITE leaves: pause, window, forecast, age.
    fn recorded(&mut self, attempt: AttemptId) {
        match self.why_not_any_more(attempt) {
            None => self.dial(attempt),
            Some(why) => self.return_undialled(attempt, why),
        }
    }

    fn why_not_any_more(&mut self, attempt: AttemptId) -> Option<&'static str> {
        let call = self.calls.get(&attempt)?;
        let id = call.campaign;
        let reserved = call.reserved;
        if self.now.mono.since(call.decided_at) > COMMIT_LIMIT {
            return Some("the commit took too long");
        }
        if self.now.wall > call.latest_start {
            return Some("the window closes");
        }
        if self.draining {
            return Some("the daemon is shutting down");
        }
        let campaign = self.campaigns.get(&id).filter(|c| c.running());
        let Some(campaign) = campaign else {
            return Some("the campaign was stopped");
        };
        if self.stops.of(&campaign.spec).is_some() {
            return Some("calls were stopped");
        }
        if let Some(agent) = reserved {
            let still = self.agents.get(&agent).is_some_and(|a| {
                matches!(a.doing, Doing::Dialling { attempt: doing } if doing == attempt)
                    && a.leg().is_some()
            });
            return (!still).then_some("the agent is no longer there");
        }
        // The forecast without this call: is it still wanted?
        let mut seen = self.snapshot(id)?;
        seen.in_flight = seen.in_flight.saturating_sub(1);
        seen.lines_free = seen.lines_free.saturating_add(1);
        seen.launches_free = seen.launches_free.saturating_add(1);
        seen.prospects = seen.prospects.saturating_add(1);
        let campaign = self.campaigns.get_mut(&id)?;
        (campaign.pacer.decide(&seen).launch == 0).then_some("no agent is left to take it")
    }

    fn return_undialled(&mut self, attempt: AttemptId, why: &str) {
        if let Some(agent) = self.calls.get(&attempt).and_then(|c| c.reserved) {
            let text = format!("not dialled: {why}");
            self.tell(agent, AgentEvent::Notice { text });
        }
        self.finish_as(attempt, CallResult::ReturnedUndialled, &Signals::default());
    }

    /// Sends the INVITE over the trunk whose channel the attempt holds.
    pub(crate) fn dial(&mut self, attempt: AttemptId) {
        let leg = self.new_leg(LegOwner::Person(attempt));
        let wall = self.now.wall;
        let Some(call) = self.calls.get_mut(&attempt) else {
            return;
        };
        let trunk = call.state.trunk();
        call.state = State::Dialling { leg, trunk };
        call.times.dialled_at.get_or_insert(wall);
        let to = call.phone.number;
        let Some(spec) = self.campaigns.get(&call.campaign).map(|c| &c.spec) else {
            return;
        };
        let (from, limit) = (spec.caller, spec.set_up_limit);
        let at = self.after(limit);
        self.timers.set(Timer::Attempt(attempt), at);
        self.leg(LegCommand::Dial {
            leg,
            attempt,
            trunk,
            to,
            from,
        });
    }
}

/// `us_federal@3+us_fl@1`: the profiles that allowed a call.
fn names(rules: &Rules) -> String {
    let names: Vec<String> = rules
        .profiles()
        .iter()
        .map(|p| format!("{}@{}", p.id, p.version))
        .collect();
    names.join("+")
}

/// `us_federal@3 window`: a rule as reports and `explain` name it.
fn in_words(rule: &RuleRef) -> String {
    match rule.version {
        0 => rule.rule.clone(),
        version => format!("{}@{version} {}", rule.profile, rule.rule),
    }
}
