//! A supervisor's way from an empty installation to a campaign.

use proto::admin::v1 as admin;
use proto::admin::v1::admin_service_client::AdminServiceClient;
use proto::supervisor::v1 as pb;
use proto::supervisor::v1::campaign_service_client::CampaignServiceClient;
use proto::supervisor::v1::import_list_request::Part;
use proto::supervisor::v1::list_service_client::ListServiceClient;
use store::Role;
use tonic::Status;
use tonic::transport::Channel;

use super::{Api, with};

/// Two people, one of them twice, and one without a number.
const SHEET: &str = "id;ФИО;Телефон;Город\n\
    1;Иванов;8 (900) 555-00-01, 8 900 555 00 02;Москва\n\
    2;Петров;+7 900 555-00-03;Омск\n\
    2;Петров ещё раз;+7 900 555-00-04;Омск\n\
    3;Сидоров;позже;Омск\n";

/// A supervisor at work on an installation of its own.
pub(crate) struct Desk {
    pub(crate) api: Api,
    pub(crate) token: String,
    pub(crate) campaigns: CampaignServiceClient<Channel>,
    pub(crate) lists: ListServiceClient<Channel>,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        let api = Api::start().await;
        let (_, token) = api.account("boss", Role::Supervisor).await;
        let campaigns = CampaignServiceClient::new(api.channel.clone());
        let lists = ListServiceClient::new(api.channel.clone());
        Self {
            api,
            token,
            campaigns,
            lists,
        }
    }

    /// A trunk and a group with an agent, made by an admin.
    pub(crate) async fn equip(&self) -> (i32, i32) {
        let (_, root) = self.api.account("root", Role::Admin).await;
        let mut client = AdminServiceClient::new(self.api.channel.clone());
        let request = admin::CreateTrunkGroupRequest {
            name: "all".to_owned(),
            ..Default::default()
        };
        let made = client
            .create_trunk_group(with(&root, request))
            .await
            .unwrap()
            .into_inner();
        let trunk_group_id = made.trunk_group.unwrap().trunk_group_id;
        let trunk = admin::Trunk {
            name: "carrier".to_owned(),
            trunk_group_id,
            channels: 10,
            calls_per_second: 5,
            enabled: true,
            connection: Some(admin::TrunkConnection {
                host: "127.0.0.1".to_owned(),
                user: "u".to_owned(),
                password: "secret".to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let request = admin::CreateTrunkRequest {
            trunk: Some(trunk),
            ..Default::default()
        };
        let made = client
            .create_trunk(with(&root, request))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(
            made.trunk.unwrap().connection.unwrap().password,
            "",
            "a password was shown"
        );
        let request = admin::CreateGroupRequest {
            name: "sales".to_owned(),
            ..Default::default()
        };
        let made = client
            .create_group(with(&root, request))
            .await
            .unwrap()
            .into_inner();
        let group_id = made.group.unwrap().group_id;
        let request = admin::CreateUserRequest {
            login: "anna".to_owned(),
            role: proto::options::v1::Role::Agent.into(),
            group_ids: vec![group_id],
            ..Default::default()
        };
        client.create_user(with(&root, request)).await.unwrap();
        (trunk_group_id, group_id)
    }

    pub(crate) async fn create(&mut self, campaign: pb::Campaign) -> Result<pb::Campaign, Status> {
        let request = pb::CreateCampaignRequest {
            campaign: Some(campaign),
            ..Default::default()
        };
        let made = self
            .campaigns
            .create_campaign(with(&self.token, request))
            .await?;
        Ok(made.into_inner().campaign.unwrap())
    }

    pub(crate) async fn import(&mut self, dry_run: bool) -> Result<pb::ImportListResponse, Status> {
        let header = pb::ImportHeader {
            list_name: "march".to_owned(),
            file_name: "march.csv".to_owned(),
            country: "RU".to_owned(),
            profile: "demo".to_owned(),
            dry_run,
            // One of four rows is none.
            accept_rejects: true,
            ..Default::default()
        };
        let parts = std::iter::once(Part::Header(header))
            .chain(SHEET.as_bytes().chunks(50).map(|c| Part::Chunk(c.to_vec())))
            .map(|part| pb::ImportListRequest { part: Some(part) })
            .collect::<Vec<_>>();
        let request = with(&self.token, tokio_stream::iter(parts));
        Ok(self.lists.import_list(request).await?.into_inner())
    }
}

/// A preview campaign of that group over those trunks.
pub(crate) fn campaign(trunk_group_id: i32, group_id: i32) -> pb::Campaign {
    pb::Campaign {
        name: "Spring".to_owned(),
        seller: "ACME".to_owned(),
        purpose: "sales".to_owned(),
        mode: pb::Mode::Preview.into(),
        group_ids: vec![group_id],
        trunk_group_id,
        caller: "+74951234567".to_owned(),
        profiles: vec!["demo".to_owned()],
        ..Default::default()
    }
}
