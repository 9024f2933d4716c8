//! An agent who does what a test says, step by step, with a phone of its own.

use std::time::Duration;

use proto::admin::v1 as admin;
use proto::admin::v1::auth_service_client::AuthServiceClient;
use proto::agent::v1 as pb;
use proto::agent::v1::agent_service_client::AgentServiceClient;
use proto::agent::v1::watch_session_response::Event;
use testkit::{Member, Phone, PhoneOptions};
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};

use super::office::PASSWORD;
use super::process::Daemon;
use super::{Office, blocking, soon, with};

/// An agent's client and phone.
pub struct Hand {
    pub phone: Option<Phone>,
    login: String,
    client: AgentServiceClient<Channel>,
    auth: AuthServiceClient<Channel>,
    token: String,
    refresh: String,
    session: String,
    /// The newest event seen.
    seq: i64,
    events: Option<Streaming<pb::WatchSessionResponse>>,
}

impl Hand {
    /// Registers the phone and signs in; not ready yet.
    pub async fn sit_down(daemon: &Daemon, office: &Office, member: &Member) -> Self {
        let seed = member.login.bytes().map(u64::from).sum::<u64>() % 100;
        let phone = PhoneOptions::new(daemon.sip, &member.login, &member.phone_password, seed);
        let phone = blocking(move || {
            let phone = Phone::start(phone).unwrap();
            assert!(phone.wait(super::PATIENCE, |s| s.registered), "no phone");
            phone
        })
        .await;
        let mut hand = Self {
            phone: Some(phone),
            login: member.login.clone(),
            client: AgentServiceClient::new(office.channel.clone()),
            auth: AuthServiceClient::new(office.channel.clone()),
            token: String::new(),
            refresh: String::new(),
            session: String::new(),
            seq: 0,
            events: None,
        };
        hand.come_back().await;
        hand
    }

    /// Signs in anew and opens a session, over an older one if there is one. Its snapshot is the next event.
    pub async fn come_back(&mut self) {
        let login = admin::LoginRequest {
            login: self.login.clone(),
            password: PASSWORD.to_owned(),
        };
        let answer = self.auth.login(login).await.unwrap().into_inner();
        let tokens = answer.tokens.unwrap();
        (self.token, self.refresh) = (tokens.access_token, tokens.refresh_token);
        let open = pb::OpenSessionRequest {
            take_over: true,
            ..Default::default()
        };
        let request = self.with(open);
        let opened = self.client.open_session(request).await.unwrap();
        self.session = opened.into_inner().session_id;
        self.seq = 0;
        self.watch().await.unwrap();
    }

    /// Goes on with session and cursor as a client does whose stream broke.
    pub async fn go_on(&mut self) {
        let refresh = admin::RefreshRequest {
            refresh_token: self.refresh.clone(),
        };
        let answer = self.auth.refresh(refresh).await.unwrap().into_inner();
        let tokens = answer.tokens.unwrap();
        (self.token, self.refresh) = (tokens.access_token, tokens.refresh_token);
        self.watch().await.unwrap();
    }

    async fn watch(&mut self) -> Result<(), Status> {
        let watch = pb::WatchSessionRequest {
            session_id: self.session.clone(),
            after_seq: self.seq,
        };
        let request = self.with(watch);
        let stream = self.client.watch_session(request).await?;
        self.events = Some(stream.into_inner());
        Ok(())
    }

    fn with<T>(&self, message: T) -> Request<T> {
        with(&self.token, message)
    }

    /// Waits for an event; those before it are passed over.
    pub async fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
        let (events, seq) = (self.events.as_mut().unwrap(), &mut self.seq);
        soon(what, async {
            loop {
                let came = events.message().await.unwrap();
                let event = came.unwrap_or_else(|| panic!("the stream ended before {what}"));
                *seq = event.seq;
                if let Some(found) = event.event.and_then(&mut wanted) {
                    return found;
                }
            }
        })
        .await
    }

    /// Everything that comes in a time.
    pub async fn during(&mut self, time: Duration) -> Vec<Event> {
        let (events, seq) = (self.events.as_mut().unwrap(), &mut self.seq);
        let mut seen = Vec::new();
        let listen = async {
            while let Some(came) = events.message().await.unwrap() {
                *seq = came.seq;
                seen.extend(came.event);
            }
        };
        tokio::time::timeout(time, listen).await.unwrap_or_default();
        seen
    }

    pub async fn state(&mut self, wanted: pb::AgentState) -> pb::StateChanged {
        self.until(&format!("{wanted:?}"), |e| match e {
            Event::StateChanged(s) if s.state() == wanted => Some(s),
            Event::Snapshot(pb::Snapshot { state: Some(s), .. }) if s.state() == wanted => Some(s),
            _ => None,
        })
        .await
    }

    /// The next call that is joined.
    pub async fn connected(&mut self) -> pb::CallConnected {
        let joined = |e| match e {
            Event::CallConnected(call) => Some(call),
            _ => None,
        };
        self.until("a call", joined).await
    }

    pub async fn snapshot(&mut self) -> pb::Snapshot {
        let snapshot = |e| match e {
            Event::Snapshot(s) => Some(s),
            _ => None,
        };
        self.until("a snapshot", snapshot).await
    }

    pub async fn ready(&mut self) {
        let request = self.with(pb::SetReadyRequest {
            session_id: self.session.clone(),
            ..Default::default()
        });
        self.client.set_ready(request).await.unwrap();
    }

    pub async fn not_ready(&mut self) {
        let request = self.with(pb::SetNotReadyRequest {
            session_id: self.session.clone(),
            ..Default::default()
        });
        self.client.set_not_ready(request).await.unwrap();
    }

    pub async fn leave(&mut self) {
        let request = self.with(pb::CloseSessionRequest {
            session_id: self.session.clone(),
            ..Default::default()
        });
        self.client.close_session(request).await.unwrap();
    }

    pub async fn submit(&mut self, attempt: &str, outcome: pb::Outcome) -> Result<(), Status> {
        let request = self.with(pb::SubmitOutcomeRequest {
            session_id: self.session.clone(),
            attempt_id: attempt.to_owned(),
            outcome: Some(outcome),
            ..Default::default()
        });
        self.client.submit_outcome(request).await.map(|_| ())
    }

    pub async fn type_draft(&mut self, attempt: &str, draft: pb::Outcome) {
        let request = self.with(pb::SaveDraftRequest {
            session_id: self.session.clone(),
            attempt_id: attempt.to_owned(),
            draft: Some(draft),
            ..Default::default()
        });
        self.client.save_draft(request).await.unwrap();
    }

    pub async fn close_without_outcome(&mut self, attempt: &str) {
        let request = self.with(pb::CloseWithoutOutcomeRequest {
            session_id: self.session.clone(),
            attempt_id: attempt.to_owned(),
            ..Default::default()
        });
        self.client.close_without_outcome(request).await.unwrap();
    }

    pub async fn extend_wrap_up(&mut self, by: Duration) -> Result<(), Status> {
        let by = prost_types::Duration::try_from(by).unwrap();
        let request = self.with(pb::ExtendWrapUpRequest {
            session_id: self.session.clone(),
            by: Some(by),
            ..Default::default()
        });
        self.client.extend_wrap_up(request).await.map(|_| ())
    }

    pub async fn hang_up(&mut self) {
        let request = self.with(pb::HangUpRequest {
            session_id: self.session.clone(),
            ..Default::default()
        });
        self.client.hang_up(request).await.unwrap();
    }

    pub async fn dial(&mut self, campaign_id: i32, prospect_id: i64) -> Result<(), Status> {
        let request = self.with(pb::DialRequest {
            session_id: self.session.clone(),
            campaign_id,
            prospect_id,
            ..Default::default()
        });
        self.client.dial(request).await.map(|_| ())
    }
}

/// An outcome with nothing but its code.
pub fn outcome(code: &str) -> pb::Outcome {
    pb::Outcome {
        disposition: code.to_owned(),
        ..Default::default()
    }
}
