//! An agent's work.

use std::sync::Arc;
use std::time::Duration;

use engine::{AgentAsk, Outcome, PauseWhen, Refused};
use model::{AgentId, AttemptId, CallbackId, CampaignId, PhoneId, ProspectId};
use proto::agent::v1 as pb;
use proto::agent::v1::agent_service_server::AgentService;
use store::MovedCallback;
use tonic::{Request, Response, Status};

use super::admin::once;
use super::drafts;
use crate::agent_event::callback;
use crate::convert::{
    agent_of, attempt, instant, length_within, page, present, stamp, text_within,
};
use crate::desks::EventStream;
use crate::identity::{Identity, caller};
use crate::requests::{Asked, Keep};
use crate::sessions::spec_of;
use crate::shared::Shared;
use crate::{Error, FieldProblem};

/// Reasons offered for a pause; others are taken as well.
const NOT_READY_REASONS: [&str; 6] = [
    "break",
    "lunch",
    "training",
    "meeting",
    "paperwork",
    "technical",
];
/// Longest note, in characters.
const NOTE: usize = 4_000;
/// Answers of one outcome.
const ANSWERS: usize = 500;

pub(crate) struct Agents(pub(crate) Arc<Shared>);

/// Carries an agent's command out once, by the session's desk: `command!(self, request, "Method", |asked| ask)`.
macro_rules! command {
    ($service:expr, $request:expr, $method:literal, $response:ident, $ask:expr) => {
        once!(
            $service,
            $request,
            $method,
            Keep::InMemory,
            |shared: Arc<Shared>, me: Identity, asked| async move {
                let agent = agent_of(me.account);
                shared.desks.hear(agent, session(&asked)).await?;
                let ask: AgentAsk = $ask(asked)?;
                shared.engine.ask_agent(agent, ask).await?;
                Ok(pb::$response {})
            }
        )
    };
}

#[tonic::async_trait]
impl AgentService for Agents {
    type WatchSessionStream = EventStream;

    async fn open_session(
        &self,
        request: Request<pb::OpenSessionRequest>,
    ) -> Result<Response<pb::OpenSessionResponse>, Status> {
        once!(
            self,
            request,
            "OpenSession",
            Keep::InMemory,
            |shared: Arc<Shared>, me: Identity, asked: pb::OpenSessionRequest| async move {
                let id = agent_of(me.account);
                let agent = shared.store.agent(id).await?;
                let spec = spec_of(agent);
                let (session_id, seq) = shared.desks.open(spec, asked.take_over).await?;
                let at = shared.clock.now();
                shared.sessions.opened(id, &session_id, at);
                drafts::offer(&shared, id).await;
                Ok(pb::OpenSessionResponse {
                    session_id,
                    seq,
                    not_ready_reasons: NOT_READY_REASONS.map(str::to_owned).to_vec(),
                })
            }
        )
    }

    async fn watch_session(
        &self,
        request: Request<pb::WatchSessionRequest>,
    ) -> Result<Response<EventStream>, Status> {
        let agent = agent_of(caller(&request)?.account);
        let asked = request.into_inner();
        let stream = self
            .0
            .desks
            .watch(agent, &asked.session_id, asked.after_seq)
            .await?;
        // A stream that is taken up again does not wait for the database: it may be away.
        let shared = Arc::clone(&self.0);
        tokio::spawn(async move { drafts::offer(&shared, agent).await });
        Ok(Response::new(stream))
    }

    async fn heartbeat(
        &self,
        request: Request<pb::HeartbeatRequest>,
    ) -> Result<Response<pb::HeartbeatResponse>, Status> {
        let agent = agent_of(caller(&request)?.account);
        let seq = self
            .0
            .desks
            .hear(agent, &request.into_inner().session_id)
            .await?;
        Ok(Response::new(pb::HeartbeatResponse { seq }))
    }

    async fn close_session(
        &self,
        request: Request<pb::CloseSessionRequest>,
    ) -> Result<Response<pb::CloseSessionResponse>, Status> {
        once!(
            self,
            request,
            "CloseSession",
            Keep::InMemory,
            |shared: Arc<Shared>, me: Identity, asked: pb::CloseSessionRequest| async move {
                shared
                    .desks
                    .close(agent_of(me.account), &asked.session_id)
                    .await?;
                let agent = agent_of(me.account);
                shared.sessions.closed(agent, &asked.session_id);
                Ok(pb::CloseSessionResponse {})
            }
        )
    }

    async fn set_ready(
        &self,
        request: Request<pb::SetReadyRequest>,
    ) -> Result<Response<pb::SetReadyResponse>, Status> {
        once!(
            self,
            request,
            "SetReady",
            Keep::InMemory,
            |shared: Arc<Shared>, me: Identity, asked: pb::SetReadyRequest| async move {
                let agent = agent_of(me.account);
                shared.desks.hear(agent, session(&asked)).await?;
                shared.engine.ask_agent(agent, AgentAsk::Ready).await?;
                shared.sessions.paused(agent, session(&asked), None);
                Ok(pb::SetReadyResponse {})
            }
        )
    }

    async fn set_not_ready(
        &self,
        request: Request<pb::SetNotReadyRequest>,
    ) -> Result<Response<pb::SetNotReadyResponse>, Status> {
        once!(
            self,
            request,
            "SetNotReady",
            Keep::InMemory,
            |shared: Arc<Shared>, me: Identity, asked: pb::SetNotReadyRequest| async move {
                let agent = agent_of(me.account);
                shared.desks.hear(agent, session(&asked)).await?;
                let (reason, when) = not_ready(&asked)?;
                let pause = Some(reason.clone());
                let ask = AgentAsk::NotReady { reason, when };
                shared.engine.ask_agent(agent, ask).await?;
                let session = session(&asked);
                shared.sessions.paused(agent, session, pause);
                Ok(pb::SetNotReadyResponse {})
            }
        )
    }

    async fn take_preview(
        &self,
        request: Request<pb::TakePreviewRequest>,
    ) -> Result<Response<pb::TakePreviewResponse>, Status> {
        command!(
            self,
            request,
            "TakePreview",
            TakePreviewResponse,
            |asked: pb::TakePreviewRequest| {
                Ok::<_, Error>(AgentAsk::TakePreview {
                    phone: present(asked.phone_id).map(PhoneId),
                })
            }
        )
    }

    async fn skip_preview(
        &self,
        request: Request<pb::SkipPreviewRequest>,
    ) -> Result<Response<pb::SkipPreviewResponse>, Status> {
        command!(
            self,
            request,
            "SkipPreview",
            SkipPreviewResponse,
            |_: pb::SkipPreviewRequest| Ok::<_, Error>(AgentAsk::SkipPreview)
        )
    }

    async fn dial(
        &self,
        request: Request<pb::DialRequest>,
    ) -> Result<Response<pb::DialResponse>, Status> {
        command!(
            self,
            request,
            "Dial",
            DialResponse,
            |asked: pb::DialRequest| {
                Ok::<_, Error>(AgentAsk::Dial {
                    campaign: CampaignId(asked.campaign_id),
                    prospect: ProspectId(asked.prospect_id),
                    phone: present(asked.phone_id).map(PhoneId),
                })
            }
        )
    }

    async fn hang_up(
        &self,
        request: Request<pb::HangUpRequest>,
    ) -> Result<Response<pb::HangUpResponse>, Status> {
        command!(
            self,
            request,
            "HangUp",
            HangUpResponse,
            |_: pb::HangUpRequest| Ok::<_, Error>(AgentAsk::HangUp)
        )
    }

    async fn hold(
        &self,
        request: Request<pb::HoldRequest>,
    ) -> Result<Response<pb::HoldResponse>, Status> {
        command!(
            self,
            request,
            "Hold",
            HoldResponse,
            |_: pb::HoldRequest| Ok::<_, Error>(AgentAsk::Hold)
        )
    }

    async fn unhold(
        &self,
        request: Request<pb::UnholdRequest>,
    ) -> Result<Response<pb::UnholdResponse>, Status> {
        command!(
            self,
            request,
            "Unhold",
            UnholdResponse,
            |_: pb::UnholdRequest| Ok::<_, Error>(AgentAsk::Unhold)
        )
    }

    async fn save_draft(
        &self,
        request: Request<pb::SaveDraftRequest>,
    ) -> Result<Response<pb::SaveDraftResponse>, Status> {
        once!(
            self,
            request,
            "SaveDraft",
            Keep::InMemory,
            |shared: Arc<Shared>, me, asked| async move { save_draft(&shared, &me, asked).await }
        )
    }

    async fn submit_outcome(
        &self,
        request: Request<pb::SubmitOutcomeRequest>,
    ) -> Result<Response<pb::SubmitOutcomeResponse>, Status> {
        once!(
            self,
            request,
            "SubmitOutcome",
            Keep::InMemory,
            |shared: Arc<Shared>, me: Identity, asked: pb::SubmitOutcomeRequest| async move {
                let agent = agent_of(me.account);
                shared.desks.hear(agent, session(&asked)).await?;
                let outcome = outcome(asked.outcome.unwrap_or_default())?;
                submit(&shared, agent, attempt(&asked.attempt_id)?, outcome).await?;
                Ok(pb::SubmitOutcomeResponse {})
            }
        )
    }

    async fn drop_draft(
        &self,
        request: Request<pb::DropDraftRequest>,
    ) -> Result<Response<pb::DropDraftResponse>, Status> {
        once!(
            self,
            request,
            "DropDraft",
            Keep::InMemory,
            |shared: Arc<Shared>, me: Identity, asked: pb::DropDraftRequest| async move {
                let agent = agent_of(me.account);
                shared.desks.hear(agent, session(&asked)).await?;
                let id = attempt(&asked.attempt_id)?;
                shared.store.drop_draft(agent, id).await?;
                drafts::offer(&shared, agent).await;
                Ok(pb::DropDraftResponse {})
            }
        )
    }

    async fn close_without_outcome(
        &self,
        request: Request<pb::CloseWithoutOutcomeRequest>,
    ) -> Result<Response<pb::CloseWithoutOutcomeResponse>, Status> {
        command!(
            self,
            request,
            "CloseWithoutOutcome",
            CloseWithoutOutcomeResponse,
            |asked: pb::CloseWithoutOutcomeRequest| {
                Ok::<_, Error>(AgentAsk::CloseWithoutOutcome {
                    attempt: attempt(&asked.attempt_id)?,
                })
            }
        )
    }

    async fn extend_wrap_up(
        &self,
        request: Request<pb::ExtendWrapUpRequest>,
    ) -> Result<Response<pb::ExtendWrapUpResponse>, Status> {
        command!(
            self,
            request,
            "ExtendWrapUp",
            ExtendWrapUpResponse,
            |asked: pb::ExtendWrapUpRequest| {
                let second = Duration::from_secs(1);
                length_within("by", asked.by, second * 30, second, second * 600)
                    .map(|by| AgentAsk::ExtendWrapUp { by })
                    .map_err(|p| Error::Invalid(vec![p]))
            }
        )
    }

    async fn get_card(
        &self,
        request: Request<pb::GetCardRequest>,
    ) -> Result<Response<pb::GetCardResponse>, Status> {
        let agent = agent_of(caller(&request)?.account);
        let asked = request.into_inner();
        let card = card(&self.0, agent, &asked).await?;
        Ok(Response::new(pb::GetCardResponse { card: Some(card) }))
    }

    async fn list_work_items(
        &self,
        request: Request<pb::ListWorkItemsRequest>,
    ) -> Result<Response<pb::ListWorkItemsResponse>, Status> {
        let agent = agent_of(caller(&request)?.account);
        let size = page(request.into_inner().page_size, "")?.size;
        let items = self
            .0
            .store
            .agent_work(agent, size)
            .await
            .map_err(Error::from)?;
        let work_items = items
            .into_iter()
            .map(|item| pb::WorkItem {
                campaign_id: item.campaign.0,
                campaign_name: item.campaign_name,
                prospect_id: item.prospect.0,
                external_id: item.external_id,
                name: item.name.unwrap_or_default(),
                at: Some(stamp(item.at)),
                callback: item.callback,
                because: item.because,
            })
            .collect();
        Ok(Response::new(pb::ListWorkItemsResponse { work_items }))
    }

    async fn list_callbacks(
        &self,
        request: Request<pb::ListCallbacksRequest>,
    ) -> Result<Response<pb::ListCallbacksResponse>, Status> {
        let agent = agent_of(caller(&request)?.account);
        let open = own_callbacks(&self.0, agent).await?;
        let callbacks = open.iter().map(callback).collect();
        Ok(Response::new(pb::ListCallbacksResponse { callbacks }))
    }

    async fn update_callback(
        &self,
        request: Request<pb::UpdateCallbackRequest>,
    ) -> Result<Response<pb::UpdateCallbackResponse>, Status> {
        once!(
            self,
            request,
            "UpdateCallback",
            Keep::Durably,
            |shared: Arc<Shared>, me: Identity, asked: pb::UpdateCallbackRequest| async move {
                let agent = agent_of(me.account);
                let at = asked
                    .at
                    .map(instant)
                    .filter(|at| *at > shared.clock.now())
                    .ok_or_else(|| {
                        Error::invalid("at", "not_later", "give an instant that is yet to come")
                    })?;
                let note = present(asked.note)
                    .map(|note| text_within("note", &note, NOTE))
                    .transpose()
                    .map_err(|p| Error::Invalid(vec![p]))?;
                let to = MovedCallback {
                    at,
                    agent: Some(agent),
                    phone: present(asked.phone_id).map(PhoneId),
                    note,
                };
                let is = own_callback(&shared, agent, CallbackId(asked.callback_id)).await?;
                let moved = shared.store.move_callback(is.campaign, is.id, &to).await?;
                reload_callbacks(&shared, agent).await?;
                Ok(pb::UpdateCallbackResponse {
                    callback: Some(callback(&moved)),
                })
            }
        )
    }

    async fn cancel_callback(
        &self,
        request: Request<pb::CancelCallbackRequest>,
    ) -> Result<Response<pb::CancelCallbackResponse>, Status> {
        once!(
            self,
            request,
            "CancelCallback",
            Keep::Durably,
            |shared: Arc<Shared>, me: Identity, asked: pb::CancelCallbackRequest| async move {
                let agent = agent_of(me.account);
                let is = own_callback(&shared, agent, CallbackId(asked.callback_id)).await?;
                shared.store.cancel_callback(is.campaign, is.id).await?;
                reload_callbacks(&shared, agent).await?;
                Ok(pb::CancelCallbackResponse {})
            }
        )
    }
}

/// A request that belongs to a session.
trait InSession {
    fn session_id(&self) -> &str;
}

macro_rules! in_session {
    ($($request:ident)*) => {
        $(impl InSession for pb::$request {
            fn session_id(&self) -> &str {
                &self.session_id
            }
        })*
    };
}

in_session!(
    SetReadyRequest SetNotReadyRequest TakePreviewRequest SkipPreviewRequest DialRequest HangUpRequest
    HoldRequest UnholdRequest SaveDraftRequest SubmitOutcomeRequest DropDraftRequest
    CloseWithoutOutcomeRequest ExtendWrapUpRequest
);

fn session(request: &impl InSession) -> &str {
    request.session_id()
}

fn not_ready(asked: &pb::SetNotReadyRequest) -> Result<(String, PauseWhen), Error> {
    let when = match asked.when() {
        pb::PauseWhen::Unspecified | pb::PauseWhen::AfterCall => PauseWhen::AfterCall,
        pb::PauseWhen::Now => PauseWhen::Now,
    };
    let reason = match asked.reason.as_str() {
        "" => "break".to_owned(),
        code => code.to_owned(),
    };
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if reason.len() > 40 || !reason.bytes().all(plain) {
        let text = "give 1 to 40 small letters, digits and underscores, for example lunch";
        return Err(Error::invalid("reason", "not_a_code", text));
    }
    Ok((reason, when))
}

fn outcome(given: pb::Outcome) -> Result<Outcome, Error> {
    let mut problems = Vec::new();
    if given.disposition.is_empty() {
        let text = "choose one of the campaign's dispositions, or use CloseWithoutOutcome";
        problems.push(FieldProblem::new("outcome.disposition", "missing", text));
    }
    if given.note.chars().count() > NOTE {
        problems.push(FieldProblem::new(
            "outcome.note",
            "too_long",
            "at most 4000 characters",
        ));
    }
    if given.answers.len() > ANSWERS {
        problems.push(FieldProblem::new(
            "outcome.answers",
            "too_many",
            "at most 500 answers",
        ));
    }
    for (i, answer) in given.answers.iter().enumerate() {
        if answer.value.chars().count() > NOTE {
            let field = format!("outcome.answers[{i}].value");
            problems.push(FieldProblem::new(
                field,
                "too_long",
                "at most 4000 characters",
            ));
        }
    }
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    Ok(Outcome {
        disposition: given.disposition,
        answers: given
            .answers
            .into_iter()
            .map(|a| (a.field, a.value))
            .collect(),
        note: given.note,
        call_at: given.call_at.map(instant),
        call_phone: present(given.call_phone_id).map(PhoneId),
    })
}

/// The outcome of the talk in hand, or of an earlier one whose notes were cut short.
async fn submit(
    shared: &Shared,
    agent: AgentId,
    attempt: AttemptId,
    outcome: Outcome,
) -> Result<(), Error> {
    let ask = AgentAsk::Submit {
        attempt,
        outcome: outcome.clone(),
    };
    let refused = match shared.engine.ask_agent(agent, ask).await {
        Err(Error::Refused(Refused::NotYourAttempt(id))) => Refused::NotYourAttempt(id),
        other => return other,
    };
    match shared.store.unfinished(agent, attempt).await {
        Ok(talk) => {
            let talk = Box::new(talk);
            let late = AgentAsk::SubmitLate { talk, outcome };
            shared.engine.ask_agent(agent, late).await
        }
        Err(store::Error::NotFound { .. }) => Err(refused.into()),
        Err(error) => Err(error.into()),
    }
}

async fn save_draft(
    shared: &Shared,
    me: &Identity,
    asked: pb::SaveDraftRequest,
) -> Result<pb::SaveDraftResponse, Error> {
    let agent = agent_of(me.account);
    shared.desks.hear(agent, session(&asked)).await?;
    let id = attempt(&asked.attempt_id)?;
    let draft = asked.draft.unwrap_or_default();
    let campaign = shared
        .desks
        .keep_draft(agent, &asked.attempt_id, draft.clone())
        .ok_or(engine::Refused::NotYourAttempt(id))?;
    let body = drafts::to_row(draft)?;
    match shared.store.save_draft(campaign, id, agent, &body).await {
        // The desk has it. The row is for after a restart, and comes with the next draft.
        Err(error) if error.problem() == model::Problem::Busy => {
            tracing::warn!(%error, attempt_id = %id, "a draft is kept in memory only");
        }
        other => other?,
    }
    Ok(pb::SaveDraftResponse {})
}

async fn own_callbacks(shared: &Shared, agent: AgentId) -> Result<Vec<engine::Callback>, Error> {
    Ok(shared
        .store
        .callbacks(store::CallbacksOf::Agent(agent))
        .await?)
}

async fn own_callback(
    shared: &Shared,
    agent: AgentId,
    id: CallbackId,
) -> Result<engine::Callback, Error> {
    let mut open = own_callbacks(shared, agent).await?;
    open.retain(|c| c.id == id);
    open.pop().ok_or_else(|| Error::NotFound {
        what: "open callback of yours",
        id: id.to_string(),
    })
}

/// The engine reminds of what it knows; it must know the change.
async fn reload_callbacks(shared: &Shared, agent: AgentId) -> Result<(), Error> {
    let callbacks = own_callbacks(shared, agent).await?;
    let fact = engine::StoreFact::Callbacks { agent, callbacks };
    shared.engine.tell(engine::Input::Store(fact))
}

/// A record, for the agent who has or had it in hand: by a call, an offer, a reminder or an assignment.
async fn card(
    shared: &Shared,
    agent: AgentId,
    asked: &pb::GetCardRequest,
) -> Result<pb::Card, Error> {
    let (campaign, prospect) = (CampaignId(asked.campaign_id), ProspectId(asked.prospect_id));
    let none = || Error::NotFound {
        what: "prospect of yours",
        id: prospect.to_string(),
    };
    if !shared.desks.shows(agent, campaign.0, prospect.0) {
        // Also one that is closed: an agent may look up whom a talk was with.
        if !shared.store.has_met(agent, campaign, prospect).await? {
            return Err(none());
        }
    }
    let record = shared.store.record(campaign, prospect).await?;
    let amount = record.amount.map(|a| a.to_string());
    Ok(crate::agent_event::card(
        prospect,
        &record.card,
        amount,
        record.subject,
        &record.phones,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_has_a_reason_and_begins_after_the_call_unless_told_otherwise() {
        let asked = not_ready(&pb::SetNotReadyRequest::default()).unwrap();
        assert_eq!(asked, ("break".to_owned(), PauseWhen::AfterCall));
        let asked = pb::SetNotReadyRequest {
            reason: "Lunch!".to_owned(),
            ..Default::default()
        };
        assert!(not_ready(&asked).is_err());
    }

    #[test]
    fn an_outcome_reports_every_fault_at_once() {
        let given = pb::Outcome {
            note: "x".repeat(NOTE + 1),
            ..Default::default()
        };
        let Err(Error::Invalid(problems)) = outcome(given) else {
            panic!("it was taken");
        };
        assert_eq!(problems.len(), 2);
    }
}
