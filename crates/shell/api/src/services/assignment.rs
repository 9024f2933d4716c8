//! Prospects given to agents, who alone may call them.

use model::{AgentId, CampaignId, ListId, ProspectId};
use proto::supervisor::v1 as pb;

use crate::Error;
use crate::shared::Shared;

/// Prospects of one request.
const PROSPECTS: usize = 1_000;
/// Agents of one request.
const AGENTS: usize = 1_000;

pub(super) async fn assign(
    shared: &Shared,
    asked: pb::AssignProspectsRequest,
) -> Result<pb::AssignProspectsResponse, Error> {
    if asked.prospect_ids.is_empty() || asked.prospect_ids.len() > PROSPECTS {
        return Err(Error::invalid(
            "prospect_ids",
            "length",
            "give 1 to 1000 prospects",
        ));
    }
    let agent = (asked.agent_id != 0).then_some(AgentId(asked.agent_id));
    let mut answer = pb::AssignProspectsResponse::default();
    for id in asked.prospect_ids {
        match give(shared, CampaignId(asked.campaign_id), ProspectId(id), agent).await? {
            true => answer.assigned += 1,
            false => answer.refused.push(id),
        }
    }
    Ok(answer)
}

/// Whether the prospect could be given.
async fn give(
    shared: &Shared,
    campaign: CampaignId,
    prospect: ProspectId,
    agent: Option<AgentId>,
) -> Result<bool, Error> {
    match shared
        .store
        .assign_prospect(campaign, prospect, agent)
        .await
    {
        Ok(()) => Ok(true),
        Err(store::Error::Conflict { .. }) => Ok(false),
        Err(store::Error::NotFound { what, .. }) if what != "agent" => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Deals prospects out one by one, in the order of the list.
pub(super) async fn distribute(
    shared: &Shared,
    asked: pb::DistributeProspectsRequest,
) -> Result<u64, Error> {
    let campaign = shared.store.campaign(CampaignId(asked.campaign_id)).await?;
    let lists = match asked.list_id {
        0 => campaign.lists.clone(),
        list => vec![ListId(list)],
    };
    let agents: Vec<AgentId> = if asked.agent_ids.is_empty() {
        let groups = shared.store.agent_groups().await?;
        let mut agents: Vec<AgentId> = groups
            .into_iter()
            .filter(|g| campaign.config.groups.contains(&g.id))
            .flat_map(|g| g.members)
            .collect();
        agents.sort_unstable();
        agents.dedup();
        agents
    } else {
        asked.agent_ids.into_iter().map(AgentId).collect()
    };
    if agents.is_empty() || agents.len() > AGENTS {
        return Err(Error::invalid(
            "agent_ids",
            "length",
            "give 1 to 1000 agents, or groups that have some",
        ));
    }
    let taken = shared.store.assigned_prospects(campaign.id).await?;
    let mut next = agents.iter().cycle();
    let mut assigned = 0;
    for list in lists {
        let mut page = store::PageRequest::FIRST;
        loop {
            let found = shared.store.prospects(list, page).await?;
            for prospect in found.items.iter().filter(|p| !taken.contains(&p.id)) {
                // An agent's turn is used up only by a prospect that could be given.
                let Some(agent) = next.clone().next() else {
                    break;
                };
                if give(shared, campaign.id, prospect.id, Some(*agent)).await? {
                    assigned += 1;
                    next.next();
                }
            }
            match found.next {
                Some(after) => page.after = after,
                None => break,
            }
        }
    }
    Ok(assigned)
}
