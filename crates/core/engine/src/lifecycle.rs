//! The life of a campaign: loaded, started, paused, stopped, and ended when nothing is left.

use model::{AgentId, AttemptId, CampaignId};

use crate::agent::Doing;
use crate::call::State;
use crate::campaign::{CampaignState, Mode};
use crate::classify::Stop;
use crate::effect::{Answer, Effect, Refused, StoreWish};
use crate::engine::Engine;
use crate::live::Campaign;
use crate::timers::Timer;
use crate::work::{Claim, Launch};

impl Engine {
    pub(crate) fn load_campaign(&mut self, spec: crate::campaign::CampaignSpec) {
        let id = spec.id;
        let now = self.now.mono;
        match self.campaigns.get_mut(&id) {
            Some(campaign) => campaign.configure(spec, now),
            None => {
                self.campaigns.insert(id, Campaign::new(spec, now));
            }
        }
        if !self.campaigns.get(&id).is_some_and(Campaign::running) {
            self.stop_launching(id);
        }
        self.look = true;
    }

    pub(crate) fn set_campaign_state(
        &mut self,
        id: CampaignId,
        state: CampaignState,
    ) -> Result<Answer, Refused> {
        let now = self.now.mono;
        let campaign = self.campaigns.get_mut(&id).ok_or(Refused::NoCampaign(id))?;
        let is = campaign.spec.state;
        if state == CampaignState::Paused
            && !matches!(is, CampaignState::Running | CampaignState::Paused)
        {
            return Err(Refused::NotRunning { state: is });
        }
        campaign.spec.state = state;
        campaign.next_claim_at = now;
        if state != CampaignState::Running {
            self.stop_launching(id);
        }
        self.look = true;
        Ok(Answer::Done)
    }

    /// Launches nothing more: claims and offers go back, and what has not rung is cancelled, or rings with
    /// no agent to come. Talks go on.
    pub(crate) fn stop_launching(&mut self, id: CampaignId) {
        let Some(campaign) = self.campaigns.get_mut(&id) else {
            return;
        };
        let groups = campaign.spec.groups.clone();
        let needs_agent = campaign.spec.mode != Mode::Notification;
        let back: Vec<Claim> = campaign.at_hand.drain(..).map(|h| h.claim).collect();
        self.give_back(back);
        self.withdraw_offers(id);
        let mut can_take = self
            .agents
            .values()
            .filter(|a| a.can_take_call() && a.serves(&groups))
            .count();
        let of_campaign: Vec<AttemptId> = self
            .calls
            .values()
            .filter(|c| c.campaign == id)
            .map(|c| c.id)
            .collect();
        for attempt in of_campaign {
            let Some(call) = self.calls.get(&attempt) else {
                continue;
            };
            match call.state {
                State::Dialling { .. } => self.cancel(attempt, Stop::NotWanted),
                State::Ringing { .. } if needs_agent && call.reserved.is_none() => {
                    if can_take == 0 {
                        self.cancel(attempt, Stop::NotWanted);
                    }
                    can_take = can_take.saturating_sub(1);
                }
                // A launch that is being committed is looked at again when the commit comes back.
                State::Recording { .. }
                | State::Ringing { .. }
                | State::Cancelling { .. }
                | State::Waiting { .. }
                | State::Talking { .. }
                | State::AgentLost { .. }
                | State::Message { .. }
                | State::Releasing { .. } => {}
            }
        }
    }

    fn withdraw_offers(&mut self, id: CampaignId) {
        let previewing: Vec<AgentId> = self
            .agents
            .iter()
            .filter(
                |(_, a)| matches!(&a.doing, Doing::Previewing(offer) if offer.claim.campaign == id),
            )
            .map(|(id, _)| *id)
            .collect();
        for agent in previewing {
            self.take_offer_back(agent, "the campaign was stopped for now");
        }
    }

    /// Looks at every campaign: ends those that are done, claims, offers and launches.
    pub(crate) fn look_at_campaigns(&mut self) {
        self.see_who_owes_a_callback();
        self.let_leavers_go();
        let ids: Vec<CampaignId> = self.campaigns.keys().copied().collect();
        // Whoever is first takes the shared agents and lines; the turn goes round.
        let first = ids.len().max(1);
        let turn = usize::try_from(self.now.mono.micros() / 250_000).unwrap_or(0) % first;
        let mut launches = Vec::new();
        for id in ids.iter().cycle().skip(turn).take(ids.len()) {
            self.look_at_campaign(*id, &mut launches);
        }
        if !launches.is_empty() {
            self.store(StoreWish::RecordLaunches(launches));
        }
    }

    fn look_at_campaign(&mut self, id: CampaignId, launches: &mut Vec<Launch>) {
        if self.end_if_over(id) {
            return;
        }
        let Some(campaign) = self.campaigns.get(&id) else {
            return;
        };
        let stopped = self.stops.of(&campaign.spec).is_some();
        if !campaign.running() || self.draining || !self.store_up || stopped {
            return;
        }
        if let Some(starts_at) = campaign.spec.starts_at
            && self.now.wall < starts_at
        {
            let at = self.mono_at(starts_at);
            self.timers.set(Timer::Campaign(id), at);
            return;
        }
        self.return_stale_claims(id);
        self.see_to_missed_callbacks(id);
        match self.campaigns.get(&id).map(|c| c.spec.mode) {
            Some(Mode::Preview) => self.offer_previews(id),
            Some(Mode::Predictive | Mode::Progressive | Mode::Notification) => {
                self.launch_paced(id, launches)
            }
            None => {}
        }
        self.claim_more(id);
    }

    /// Ends a campaign whose end has come, or whose queue is empty.
    fn end_if_over(&mut self, id: CampaignId) -> bool {
        let Some(campaign) = self.campaigns.get(&id) else {
            return true;
        };
        // An end must be committed: it waits for the database.
        if !campaign.running() || self.draining || !self.store_up {
            return false;
        }
        let past_end = campaign
            .spec
            .ends_at
            .is_some_and(|end| self.now.wall >= end);
        let empty = campaign.queue_known
            && !campaign.claim_open
            && campaign.at_hand.is_empty()
            && campaign.queue.open() == 0
            && !self.calls.values().any(|c| c.campaign == id)
            && !self.agents.values().any(|a| a.works_for(id));
        if !past_end && !empty {
            if let Some(end) = campaign.spec.ends_at {
                let at = self.mono_at(end);
                self.timers.set(Timer::Campaign(id), at);
            }
            return false;
        }
        let because = if past_end {
            "its end has come".to_owned()
        } else if campaign.queue.held > 0 {
            format!(
                "no prospect is open; {} are held until facts change",
                campaign.queue.held
            )
        } else {
            "no prospect is open and no callback is due".to_owned()
        };
        let state = CampaignState::Finished;
        if let Some(campaign) = self.campaigns.get_mut(&id) {
            campaign.spec.state = state;
        }
        self.stop_launching(id);
        self.out.push_back(Effect::CampaignEnded {
            campaign: id,
            state,
            because,
        });
        true
    }
}
