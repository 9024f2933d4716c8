//! What the engine is told of a campaign when it starts, resumes or changes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::redundant_closure,
    reason = "a test that panics has failed, which is its purpose"
)]

mod common;

use std::time::Duration;

use common::calls::{ended, launched};
use common::desk::{Desk, campaign};
use common::{soon, with};
use compliance::{LedgerCounts, Period};
use engine::{Ask, CampaignState, FinishedAttempt, Input, StoreFact};
use model::{CallResult, CampaignId, LedgerClass, WallTime};
use proto::supervisor::v1 as pb;
use store::Store;
use store::testing::TestCluster;
use tonic::Code;

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_of_the_present_period_comes_with_each_start_resume_and_change() {
    let mut desk = Desk::new().await;
    let id = running(&mut desk).await;
    let campaign_id = id.0;
    let version = i32::try_from(desk.api.store.campaign(id).await.unwrap().version).unwrap();
    let token = desk.token.clone();
    assert_eq!(
        brought(&desk),
        (CampaignState::Running, LedgerCounts::default()),
        "nobody was called yet"
    );

    // Periods of 30 days from the first call on: the older one lies in the one before.
    let now = api::Clock::system().now();
    abandoned_call(&desk.api.store, id, now - DAY * 40).await;
    abandoned_call(&desk.api.store, id, now - DAY).await;
    let one = LedgerCounts {
        a: 1,
        ..LedgerCounts::default()
    };

    let request = pb::UpdateCampaignRequest {
        campaign: Some(pb::Campaign {
            campaign_id,
            version,
            name: "Summer".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    desk.campaigns
        .update_campaign(with(&token, request))
        .await
        .unwrap();
    assert_eq!(brought(&desk), (CampaignState::Running, one));

    let request = pb::PauseCampaignRequest {
        campaign_id,
        ..Default::default()
    };
    desk.campaigns
        .pause_campaign(with(&token, request))
        .await
        .unwrap();
    desk.api.told();
    let request = pb::ResumeCampaignRequest {
        campaign_id,
        ..Default::default()
    };
    desk.campaigns
        .resume_campaign(with(&token, request))
        .await
        .unwrap();
    assert_eq!(brought(&desk), (CampaignState::Running, one));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_begins_anew_with_its_next_period() {
    let mut desk = Desk::new().await;
    let id = running(&mut desk).await;
    let store = &desk.api.store;
    let now = api::Clock::system().now();
    abandoned_call(store, id, now).await;
    let (told, facts) = std::sync::mpsc::channel();
    let engine = api::EngineHandle::new(move |input| {
        told.send(input).unwrap();
        Ok(())
    });
    let period = Period::SuccessiveDays { days: 30 };
    let one = LedgerCounts {
        a: 1,
        ..LedgerCounts::default()
    };
    for (at, counts) in [
        (now + DAY * 29, one),
        (now + DAY * 31, LedgerCounts::default()),
    ] {
        api::recount_ledger(store, &engine, id, period, at)
            .await
            .unwrap();
        let told = facts.try_recv().unwrap();
        let ledger = StoreFact::Ledger {
            campaign: id,
            counts,
        };
        assert_eq!(told, Input::Store(ledger));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_holds_at_once_while_the_database_does_not_answer() {
    let mut desk = Desk::new().await;
    let id = running(&mut desk).await;
    let token = desk.token.clone();
    let pool = desk.api.store.pool_for_tests();
    let options = pool.connect_options();
    let name = options.get_database().unwrap();
    let cluster = TestCluster::shared().await;
    cluster.cut_off(name).await;
    let pause = || pb::PauseCampaignRequest {
        campaign_id: id.0,
        ..Default::default()
    };
    let refused = desk
        .campaigns
        .pause_campaign(with(&token, pause()))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    let told = desk.api.told();
    assert!(
        told.iter().any(|input| matches!(
            input,
            Input::Request {
                ask: Ask::SetCampaignState { campaign, state: CampaignState::Paused },
                ..
            } if *campaign == id
        )),
        "{told:?}"
    );

    cluster.let_in(name).await;
    desk.campaigns
        .pause_campaign(with(&token, pause()))
        .await
        .unwrap();
    let row = desk.api.store.campaign(id).await.unwrap();
    assert_eq!(row.state, CampaignState::Paused);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_whose_amounts_cannot_be_spoken_does_not_start() {
    let mut desk = Desk::new().await;
    let (trunks, _) = desk.equip().await;
    let token = desk.token.clone();
    let message = pb::Message {
        voice: "anna".to_owned(),
        language: "ru".to_owned(),
        identification: vec![recording("who")],
        body: vec![pb::Segment {
            say: Some(pb::segment::Say::Amount(pb::Amount {})),
        }],
        amount_without_check: "the list was confirmed by the seller".to_owned(),
        ..Default::default()
    };
    let made = desk
        .create(pb::Campaign {
            mode: pb::Mode::Notification.into(),
            policy: "lines".to_owned(),
            group_ids: Vec::new(),
            message: Some(message),
            ..campaign(trunks, 0)
        })
        .await
        .unwrap();
    let list = desk.api.store.create_list("debts").await.unwrap();
    amount(&desk.api.store, list, "XAU").await;
    let campaign_id = made.campaign_id;
    let request = pb::AddListRequest {
        campaign_id,
        list_id: list.0,
        ..Default::default()
    };
    desk.campaigns
        .add_list(with(&token, request))
        .await
        .unwrap();
    let checked = desk
        .campaigns
        .check_campaign(with(&token, pb::CheckCampaignRequest { campaign_id }))
        .await
        .unwrap()
        .into_inner();
    assert!(
        checked
            .problems
            .iter()
            .any(|p| p.field == "message.body" && p.description.contains("XAU")),
        "{:?}",
        checked.problems
    );
}

/// A campaign with two people to call, started.
async fn running(desk: &mut Desk) -> CampaignId {
    let (trunks, group) = desk.equip().await;
    let made = desk.create(campaign(trunks, group)).await.unwrap();
    let campaign_id = made.campaign_id;
    let list_id = desk.import(false).await.unwrap().list_id;
    let token = desk.token.clone();
    let request = pb::AddListRequest {
        campaign_id,
        list_id,
        ..Default::default()
    };
    desk.campaigns
        .add_list(with(&token, request))
        .await
        .unwrap();
    let request = pb::StartCampaignRequest {
        campaign_id,
        ..Default::default()
    };
    desk.campaigns
        .start_campaign(with(&token, request))
        .await
        .unwrap();
    CampaignId(campaign_id)
}

fn recording(name: &str) -> pb::Segment {
    pb::Segment {
        say: Some(pb::segment::Say::Recording(name.to_owned())),
    }
}

/// Imports one person who owes an amount in that currency.
async fn amount(store: &Store, list: model::ListId, currency: &str) {
    let (rows, imported) = tokio::sync::mpsc::channel(2);
    let phone = store::NewPhone {
        number: "+79005550007".parse().unwrap(),
        raw: "8 900 555-00-07".to_owned(),
        kind: String::new(),
        extension: None,
    };
    let person = store::NewProspect {
        row: 1,
        external_id: "1".to_owned(),
        name: None,
        zones: model::ZoneSet::from_names(["Europe/Moscow"]).unwrap(),
        subject: None,
        amount: Some(model::Money::new(100, currency.parse().unwrap())),
        language: None,
        consent: true,
        fields: Vec::new(),
        phones: vec![phone],
    };
    for row in [
        store::ImportRow::Prospect(Box::new(person)),
        store::ImportRow::End {
            rows: 1,
            assumed: 0,
        },
    ] {
        rows.send(row).await.unwrap();
    }
    let now = api::Clock::system().now();
    let (into, record) = (
        store::IntoList::Existing(list),
        store::ImportRecord::default(),
    );
    let done = store.import(into, &record, imported, now);
    soon(done).await.unwrap();
}

/// The campaign's state and its ledger as told last; the ledger comes right after the campaign.
fn brought(desk: &Desk) -> (CampaignState, LedgerCounts) {
    let told = desk.api.told();
    let pair = told.windows(2).rev().find_map(|pair| match pair {
        [
            Input::Campaign(spec),
            Input::Store(StoreFact::Ledger { campaign, counts }),
        ] if spec.id == *campaign => Some((spec.state, *counts)),
        _ => None,
    });
    assert!(pair.is_some(), "no campaign with its ledger in {told:?}");
    pair.unwrap()
}

/// A call at an instant that was answered and found no agent.
async fn abandoned_call(store: &Store, campaign: CampaignId, at: WallTime) {
    let (run, launch) = launched(store, campaign, at).await;
    let end = FinishedAttempt {
        result: CallResult::AbandonedNoAgent,
        ledger: Some(LedgerClass::A),
        ..ended(&launch)
    };
    store.finish(run, &[end]).await.unwrap();
}
