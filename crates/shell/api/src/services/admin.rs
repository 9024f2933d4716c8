//! People, groups and trunks.

use std::sync::Arc;

use proto::admin::v1 as pb;
use proto::admin::v1::admin_service_server::AdminService;
use tonic::{Request, Response, Status};

use super::{accounts, trunks};
use crate::Error;
use crate::convert::{next_page, page, stamp, text_within};
use crate::identity::caller;
use crate::requests::{Asked, Keep};
use crate::shared::Shared;

pub(crate) struct Admin(pub(crate) Arc<Shared>);

/// Carries a request out once: `once!(self, request, "Method", Keep::…, |shared: Arc<Shared>, me, asked| work)`.
macro_rules! once {
    ($service:expr, $request:expr, $method:literal, $keep:expr, $work:expr) => {{
        let me = caller(&$request)?;
        let asked = $request.into_inner();
        let shared = $service.0.clone();
        let id = Asked {
            account: me.account,
            method: $method,
            id: &asked.request_id,
            request: &asked,
        };
        let work = $work(shared, me.clone(), asked.clone());
        let answer = $service.0.requests.once($keep, id, work).await?;
        Ok(Response::new(answer))
    }};
}
pub(super) use once;

#[tonic::async_trait]
impl AdminService for Admin {
    async fn create_user(
        &self,
        request: Request<pb::CreateUserRequest>,
    ) -> Result<Response<pb::CreateUserResponse>, Status> {
        once!(
            self,
            request,
            "CreateUser",
            Keep::ThatItWas,
            |shared: Arc<Shared>, _, asked| async move { accounts::create(&shared, asked).await }
        )
    }

    async fn update_user(
        &self,
        request: Request<pb::UpdateUserRequest>,
    ) -> Result<Response<pb::UpdateUserResponse>, Status> {
        once!(
            self,
            request,
            "UpdateUser",
            Keep::Durably,
            |shared: Arc<Shared>, _, asked| async move { accounts::update(&shared, asked).await }
        )
    }

    async fn list_users(
        &self,
        request: Request<pb::ListUsersRequest>,
    ) -> Result<Response<pb::ListUsersResponse>, Status> {
        let asked = request.into_inner();
        let page = page(asked.page_size, &asked.page_token)?;
        let found = self.0.store.accounts(page).await.map_err(Error::from)?;
        let mut users = Vec::with_capacity(found.items.len());
        for account in &found.items {
            users.push(accounts::user(&self.0.store, account).await?);
        }
        Ok(Response::new(pb::ListUsersResponse {
            users,
            next_page_token: next_page(found.next),
        }))
    }

    async fn reset_sip_password(
        &self,
        request: Request<pb::ResetSipPasswordRequest>,
    ) -> Result<Response<pb::ResetSipPasswordResponse>, Status> {
        once!(
            self,
            request,
            "ResetSipPassword",
            Keep::ThatItWas,
            |shared: Arc<Shared>, _, asked| async move {
                accounts::reset_sip_password(&shared, asked).await
            }
        )
    }

    async fn create_group(
        &self,
        request: Request<pb::CreateGroupRequest>,
    ) -> Result<Response<pb::CreateGroupResponse>, Status> {
        once!(
            self,
            request,
            "CreateGroup",
            Keep::Durably,
            |shared: Arc<Shared>, _, asked: pb::CreateGroupRequest| async move {
                let name = group_name(&asked.name)?;
                let id = shared.store.create_agent_group(&name).await?;
                Ok(pb::CreateGroupResponse {
                    group: Some(pb::Group {
                        group_id: id.0,
                        name,
                        members: 0,
                    }),
                })
            }
        )
    }

    async fn rename_group(
        &self,
        request: Request<pb::RenameGroupRequest>,
    ) -> Result<Response<pb::RenameGroupResponse>, Status> {
        once!(
            self,
            request,
            "RenameGroup",
            Keep::Durably,
            |shared: Arc<Shared>, _, asked: pb::RenameGroupRequest| async move {
                let name = group_name(&asked.name)?;
                let id = model::AgentGroupId(asked.group_id);
                shared.store.rename_agent_group(id, &name).await?;
                let groups = shared.store.agent_groups().await?;
                let group = groups.iter().find(|g| g.id == id).map(group);
                Ok(pb::RenameGroupResponse { group })
            }
        )
    }

    async fn delete_group(
        &self,
        request: Request<pb::DeleteGroupRequest>,
    ) -> Result<Response<pb::DeleteGroupResponse>, Status> {
        once!(
            self,
            request,
            "DeleteGroup",
            Keep::Durably,
            |shared: Arc<Shared>, _, asked: pb::DeleteGroupRequest| async move {
                shared
                    .store
                    .delete_agent_group(model::AgentGroupId(asked.group_id))
                    .await?;
                Ok(pb::DeleteGroupResponse {})
            }
        )
    }

    async fn list_groups(
        &self,
        _: Request<pb::ListGroupsRequest>,
    ) -> Result<Response<pb::ListGroupsResponse>, Status> {
        let groups = self.0.store.agent_groups().await.map_err(Error::from)?;
        Ok(Response::new(pb::ListGroupsResponse {
            groups: groups.iter().map(group).collect(),
        }))
    }

    async fn create_trunk_group(
        &self,
        request: Request<pb::CreateTrunkGroupRequest>,
    ) -> Result<Response<pb::CreateTrunkGroupResponse>, Status> {
        once!(
            self,
            request,
            "CreateTrunkGroup",
            Keep::Durably,
            |shared: Arc<Shared>, _, asked: pb::CreateTrunkGroupRequest| async move {
                let name = group_name(&asked.name)?;
                let id = shared.store.create_trunk_group(&name).await?;
                let trunk_group = Some(pb::TrunkGroup {
                    trunk_group_id: id.0,
                    name,
                });
                Ok(pb::CreateTrunkGroupResponse { trunk_group })
            }
        )
    }

    async fn delete_trunk_group(
        &self,
        request: Request<pb::DeleteTrunkGroupRequest>,
    ) -> Result<Response<pb::DeleteTrunkGroupResponse>, Status> {
        once!(
            self,
            request,
            "DeleteTrunkGroup",
            Keep::Durably,
            |shared: Arc<Shared>, _, asked: pb::DeleteTrunkGroupRequest| async move {
                shared
                    .store
                    .delete_trunk_group(model::TrunkGroupId(asked.trunk_group_id))
                    .await?;
                Ok(pb::DeleteTrunkGroupResponse {})
            }
        )
    }

    async fn list_trunk_groups(
        &self,
        _: Request<pb::ListTrunkGroupsRequest>,
    ) -> Result<Response<pb::ListTrunkGroupsResponse>, Status> {
        let groups = self.0.store.trunk_groups().await.map_err(Error::from)?;
        let trunk_groups = groups
            .into_iter()
            .map(|g| pb::TrunkGroup {
                trunk_group_id: g.id.0,
                name: g.name,
            })
            .collect();
        Ok(Response::new(pb::ListTrunkGroupsResponse { trunk_groups }))
    }

    async fn create_trunk(
        &self,
        request: Request<pb::CreateTrunkRequest>,
    ) -> Result<Response<pb::CreateTrunkResponse>, Status> {
        once!(
            self,
            request,
            "CreateTrunk",
            Keep::Durably,
            |shared: Arc<Shared>, _, asked| async move { trunks::create(&shared, asked).await }
        )
    }

    async fn update_trunk(
        &self,
        request: Request<pb::UpdateTrunkRequest>,
    ) -> Result<Response<pb::UpdateTrunkResponse>, Status> {
        once!(
            self,
            request,
            "UpdateTrunk",
            Keep::Durably,
            |shared: Arc<Shared>, _, asked| async move { trunks::update(&shared, asked).await }
        )
    }

    async fn set_trunk_enabled(
        &self,
        request: Request<pb::SetTrunkEnabledRequest>,
    ) -> Result<Response<pb::SetTrunkEnabledResponse>, Status> {
        once!(
            self,
            request,
            "SetTrunkEnabled",
            Keep::Durably,
            |shared: Arc<Shared>, _, asked| async move { trunks::set_enabled(&shared, asked).await }
        )
    }

    async fn delete_trunk(
        &self,
        request: Request<pb::DeleteTrunkRequest>,
    ) -> Result<Response<pb::DeleteTrunkResponse>, Status> {
        once!(
            self,
            request,
            "DeleteTrunk",
            Keep::Durably,
            |shared: Arc<Shared>, _, asked: pb::DeleteTrunkRequest| async move {
                shared
                    .store
                    .delete_trunk(model::TrunkId(asked.trunk_id))
                    .await?;
                shared.trunks_changed.tell();
                Ok(pb::DeleteTrunkResponse {})
            }
        )
    }

    async fn list_trunks(
        &self,
        _: Request<pb::ListTrunksRequest>,
    ) -> Result<Response<pb::ListTrunksResponse>, Status> {
        let found = self.0.store.trunks().await.map_err(Error::from)?;
        let trunks = found
            .iter()
            .map(trunks::to_proto)
            .collect::<Result<_, Error>>()?;
        Ok(Response::new(pb::ListTrunksResponse { trunks }))
    }

    async fn get_node_status(
        &self,
        _: Request<pb::GetNodeStatusRequest>,
    ) -> Result<Response<pb::GetNodeStatusResponse>, Status> {
        let board = super::board::ask(&self.0.engine).await?;
        let running = |c: &&engine::CampaignLine| c.state == engine::CampaignState::Running;
        let in_flight = board.campaigns.iter().map(|c| c.in_flight).sum::<u32>();
        let some = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        Ok(Response::new(pb::GetNodeStatusResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: Some(stamp(self.0.started_at)),
            store_up: board.store_up,
            draining: board.draining,
            campaigns_running: some(board.campaigns.iter().filter(running).count()),
            agents_signed_in: some(self.0.desks.count()),
            calls_in_flight: crate::convert::small(in_flight),
        }))
    }
}

fn group_name(text: &str) -> Result<String, Error> {
    text_within("name", text, 100).map_err(|p| Error::Invalid(vec![p]))
}

fn group(group: &store::AgentGroup) -> pb::Group {
    pb::Group {
        group_id: group.id.0,
        name: group.name.clone(),
        members: i32::try_from(group.members.len()).unwrap_or(i32::MAX),
    }
}
