//! What is going on.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use engine::{Answer, Ask, Board as Picture};
use model::{CampaignId, ProspectId};
use proto::supervisor::v1 as pb;
use proto::supervisor::v1::board_service_server::BoardService;
use store::{AttemptLine, AttemptPage};
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::convert::{count, page, present, small, stamp};
use crate::shared::Shared;
use crate::{EngineHandle, Error};

/// Between looks at the engine.
const LOOK: Duration = Duration::from_millis(500);
/// A picture is sent this often even when nothing changed, so that the client knows that it is fresh: with every
/// second look.
const AT_LEAST: Duration = Duration::from_millis(900);

pub(crate) struct Board(pub(crate) Arc<Shared>);

/// Asks the engine for the board.
pub(super) async fn ask(engine: &EngineHandle) -> Result<Picture, Error> {
    match engine.ask(Ask::Board).await? {
        Answer::Board(board) => Ok(*board),
        other => Err(Error::Internal(format!(
            "the engine answered {other:?} to a question for the board"
        ))),
    }
}

#[tonic::async_trait]
impl BoardService for Board {
    type WatchBoardStream =
        Pin<Box<dyn Stream<Item = Result<pb::WatchBoardResponse, Status>> + Send + 'static>>;

    async fn watch_board(
        &self,
        _: Request<pb::WatchBoardRequest>,
    ) -> Result<Response<Self::WatchBoardStream>, Status> {
        let (out, pictures) = mpsc::channel(1);
        tokio::spawn(watch(self.0.clone(), out));
        Ok(Response::new(Box::pin(ReceiverStream::new(pictures))))
    }

    async fn list_attempts(
        &self,
        request: Request<pb::ListAttemptsRequest>,
    ) -> Result<Response<pb::ListAttemptsResponse>, Status> {
        let asked = request.into_inner();
        let size = page(asked.page_size, "")?.size;
        // The token is the oldest attempt of the page before.
        let before = match asked.page_token.as_str() {
            "" => None,
            token => Some(token.parse().map_err(|_| {
                Error::invalid(
                    "page_token",
                    "unknown",
                    "send the next_page_token of the page before",
                )
            })?),
        };
        let campaign = CampaignId(asked.campaign_id);
        let prospect = present(asked.prospect_id).map(ProspectId);
        let found = self
            .0
            .store
            .attempts(campaign, prospect, AttemptPage { before, size })
            .await
            .map_err(Error::from)?;
        let full = found.len() >= size as usize;
        let last = found.last().filter(|_| full).map(|a| a.attempt.to_string());
        Ok(Response::new(pb::ListAttemptsResponse {
            attempts: found.into_iter().map(attempt).collect(),
            next_page_token: last.unwrap_or_default(),
        }))
    }
}

fn attempt(is: AttemptLine) -> pb::Attempt {
    let decided = is.legs.last().map(|leg| &leg.end);
    pb::Attempt {
        attempt_id: is.attempt.to_string(),
        prospect_id: is.prospect.0,
        number: is.number.to_string(),
        trunk_id: is.trunk.map(|t| t.0).unwrap_or_default(),
        dialled_at: is.dialled_at.map(stamp),
        ringing_at: is.ringing_at.map(stamp),
        answered_at: is.answered_at.map(stamp),
        bridged_at: is.bridged_at.map(stamp),
        ended_at: is.ended_at.map(stamp),
        result: is.result.map(|r| r.as_str().to_owned()).unwrap_or_default(),
        sip_status: decided
            .and_then(|end| end.status)
            .map(|s| s.0.into())
            .unwrap_or_default(),
        q850: decided
            .and_then(|end| end.q850)
            .map(i32::from)
            .unwrap_or_default(),
        agent_id: is.agent.map(|a| a.0).unwrap_or_default(),
        disposition: is.disposition.unwrap_or_default(),
        note: is.note.unwrap_or_default(),
        decided_at: Some(stamp(is.launched_at)),
        legs: i32::try_from(is.legs.len()).unwrap_or(i32::MAX),
        message: is.message,
        ledger: is.ledger.map_or("", |class| class.as_str()).to_owned(),
    }
}

/// Sends the board whenever it changed. With one picture under way at most, a slow client gets fewer, not
/// older ones.
async fn watch(shared: Arc<Shared>, out: mpsc::Sender<Result<pb::WatchBoardResponse, Status>>) {
    let mut every = tokio::time::interval(LOOK);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut last: Option<(Picture, Vec<Option<pb::Ledger>>, tokio::time::Instant)> = None;
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = out.closed() => return,
        }
        let picture = match ask(&shared.engine).await {
            Ok(picture) => picture,
            Err(error) => {
                if out.send(Err(error.into())).await.is_err() {
                    tracing::debug!("a board's watcher left before its end");
                }
                return;
            }
        };
        let ledgers = ledgers(&shared, &picture);
        let fresh = last.as_ref().is_none_or(|(seen, counted, at)| {
            *seen != picture || *counted != ledgers || at.elapsed() >= AT_LEAST
        });
        if fresh {
            let shown = to_proto(&picture, &ledgers, shared.clock.now());
            last = Some((picture, ledgers, tokio::time::Instant::now()));
            if out.send(Ok(shown)).await.is_err() {
                return;
            }
        }
    }
}

/// The ledgers of a picture's campaigns, in their order.
fn ledgers(shared: &Arc<Shared>, picture: &Picture) -> Vec<Option<pb::Ledger>> {
    shared.ledgers.keep(&picture.campaigns);
    let has_agents = |line: &engine::CampaignLine| line.mode != engine::Mode::Notification;
    let of = |line| shared.ledgers.of(shared, line);
    let lines = picture.campaigns.iter();
    lines
        .map(|line| has_agents(line).then(|| of(line)).flatten())
        .collect()
}

fn to_proto(
    board: &Picture,
    ledgers: &[Option<pb::Ledger>],
    at: model::WallTime,
) -> pb::WatchBoardResponse {
    pb::WatchBoardResponse {
        at: Some(stamp(at)),
        campaigns: board
            .campaigns
            .iter()
            .zip(ledgers)
            .map(|(line, ledger)| campaign(line, *ledger))
            .collect(),
        agents: board
            .agents
            .iter()
            .map(|a| pb::AgentLine {
                agent_id: a.agent.0,
                name: a.name.clone(),
                state: a.state.as_str().to_owned(),
                reason: a.reason.clone(),
                since: Some(stamp(a.since)),
                campaign_id: a.campaign.map(|c| c.0).unwrap_or_default(),
                attempt_id: a.attempt.map(|a| a.to_string()).unwrap_or_default(),
            })
            .collect(),
        trunks: board
            .trunks
            .iter()
            .map(|t| pb::TrunkLine {
                trunk_id: t.trunk.0,
                name: t.name.clone(),
                in_use: small(t.in_use),
                channels: small(t.channels),
                down: t.down.clone().unwrap_or_default(),
            })
            .collect(),
        store_up: board.store_up,
        draining: board.draining,
    }
}

fn campaign(line: &engine::CampaignLine, ledger: Option<pb::Ledger>) -> pb::CampaignLine {
    pb::CampaignLine {
        campaign_id: line.campaign.0,
        name: line.name.clone(),
        mode: mode(line.mode).into(),
        state: state(line.state).into(),
        launched: count(line.launched),
        answered: count(line.answered),
        connected: count(line.connected),
        delivered: count(line.delivered),
        abandoned: count(line.abandoned),
        in_flight: small(line.in_flight),
        talking: small(line.talking),
        queue: Some(queue(&line.queue)),
        ledger,
    }
}

pub(super) fn queue(counts: &engine::QueueCounts) -> pb::QueueCounts {
    pb::QueueCounts {
        due: count(counts.due),
        later: count(counts.later),
        next_at: counts.next_at.map(stamp),
        in_hand: count(counts.in_hand),
        held: count(counts.held),
        closed: count(counts.closed),
        outside_hours: count(counts.outside_hours),
        opens_at: counts.opens_at.map(stamp),
    }
}

pub(crate) const fn mode(mode: engine::Mode) -> pb::Mode {
    match mode {
        engine::Mode::Predictive => pb::Mode::Predictive,
        engine::Mode::Progressive => pb::Mode::Progressive,
        engine::Mode::Preview => pb::Mode::Preview,
        engine::Mode::Notification => pb::Mode::Notification,
    }
}

pub(crate) const fn state(state: engine::CampaignState) -> pb::CampaignState {
    match state {
        engine::CampaignState::Draft => pb::CampaignState::Draft,
        engine::CampaignState::Running => pb::CampaignState::Running,
        engine::CampaignState::Paused => pb::CampaignState::Paused,
        engine::CampaignState::Stopped => pb::CampaignState::Stopped,
        engine::CampaignState::Finished => pb::CampaignState::Finished,
    }
}
