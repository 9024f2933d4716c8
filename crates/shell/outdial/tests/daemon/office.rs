//! Whoever sets the daemon up and watches it, by the public API alone.

use std::net::SocketAddr;
use std::time::Duration;

use proto::admin::v1 as admin;
use proto::admin::v1::admin_service_client::AdminServiceClient;
use proto::admin::v1::auth_service_client::AuthServiceClient;
use proto::options::v1::Role;
use proto::supervisor::v1 as pb;
use proto::supervisor::v1::board_service_client::BoardServiceClient;
use proto::supervisor::v1::campaign_service_client::CampaignServiceClient;
use proto::supervisor::v1::import_list_request::Part;
use proto::supervisor::v1::list_service_client::ListServiceClient;
use testkit::Member;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use super::process::Daemon;
use super::until;

/// Of everybody in these tests.
pub const PASSWORD: &str = "correct horse battery";

/// An administrator at work. Finds the daemon again after a restart.
#[derive(Clone, Debug)]
pub struct Office {
    pub channel: Channel,
    pub token: String,
}

impl Office {
    /// Makes the first administrator of a daemon that was just installed.
    pub async fn found(daemon: &Daemon) -> Self {
        let channel = connect(daemon.api);
        let setup = admin::SetupRequest {
            setup_token: daemon.setup_token.clone().unwrap(),
            login: "root".to_owned(),
            password: PASSWORD.to_owned(),
            ..Default::default()
        };
        let made = AuthServiceClient::new(channel.clone()).setup(setup).await;
        let token = made.unwrap().into_inner().tokens.unwrap().access_token;
        let token = program_token(&channel, &token).await;
        Self { channel, token }
    }

    /// A trunk group with a trunk to each of these carriers, the first tried first.
    pub async fn trunks(&self, carriers: &[SocketAddr]) -> i32 {
        self.trunk_group("carriers", carriers).await
    }

    /// The same by name.
    pub async fn trunk_group(&self, group_name: &str, carriers: &[SocketAddr]) -> i32 {
        self.trunk_group_for(group_name, carriers, 100, 50).await
    }

    /// The same with as many channels and calls per second on each trunk.
    pub async fn trunk_group_for(
        &self,
        group_name: &str,
        carriers: &[SocketAddr],
        channels: i32,
        calls_per_second: i32,
    ) -> i32 {
        let mut client = AdminServiceClient::new(self.channel.clone());
        let group = admin::CreateTrunkGroupRequest {
            name: group_name.to_owned(),
            ..Default::default()
        };
        let made = client.create_trunk_group(self.with(group)).await.unwrap();
        let trunk_group_id = made.into_inner().trunk_group.unwrap().trunk_group_id;
        for (n, carrier) in carriers.iter().enumerate() {
            let trunk = admin::Trunk {
                name: format!("{group_name} {n}"),
                trunk_group_id,
                priority: n.try_into().unwrap(),
                channels,
                calls_per_second,
                enabled: true,
                connection: Some(admin::TrunkConnection {
                    host: carrier.ip().to_string(),
                    port: carrier.port().into(),
                    ..Default::default()
                }),
                ..Default::default()
            };
            let request = admin::CreateTrunkRequest {
                trunk: Some(trunk),
                ..Default::default()
            };
            client.create_trunk(self.with(request)).await.unwrap();
        }
        trunk_group_id
    }

    /// A trunk of a group at a host by name.
    pub async fn trunk_at(&self, trunk_group_id: i32, name: &str, host: &str, port: i32) {
        let trunk = admin::Trunk {
            name: name.to_owned(),
            trunk_group_id,
            channels: 10,
            calls_per_second: 10,
            enabled: true,
            connection: Some(admin::TrunkConnection {
                host: host.to_owned(),
                port,
                ..Default::default()
            }),
            ..Default::default()
        };
        let request = admin::CreateTrunkRequest {
            trunk: Some(trunk),
            ..Default::default()
        };
        let mut client = AdminServiceClient::new(self.channel.clone());
        client.create_trunk(self.with(request)).await.unwrap();
    }

    /// A group of agents.
    pub async fn group(&self, name: &str) -> i32 {
        let request = admin::CreateGroupRequest {
            name: name.to_owned(),
            ..Default::default()
        };
        let mut client = AdminServiceClient::new(self.channel.clone());
        let made = client.create_group(self.with(request)).await.unwrap();
        made.into_inner().group.unwrap().group_id
    }

    /// An account; what an agent's phone registers with comes with it.
    pub async fn account(&self, login: &str, role: Role, groups: &[i32]) -> (i32, Member) {
        let request = admin::CreateUserRequest {
            login: login.to_owned(),
            role: role.into(),
            password: PASSWORD.to_owned(),
            group_ids: groups.to_vec(),
            ..Default::default()
        };
        let mut client = AdminServiceClient::new(self.channel.clone());
        let made = client
            .create_user(self.with(request))
            .await
            .unwrap()
            .into_inner();
        let member = Member {
            login: login.to_owned(),
            password: PASSWORD.to_owned(),
            phone_password: made.sip.unwrap_or_default().password,
        };
        (made.user.unwrap().user_id, member)
    }

    /// Gives an account exactly these skills.
    pub async fn skills(&self, user_id: i32, skills: &[&str]) {
        let user = admin::User {
            user_id,
            skills: skills.iter().map(|s| (*s).to_owned()).collect(),
            ..Default::default()
        };
        let request = admin::UpdateUserRequest {
            user: Some(user),
            update_mask: Some(prost_types::FieldMask {
                paths: vec!["skills".to_owned()],
            }),
            ..Default::default()
        };
        let mut client = AdminServiceClient::new(self.channel.clone());
        client.update_user(self.with(request)).await.unwrap();
    }

    /// So many agents of a group.
    pub async fn agents(&self, count: usize, group: i32) -> Vec<Member> {
        let mut members = Vec::new();
        for n in 1..=count {
            let made = self
                .account(&format!("agent{n}"), Role::Agent, &[group])
                .await;
            members.push(made.1);
        }
        members
    }

    /// A token of an account that holds over restarts and is not taken back by signing out.
    pub async fn sign_in(&self, login: &str) -> String {
        let login = admin::LoginRequest {
            login: login.to_owned(),
            password: PASSWORD.to_owned(),
        };
        let signed_in = AuthServiceClient::new(self.channel.clone())
            .login(login)
            .await;
        let tokens = signed_in.unwrap().into_inner().tokens.unwrap();
        program_token(&self.channel, &tokens.access_token).await
    }

    /// Reads a sheet in, semicolons between its fields.
    pub async fn import(&self, list: &str, sheet: &str) -> pb::ImportListResponse {
        let header = pb::ImportHeader {
            list_name: list.to_owned(),
            file_name: format!("{list}.csv"),
            country: "RU".to_owned(),
            currency: "RUB".to_owned(),
            profile: "demo".to_owned(),
            ..Default::default()
        };
        let parts: Vec<_> = std::iter::once(Part::Header(header))
            .chain(
                sheet
                    .as_bytes()
                    .chunks(100_000)
                    .map(|c| Part::Chunk(c.to_vec())),
            )
            .map(|part| pb::ImportListRequest { part: Some(part) })
            .collect();
        let mut client = ListServiceClient::new(self.channel.clone());
        let read = client
            .import_list(self.with(tokio_stream::iter(parts)))
            .await;
        read.unwrap().into_inner()
    }

    /// Makes a campaign over a list.
    pub async fn create(&self, campaign: pb::Campaign, list_id: i32) -> i32 {
        let request = pb::CreateCampaignRequest {
            campaign: Some(campaign),
            ..Default::default()
        };
        let made = self.campaigns().create_campaign(self.with(request)).await;
        let campaign_id = made.unwrap().into_inner().campaign.unwrap().campaign_id;
        let request = pb::AddListRequest {
            campaign_id,
            list_id,
            ..Default::default()
        };
        self.campaigns().add_list(self.with(request)).await.unwrap();
        campaign_id
    }

    pub async fn start(&self, campaign_id: i32) {
        let request = pb::StartCampaignRequest {
            campaign_id,
            ..Default::default()
        };
        let started = self.campaigns().start_campaign(self.with(request)).await;
        started.unwrap_or_else(|e| panic!("{e:?}"));
    }

    pub async fn pause(&self, campaign_id: i32) {
        let request = pb::PauseCampaignRequest {
            campaign_id,
            ..Default::default()
        };
        self.campaigns()
            .pause_campaign(self.with(request))
            .await
            .unwrap();
    }

    pub async fn resume(&self, campaign_id: i32) {
        let request = pb::ResumeCampaignRequest {
            campaign_id,
            ..Default::default()
        };
        self.campaigns()
            .resume_campaign(self.with(request))
            .await
            .unwrap();
    }

    pub async fn state(&self, campaign_id: i32) -> pb::CampaignState {
        let request = pb::GetCampaignRequest { campaign_id };
        let got = self
            .campaigns()
            .get_campaign(self.with(request))
            .await
            .unwrap();
        got.into_inner().campaign.unwrap().state()
    }

    /// Waits until a campaign is in a state.
    pub async fn until_state(&self, campaign_id: i32, wanted: pb::CampaignState) {
        let ask = async || (self.state(campaign_id).await == wanted).then_some(());
        until(&format!("{wanted:?}"), ask).await;
    }

    pub async fn report(&self, campaign_id: i32) -> pb::ReportCampaignResponse {
        let request = pb::ReportCampaignRequest { campaign_id };
        let got = self.campaigns().report_campaign(self.with(request)).await;
        got.unwrap().into_inner()
    }

    pub async fn explain(&self, campaign_id: i32) -> Result<pb::ExplainCampaignResponse, Status> {
        let request = pb::ExplainCampaignRequest { campaign_id };
        let got = self
            .campaigns()
            .explain_campaign(self.with(request))
            .await?;
        Ok(got.into_inner())
    }

    /// The newest attempts, at most 1000.
    pub async fn attempts(&self, campaign_id: i32) -> Vec<pb::Attempt> {
        let request = pb::ListAttemptsRequest {
            campaign_id,
            page_size: 1_000,
            ..Default::default()
        };
        let mut client = BoardServiceClient::new(self.channel.clone());
        let got = client.list_attempts(self.with(request)).await.unwrap();
        got.into_inner().attempts
    }

    /// The results as a file.
    pub async fn export(&self, campaign_id: i32, format: pb::SheetFormat) -> Vec<u8> {
        let request = pb::ExportResultsRequest {
            campaign_id,
            format: format.into(),
        };
        let mut client = ListServiceClient::new(self.channel.clone());
        let sent = client.export_results(self.with(request)).await.unwrap();
        let mut sent = sent.into_inner();
        let mut file = Vec::new();
        while let Some(part) = sent.message().await.unwrap() {
            file.extend(part.chunk);
        }
        file
    }

    pub async fn status(&self) -> Result<admin::GetNodeStatusResponse, Status> {
        let mut client = AdminServiceClient::new(self.channel.clone());
        let request = self.with(admin::GetNodeStatusRequest::default());
        Ok(client.get_node_status(request).await?.into_inner())
    }

    pub fn campaigns(&self) -> CampaignServiceClient<Channel> {
        CampaignServiceClient::new(self.channel.clone())
    }

    /// A request with the office's token.
    pub fn with<T>(&self, message: T) -> Request<T> {
        with(&self.token, message)
    }
}

/// A request with a token.
pub fn with<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let value: MetadataValue<_> = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", value);
    request
}

/// Access tokens live as long as the daemon; a program's token stands in a row.
async fn program_token(channel: &Channel, access: &str) -> String {
    let request = admin::CreateApiTokenRequest {
        label: "test".to_owned(),
        ..Default::default()
    };
    let mut client = AuthServiceClient::new(channel.clone());
    let made = client.create_api_token(with(access, request)).await;
    made.unwrap().into_inner().secret
}

/// A way to the daemon that finds it again after a restart.
fn connect(api: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{api}"))
        .unwrap()
        .timeout(Duration::from_secs(30))
        .connect_lazy()
}

/// A campaign whose every number is called once, whatever comes of it: a second call would be seen.
pub fn campaign(mode: pb::Mode, trunk_group_id: i32, group_id: i32) -> pb::Campaign {
    let once = [
        "busy",
        "no_answer",
        "rejected",
        "no_ringback",
        "dropped_while_ringing",
        "subscriber_absent",
        "not_in_service",
        "invalid_number",
        "network_congestion",
        "trunk_failure",
        "abandoned_no_agent",
        "caller_hung_up_early",
        "answering_machine",
        "controller_lost",
        "internal_error",
        "no_media",
    ];
    let rules = once.map(|result| (result.to_owned(), pb::RetryRule::default()));
    let manned = mode != pb::Mode::Notification;
    pb::Campaign {
        name: "Spring".to_owned(),
        seller: "ACME".to_owned(),
        purpose: "sales".to_owned(),
        mode: mode.into(),
        group_ids: if manned { vec![group_id] } else { Vec::new() },
        trunk_group_id,
        caller: "+74951234567".to_owned(),
        profiles: vec!["demo".to_owned()],
        retry: Some(pb::RetryTable {
            rules: rules.into(),
            ..Default::default()
        }),
        ..Default::default()
    }
}
