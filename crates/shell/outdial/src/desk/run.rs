//! The loop around the desk: keys, facts and time in; pictures and RPCs out.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use clap::Args;
use proto::options::v1::Role;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::link::{Asked, Link};
use super::wish::{End, Input, Wish};
use super::{Desk, view};
use crate::cli::{Connection, Exit, OrExit, Standing};
use crate::clock::Clock;
use crate::terminal::{Key, Palette, Screen, Typed, local_zone};

/// Facts on their way to the desk.
const IN_FLIGHT: usize = 64;
/// What was typed last may take so long to be sent when the desk is left.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Works an agent's desk in this terminal: calls, records, outcomes and callbacks by keyboard. The phone is any
/// SIP phone that is registered as the agent's.
#[derive(Debug, Args)]
pub struct Agent {
    /// The agent's login; the password comes from OUTDIAL_PASSWORD or is asked for. Absent: who is signed in.
    login: Option<String>,
}

impl Agent {
    /// Works until the agent leaves.
    ///
    /// # Errors
    /// When the daemon cannot be reached or refuses, or there is no terminal.
    pub fn run(&self, connection: &Connection) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(Box::pin(self.work(connection)))
    }

    async fn work(&self, connection: &Connection) -> anyhow::Result<ExitCode> {
        let mut standing = Standing::open(connection, self.login.as_deref()).await?;
        let me = standing.identity().await?;
        if me.role() != Role::Agent {
            return Err(anyhow::anyhow!(
                "{} is no agent; make an account with outdial user add LOGIN --role agent --group GROUP",
                me.login
            ))
            .or_exit(Exit::SignIn);
        }
        let mut random = [0; 16];
        getrandom::fill(&mut random).context("the system gives no random bytes")?;
        let since_1970 = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let millis = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
        let (facts, inbox) = mpsc::channel(IN_FLIGHT);
        let link = Link::new(standing, facts, (millis, u128::from_be_bytes(random)));
        let clock = Clock::start(None);
        let desk = Desk::new(&me.name, local_zone(), clock.now());
        let screen = Screen::take().or_exit(Exit::Usage)?;
        let (asks, asked) = mpsc::unbounded_channel();
        let asking = tokio::spawn(link.clone().ask_all(asked));
        let shell = Shell {
            desk,
            screen,
            palette: Palette::of(|name| std::env::var(name).ok()),
            clock,
            link,
            watching: None,
            asks,
        };
        let end = shell.run(inbox).await?;
        // The channel of requests is closed: what was asked last is still sent.
        if tokio::time::timeout(LAST_WORDS, asking).await.is_err() {
            tracing::debug!("the last requests were not answered in time");
        }
        match end {
            End::Closed | End::Left => Ok(ExitCode::SUCCESS),
            End::Interrupted => Ok(Exit::Interrupted.into()),
            End::Failed(refused) => {
                let exit = Exit::of_rpc(refused.code);
                Err(anyhow::anyhow!("{}", refused.text)).or_exit(exit)
            }
        }
    }
}

struct Shell {
    desk: Desk,
    screen: Screen,
    palette: Palette,
    clock: Clock,
    link: Link,
    watching: Option<JoinHandle<()>>,
    asks: mpsc::UnboundedSender<Asked>,
}

impl Shell {
    async fn run(mut self, mut inbox: mpsc::Receiver<Input>) -> anyhow::Result<End> {
        let mut term = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        loop {
            if let Some(end) = self.carry_out()? {
                return Ok(end);
            }
            let (desk, palette) = (&self.desk, self.palette);
            self.screen.draw(|frame| view::draw(desk, palette, frame))?;
            let wait = self.desk.next_wakeup().since(self.clock.now().mono);
            let input = tokio::select! {
                typed = self.screen.typed.recv() => match typed {
                    Some(Typed::Key(key)) => Input::Key(key),
                    Some(Typed::Paste(text)) => Input::Paste(text),
                    Some(Typed::Resized) => Input::Tick,
                    // The terminal is gone: as if its window had been closed.
                    None => Input::Key(Key::Ctrl('c')),
                },
                Some(fact) = inbox.recv() => fact,
                () = tokio::time::sleep(wait) => Input::Tick,
                _ = term.recv() => Input::Key(Key::Ctrl('c')),
                _ = hang_up.recv() => Input::Key(Key::Ctrl('c')),
            };
            self.desk.handle(self.clock.now(), input);
        }
    }

    fn carry_out(&mut self) -> anyhow::Result<Option<End>> {
        while let Some(wish) = self.desk.poll_wish() {
            match wish {
                Wish::Ask { id, session, ask } => {
                    let asked = Asked { id, session, ask };
                    self.asks
                        .send(asked)
                        .map_err(|_| anyhow::anyhow!("requests are no longer sent"))?;
                }
                Wish::Watch { session, after_seq } => {
                    if let Some(older) = self.watching.take() {
                        older.abort();
                    }
                    let watch = self.link.clone().watch(session, after_seq);
                    self.watching = Some(tokio::spawn(watch));
                }
                Wish::Bell => self.screen.bell()?,
                Wish::Redraw => self.screen.forget()?,
                Wish::End(end) => return Ok(Some(end)),
            }
        }
        Ok(None)
    }
}
