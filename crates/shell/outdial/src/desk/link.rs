//! The desk's wishes as RPCs of the public API, and what comes back as facts.

use std::sync::Arc;
use std::time::Duration;

use model::AttemptId;
use proto::agent::v1 as pb;
use proto::agent::v1::agent_service_client::AgentServiceClient;
use proto::supervisor::v1::GetQuestionnaireRequest;
use proto::supervisor::v1::questionnaire_service_client::QuestionnaireServiceClient;
use tokio::sync::{Mutex, mpsc};
use tonic::Code;

use super::stamp;
use super::wish::{Ask, Input, Refused, Reply};
use crate::cli::{Authorised, Exit, Refusal, Standing, code_of};

/// An RPC that is not answered by then was not.
const ANSWER: Duration = Duration::from_secs(10);
/// Heartbeats come every 5 s; a stream silent for longer is dead.
const SILENCE: Duration = Duration::from_secs(12);
/// Rows of the list.
const LIST: i32 = 1_000;

/// The way to the server; clones share its sign-in.
#[derive(Clone)]
pub(super) struct Link {
    standing: Arc<Mutex<Standing>>,
    facts: mpsc::Sender<Input>,
    /// Requests are named from here on.
    names: (u64, u128),
}

/// A request with its number, and the session it belongs to.
#[derive(Debug)]
pub(super) struct Asked {
    pub id: u64,
    pub session: String,
    pub ask: Ask,
}

impl Link {
    /// `names`: milliseconds since 1970 and a random number, from which request ids are made.
    pub(super) fn new(standing: Standing, facts: mpsc::Sender<Input>, names: (u64, u128)) -> Self {
        let standing = Arc::new(Mutex::new(standing));
        Self {
            standing,
            facts,
            names,
        }
    }

    /// Asks in order, until nobody asks any more.
    pub(super) async fn ask_all(self, mut asked: mpsc::UnboundedReceiver<Asked>) {
        while let Some(asked) = asked.recv().await {
            let id = asked.id;
            let answer = tokio::time::timeout(ANSWER, self.ask(asked)).await;
            let answer = answer.unwrap_or_else(|_| Err(late()));
            if self.facts.send(Input::Answer { id, answer }).await.is_err() {
                tracing::debug!("an answer came after the desk was left");
            }
        }
    }

    /// Hands on the session's events until the stream ends.
    pub(super) async fn watch(self, session: String, after_seq: i64) {
        let refused = match self.stream(session, after_seq).await {
            Ok(()) => Refused {
                code: Code::Unavailable,
                text: "the stream of events has ended".to_owned(),
            },
            Err(refused) => refused,
        };
        if self.facts.send(Input::Lost(refused)).await.is_err() {
            tracing::debug!("a stream ended after the desk was left");
        }
    }

    async fn stream(&self, session_id: String, after_seq: i64) -> Result<(), Refused> {
        let request = pb::WatchSessionRequest {
            session_id,
            after_seq,
        };
        let open = async {
            let mut client = AgentServiceClient::new(self.authorised().await?);
            Ok(client.watch_session(request).await?.into_inner())
        };
        let opened = tokio::time::timeout(ANSWER, open).await;
        let mut stream = opened.unwrap_or_else(|_| Err(late()))?;
        self.tell(Input::Watching).await;
        loop {
            match tokio::time::timeout(SILENCE, stream.message()).await {
                Err(_) => return Err(late()),
                Ok(Err(status)) => return Err(status.into()),
                Ok(Ok(None)) => return Ok(()),
                Ok(Ok(Some(event))) => self.tell(Input::Event(Box::new(event))).await,
            }
        }
    }

    async fn tell(&self, fact: Input) {
        if self.facts.send(fact).await.is_err() {
            tracing::debug!("an event came after the desk was left");
        }
    }

    async fn authorised(&self) -> Result<Authorised, Refused> {
        let mut standing = self.standing.lock().await;
        standing.authorised().await.map_err(|error| {
            let code = match code_of(&error) {
                Exit::SignIn => Code::Unauthenticated,
                _ => Code::Unavailable,
            };
            let text = format!("{error:#}");
            Refused { code, text }
        })
    }

    /// The same number gives the same name, so that a request asked again is carried out once.
    fn name(&self, id: u64) -> String {
        let (millis, random) = self.names;
        AttemptId::v7(millis, random.wrapping_add(u128::from(id))).to_string()
    }

    async fn ask(&self, asked: Asked) -> Result<Reply, Refused> {
        let channel = self.authorised().await?;
        let mut agent = AgentServiceClient::new(channel.clone());
        let (session_id, request_id) = (asked.session, self.name(asked.id));
        match asked.ask {
            Ask::Open { take_over } => {
                let request = pb::OpenSessionRequest {
                    take_over,
                    request_id,
                };
                let opened = agent.open_session(request).await?.into_inner();
                return Ok(Reply::Opened {
                    session: opened.session_id,
                    reasons: opened.not_ready_reasons,
                });
            }
            Ask::Close => {
                let request = pb::CloseSessionRequest {
                    session_id,
                    request_id,
                };
                agent.close_session(request).await?;
            }
            Ask::Ready => {
                let request = pb::SetReadyRequest {
                    session_id,
                    request_id,
                };
                agent.set_ready(request).await?;
            }
            Ask::NotReady { reason, now } => {
                let when = if now {
                    pb::PauseWhen::Now
                } else {
                    pb::PauseWhen::AfterCall
                };
                let request = pb::SetNotReadyRequest {
                    session_id,
                    reason,
                    when: when.into(),
                    request_id,
                };
                agent.set_not_ready(request).await?;
            }
            Ask::Take { phone } => {
                let request = pb::TakePreviewRequest {
                    session_id,
                    phone_id: phone,
                    request_id,
                };
                agent.take_preview(request).await?;
            }
            Ask::Skip => {
                let request = pb::SkipPreviewRequest {
                    session_id,
                    request_id,
                };
                agent.skip_preview(request).await?;
            }
            Ask::Dial {
                campaign,
                prospect,
                phone,
            } => {
                let request = pb::DialRequest {
                    session_id,
                    campaign_id: campaign,
                    prospect_id: prospect,
                    phone_id: phone,
                    request_id,
                };
                agent.dial(request).await?;
            }
            Ask::HangUp => {
                let request = pb::HangUpRequest {
                    session_id,
                    request_id,
                };
                agent.hang_up(request).await?;
            }
            Ask::Hold => {
                let request = pb::HoldRequest {
                    session_id,
                    request_id,
                };
                agent.hold(request).await?;
            }
            Ask::Unhold => {
                let request = pb::UnholdRequest {
                    session_id,
                    request_id,
                };
                agent.unhold(request).await?;
            }
            Ask::Draft { attempt, outcome } => {
                let request = pb::SaveDraftRequest {
                    session_id,
                    attempt_id: attempt,
                    draft: Some(outcome),
                    request_id,
                };
                agent.save_draft(request).await?;
            }
            Ask::Submit { attempt, outcome } => {
                let request = pb::SubmitOutcomeRequest {
                    session_id,
                    attempt_id: attempt,
                    outcome: Some(outcome),
                    request_id,
                };
                agent.submit_outcome(request).await?;
            }
            Ask::CloseWithoutOutcome { attempt } => {
                let request = pb::CloseWithoutOutcomeRequest {
                    session_id,
                    attempt_id: attempt,
                    request_id,
                };
                agent.close_without_outcome(request).await?;
            }
            Ask::Extend => {
                let request = pb::ExtendWrapUpRequest {
                    session_id,
                    by: None,
                    request_id,
                };
                agent.extend_wrap_up(request).await?;
            }
            Ask::Card { campaign, prospect } => {
                let request = pb::GetCardRequest {
                    campaign_id: campaign,
                    prospect_id: prospect,
                };
                let card = agent.get_card(request).await?.into_inner().card;
                return Ok(Reply::Card(Box::new(card.unwrap_or_default())));
            }
            Ask::List => {
                let request = pb::ListWorkItemsRequest { page_size: LIST };
                let items = agent.list_work_items(request).await?.into_inner();
                let callbacks = agent.list_callbacks(pb::ListCallbacksRequest {}).await?;
                return Ok(Reply::List {
                    items: items.work_items,
                    callbacks: callbacks.into_inner().callbacks,
                });
            }
            Ask::Move {
                callback,
                at,
                phone,
            } => {
                let request = pb::UpdateCallbackRequest {
                    callback_id: callback,
                    at: Some(stamp(at)),
                    phone_id: phone,
                    note: String::new(),
                    request_id,
                };
                agent.update_callback(request).await?;
            }
            Ask::Cancel { callback } => {
                let request = pb::CancelCallbackRequest {
                    callback_id: callback,
                    request_id,
                };
                agent.cancel_callback(request).await?;
            }
            Ask::Questionnaire { id } => {
                let request = GetQuestionnaireRequest {
                    questionnaire_id: id,
                };
                let mut client = QuestionnaireServiceClient::new(channel);
                let got = client.get_questionnaire(request).await?.into_inner();
                let questionnaire = got.questionnaire.unwrap_or_default();
                return Ok(Reply::Questionnaire(questionnaire.questions));
            }
        }
        Ok(Reply::Done)
    }
}

impl From<tonic::Status> for Refused {
    fn from(status: tonic::Status) -> Self {
        let code = status.code();
        let text = Refusal::from(status).to_string().replace('\n', ";");
        Self { code, text }
    }
}

fn late() -> Refused {
    Refused {
        code: Code::DeadlineExceeded,
        text: "the server is silent".to_owned(),
    }
}
