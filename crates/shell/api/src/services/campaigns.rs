//! Campaigns: set up, checked, started and stopped.

use std::sync::Arc;

use engine::{CampaignSpec, CampaignState};
use model::{CampaignId, ListId};
use proto::supervisor::v1 as pb;
use proto::supervisor::v1::campaign_service_server::CampaignService;
use store::{Campaign, Filled};
use tonic::{Request, Response, Status};

use super::admin::once;
use super::lifecycle::{halt, run};
use super::{assignment, check, explain, orders, report, versions};
use crate::bring::{not_ready, read_spec};
use crate::campaign_config::{merge, read, show, show_config};
use crate::convert::{count, next_page, page, small};
use crate::identity::{Identity, caller};
use crate::requests::{Asked, Keep};
use crate::shared::Shared;
use crate::{Error, FieldProblem, bring_campaign};

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
                if asked.validate_only {
                    return Ok(pb::CreateCampaignResponse {
                        campaign: Some(show_config(CampaignId(0), &config)?),
                    });
                }
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

    async fn list_campaign_versions(
        &self,
        request: Request<pb::ListCampaignVersionsRequest>,
    ) -> Result<Response<pb::ListCampaignVersionsResponse>, Status> {
        let asked = request.into_inner();
        Ok(Response::new(versions::versions(&self.0, asked).await?))
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
        Ok(Response::new(check::check(&self.0, id).await?))
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

    async fn order_halt(
        &self,
        request: Request<pb::OrderHaltRequest>,
    ) -> Result<Response<pb::OrderHaltResponse>, Status> {
        once!(
            self,
            request,
            "OrderHalt",
            Keep::InMemory,
            |shared: Arc<Shared>, me, asked| async move {
                let halts = orders::order(&shared, &me, asked).await?;
                Ok(pb::OrderHaltResponse { halts })
            }
        )
    }

    async fn lift_halt(
        &self,
        request: Request<pb::LiftHaltRequest>,
    ) -> Result<Response<pb::LiftHaltResponse>, Status> {
        once!(
            self,
            request,
            "LiftHalt",
            Keep::Durably,
            |shared: Arc<Shared>, me, asked| async move {
                let halts = orders::lift(&shared, &me, asked).await?;
                Ok(pb::LiftHaltResponse { halts })
            }
        )
    }

    async fn list_halts(
        &self,
        _: Request<pb::ListHaltsRequest>,
    ) -> Result<Response<pb::ListHaltsResponse>, Status> {
        let halts = orders::list(&self.0);
        Ok(Response::new(pb::ListHaltsResponse { halts }))
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
        Ok(Response::new(explain::explain(&self.0, id).await?))
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
            |shared: Arc<Shared>, me: Identity, asked: pb::AddListRequest| async move {
                let (campaign, list) = (CampaignId(asked.campaign_id), ListId(asked.list_id));
                let filled = shared
                    .store
                    .add_list(campaign, list, shared.clock.now(), me.account)
                    .await?;
                follow(&shared, campaign).await?;
                tracing::info!(
                    campaign_id = campaign.0,
                    list_id = list.0,
                    by = me.login,
                    "a list was added"
                );
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
            |shared: Arc<Shared>, me: Identity, asked: pb::RemoveListRequest| async move {
                let (campaign, list) = (CampaignId(asked.campaign_id), ListId(asked.list_id));
                let removed = shared.store.remove_list(campaign, list, me.account).await?;
                follow(&shared, campaign).await?;
                tracing::info!(
                    campaign_id = campaign.0,
                    list_id = list.0,
                    by = me.login,
                    "a list was taken away"
                );
                Ok(pb::RemoveListResponse {
                    removed: count(removed),
                })
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
                assignment::assign(&shared, asked).await
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
                let assigned = count(assignment::distribute(&shared, asked).await?);
                Ok(pb::DistributeProspectsResponse { assigned })
            }
        )
    }
}

pub(super) async fn shown(shared: &Shared, id: CampaignId) -> Result<pb::Campaign, Error> {
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
    if asked.validate_only {
        if expected != is.version {
            return Err(store::Error::Stale {
                what: "campaign",
                id: id.to_string(),
                expected,
                is: small(is.version),
            }
            .into());
        }
        return show(&Campaign { config, ..is });
    }
    shared
        .store
        .update_campaign(id, expected, &config, me.account)
        .await?;
    let campaign = shared.store.campaign(id).await?;
    if live {
        bring(shared, id).await?;
    }
    tracing::info!(
        campaign_id = id.0,
        version = campaign.version,
        by = me.login,
        "a campaign was changed"
    );
    show(&campaign)
}

/// Lets the engine know that a campaign's lists have changed, if it works it.
async fn follow(shared: &Shared, id: CampaignId) -> Result<(), Error> {
    let _one_by_one = shared.campaign_changes.lock().await;
    let state = shared.store.campaign(id).await?.state;
    if !matches!(state, CampaignState::Running | CampaignState::Paused) {
        return Ok(());
    }
    match bring(shared, id).await {
        // Without its last list it cannot be started again, but what it has in hand goes on to its end.
        Err(Error::NotReady { .. }) => Ok(()),
        other => other,
    }
}

async fn bring(shared: &Shared, id: CampaignId) -> Result<(), Error> {
    let now = shared.clock.now();
    bring_campaign(&shared.store, &shared.catalogue, &shared.engine, id, now).await
}
