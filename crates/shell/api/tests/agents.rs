//! An agent's session against the real engine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::redundant_closure,
    reason = "a test that panics has failed, which is its purpose"
)]

mod common;

use common::{Api, soon, with};
use proto::agent::v1 as pb;
use proto::agent::v1::agent_service_client::AgentServiceClient;
use proto::agent::v1::watch_session_response::Event;
use store::Role;
use tonic::transport::Channel;
use tonic::{Code, Streaming};

struct Agent {
    client: AgentServiceClient<Channel>,
    token: String,
    session_id: String,
}

impl Agent {
    async fn open(api: &Api, token: &str) -> Self {
        let mut client = AgentServiceClient::new(api.channel.clone());
        let request = pb::OpenSessionRequest {
            take_over: true,
            ..Default::default()
        };
        let opened = client
            .open_session(with(token, request))
            .await
            .unwrap()
            .into_inner();
        Self {
            client,
            token: token.to_owned(),
            session_id: opened.session_id,
        }
    }

    async fn watch(&mut self, after_seq: i64) -> Streaming<pb::WatchSessionResponse> {
        let request = pb::WatchSessionRequest {
            session_id: self.session_id.clone(),
            after_seq,
        };
        self.client
            .watch_session(with(&self.token, request))
            .await
            .unwrap()
            .into_inner()
    }
}

async fn next(stream: &mut Streaming<pb::WatchSessionResponse>) -> (i64, Event) {
    loop {
        let response = soon(stream.message())
            .await
            .unwrap()
            .expect("the stream ended");
        match response.event.unwrap() {
            Event::Heartbeat(_) => {}
            event => return (response.seq, event),
        }
    }
}

/// The next change of state.
async fn state(stream: &mut Streaming<pb::WatchSessionResponse>) -> (i64, pb::StateChanged) {
    loop {
        if let (seq, Event::StateChanged(state)) = next(stream).await {
            return (seq, state);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_begins_with_a_snapshot_and_a_lost_one_is_taken_up_without_a_gap() {
    let api = Api::start().await;
    let (_, token) = api.account("anna", Role::Agent).await;
    let mut anna = Agent::open(&api, &token).await;
    let mut stream = anna.watch(0).await;
    let (begin, Event::Snapshot(snapshot)) = next(&mut stream).await else {
        panic!("no snapshot");
    };
    assert_eq!(snapshot.state.unwrap().state(), pb::AgentState::NotReady);
    drop(stream);
    let request = pb::SetNotReadyRequest {
        session_id: anna.session_id.clone(),
        reason: "lunch".to_owned(),
        ..Default::default()
    };
    anna.client
        .set_not_ready(with(&token, request))
        .await
        .unwrap();
    let mut stream = anna.watch(begin).await;
    let (seq, changed) = state(&mut stream).await;
    assert!(seq > begin);
    assert_eq!(changed.reason, "lunch");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_command_is_carried_out_once_and_a_refused_one_says_why() {
    let api = Api::start().await;
    let (_, token) = api.account("anna", Role::Agent).await;
    let mut anna = Agent::open(&api, &token).await;
    let session_id = anna.session_id.clone();
    let ready = || pb::SetNotReadyRequest {
        session_id: session_id.clone(),
        reason: "training".to_owned(),
        request_id: "01912345-6789-7abc-8def-0123456789ab".to_owned(),
        ..Default::default()
    };
    let mut stream = anna.watch(0).await;
    next(&mut stream).await;
    anna.client
        .set_not_ready(with(&token, ready()))
        .await
        .unwrap();
    let (seq, _) = state(&mut stream).await;
    anna.client
        .set_not_ready(with(&token, ready()))
        .await
        .unwrap();
    let request = pb::HeartbeatRequest {
        session_id: session_id.clone(),
    };
    let beat = anna
        .client
        .heartbeat(with(&token, request))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(beat.seq, seq, "the repetition changed nothing");
    let request = pb::HangUpRequest {
        session_id,
        ..Default::default()
    };
    let refused = anna
        .client
        .hang_up(with(&token, request))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(
        refused.message().contains("not_ready"),
        "{}",
        refused.message()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_belongs_to_its_agent_and_ends_with_a_take_over() {
    let api = Api::start().await;
    let (_, token) = api.account("anna", Role::Agent).await;
    let (_, other) = api.account("boris", Role::Agent).await;
    let mut first = Agent::open(&api, &token).await;
    let mut stream = first.watch(0).await;
    next(&mut stream).await;
    let request = pb::HeartbeatRequest {
        session_id: first.session_id.clone(),
    };
    let refused = first
        .client
        .heartbeat(with(&other, request.clone()))
        .await
        .unwrap_err();
    assert_eq!(
        refused.code(),
        Code::FailedPrecondition,
        "another agent's session"
    );
    let refused = first
        .client
        .open_session(with(&token, pb::OpenSessionRequest::default()))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    let mut second = Agent::open(&api, &token).await;
    loop {
        if let (_, Event::Notice(notice)) = next(&mut stream).await
            && notice.kind() == pb::NoticeKind::TakenOver
        {
            break;
        }
    }
    assert!(soon(stream.message()).await.unwrap().is_none());
    assert!(first.client.heartbeat(with(&token, request)).await.is_err());
    let request = pb::HeartbeatRequest {
        session_id: second.session_id.clone(),
    };
    second
        .client
        .heartbeat(with(&token, request))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_of_nobody_s_work_is_not_shown() {
    let api = Api::start().await;
    let (_, token) = api.account("anna", Role::Agent).await;
    let mut anna = Agent::open(&api, &token).await;
    let request = pb::GetCardRequest {
        campaign_id: 1,
        prospect_id: 1,
    };
    let refused = anna
        .client
        .get_card(with(&token, request))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    let work = anna
        .client
        .list_work_items(with(&token, pb::ListWorkItemsRequest::default()))
        .await;
    assert!(work.unwrap().into_inner().work_items.is_empty());
    let callbacks = anna
        .client
        .list_callbacks(with(&token, pb::ListCallbacksRequest {}))
        .await;
    assert!(callbacks.unwrap().into_inner().callbacks.is_empty());
}
