//! Health and metrics over HTTP: `/healthz`, `/readyz`, `/metrics`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use api::EngineHandle;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use engine::{Answer, Ask, Board, CampaignState, Explanation};
use telephony::{MediaCounters, ShardHandle};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::bridging::Bridging;
use super::metrics::{self, Scrape};
use super::upkeep::Upkeep;
use crate::clock::Clock;

/// What health and metrics are made of.
#[derive(Clone)]
pub struct Health {
    /// Knows the board.
    pub engine: EngineHandle,
    /// False once the daemon drains.
    pub ready: Arc<AtomicBool>,
    /// Datagrams.
    pub sip: ShardHandle,
    /// Packets of audio.
    pub media: Arc<MediaCounters>,
    /// How long answered people waited.
    pub bridging: Arc<Bridging>,
    /// The machine.
    pub upkeep: Upkeep,
    /// As campaigns see it.
    pub clock: Clock,
}

/// A look at the board waits no longer for the engine.
const ENGINE_LIMIT: Duration = Duration::from_secs(2);

/// Serves until told to stop.
///
/// # Errors
/// When the listener breaks.
pub async fn serve(
    listener: TcpListener,
    health: Health,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let app = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(exposed))
        .with_state(health);
    axum::serve(listener, app)
        .with_graceful_shutdown(async move { super::stopped(&mut stop).await })
        .await?;
    Ok(())
}

impl Health {
    async fn board(&self) -> Option<Board> {
        match tokio::time::timeout(ENGINE_LIMIT, self.engine.ask(Ask::Board)).await {
            Ok(Ok(Answer::Board(board))) => Some(*board),
            _ => None,
        }
    }

    /// Why the campaigns that run do not dial more; those about which the engine says nothing in time are left out.
    async fn explained(&self, board: &Board) -> Vec<Explanation> {
        let running = board.campaigns.iter();
        let running = running.filter(|c| c.state == CampaignState::Running);
        let mut explained = Vec::new();
        for campaign in running.map(|c| c.campaign) {
            let asked = self.engine.ask(Ask::Explain { campaign });
            if let Ok(Ok(Answer::Explained(told))) = tokio::time::timeout(ENGINE_LIMIT, asked).await
            {
                explained.push(*told);
            }
        }
        explained
    }
}

async fn ready(State(health): State<Health>) -> Response {
    let no = |why: &'static str| (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    if !health.ready.load(Ordering::Relaxed) {
        return no("draining\n");
    }
    match health.board().await {
        None => no("the engine does not answer\n"),
        Some(board) if !board.store_up => no("the database does not answer\n"),
        Some(_) => "ready\n".into_response(),
    }
}

async fn exposed(State(health): State<Health>) -> Response {
    let Some(board) = health.board().await else {
        let why = "the engine does not answer\n";
        return (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    };
    let text = metrics::exposition(&Scrape {
        board: &board,
        explained: &health.explained(&board).await,
        sip: health.sip.tally(),
        media: &health.media,
        waits: health.bridging.counted(),
        upkept: &health.upkeep.look(),
        now: health.clock.now().wall,
    });
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
