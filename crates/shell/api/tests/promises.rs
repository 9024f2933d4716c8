//! What an agent promised, and what an agent may know of a person.
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
use common::with;
use engine::{
    ClosedState, FinishedAttempt, Input, Launch, NewCallback, Next, Outcome, OutcomeRecord,
    StoreFact, WorkKind,
};
use model::{AgentId, CallResult, CampaignId, LedgerClass, WallTime};
use proto::agent::v1 as pb;
use proto::agent::v1::agent_service_client::AgentServiceClient;
use proto::supervisor::v1 as supervisor;
use store::Role;
use tonic::Code;
use tonic::transport::Channel;

const HOUR: Duration = Duration::from_secs(3_600);

/// An agent who talked with a person of two numbers and promised to call again in an hour.
struct Promised {
    desk: Desk,
    agents: AgentServiceClient<Channel>,
    agent: AgentId,
    token: String,
    launch: Launch,
    now: WallTime,
}

impl Promised {
    async fn new() -> Self {
        let mut desk = Desk::new().await;
        let (trunks, group) = desk.equip().await;
        let campaign_id = desk
            .create(campaign(trunks, group))
            .await
            .unwrap()
            .campaign_id;
        let list_id = desk.import(false).await.unwrap().list_id;
        let request = supervisor::AddListRequest {
            campaign_id,
            list_id,
            ..Default::default()
        };
        desk.campaigns
            .add_list(with(&desk.token, request))
            .await
            .unwrap();
        let (account, token) = desk.api.account("boris", Role::Agent).await;
        let agent = AgentId(account.0);
        let now = api::Clock::system().now();
        let store = &desk.api.store;
        let (run, launch) = launched(store, CampaignId(campaign_id), now).await;
        let end = FinishedAttempt {
            result: CallResult::ConnectedAgent,
            talked: true,
            ledger: Some(LedgerClass::C),
            agent: Some(agent),
            next: Next::AwaitsOutcome,
            ..ended(&launch)
        };
        store.finish(run, &[end]).await.unwrap();
        let at = now + HOUR;
        let promise = OutcomeRecord {
            callback: Some(NewCallback {
                at,
                agent: Some(agent),
                phone: Some(launch.phone),
                note: "after lunch".to_owned(),
            }),
            next: Next::Due {
                at,
                phone: Some(launch.phone),
                kind: WorkKind::PrivateCallback,
                close_phone: None,
                because: "callback_private".to_owned(),
            },
            ..outcome(&launch, agent, "callback_private", now)
        };
        store.save_outcomes(&[promise]).await.unwrap();
        let agents = AgentServiceClient::new(desk.api.channel.clone());
        Self {
            desk,
            agents,
            agent,
            token,
            launch,
            now,
        }
    }

    async fn callbacks(&mut self) -> Vec<pb::Callback> {
        let request = with(&self.token, pb::ListCallbacksRequest {});
        let answer = self.agents.list_callbacks(request).await.unwrap();
        answer.into_inner().callbacks
    }

    async fn card(&mut self, token: &str) -> Result<pb::Card, tonic::Status> {
        let request = pb::GetCardRequest {
            campaign_id: self.launch.campaign.0,
            prospect_id: self.launch.prospect.0,
        };
        let answer = self.agents.get_card(with(token, request)).await?;
        Ok(answer.into_inner().card.unwrap())
    }
}

fn outcome(launch: &Launch, agent: AgentId, code: &str, at: WallTime) -> OutcomeRecord {
    OutcomeRecord {
        attempt: launch.attempt,
        campaign: launch.campaign,
        prospect: launch.prospect,
        phone: launch.phone,
        number: launch.number,
        seller: launch.seller.clone(),
        agent: Some(agent),
        outcome: Outcome {
            disposition: code.to_owned(),
            answers: Vec::new(),
            note: "asks for a price".to_owned(),
            call_at: None,
            call_phone: None,
        },
        at,
        refused: false,
        suppress: false,
        stands_in: false,
        callback: None,
        mark: None,
        next: Next::Closed {
            state: ClosedState::Success,
            close_phone: None,
            because: code.to_owned(),
        },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_shows_the_city_that_the_file_states() {
    let mut promised = Promised::new().await;
    let token = promised.token.clone();
    let card = promised.card(&token).await.unwrap();
    let city = if card.external_id == "1" {
        "Москва"
    } else {
        "Омск"
    };
    let shown = pb::Field {
        name: "Город".to_owned(),
        value: city.to_owned(),
    };
    assert_eq!(card.fields, [shown]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_moves_a_promise_with_its_number_and_note() {
    let mut promised = Promised::new().await;
    let token = promised.token.clone();
    let before = promised.callbacks().await.remove(0);
    let phones = promised.card(&token).await.unwrap().phones;
    let other = phones
        .iter()
        .map(|p| p.phone_id)
        .find(|p| *p != before.phone_id);
    let later = promised.now + HOUR * 5;
    let request = pb::UpdateCallbackRequest {
        callback_id: before.callback_id,
        at: Some(prost_types::Timestamp {
            seconds: later.unix_micros().div_euclid(1_000_000),
            nanos: 0,
        }),
        phone_id: other.unwrap_or_default(),
        note: "not before five".to_owned(),
        ..Default::default()
    };
    let moved = promised
        .agents
        .update_callback(with(&token, request.clone()))
        .await
        .unwrap()
        .into_inner()
        .callback
        .unwrap();
    assert_eq!(moved.note, "not before five");
    assert_eq!((moved.at, moved.phone_id), (request.at, request.phone_id));
    assert_eq!(promised.callbacks().await, [moved]);
    let told = promised.desk.api.told();
    let told = told.iter().any(|input| {
        matches!(input, Input::Store(StoreFact::Callbacks { agent, callbacks })
            if *agent == promised.agent && callbacks[0].note == "not before five")
    });
    assert!(told, "the engine reminds of what was moved");

    let request = pb::UpdateCallbackRequest {
        phone_id: 1_000_000,
        ..request
    };
    let refused = promised
        .agents
        .update_callback(with(&token, request))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("phone_id"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_shows_what_was_said_and_promised_and_stays_with_the_agent_when_it_is_closed() {
    let mut promised = Promised::new().await;
    let token = promised.token.clone();
    let card = promised.card(&token).await.unwrap();
    let promise = card.promises.first().expect("the promise is shown");
    assert_eq!(
        (promise.note.as_str(), promise.agent_name.as_str()),
        ("after lunch", "boris")
    );
    let line = card.history.first().expect("the talk is shown");
    assert_eq!(
        (line.result.as_str(), line.disposition.as_str()),
        ("connected_agent", "callback_private")
    );
    assert_eq!(line.note, "asks for a price");

    let later = promised.now + HOUR;
    let sale = OutcomeRecord {
        next: Next::Closed {
            state: ClosedState::Success,
            close_phone: Some(promised.launch.phone),
            because: "sale".to_owned(),
        },
        ..outcome(&promised.launch, promised.agent, "sale", later)
    };
    let store = &promised.desk.api.store;
    store.save_outcomes(&[sale]).await.unwrap();
    let card = promised.card(&token).await.unwrap();
    let called = promised.launch.phone.0;
    assert!(
        card.phones.iter().any(|p| p.phone_id == called && p.closed),
        "{:?}",
        card.phones
    );
    assert_eq!(card.history[0].disposition, "sale");

    let (_, other) = promised.desk.api.account("clara", Role::Agent).await;
    let refused = promised.card(&other).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}
