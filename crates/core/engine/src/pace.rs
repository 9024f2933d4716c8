//! How many calls to launch now: what the pacer is told, and what is done with its answer.

use std::collections::BTreeMap;
use std::time::Duration;

use compliance::Machines;
use model::{AgentId, CampaignId};
use pacing::Snapshot;

use crate::call::State;
use crate::campaign::Mode;
use crate::claims::returned;
use crate::effect::StoreWish;
use crate::engine::Engine;
use crate::launch::{Judged, Why};
use crate::live::AtHand;
use crate::timers::Timer;
use crate::work::{Launch, ReturnTo, WorkKind};

/// A prospect for whom no agent with the needed skill is free makes way for others for so long.
const SKILL_AGAIN: Duration = Duration::from_secs(15);
/// Live answers that a ledger needs before its rate is believed (the outer stop).
const LEDGER_SPEAKS_FROM: u64 = 200;

impl Engine {
    pub(crate) fn launch_paced(&mut self, id: CampaignId, launches: &mut Vec<Launch>) {
        let Some(seen) = self.snapshot(id) else {
            return;
        };
        let Some(campaign) = self.campaigns.get_mut(&id) else {
            return;
        };
        let decision = campaign.pacer.decide(&seen);
        campaign.last_decision = Some(decision);
        let policy = campaign.pacer.policy().to_string();
        let group = campaign.spec.trunk_group;
        let mut back = Vec::new();
        let mut put_off = Vec::new();
        let mut left = decision.launch;
        let until = Some(self.now.wall + SKILL_AGAIN);
        while left > 0 {
            let Some(at_hand) = self
                .campaigns
                .get_mut(&id)
                .and_then(|c| c.at_hand.pop_front())
            else {
                break;
            };
            let needs = self.needs(&at_hand.claim);
            if let Some(skill) = needs.as_deref()
                && !self.has_agent_to_spare(id, skill)
            {
                let rule = format!("skill {skill}");
                back.push(returned(&at_hand.claim, ReturnTo::Held { until, rule }));
                continue;
            }
            let reserved = if at_hand.claim.kind == WorkKind::ReservedAgent && seen.agents_ready > 0
            {
                self.longest_idle(id, needs.as_deref())
            } else {
                None
            };
            if at_hand.claim.kind == WorkKind::ReservedAgent
                && reserved.is_none()
                && self.needs_agent(id)
            {
                put_off.push(at_hand);
                continue;
            }
            let allowed = match self.judge(at_hand.claim, None, reserved.is_some()) {
                Judged::Allowed(allowed) => allowed,
                Judged::Back(returned) => {
                    back.push(returned);
                    continue;
                }
            };
            let Some(trunk) = self.trunks.hunt(group, &[], self.now.mono) else {
                put_off.push(AtHand {
                    claim: allowed.claim,
                    since: at_hand.since,
                });
                break;
            };
            let why = Why {
                policy: policy.clone(),
                agents_ready: seen.agents_ready,
                in_flight: seen.in_flight,
            };
            launches.push(self.launch(*allowed, trunk, reserved, why));
            left -= 1;
        }
        if let Some(campaign) = self.campaigns.get_mut(&id) {
            for at_hand in put_off.into_iter().rev() {
                campaign.at_hand.push_front(at_hand);
            }
        }
        if !back.is_empty() {
            self.store(StoreWish::Return(back));
        }
        if seen.prospects > 0
            && let Some(wait) = self.trunks.next_launch_in(group, self.now.mono)
            && wait > Duration::ZERO
        {
            let at = self.after(wait);
            self.timers.set(Timer::Campaign(id), at);
        }
    }

    fn needs_agent(&self, id: CampaignId) -> bool {
        self.campaigns
            .get(&id)
            .is_some_and(|c| c.spec.mode != Mode::Notification)
    }

    /// What the pacer is told of a campaign.
    pub(crate) fn snapshot(&mut self, id: CampaignId) -> Option<Snapshot> {
        let campaign = self.campaigns.get(&id)?;
        let rule = campaign.spec.rules.abandon();
        let over_limit = campaign.ledger.live_answers() >= LEDGER_SPEAKS_FROM
            && campaign
                .ledger
                .is_over(rule.formula, Machines::NONE, rule.limit);
        let prospects = u32::try_from(campaign.at_hand.len()).unwrap_or(u32::MAX);
        let room = self.trunks.room(campaign.spec.trunk_group, self.now.mono);
        let mine = self
            .calls
            .values()
            .filter(|c| c.campaign == id && c.reserved.is_none());
        let (mut in_flight, mut waiting) = (0, 0);
        for call in mine {
            in_flight += u32::from(call.state.in_flight());
            waiting += u32::from(matches!(call.state, State::Waiting { .. }));
        }
        Some(Snapshot {
            taken_at: self.now.mono,
            agents_ready: self.agents_for(id),
            in_flight,
            waiting,
            lines_free: room.lines,
            launches_free: room.launches,
            prospects,
            over_limit,
        })
    }

    /// Ready agents of a campaign who are promised to no call of another campaign: a free agent is
    /// promised once. Calls of other campaigns are given, in thought, the agents whom this one could not
    /// use first.
    fn agents_for(&self, id: CampaignId) -> u32 {
        let Some(campaign) = self.campaigns.get(&id) else {
            return 0;
        };
        let mut free: Vec<(AgentId, bool)> = self
            .agents
            .values()
            .filter(|a| a.counts_for_launch())
            .map(|a| (a.spec.id, a.serves(&campaign.spec.groups)))
            .collect();
        let mut owed: BTreeMap<CampaignId, u32> = BTreeMap::new();
        for call in self
            .calls
            .values()
            .filter(|c| c.campaign != id && c.reserved.is_none())
        {
            if call.state.in_flight() || matches!(call.state, State::Waiting { .. }) {
                *owed.entry(call.campaign).or_default() += 1;
            }
        }
        for (other, calls) in owed {
            let Some(other) = self
                .campaigns
                .get(&other)
                .filter(|c| c.spec.mode != Mode::Notification)
            else {
                continue;
            };
            let lines_per_agent = match other.pacer.policy() {
                pacing::PolicyName::Ratio { per_mille } => per_mille.max(1_000),
                pacing::PolicyName::Progressive | pacing::PolicyName::Lines => 1_000,
            };
            let agents = (u64::from(calls) * 1_000).div_ceil(u64::from(lines_per_agent));
            for _ in 0..agents {
                let serves = |a: &AgentId| {
                    self.agents
                        .get(a)
                        .is_some_and(|a| a.serves(&other.spec.groups))
                };
                let taken = free
                    .iter()
                    .position(|(a, mine)| !mine && serves(a))
                    .or_else(|| free.iter().position(|(a, _)| serves(a)));
                match taken {
                    Some(at) => free.swap_remove(at),
                    None => break,
                };
            }
        }
        u32::try_from(free.iter().filter(|(_, mine)| *mine).count()).unwrap_or(u32::MAX)
    }
}
