//! The least server that an agent can work with: one agent, whose events and troubles the test decides.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "each test uses its part"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proto::admin::v1::auth_service_server::{AuthService, AuthServiceServer};
use proto::admin::v1::*;
use proto::agent::v1::agent_service_server::{AgentService, AgentServiceServer};
use proto::agent::v1::watch_session_response::Event;
use proto::agent::v1::*;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Code, Request, Response, Status};

pub const PATIENCE: Duration = Duration::from_secs(30);
const TOKEN: &str = "Bearer t0ken";

#[derive(Default)]
pub struct State {
    pub logins: u32,
    pub sessions: u32,
    /// The session that is open; empty: none.
    pub session: String,
    pub ready: bool,
    pub hang_ups: u32,
    /// Outcomes as they came, repetitions included.
    pub submitted: Vec<SubmitOutcomeRequest>,
    /// Submissions left that are taken, and whose answer is lost.
    pub answers_to_lose: u32,
    /// Where the stream resumed from, each time.
    pub watched_after: Vec<i64>,
    seq: i64,
    stream: Option<mpsc::Sender<Result<WatchSessionResponse, Status>>>,
}

#[derive(Clone, Default)]
pub struct Desk(Arc<Mutex<State>>);

impl Desk {
    pub async fn start() -> (Self, String) {
        let desk = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tonic::transport::Server::builder()
            .add_service(AuthServiceServer::new(desk.clone()))
            .add_service(AgentServiceServer::new(desk.clone()));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        (desk, url)
    }

    pub fn state<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    pub fn send(&self, event: Event) {
        let (stream, message) = self.state(|s| {
            s.seq += 1;
            let at = std::time::SystemTime::now().into();
            let message = WatchSessionResponse {
                seq: s.seq,
                at: Some(at),
                event: Some(event),
            };
            (s.stream.clone().expect("somebody watches"), message)
        });
        stream.try_send(Ok(message)).unwrap();
    }

    /// Ends the stream, as a lost connection does.
    pub fn cut(&self) {
        self.state(|s| s.stream = None);
    }

    /// Forgets the session, as a restarted daemon does.
    pub fn restart(&self) {
        self.state(|s| {
            s.session.clear();
            s.stream = None;
        });
    }

    fn enter<T>(&self, request: &Request<T>, session: &str) -> Result<(), Status> {
        let token = request.metadata().get("authorization");
        if token.is_none_or(|t| t != TOKEN) {
            return Err(Status::unauthenticated("no token"));
        }
        if self.state(|s| s.session.is_empty() || s.session != session) {
            return Err(Status::not_found("no such session"));
        }
        Ok(())
    }
}

pub fn state_changed(state: AgentState) -> Event {
    Event::StateChanged(StateChanged {
        state: state.into(),
        ..StateChanged::default()
    })
}

fn not_here() -> Status {
    Status::unimplemented("not at this desk")
}

#[tonic::async_trait]
impl AgentService for Desk {
    type WatchSessionStream = ReceiverStream<Result<WatchSessionResponse, Status>>;

    async fn open_session(
        &self,
        _: Request<OpenSessionRequest>,
    ) -> Result<Response<OpenSessionResponse>, Status> {
        let session_id = self.state(|s| {
            s.sessions += 1;
            s.session = format!("s{}", s.sessions);
            s.session.clone()
        });
        Ok(Response::new(OpenSessionResponse {
            session_id,
            ..OpenSessionResponse::default()
        }))
    }

    async fn watch_session(
        &self,
        request: Request<WatchSessionRequest>,
    ) -> Result<Response<Self::WatchSessionStream>, Status> {
        self.enter(&request, &request.get_ref().session_id)?;
        let after = request.get_ref().after_seq;
        let (stream, events) = mpsc::channel(100);
        self.state(|s| {
            s.watched_after.push(after);
            s.stream = Some(stream);
        });
        Ok(Response::new(ReceiverStream::new(events)))
    }

    async fn set_ready(
        &self,
        request: Request<SetReadyRequest>,
    ) -> Result<Response<SetReadyResponse>, Status> {
        self.enter(&request, &request.get_ref().session_id)?;
        self.state(|s| s.ready = true);
        Ok(Response::new(SetReadyResponse {}))
    }

    async fn set_not_ready(
        &self,
        request: Request<SetNotReadyRequest>,
    ) -> Result<Response<SetNotReadyResponse>, Status> {
        self.enter(&request, &request.get_ref().session_id)?;
        self.state(|s| s.ready = false);
        self.send(state_changed(AgentState::NotReady));
        Ok(Response::new(SetNotReadyResponse {}))
    }

    async fn hang_up(
        &self,
        request: Request<HangUpRequest>,
    ) -> Result<Response<HangUpResponse>, Status> {
        self.enter(&request, &request.get_ref().session_id)?;
        self.state(|s| s.hang_ups += 1);
        Ok(Response::new(HangUpResponse {}))
    }

    async fn submit_outcome(
        &self,
        request: Request<SubmitOutcomeRequest>,
    ) -> Result<Response<SubmitOutcomeResponse>, Status> {
        self.enter(&request, &request.get_ref().session_id)?;
        let lost = self.state(|s| {
            s.submitted.push(request.into_inner());
            let lost = s.answers_to_lose > 0;
            s.answers_to_lose = s.answers_to_lose.saturating_sub(1);
            lost
        });
        if lost {
            return Err(Status::new(Code::Unavailable, "the answer was lost"));
        }
        Ok(Response::new(SubmitOutcomeResponse {}))
    }

    async fn close_session(
        &self,
        request: Request<CloseSessionRequest>,
    ) -> Result<Response<CloseSessionResponse>, Status> {
        self.enter(&request, &request.get_ref().session_id)?;
        self.state(|s| s.session.clear());
        Ok(Response::new(CloseSessionResponse {}))
    }

    async fn heartbeat(
        &self,
        _: Request<HeartbeatRequest>,
    ) -> Result<Response<HeartbeatResponse>, Status> {
        Err(not_here())
    }

    async fn take_preview(
        &self,
        _: Request<TakePreviewRequest>,
    ) -> Result<Response<TakePreviewResponse>, Status> {
        Err(not_here())
    }

    async fn skip_preview(
        &self,
        _: Request<SkipPreviewRequest>,
    ) -> Result<Response<SkipPreviewResponse>, Status> {
        Err(not_here())
    }

    async fn dial(&self, _: Request<DialRequest>) -> Result<Response<DialResponse>, Status> {
        Err(not_here())
    }

    async fn hold(&self, _: Request<HoldRequest>) -> Result<Response<HoldResponse>, Status> {
        Err(not_here())
    }

    async fn unhold(&self, _: Request<UnholdRequest>) -> Result<Response<UnholdResponse>, Status> {
        Err(not_here())
    }

    async fn save_draft(
        &self,
        _: Request<SaveDraftRequest>,
    ) -> Result<Response<SaveDraftResponse>, Status> {
        Err(not_here())
    }

    async fn drop_draft(
        &self,
        _: Request<DropDraftRequest>,
    ) -> Result<Response<DropDraftResponse>, Status> {
        Err(not_here())
    }

    async fn close_without_outcome(
        &self,
        _: Request<CloseWithoutOutcomeRequest>,
    ) -> Result<Response<CloseWithoutOutcomeResponse>, Status> {
        Err(not_here())
    }

    async fn extend_wrap_up(
        &self,
        _: Request<ExtendWrapUpRequest>,
    ) -> Result<Response<ExtendWrapUpResponse>, Status> {
        Err(not_here())
    }

    async fn get_card(
        &self,
        _: Request<GetCardRequest>,
    ) -> Result<Response<GetCardResponse>, Status> {
        Err(not_here())
    }

    async fn list_work_items(
        &self,
        _: Request<ListWorkItemsRequest>,
    ) -> Result<Response<ListWorkItemsResponse>, Status> {
        Err(not_here())
    }

    async fn list_callbacks(
        &self,
        _: Request<ListCallbacksRequest>,
    ) -> Result<Response<ListCallbacksResponse>, Status> {
        Err(not_here())
    }

    async fn update_callback(
        &self,
        _: Request<UpdateCallbackRequest>,
    ) -> Result<Response<UpdateCallbackResponse>, Status> {
        Err(not_here())
    }

    async fn cancel_callback(
        &self,
        _: Request<CancelCallbackRequest>,
    ) -> Result<Response<CancelCallbackResponse>, Status> {
        Err(not_here())
    }
}

#[tonic::async_trait]
impl AuthService for Desk {
    async fn login(
        &self,
        request: Request<LoginRequest>,
    ) -> Result<Response<LoginResponse>, Status> {
        if request.get_ref().password != "secret" {
            return Err(Status::unauthenticated("wrong password"));
        }
        self.state(|s| s.logins += 1);
        let tokens = TokenPair {
            access_token: "t0ken".into(),
            ..TokenPair::default()
        };
        Ok(Response::new(LoginResponse {
            tokens: Some(tokens),
            identity: None,
        }))
    }

    async fn setup(&self, _: Request<SetupRequest>) -> Result<Response<SetupResponse>, Status> {
        Err(not_here())
    }

    async fn refresh(
        &self,
        _: Request<RefreshRequest>,
    ) -> Result<Response<RefreshResponse>, Status> {
        Err(not_here())
    }

    async fn logout(&self, _: Request<LogoutRequest>) -> Result<Response<LogoutResponse>, Status> {
        Err(not_here())
    }

    async fn get_me(&self, _: Request<GetMeRequest>) -> Result<Response<GetMeResponse>, Status> {
        Err(not_here())
    }

    async fn change_password(
        &self,
        _: Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>, Status> {
        Err(not_here())
    }

    async fn create_api_token(
        &self,
        _: Request<CreateApiTokenRequest>,
    ) -> Result<Response<CreateApiTokenResponse>, Status> {
        Err(not_here())
    }

    async fn list_api_tokens(
        &self,
        _: Request<ListApiTokensRequest>,
    ) -> Result<Response<ListApiTokensResponse>, Status> {
        Err(not_here())
    }

    async fn revoke_api_token(
        &self,
        _: Request<RevokeApiTokenRequest>,
    ) -> Result<Response<RevokeApiTokenResponse>, Status> {
        Err(not_here())
    }
}
