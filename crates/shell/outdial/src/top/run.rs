//! The loop around the board, and the board printed once.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use proto::supervisor::v1 as pb;
use proto::supervisor::v1::board_service_client::BoardServiceClient;
use proto::supervisor::v1::campaign_service_client::CampaignServiceClient;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

use super::machine::{Change, Input, Wish};
use super::{Top, view};
use crate::cli::{self, Connection, Exit, OrExit, Refusal, Standing};
use crate::clock::Clock;
use crate::output::{self, Format};
use crate::terminal::{Key, Palette, Screen, Typed, local_zone};

/// Facts on their way to the screen.
const IN_FLIGHT: usize = 16;
/// Boards come every second; a stream silent for longer is dead.
const SILENCE: Duration = Duration::from_secs(6);
/// An RPC that is not answered by then was not.
const ANSWER: Duration = Duration::from_secs(10);
/// How long `--once` waits for ledgers to be counted.
const LEDGERS: Duration = Duration::from_secs(3);
/// Columns of a printed board.
const PRINTED: usize = 140;

/// Shows what is going on, once a second: campaigns, agents, calls, launches, abandon ledgers, trunks.
#[derive(Debug, Args)]
pub struct Watch {
    /// Prints the board once and ends; so does --output json.
    #[arg(long)]
    once: bool,
}

impl Watch {
    /// Watches until the supervisor leaves.
    ///
    /// # Errors
    /// When the daemon cannot be reached or refuses, or there is no terminal.
    pub fn run(&self, connection: &Connection, format: Format) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        if self.once || format == Format::Json {
            return runtime.block_on(Box::pin(print(connection, format)));
        }
        runtime.block_on(Box::pin(watch(connection)))
    }
}

async fn print(connection: &Connection, format: Format) -> anyhow::Result<ExitCode> {
    let mut client = BoardServiceClient::new(connection.authorised().await?);
    let stream = client.watch_board(pb::WatchBoardRequest {}).await;
    let mut stream = stream.map_err(Refusal::from)?.into_inner();
    let mut first = None;
    let looking = async {
        while let Some(board) = stream.message().await.map_err(Refusal::from)? {
            let counted = board
                .campaigns
                .iter()
                .all(|c| c.ledger.is_some() || c.mode() == pb::Mode::Notification);
            first = Some(board);
            if counted {
                break;
            }
        }
        anyhow::Ok(())
    };
    // A board without its ledgers is better than none: the database may be away.
    if let Ok(looked) = tokio::time::timeout(LEDGERS, looking).await {
        looked?;
    }
    let board = first
        .context("the daemon sent no board")
        .or_exit(Exit::Unavailable)?;
    let value = cli::to_json(&board)?;
    output::print(format, &value, |_| {
        let clock = Clock::start(None);
        let mut top = Top::new(local_zone(), clock.now());
        top.handle(clock.now(), Input::Board(Box::new(board)));
        let lines = view::lines(&top, Palette::Plain, PRINTED);
        let line = |line: &ratatui::text::Line<'_>| line.to_string().trim_end().to_owned() + "\n";
        lines.iter().map(line).collect()
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn watch(connection: &Connection) -> anyhow::Result<ExitCode> {
    let mut standing = Standing::open(connection, None).await?;
    // Refused before the screen is taken, when it is refused.
    let mut client = BoardServiceClient::new(standing.authorised().await?);
    let asked = client.watch_board(pb::WatchBoardRequest {}).await;
    drop(asked.map_err(Refusal::from)?);
    let (facts, inbox) = mpsc::channel(IN_FLIGHT);
    let clock = Clock::start(None);
    let shell = Shell {
        top: Top::new(local_zone(), clock.now()),
        screen: Screen::take().or_exit(Exit::Usage)?,
        palette: Palette::of(|name| std::env::var(name).ok()),
        clock,
        server: Server {
            standing: Arc::new(Mutex::new(standing)),
            facts,
        },
        watching: None,
    };
    let interrupted = shell.run(inbox).await?;
    Ok(if interrupted {
        Exit::Interrupted.into()
    } else {
        ExitCode::SUCCESS
    })
}

struct Shell {
    top: Top,
    screen: Screen,
    palette: Palette,
    clock: Clock,
    server: Server,
    watching: Option<JoinHandle<()>>,
}

impl Shell {
    async fn run(mut self, mut inbox: mpsc::Receiver<Input>) -> anyhow::Result<bool> {
        let mut term = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        loop {
            while let Some(wish) = self.top.poll_wish() {
                match wish {
                    Wish::Watch => {
                        if let Some(older) = self.watching.take() {
                            older.abort();
                        }
                        self.watching = Some(tokio::spawn(self.server.clone().watch()));
                    }
                    Wish::Explain(campaign) => {
                        tokio::spawn(self.server.clone().explain(campaign));
                    }
                    Wish::Change(campaign, change) => {
                        tokio::spawn(self.server.clone().change(campaign, change));
                    }
                    Wish::Redraw => self.screen.forget()?,
                    Wish::End { interrupted } => return Ok(interrupted),
                }
            }
            let (top, palette) = (&self.top, self.palette);
            self.screen.draw(|frame| view::draw(top, palette, frame))?;
            let wait = self.top.next_wakeup().since(self.clock.now().mono);
            let input = tokio::select! {
                typed = self.screen.typed.recv() => match typed {
                    Some(Typed::Key(key)) => Input::Key(key),
                    Some(Typed::Paste(_) | Typed::Resized) => Input::Tick,
                    None => Input::Key(Key::Ctrl('c')),
                },
                Some(fact) = inbox.recv() => fact,
                () = tokio::time::sleep(wait) => Input::Tick,
                _ = term.recv() => Input::Key(Key::Ctrl('c')),
                _ = hang_up.recv() => Input::Key(Key::Ctrl('c')),
            };
            self.top.handle(self.clock.now(), input);
        }
    }
}

/// The way to the server; clones share its sign-in.
#[derive(Clone)]
struct Server {
    standing: Arc<Mutex<Standing>>,
    facts: mpsc::Sender<Input>,
}

impl Server {
    async fn authorised(&self) -> anyhow::Result<cli::Authorised> {
        self.standing.lock().await.authorised().await
    }

    async fn tell(&self, fact: Input) {
        if self.facts.send(fact).await.is_err() {
            tracing::debug!("an answer came after the screen was left");
        }
    }

    async fn watch(self) {
        let because = match self.boards().await {
            Ok(()) => "the stream of boards has ended".to_owned(),
            Err(error) => one_line(&error),
        };
        self.tell(Input::Lost(because)).await;
    }

    async fn boards(&self) -> anyhow::Result<()> {
        let open = async {
            let mut client = BoardServiceClient::new(self.authorised().await?);
            let stream = client.watch_board(pb::WatchBoardRequest {}).await;
            anyhow::Ok(stream.map_err(Refusal::from)?.into_inner())
        };
        let mut stream = tokio::time::timeout(ANSWER, open).await??;
        loop {
            let board = tokio::time::timeout(SILENCE, stream.message())
                .await
                .context("the server is silent")?
                .map_err(Refusal::from)?;
            let Some(board) = board else { return Ok(()) };
            self.tell(Input::Board(Box::new(board))).await;
        }
    }

    async fn explain(self, campaign: i32) {
        let asked = async {
            let mut client = CampaignServiceClient::new(self.authorised().await?);
            let request = pb::ExplainCampaignRequest {
                campaign_id: campaign,
            };
            let told = client.explain_campaign(request).await;
            anyhow::Ok(Box::new(told.map_err(Refusal::from)?.into_inner()))
        };
        let told = in_time(asked).await;
        self.tell(Input::Explained { campaign, told }).await;
    }

    async fn change(self, campaign: i32, change: Change) {
        let asked = async {
            let mut client = CampaignServiceClient::new(self.authorised().await?);
            let (campaign_id, request_id) = (campaign, cli::request_id()?);
            let (changed, what) = match change {
                Change::Pause => {
                    let request = pb::PauseCampaignRequest {
                        campaign_id,
                        request_id,
                    };
                    let done = client.pause_campaign(request).await;
                    (done.map_err(Refusal::from)?.into_inner().campaign, "paused")
                }
                Change::Resume => {
                    let request = pb::ResumeCampaignRequest {
                        campaign_id,
                        request_id,
                    };
                    let done = client.resume_campaign(request).await;
                    (
                        done.map_err(Refusal::from)?.into_inner().campaign,
                        "resumed",
                    )
                }
            };
            anyhow::Ok(format!("{} is {what}", changed.unwrap_or_default().name))
        };
        let told = in_time(asked).await;
        self.tell(Input::Changed { told }).await;
    }
}

async fn in_time<T>(asked: impl Future<Output = anyhow::Result<T>>) -> Result<T, String> {
    match tokio::time::timeout(ANSWER, asked).await {
        Ok(answer) => answer.map_err(|error| one_line(&error)),
        Err(_) => Err("the server is silent".to_owned()),
    }
}

fn one_line(error: &anyhow::Error) -> String {
    format!("{error:#}").replace('\n', ";")
}
