//! Prospects offered to agents, and what agents see of a prospect.

use model::{AgentId, AttemptId, CampaignId, PhoneId};

use crate::agent::{Doing, Offer};
use crate::effect::{AgentEvent, ScreenPop, StoreWish};
use crate::engine::Engine;
use crate::launch::{Allowed, Judged};
use crate::timers::Timer;
use crate::work::Claim;

impl Engine {
    /// Offers a prospect to each ready agent of a preview campaign.
    pub(crate) fn offer_previews(&mut self, id: CampaignId) {
        while let Some(agent) = self.longest_idle_for_preview(id) {
            let Some(at_hand) = self
                .campaigns
                .get_mut(&id)
                .and_then(|c| c.at_hand.pop_front())
            else {
                return;
            };
            match self.judge(at_hand.claim, None, true) {
                Judged::Back(back) => self.store(StoreWish::Return(vec![back])),
                Judged::Allowed(allowed) => {
                    let Allowed { claim, phone, .. } = *allowed;
                    let Some(limit) = self.campaigns.get(&id).map(|c| c.spec.preview_limit) else {
                        return;
                    };
                    let until = self.after(limit);
                    let pop = self.pop_of(&claim, None, Some(phone.id));
                    self.agent_doing(
                        agent,
                        Doing::Previewing(Box::new(Offer {
                            claim,
                            phone: phone.id,
                            until: Some(until),
                        })),
                    );
                    self.timers.set(Timer::Agent(agent), until);
                    let until = self.now.wall + limit;
                    self.tell(
                        agent,
                        AgentEvent::PreviewOffered {
                            pop: Box::new(pop),
                            until,
                        },
                    );
                }
            }
        }
    }

    pub(crate) fn screen_pop(&self, attempt: AttemptId) -> Option<ScreenPop> {
        let call = self.calls.get(&attempt)?;
        Some(self.pop_of(&call.claim, Some(attempt), Some(call.phone.id)))
    }

    pub(crate) fn pop_of(
        &self,
        claim: &Claim,
        attempt: Option<AttemptId>,
        phone: Option<PhoneId>,
    ) -> ScreenPop {
        let spec = self.campaigns.get(&claim.campaign).map(|c| &c.spec);
        ScreenPop {
            campaign: claim.campaign,
            campaign_name: spec.map(|s| s.name.clone()).unwrap_or_default(),
            seller: spec.map(|s| s.seller.clone()).unwrap_or_default(),
            greeting: spec.map(|s| s.greeting.clone()).unwrap_or_default(),
            prospect: claim.prospect,
            attempt,
            phone,
            phones: claim.phones.clone(),
            amount: claim.amount.map(|m| m.to_string()),
            subject: claim
                .subject
                .clone()
                .or_else(|| spec.and_then(|s| s.subject.clone())),
            card: claim.card.clone(),
            questionnaire: spec.and_then(|s| s.questionnaire),
            dispositions: spec.map(|s| s.dispositions.clone()).unwrap_or_default(),
        }
    }

    pub(crate) fn tell_pop(
        &mut self,
        agent: AgentId,
        pop: Option<ScreenPop>,
        event: impl FnOnce(Box<ScreenPop>) -> AgentEvent,
    ) {
        if let Some(pop) = pop {
            self.tell(agent, event(Box::new(pop)));
        }
    }
}
