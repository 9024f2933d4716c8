//! Calls by a click: an offered prospect taken or skipped, or any prospect chosen from a list.

use std::time::Duration;

use model::{AgentId, CallResult, CampaignId, PhoneId, ProspectId};

use crate::agent::{Doing, Offer};
use crate::claims::returned;
use crate::effect::{AgentEvent, Answer, Refused, StoreWish};
use crate::engine::Engine;
use crate::input::{ClaimRefused, RequestId};
use crate::retry::Signals;
use crate::timers::Timer;
use crate::work::{Claim, Next, ReturnTo, WorkKind};

impl Engine {
    pub(crate) fn take_preview(
        &mut self,
        id: AgentId,
        phone: Option<PhoneId>,
    ) -> Result<Answer, Refused> {
        let mut offer = self.take_offer(id)?;
        if let Some(phone) = phone {
            if !offer.claim.phones.iter().any(|p| p.id == phone) {
                let refused = Refused::NotClaimed {
                    prospect: offer.claim.prospect,
                    why: format!("it has no number {phone}"),
                };
                self.agent_mut(id)?.doing = Doing::Previewing(Box::new(offer));
                return Err(refused);
            }
            offer.phone = phone;
        }
        offer.until = None;
        self.timers.cancel(Timer::Agent(id));
        self.dial_offer(id, offer)
    }

    /// Takes the offered prospect out of the agent's hand; what comes next is for the caller to say.
    pub(crate) fn take_offer(&mut self, id: AgentId) -> Result<Offer, Refused> {
        let agent = self.agent_mut(id)?;
        if !matches!(agent.doing, Doing::Previewing(_)) {
            let hint = "no prospect is on offer".to_owned();
            return Err(Refused::WrongState {
                state: agent.state(),
                hint,
            });
        }
        match std::mem::replace(&mut agent.doing, Doing::NotReady) {
            Doing::Previewing(offer) => Ok(*offer),
            Doing::NotReady
            | Doing::Ready
            | Doing::Fetching { .. }
            | Doing::CallingPhone(_)
            | Doing::Dialling { .. }
            | Doing::Talking { .. }
            | Doing::Lost { .. }
            | Doing::WrapUp(_) => Err(Refused::NotSignedIn(id)),
        }
    }

    /// Dials the offer, after the agent's own phone if that is not up.
    fn dial_offer(&mut self, id: AgentId, offer: Offer) -> Result<Answer, Refused> {
        let agent = self.agent_mut(id)?;
        if agent.leg().is_none() {
            if !agent.registered {
                self.give_back(vec![offer.claim]);
                self.settle(id);
                return Err(Refused::NoPhone);
            }
            self.agent_doing(id, Doing::CallingPhone(Box::new(offer)));
            self.call_phone(id);
            return Ok(Answer::Done);
        }
        match self.launch_offer(id, offer) {
            Ok(()) => Ok(Answer::Done),
            Err(refused) => {
                self.settle(id);
                Err(refused)
            }
        }
    }

    pub(crate) fn skip_preview(&mut self, id: AgentId) -> Result<Answer, Refused> {
        let offer = self.take_offer(id)?;
        self.decide_preview(id, offer, CallResult::PreviewSkipped);
        self.settle(id);
        Ok(Answer::Done)
    }

    /// Writes what became of an offer that was not dialled.
    pub(crate) fn decide_preview(&mut self, id: AgentId, offer: Offer, result: CallResult) {
        let attempt = self.new_attempt_id();
        let at = self.now.wall;
        let next = match self.campaigns.get(&offer.claim.campaign) {
            Some(c) => {
                let signals = Signals::default();
                c.spec.retry.next(
                    result,
                    false,
                    &offer.claim,
                    offer.phone,
                    at,
                    &c.spec.rules,
                    &signals,
                )
            }
            None => Next::Due {
                at,
                phone: None,
                kind: WorkKind::Retry,
                close_phone: None,
                because: result.as_str().to_owned(),
            },
        };
        let to = ReturnTo::Decided {
            attempt,
            phone: offer.phone,
            result,
            agent: Some(id),
            at,
            next,
        };
        self.store(StoreWish::Return(vec![returned(&offer.claim, to)]));
    }

    /// Puts an offer back as it was; nothing when there is none.
    pub(crate) fn take_offer_back(&mut self, id: AgentId, why: &str) {
        if let Ok(offer) = self.take_offer(id) {
            self.give_back(vec![offer.claim]);
            let because = why.to_owned();
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

    pub(crate) fn fetch(
        &mut self,
        request: RequestId,
        id: AgentId,
        campaign: CampaignId,
        prospect: ProspectId,
        phone: Option<PhoneId>,
    ) -> Result<(), Refused> {
        let rules = &self.may_launch_for(campaign)?.spec.rules;
        let lookback = rules.lookback().max(Duration::from_secs(7 * 86_400));
        let agent = self.agent_mut(id)?;
        match &agent.doing {
            Doing::NotReady | Doing::Ready => {}
            // The agent's hands must not be free in between: a waiting person would be put into them.
            Doing::Previewing(_) => {
                let offer = self.take_offer(id)?;
                self.timers.cancel(Timer::Agent(id));
                self.give_back(vec![offer.claim]);
            }
            Doing::Fetching { .. }
            | Doing::CallingPhone(_)
            | Doing::Dialling { .. }
            | Doing::Talking { .. }
            | Doing::Lost { .. }
            | Doing::WrapUp(_) => {
                let hint = "end the present call and its notes first".to_owned();
                return Err(Refused::WrongState {
                    state: agent.state(),
                    hint,
                });
            }
        }
        let agent = self.agent_mut(id)?;
        if !agent.registered && agent.leg().is_none() {
            return Err(Refused::NoPhone);
        }
        self.agent_doing(
            id,
            Doing::Fetching {
                request,
                campaign,
                prospect,
                phone,
            },
        );
        self.store(StoreWish::ClaimOne {
            agent: id,
            campaign,
            prospect,
            at: self.now.wall,
            lookback,
        });
        Ok(())
    }

    pub(crate) fn claimed_one(&mut self, id: AgentId, claim: Result<Claim, ClaimRefused>) {
        let Some(&Doing::Fetching {
            request,
            prospect,
            phone,
            ..
        }) = self.agents.get(&id).map(|a| &a.doing)
        else {
            self.give_back(claim.into_iter().collect());
            return;
        };
        let claim = match claim {
            Ok(claim) => claim,
            Err(refused) => {
                self.settle(id);
                let why = match refused {
                    ClaimRefused::NotFound => "it is not in that campaign",
                    ClaimRefused::Taken => "somebody else is calling it",
                    ClaimRefused::Closed => "it is closed",
                    ClaimRefused::NotYours => "it is assigned to another agent",
                    ClaimRefused::StoreLost => "the database does not answer",
                };
                self.reply(
                    request,
                    Err(Refused::NotClaimed {
                        prospect,
                        why: why.to_owned(),
                    }),
                );
                return;
            }
        };
        let chosen = match phone {
            Some(phone) => claim.phones.iter().find(|p| p.id == phone),
            None => claim
                .next_phone
                .and_then(|next| {
                    claim
                        .phones
                        .iter()
                        .find(|p| p.id == next && p.may_be_tried())
                })
                .or_else(|| claim.phones.iter().find(|p| p.may_be_tried())),
        };
        let Some(phone) = chosen.map(|p| p.id) else {
            self.give_back(vec![claim]);
            self.settle(id);
            let why = "it has no such number that may be called".to_owned();
            self.reply(request, Err(Refused::NotClaimed { prospect, why }));
            return;
        };
        let answer = self.dial_offer(
            id,
            Offer {
                claim,
                phone,
                until: None,
            },
        );
        self.reply(request, answer);
    }
}
