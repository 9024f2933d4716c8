//! A supervisor's way from an empty installation to a running campaign and its results.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::redundant_closure,
    reason = "a test that panics has failed, which is its purpose"
)]

mod common;

use common::desk::{Desk, campaign};
use common::{fields, soon, with};
use proto::supervisor::v1 as pb;
use proto::supervisor::v1::board_service_client::BoardServiceClient;
use proto::supervisor::v1::suppression_service_client::SuppressionServiceClient;
use tonic::Code;
use tonic_types::StatusExt;

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
    let lists = desk
        .lists
        .list_lists(with(&desk.token, pb::ListListsRequest::default()))
        .await;
    let lists = lists.unwrap().into_inner().lists;
    assert_eq!(
        lists[0].columns,
        ["Город"],
        "it decides the hours, and is shown"
    );
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
