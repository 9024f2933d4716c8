//! A supervisor's way from an empty installation to a running campaign and its results.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::redundant_closure,
    reason = "a test that panics has failed, which is its purpose"
)]

mod common;

use common::{Api, fields, soon, with};
use proto::admin::v1 as admin;
use proto::admin::v1::admin_service_client::AdminServiceClient;
use proto::supervisor::v1 as pb;
use proto::supervisor::v1::board_service_client::BoardServiceClient;
use proto::supervisor::v1::campaign_service_client::CampaignServiceClient;
use proto::supervisor::v1::import_list_request::Part;
use proto::supervisor::v1::list_service_client::ListServiceClient;
use proto::supervisor::v1::suppression_service_client::SuppressionServiceClient;
use store::Role;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

const SHEET: &str = "id;ФИО;Телефон;Город\n\
    1;Иванов;8 (900) 555-00-01, 8 900 555 00 02;Москва\n\
    2;Петров;+7 900 555-00-03;Омск\n\
    2;Петров ещё раз;+7 900 555-00-04;Омск\n\
    3;Сидоров;позже;Омск\n";

struct Desk {
    api: Api,
    token: String,
    campaigns: CampaignServiceClient<Channel>,
    lists: ListServiceClient<Channel>,
}

impl Desk {
    async fn new() -> Self {
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
    async fn equip(&self) -> (i32, i32) {
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

    async fn create(&mut self, campaign: pb::Campaign) -> Result<pb::Campaign, Status> {
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

    async fn import(&mut self, dry_run: bool) -> Result<pb::ImportListResponse, Status> {
        let header = pb::ImportHeader {
            list_name: "march".to_owned(),
            file_name: "march.csv".to_owned(),
            country: "RU".to_owned(),
            profile: "demo".to_owned(),
            dry_run,
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

fn campaign(trunk_group_id: i32, group_id: i32) -> pb::Campaign {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_reports_every_wrong_field_at_once() {
    let mut desk = Desk::new().await;
    let given = pb::Campaign {
        caller: "+74951234567".to_owned(),
        ..Default::default()
    };
    let refused = desk.create(given).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let named = fields(&refused);
    for field in [
        "campaign.mode",
        "campaign.name",
        "campaign.seller",
        "campaign.profiles",
    ] {
        assert!(
            named.iter().any(|n| n == field),
            "{field} is missing in {named:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_says_what_came_of_every_row_and_a_dry_run_keeps_nothing() {
    let mut desk = Desk::new().await;
    let dry = desk.import(true).await.unwrap();
    assert_eq!(
        (dry.rows, dry.accepted, dry.duplicates, dry.list_id),
        (4, 2, 1, 0)
    );
    let lists = desk
        .lists
        .list_lists(with(&desk.token, pb::ListListsRequest::default()))
        .await
        .unwrap();
    assert!(lists.into_inner().lists.is_empty());

    let kept = desk.import(false).await.unwrap();
    assert_eq!((kept.rows, kept.accepted, kept.duplicates), (4, 2, 1));
    assert_eq!(kept.rejected, [("no_usable_phone".to_owned(), 1)].into());
    assert_eq!(
        kept.prospects.unwrap().now,
        2,
        "the demo's profile is open at all hours"
    );
    assert_eq!(kept.mapping["Телефон"], "phone");
    let request = pb::GetRejectedRequest {
        import_id: kept.import_id,
        ..Default::default()
    };
    let rejected = desk
        .lists
        .get_rejected(with(&desk.token, request))
        .await
        .unwrap()
        .into_inner()
        .rows;
    let rows: Vec<_> = rejected.iter().map(|r| r.row).collect();
    assert_eq!(rows, [4, 5], "the duplicate and the number that is none");

    let again = desk.import(false).await.unwrap();
    assert_eq!(
        (again.list_id, again.accepted, again.duplicates),
        (kept.list_id, 0, 3)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_is_checked_started_explained_paused_and_exported() {
    let mut desk = Desk::new().await;
    let (trunk_group, group) = desk.equip().await;
    let token = desk.token.clone();
    let made = desk.create(campaign(trunk_group, group)).await.unwrap();
    let campaign_id = made.campaign_id;
    assert_eq!(made.state(), pb::CampaignState::Draft);

    // Without a list it cannot start, and both say so.
    let check = pb::CheckCampaignRequest { campaign_id };
    let checked = desk
        .campaigns
        .check_campaign(with(&token, check))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        checked
            .problems
            .iter()
            .map(|p| p.field.as_str())
            .collect::<Vec<_>>(),
        ["list_ids"]
    );
    let start = || pb::StartCampaignRequest {
        campaign_id,
        ..Default::default()
    };
    let refused = desk
        .campaigns
        .start_campaign(with(&token, start()))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(
        refused
            .get_details_precondition_failure()
            .unwrap()
            .violations
            .len(),
        1
    );

    let list_id = desk.import(false).await.unwrap().list_id;
    let request = pb::AddListRequest {
        campaign_id,
        list_id,
        ..Default::default()
    };
    let added = desk
        .campaigns
        .add_list(with(&token, request))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(added.queued, 2);
    let checked = desk
        .campaigns
        .check_campaign(with(&token, check))
        .await
        .unwrap()
        .into_inner();
    assert!(checked.problems.is_empty(), "{:?}", checked.problems);
    assert_eq!(checked.prospects.unwrap().now, 2);

    let explain = pb::ExplainCampaignRequest { campaign_id };
    let why = desk
        .campaigns
        .explain_campaign(with(&token, explain))
        .await
        .unwrap()
        .into_inner();
    assert!(why.summary.contains("draft"), "{}", why.summary);
    let started = desk
        .campaigns
        .start_campaign(with(&token, start()))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        started.campaign.unwrap().state(),
        pb::CampaignState::Running
    );
    let why = desk
        .campaigns
        .explain_campaign(with(&token, explain))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(why.state(), pb::CampaignState::Running);
    assert!(!why.gates.is_empty(), "no agent is signed in");
    let refused = desk
        .campaigns
        .start_campaign(with(&token, start()))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "it runs already");

    let mut board = BoardServiceClient::new(desk.api.channel.clone());
    let mut pictures = board
        .watch_board(with(&token, pb::WatchBoardRequest {}))
        .await
        .unwrap()
        .into_inner();
    let picture = soon(pictures.message()).await.unwrap().unwrap();
    assert_eq!(
        picture
            .campaigns
            .iter()
            .map(|c| c.campaign_id)
            .collect::<Vec<_>>(),
        [campaign_id]
    );

    let pause = pb::PauseCampaignRequest {
        campaign_id,
        ..Default::default()
    };
    let paused = desk
        .campaigns
        .pause_campaign(with(&token, pause))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(paused.campaign.unwrap().state(), pb::CampaignState::Paused);

    let report = pb::ReportCampaignRequest { campaign_id };
    let report = desk
        .campaigns
        .report_campaign(with(&token, report))
        .await
        .unwrap()
        .into_inner();
    assert_eq!((report.prospects, report.attempts), (2, 0));
    let request = pb::ExportResultsRequest {
        campaign_id,
        format: pb::SheetFormat::Csv.into(),
    };
    let mut chunks = desk
        .lists
        .export_results(with(&token, request))
        .await
        .unwrap()
        .into_inner();
    let mut file = Vec::new();
    while let Some(part) = soon(chunks.message()).await.unwrap() {
        file.extend(part.chunk);
    }
    let text = String::from_utf8(file).unwrap();
    assert_eq!(
        text.lines().count(),
        3,
        "a header and two prospects: {text}"
    );
    assert!(text.contains("Иванов"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_made_on_an_older_version_is_refused() {
    let mut desk = Desk::new().await;
    let (trunk_group, group) = desk.equip().await;
    let made = desk.create(campaign(trunk_group, group)).await.unwrap();
    let token = desk.token.clone();
    let mut rename = async |version, name: &str| {
        let campaign = pb::Campaign {
            campaign_id: made.campaign_id,
            version,
            name: name.to_owned(),
            ..Default::default()
        };
        let request = pb::UpdateCampaignRequest {
            campaign: Some(campaign),
            ..Default::default()
        };
        desk.campaigns.update_campaign(with(&token, request)).await
    };
    let changed = rename(made.version, "Summer")
        .await
        .unwrap()
        .into_inner()
        .campaign
        .unwrap();
    assert_eq!(
        (changed.name.as_str(), changed.version),
        ("Summer", made.version + 1)
    );
    assert_eq!(changed.seller, made.seller);
    assert_eq!(
        rename(made.version, "Autumn").await.unwrap_err().code(),
        Code::Aborted
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suppressed_numbers_are_listed_page_by_page_and_checked_by_seller() {
    let desk = Desk::new().await;
    let token = &desk.token;
    let mut client = SuppressionServiceClient::new(desk.api.channel.clone());
    let numbers = |numbers: &[&str], seller: &str| pb::AddSuppressionsRequest {
        numbers: numbers.iter().map(|n| (*n).to_owned()).collect(),
        seller: seller.to_owned(),
        ..Default::default()
    };
    let refused = client
        .add_suppressions(with(token, numbers(&["8 900"], "")))
        .await
        .unwrap_err();
    assert_eq!(fields(&refused), ["numbers[0]"]);
    let three = ["+79005550001", "+79005550002", "+79005550003"];
    let added = client
        .add_suppressions(with(token, numbers(&three, "")))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(added.added, 3);
    client
        .add_suppressions(with(token, numbers(&["+79005550004"], "ACME")))
        .await
        .unwrap();
    let mut found = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = pb::ListSuppressionsRequest {
            page_size: 2,
            page_token,
        };
        let page = client
            .list_suppressions(with(token, request))
            .await
            .unwrap()
            .into_inner();
        found.extend(page.suppressions.into_iter().map(|s| s.number));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(
        found,
        [
            "+79005550001",
            "+79005550002",
            "+79005550003",
            "+79005550004"
        ]
    );
    let mut check = async |seller: &str| {
        let request = pb::CheckSuppressionRequest {
            number: "+79005550004".to_owned(),
            seller: seller.to_owned(),
        };
        client
            .check_suppression(with(token, request))
            .await
            .unwrap()
            .into_inner()
            .suppressions
            .len()
    };
    assert_eq!((check("ACME").await, check("Other").await), (1, 0));
}
