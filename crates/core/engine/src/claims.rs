//! Prospects at hand: how many to claim from the queue, and when they go back.

use std::time::Duration;

use model::CampaignId;

use crate::campaign::Mode;
use crate::effect::StoreWish;
use crate::engine::Engine;
use crate::input::QueueCounts;
use crate::live::AtHand;
use crate::timers::Timer;
use crate::work::{Claim, ReturnTo, ReturnedClaim};

/// Claims wait at hand no longer than this; then they go back, so that fresher facts can be had.
const AT_HAND_LIMIT: Duration = Duration::from_secs(30);
/// How often the queue is asked when it had nothing.
const CLAIM_AGAIN: Duration = Duration::from_secs(5);
/// After a claim that failed the next waits so long, twice as long after each further one...
const FAILED_FIRST: Duration = Duration::from_secs(1);
/// ...up to this.
const FAILED_MOST: Duration = Duration::from_secs(30);
/// Most prospects at hand of one campaign: one commit's worth of claims.
const AT_HAND_MOST: usize = 100;

impl Engine {
    pub(crate) fn claim_more(&mut self, id: CampaignId) {
        let now = self.now.mono;
        let wanted = self.wanted_at_hand(id);
        let Some(campaign) = self.campaigns.get_mut(&id) else {
            return;
        };
        let missing = wanted.saturating_sub(campaign.at_hand.len());
        if campaign.claim_open {
            return;
        }
        if missing == 0 && campaign.queue_known {
            return;
        }
        if now < campaign.next_claim_at {
            let at = campaign.next_claim_at;
            self.timers.set(Timer::Campaign(id), at);
            return;
        }
        campaign.claim_open = true;
        let lookback = campaign
            .spec
            .rules
            .lookback()
            .max(Duration::from_secs(7 * 86_400));
        // A count of zero asks for the counts alone: whether the campaign is over must be known without agents too.
        let count = u32::try_from(missing).unwrap_or(0);
        self.store(StoreWish::Claim {
            campaign: id,
            count,
            at: self.now.wall,
            lookback,
        });
    }

    /// How many prospects to have at hand: what the next seconds may need, no more, since claims go stale.
    fn wanted_at_hand(&mut self, id: CampaignId) -> usize {
        let Some(campaign) = self.campaigns.get(&id) else {
            return 0;
        };
        let (mode, groups, trunk_group) = (
            campaign.spec.mode,
            campaign.spec.groups.clone(),
            campaign.spec.trunk_group,
        );
        let ready = self
            .agents
            .values()
            .filter(|a| a.counts_for_launch() && a.serves(&groups))
            .count();
        let wanted = match mode {
            Mode::Preview => ready,
            Mode::Progressive => ready * 2,
            Mode::Predictive => ready * 5,
            Mode::Notification => {
                let room = self.trunks.room(trunk_group, self.now.mono);
                room.lines.min(room.channels) as usize
            }
        };
        wanted.min(AT_HAND_MOST)
    }

    pub(crate) fn claimed(&mut self, id: CampaignId, claims: Vec<Claim>, queue: QueueCounts) {
        let now = self.now;
        let Some(campaign) = self.campaigns.get_mut(&id) else {
            self.give_back(claims);
            return;
        };
        campaign.claim_open = false;
        campaign.claims_failed = 0;
        campaign.queue = queue;
        campaign.queue_known = true;
        let soon = if claims.is_empty() {
            now.mono + CLAIM_AGAIN
        } else {
            now.mono
        };
        campaign.next_claim_at = match queue.next_at {
            Some(at) if claims.is_empty() => soon.min(now.mono + at.since(now.wall)),
            _ => soon,
        };
        let stopped = self.stops.of(&campaign.spec).is_some();
        if !campaign.running() || self.draining || stopped {
            self.give_back(claims);
            return;
        }
        campaign
            .at_hand
            .extend(claims.into_iter().map(|claim| AtHand {
                claim,
                since: now.mono,
            }));
        // As the queue is served: a promise, or the next number of a person just tried, does not wait behind
        // those who were claimed before it. Among equals the order stays.
        campaign
            .at_hand
            .make_contiguous()
            .sort_by_key(|h| std::cmp::Reverse(h.claim.kind));
        self.look = true;
    }

    /// What failed once fails again at once: the next claim waits.
    pub(crate) fn claim_failed(&mut self, id: CampaignId) {
        let now = self.now.mono;
        let Some(campaign) = self.campaigns.get_mut(&id) else {
            return;
        };
        campaign.claim_open = false;
        let times = 1_u32
            .checked_shl(campaign.claims_failed)
            .unwrap_or(u32::MAX);
        campaign.claims_failed = campaign.claims_failed.saturating_add(1);
        campaign.next_claim_at = now + FAILED_FIRST.saturating_mul(times).min(FAILED_MOST);
        self.look = true;
    }

    /// Claims that are open get no answer any more, and what the queues hold is not known until they are asked.
    pub(crate) fn void_claims(&mut self) {
        for campaign in self.campaigns.values_mut() {
            campaign.claim_open = false;
            campaign.claims_failed = 0;
            campaign.next_claim_at = self.now.mono;
            campaign.queue_known = false;
        }
    }

    pub(crate) fn return_stale_claims(&mut self, id: CampaignId) {
        let now = self.now.mono;
        let Some(campaign) = self.campaigns.get_mut(&id) else {
            return;
        };
        let mut stale = Vec::new();
        campaign.at_hand.retain(|h| {
            let keep = now.since(h.since) <= AT_HAND_LIMIT;
            if !keep {
                stale.push(h.claim.clone());
            }
            keep
        });
        self.give_back(stale);
    }

    pub(crate) fn give_back(&mut self, claims: Vec<Claim>) {
        if claims.is_empty() {
            return;
        }
        let back = claims
            .into_iter()
            .map(|c| returned(&c, ReturnTo::Unchanged))
            .collect();
        self.store(StoreWish::Return(back));
    }
}

pub(crate) fn returned(claim: &Claim, to: ReturnTo) -> ReturnedClaim {
    ReturnedClaim {
        campaign: claim.campaign,
        prospect: claim.prospect,
        lease: claim.lease,
        to,
    }
}
