//! Campaigns: set up, checked, started and stopped.

use std::sync::Arc;
use std::time::Duration;

use compliance::Rules;
use engine::{Answer, Ask, CampaignSpec, CampaignState};
use model::{AgentId, CampaignId, ListId, ProspectId, WallTime};
use proto::supervisor::v1 as pb;
use proto::supervisor::v1::campaign_service_server::CampaignService;
use store::{Campaign, Filled};
use tonic::{Request, Response, Status};

use super::admin::once;
use super::{board, report};
use crate::bring::{Ready, not_ready, read_spec};
use crate::campaign_config::{merge, read, show};
use crate::convert::{count, next_page, page, small, stamp};
use crate::identity::{Identity, caller};
use crate::requests::{Asked, Keep};
use crate::shared::Shared;
use crate::{Error, FieldProblem, bring_campaign};

/// Prospects of one request.
const PROSPECTS: usize = 1_000;
/// Agents of one request.
const AGENTS: usize = 1_000;
const DAY: Duration = Duration::from_secs(86_400);

pub(crate) struct Campaigns(pub(crate) Arc<Shared>);

#[tonic::async_trait]
impl CampaignService for Campaigns {
    async fn create_campaign(
        &self,
        request: Request<pb::CreateCampaignRequest>,
    ) -> Result<Response<pb::CreateCampaignResponse>, Status> {
        once!(
            self,
            request,
            "CreateCampaign",
            Keep::Durably,
            |shared: Arc<Shared>, me: Identity, asked: pb::CreateCampaignRequest| async move {
                let config = read(asked.campaign.unwrap_or_default())?;
                let id = shared.store.create_campaign(&config, me.account).await?;
                Ok(pb::CreateCampaignResponse {
                    campaign: Some(shown(&shared, id).await?),
                })
            }
        )
    }

    async fn update_campaign(
        &self,
        request: Request<pb::UpdateCampaignRequest>,
    ) -> Result<Response<pb::UpdateCampaignResponse>, Status> {
        once!(
            self,
            request,
            "UpdateCampaign",
            Keep::Durably,
            |shared: Arc<Shared>, me: Identity, asked: pb::UpdateCampaignRequest| async move {
                let campaign = Some(update(&shared, &me, asked).await?);
                Ok(pb::UpdateCampaignResponse { campaign })
            }
        )
    }

    async fn get_campaign(
        &self,
        request: Request<pb::GetCampaignRequest>,
    ) -> Result<Response<pb::GetCampaignResponse>, Status> {
        let id = CampaignId(request.into_inner().campaign_id);
        let campaign = Some(shown(&self.0, id).await?);
        Ok(Response::new(pb::GetCampaignResponse { campaign }))
    }

    async fn list_campaigns(
        &self,
        request: Request<pb::ListCampaignsRequest>,
    ) -> Result<Response<pb::ListCampaignsResponse>, Status> {
        let asked = request.into_inner();
        let page = page(asked.page_size, &asked.page_token)?;
        let found = self.0.store.campaigns(page).await.map_err(Error::from)?;
        Ok(Response::new(pb::ListCampaignsResponse {
            campaigns: found.items.iter().map(show).collect::<Result<_, Error>>()?,
            next_page_token: next_page(found.next),
        }))
    }

    async fn check_campaign(
        &self,
        request: Request<pb::CheckCampaignRequest>,
    ) -> Result<Response<pb::CheckCampaignResponse>, Status> {
        let id = CampaignId(request.into_inner().campaign_id);
        Ok(Response::new(check(&self.0, id).await?))
    }

    async fn start_campaign(
        &self,
        request: Request<pb::StartCampaignRequest>,
    ) -> Result<Response<pb::StartCampaignResponse>, Status> {
        once!(
            self,
            request,
            "StartCampaign",
            Keep::Durably,
            |shared: Arc<Shared>, me, asked: pb::StartCampaignRequest| async move {
                let id = CampaignId(asked.campaign_id);
                let campaign = Some(run(&shared, &me, id, CampaignState::Draft, "started").await?);
                Ok(pb::StartCampaignResponse { campaign })
            }
        )
    }

    async fn pause_campaign(
        &self,
        request: Request<pb::PauseCampaignRequest>,
    ) -> Result<Response<pb::PauseCampaignResponse>, Status> {
        once!(
            self,
            request,
            "PauseCampaign",
            Keep::Durably,
            |shared: Arc<Shared>, me, asked: pb::PauseCampaignRequest| async move {
                let (from, to) = (&[CampaignState::Running], CampaignState::Paused);
                let campaign = Some(halt(&shared, &me, asked.campaign_id, from, to).await?);
                Ok(pb::PauseCampaignResponse { campaign })
            }
        )
    }

    async fn resume_campaign(
        &self,
        request: Request<pb::ResumeCampaignRequest>,
    ) -> Result<Response<pb::ResumeCampaignResponse>, Status> {
        once!(
            self,
            request,
            "ResumeCampaign",
            Keep::Durably,
            |shared: Arc<Shared>, me, asked: pb::ResumeCampaignRequest| async move {
                let id = CampaignId(asked.campaign_id);
                let campaign = Some(run(&shared, &me, id, CampaignState::Paused, "resumed").await?);
                Ok(pb::ResumeCampaignResponse { campaign })
            }
        )
    }

    async fn stop_campaign(
        &self,
        request: Request<pb::StopCampaignRequest>,
    ) -> Result<Response<pb::StopCampaignResponse>, Status> {
        once!(
            self,
            request,
            "StopCampaign",
            Keep::Durably,
            |shared: Arc<Shared>, me, asked: pb::StopCampaignRequest| async move {
                let from = &[
                    CampaignState::Running,
                    CampaignState::Paused,
                    CampaignState::Draft,
                ];
                let campaign = Some(
                    halt(
                        &shared,
                        &me,
                        asked.campaign_id,
                        from,
                        CampaignState::Stopped,
                    )
                    .await?,
                );
                Ok(pb::StopCampaignResponse { campaign })
            }
        )
    }

    async fn explain_campaign(
        &self,
        request: Request<pb::ExplainCampaignRequest>,
    ) -> Result<Response<pb::ExplainCampaignResponse>, Status> {
        let id = CampaignId(request.into_inner().campaign_id);
        Ok(Response::new(explain(&self.0, id).await?))
    }

    async fn report_campaign(
        &self,
        request: Request<pb::ReportCampaignRequest>,
    ) -> Result<Response<pb::ReportCampaignResponse>, Status> {
        let id = CampaignId(request.into_inner().campaign_id);
        Ok(Response::new(report::report(&self.0, id).await?))
    }

    async fn add_list(
        &self,
        request: Request<pb::AddListRequest>,
    ) -> Result<Response<pb::AddListResponse>, Status> {
        once!(
            self,
            request,
            "AddList",
            Keep::Durably,
            |shared: Arc<Shared>, _, asked: pb::AddListRequest| async move {
                let (campaign, list) = (CampaignId(asked.campaign_id), ListId(asked.list_id));
                let filled = shared
                    .store
                    .add_list(campaign, list, shared.clock.now())
                    .await?;
                let Filled {
                    due,
                    held,
                    suppressed,
                    unusable,
                } = filled;
                Ok(pb::AddListResponse {
                    queued: count(due + held + suppressed + unusable),
                })
            }
        )
    }

    async fn remove_list(
        &self,
        request: Request<pb::RemoveListRequest>,
    ) -> Result<Response<pb::RemoveListResponse>, Status> {
        once!(
            self,
            request,
            "RemoveList",
            Keep::Durably,
            |shared: Arc<Shared>, _, asked: pb::RemoveListRequest| async move {
                let (campaign, list) = (CampaignId(asked.campaign_id), ListId(asked.list_id));
                let removed = count(shared.store.remove_list(campaign, list).await?);
                Ok(pb::RemoveListResponse { removed })
            }
        )
    }

    async fn assign_prospects(
        &self,
        request: Request<pb::AssignProspectsRequest>,
    ) -> Result<Response<pb::AssignProspectsResponse>, Status> {
        once!(
            self,
            request,
            "AssignProspects",
            Keep::Durably,
            |shared: Arc<Shared>, _, asked: pb::AssignProspectsRequest| async move {
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
                    match assign(
                        &shared,
                        CampaignId(asked.campaign_id),
                        ProspectId(id),
                        agent,
                    )
                    .await?
                    {
                        true => answer.assigned += 1,
                        false => answer.refused.push(id),
                    }
                }
                Ok(answer)
            }
        )
    }

    async fn distribute_prospects(
        &self,
        request: Request<pb::DistributeProspectsRequest>,
    ) -> Result<Response<pb::DistributeProspectsResponse>, Status> {
        once!(
            self,
            request,
            "DistributeProspects",
            Keep::Durably,
            |shared: Arc<Shared>, _, asked: pb::DistributeProspectsRequest| async move {
                let assigned = count(distribute(&shared, asked).await?);
                Ok(pb::DistributeProspectsResponse { assigned })
            }
        )
    }
}

async fn shown(shared: &Shared, id: CampaignId) -> Result<pb::Campaign, Error> {
    show(&shared.store.campaign(id).await?)
}

/// Turns a row into what the engine works by.
pub(super) async fn spec_of(
    shared: &Shared,
    campaign: &Campaign,
) -> Result<(Result<CampaignSpec, Vec<FieldProblem>>, Vec<String>), Error> {
    read_spec(
        &shared.store,
        &shared.catalogue,
        campaign,
        shared.clock.now(),
    )
    .await
}

/// What the engine must be told of a campaign, or everything that keeps it from working.
async fn ready(
    shared: &Shared,
    campaign: &Campaign,
) -> Result<Result<Ready, Vec<FieldProblem>>, Error> {
    Ready::of(
        &shared.store,
        &shared.catalogue,
        campaign,
        shared.clock.now(),
    )
    .await
}

async fn update(
    shared: &Shared,
    me: &Identity,
    asked: pb::UpdateCampaignRequest,
) -> Result<pb::Campaign, Error> {
    let to = asked.campaign.unwrap_or_default();
    let id = CampaignId(to.campaign_id);
    let _one_by_one = shared.campaign_changes.lock().await;
    let is = shared.store.campaign(id).await?;
    let expected = u32::try_from(to.version).unwrap_or(0);
    let mut merged = show(&is)?;
    merge(&mut merged, to, asked.update_mask)?;
    let config = read(merged)?;
    let live = matches!(is.state, CampaignState::Running | CampaignState::Paused);
    if live {
        // What runs must not become what could not have been started.
        let planned = Campaign {
            config: config.clone(),
            ..is.clone()
        };
        if let (Err(problems), _) = spec_of(shared, &planned).await? {
            return Err(not_ready(id, problems));
        }
    }
    shared
        .store
        .update_campaign(id, expected, &config, me.account)
        .await?;
    let campaign = shared.store.campaign(id).await?;
    if live {
        bring_campaign(
            &shared.store,
            &shared.catalogue,
            &shared.engine,
            id,
            shared.clock.now(),
        )
        .await?;
    }
    show(&campaign)
}

/// Lets a campaign dial that is in the state `from`.
async fn run(
    shared: &Shared,
    me: &Identity,
    id: CampaignId,
    from: CampaignState,
    done: &str,
) -> Result<pb::Campaign, Error> {
    let _one_by_one = shared.campaign_changes.lock().await;
    let campaign = shared.store.campaign(id).await?;
    let ready = match ready(shared, &campaign).await? {
        Ok(ready) if campaign.state == from => ready,
        other => {
            let mut problems = other.err().unwrap_or_default();
            if campaign.state != from {
                let text = format!(
                    "is {}; only one that is {} can be {done}",
                    campaign.state.as_str(),
                    from.as_str()
                );
                problems.insert(0, FieldProblem::new("state", "wrong_state", text));
            }
            return Err(not_ready(id, problems));
        }
    };
    let to = CampaignState::Running;
    let because = format!("{done} by {}", me.login);
    shared
        .store
        .set_campaign_state(id, &[from], to, &because, shared.clock.now())
        .await?;
    tracing::info!(campaign_id = id.0, by = me.login, "a campaign was {done}");
    ready.tell(&shared.engine, to)?;
    told(
        shared
            .engine
            .ask(Ask::SetCampaignState {
                campaign: id,
                state: to,
            })
            .await,
    )?;
    shown(shared, id).await
}

/// Keeps a campaign from dialling: at once, however long the database takes to keep it. Should that fail, it
/// stays paused until it is resumed, or the daemon starts again.
async fn halt(
    shared: &Shared,
    me: &Identity,
    id: i32,
    from: &[CampaignState],
    to: CampaignState,
) -> Result<pb::Campaign, Error> {
    let id = CampaignId(id);
    let because = format!("{} by {}", to.as_str(), me.login);
    tell_state(shared, id, CampaignState::Paused).await?;
    let _one_by_one = shared.campaign_changes.lock().await;
    shared
        .store
        .set_campaign_state(id, from, to, &because, shared.clock.now())
        .await?;
    tracing::info!(
        campaign_id = id.0,
        by = me.login,
        "a campaign is {}",
        to.as_str()
    );
    tell_state(shared, id, to).await?;
    shown(shared, id).await
}

async fn tell_state(
    shared: &Shared,
    campaign: CampaignId,
    state: CampaignState,
) -> Result<(), Error> {
    use engine::Refused::{NoCampaign, NotRunning};
    let ask = Ask::SetCampaignState { campaign, state };
    match shared.engine.ask(ask).await {
        // One that never ran is not known to the engine, and one that has ended need not be held.
        Err(Error::Refused(NoCampaign(_) | NotRunning { .. })) => Ok(()),
        other => told(other),
    }
}

fn told(answer: Result<Answer, Error>) -> Result<(), Error> {
    match answer? {
        Answer::Done => Ok(()),
        other => Err(Error::Internal(format!("the engine answered {other:?}"))),
    }
}

async fn check(shared: &Shared, id: CampaignId) -> Result<pb::CheckCampaignResponse, Error> {
    let campaign = shared.store.campaign(id).await?;
    let (spec, warnings) = spec_of(shared, &campaign).await?;
    let (rules, problems) = match spec {
        Ok(spec) => (Some(spec.rules), Vec::new()),
        Err(problems) => (None, problems),
    };
    Ok(pb::CheckCampaignResponse {
        problems: problems
            .into_iter()
            .map(|p| pb::Problem {
                field: p.field,
                reason: p.reason.to_owned(),
                description: p.description,
            })
            .collect(),
        warnings,
        prospects: match rules {
            Some(rules) => Some(callable(shared, id, &rules).await?),
            None => None,
        },
    })
}

/// How many of a campaign's prospects may be called when.
async fn callable(
    shared: &Shared,
    campaign: CampaignId,
    rules: &Rules,
) -> Result<pb::CallableCounts, Error> {
    let now = shared.clock.now();
    let mut counts = pb::CallableCounts::default();
    for row in shared.store.zone_counts(campaign, now, now + DAY).await? {
        count_zone(&mut counts, rules, &row.zones, now, row.due);
        // Due within a day, but not before: at an hour that is open by then, if any is.
        counts.later_today += count(row.soon);
        counts.another_day += count(row.later);
    }
    for row in shared.store.never_counts(campaign).await? {
        counts.never += count(row.prospects);
        *counts.reasons.entry(row.reason).or_default() += count(row.prospects);
    }
    Ok(counts)
}

/// Adds prospects of one zone set that are due.
pub(crate) fn count_zone(
    counts: &mut pb::CallableCounts,
    rules: &Rules,
    zones: &model::ZoneSet,
    now: WallTime,
    prospects: u64,
) {
    let n = count(prospects);
    if n == 0 {
        return;
    }
    let window = rules.window(zones, now);
    match window.next {
        _ if window.open => {
            counts.now += n;
            return;
        }
        Some(next) if next < now + DAY => counts.later_today += n,
        Some(_) => counts.another_day += n,
        None => counts.never += n,
    }
    let reason = format!("{} {}", window.rule.profile, window.rule.rule);
    *counts.reasons.entry(reason).or_default() += n;
}

async fn explain(shared: &Shared, id: CampaignId) -> Result<pb::ExplainCampaignResponse, Error> {
    match shared.engine.ask(Ask::Explain { campaign: id }).await {
        Ok(Answer::Explained(told)) => Ok(pb::ExplainCampaignResponse {
            state: board::state(told.state).into(),
            summary: told.summary,
            gates: told
                .gates
                .into_iter()
                .map(|gate| pb::Gate {
                    name: gate.name,
                    text: gate.text,
                    count: count(gate.count),
                    until: gate.until.map(stamp),
                })
                .collect(),
            queue: Some(board::queue(&told.queue)),
            in_flight: small(told.in_flight),
            agents_ready: small(told.agents_ready),
            agents_signed_in: small(told.agents_signed_in),
        }),
        Ok(other) => Err(Error::Internal(format!("the engine answered {other:?}"))),
        // The engine knows what runs. Of another, the row says why it does not.
        Err(Error::Refused(engine::Refused::NoCampaign(_))) => explain_row(shared, id).await,
        Err(error) => Err(error),
    }
}

async fn explain_row(
    shared: &Shared,
    id: CampaignId,
) -> Result<pb::ExplainCampaignResponse, Error> {
    let campaign = shared.store.campaign(id).await?;
    let (spec, _) = spec_of(shared, &campaign).await?;
    let problems = spec.err().unwrap_or_default();
    let because = match campaign.state_because.as_str() {
        "" => String::new(),
        text => format!(" ({text})"),
    };
    let state = campaign.state;
    Ok(pb::ExplainCampaignResponse {
        state: board::state(state).into(),
        summary: format!(
            "nothing is dialled: the campaign is {}{because}",
            state.as_str()
        ),
        gates: std::iter::once(pb::Gate {
            name: state.as_str().to_owned(),
            text: format!("the campaign is {}{because}", state.as_str()),
            ..Default::default()
        })
        .chain(problems.into_iter().map(|p| pb::Gate {
            name: p.reason.to_owned(),
            text: format!("{}: {}", p.field, p.description),
            ..Default::default()
        }))
        .collect(),
        ..Default::default()
    })
}

/// Whether the prospect could be given.
async fn assign(
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
async fn distribute(shared: &Shared, asked: pb::DistributeProspectsRequest) -> Result<u64, Error> {
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
                if assign(shared, campaign.id, prospect.id, Some(*agent)).await? {
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
