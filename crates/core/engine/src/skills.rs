//! Which agent takes whom: of those who can, the one idle longest.

use model::{AgentId, CampaignId};

use crate::agent::Agent;
use crate::call::{Call, State};
use crate::engine::Engine;
use crate::work::Claim;

impl Engine {
    /// The skill that a prospect needs: its language, where the campaign goes by languages.
    pub(crate) fn needs(&self, claim: &Claim) -> Option<String> {
        let campaign = self.campaigns.get(&claim.campaign)?;
        let language = claim.language.as_ref().filter(|l| !l.is_empty())?;
        campaign.spec.route_by_language.then(|| language.clone())
    }

    /// Of the agents who can take a call of this campaign that needs `skill`, the one idle longest. A call that needs
    /// nothing leaves an agent alone whom calls under way need for a skill, as long as there is another.
    pub(crate) fn longest_idle(&self, id: CampaignId, skill: Option<&str>) -> Option<AgentId> {
        let groups = &self.campaigns.get(&id)?.spec.groups;
        let mut able: Vec<&Agent> = self
            .agents
            .values()
            .filter(|a| a.can_take_call() && a.serves(groups) && a.has(skill))
            .collect();
        able.sort_by_key(|a| (a.idle_since, a.spec.id));
        let spared = able
            .iter()
            .find(|a| skill.is_some() || !self.is_needed_for_a_skill(a));
        spared.or(able.first()).map(|a| a.spec.id)
    }

    /// Whether calls under way need this agent for a skill: there are at least as many as agents who have it.
    fn is_needed_for_a_skill(&self, agent: &Agent) -> bool {
        agent.spec.skills.iter().any(|skill| {
            let have = |a: &&Agent| a.can_take_call() && a.has(Some(skill));
            let agents = self.agents.values().filter(have).count();
            self.calls_that_need(skill) >= agents
        })
    }

    /// Calls under way that will need an agent with this skill, or wait for one.
    fn calls_that_need(&self, skill: &str) -> usize {
        let under_way = |c: &&Call| {
            c.reserved.is_none()
                && (c.state.in_flight() || matches!(c.state, State::Waiting { .. }))
        };
        let needs = |c: &&Call| self.needs(&c.claim).is_some_and(|n| covers(skill, &n));
        self.calls.values().filter(under_way).filter(needs).count()
    }

    /// Whether one more call that needs this skill would find an agent.
    pub(crate) fn has_agent_to_spare(&self, id: CampaignId, skill: &str) -> bool {
        let Some(campaign) = self.campaigns.get(&id) else {
            return false;
        };
        let able = |a: &&Agent| {
            a.counts_for_launch() && a.serves(&campaign.spec.groups) && a.has(Some(skill))
        };
        self.agents.values().filter(able).count() > self.calls_that_need(skill)
    }
}

impl Agent {
    /// Whether the agent has a skill that is needed; nothing needed is had by all.
    pub(crate) fn has(&self, skill: Option<&str>) -> bool {
        skill.is_none_or(|needed| self.spec.skills.iter().any(|have| covers(have, needed)))
    }
}

/// Whether who has `have` can do what is `needed`: `ru` covers `ru-RU` (RFC 4647 section 3.3.1, basic filtering).
fn covers(have: &str, needed: &str) -> bool {
    let (have, needed) = (have.to_ascii_lowercase(), needed.to_ascii_lowercase());
    needed
        .strip_prefix(&have)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_language_covers_its_regions_and_no_other_language() {
        assert!(covers("ru", "ru-RU"));
        assert!(covers("RU", "ru"));
        assert!(!covers("ru-RU", "ru"));
        assert!(!covers("e", "en"));
    }
}
