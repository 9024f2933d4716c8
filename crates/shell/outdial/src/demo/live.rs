//! The minute in which the campaigns dial: watched, and one of them paused and resumed mid-way.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proto::supervisor::v1::{CampaignState, WatchBoardResponse};
use testkit::{CallLog, Team};
use tokio::sync::watch;

use super::campaigns::Part;
use super::pause::Pause;
use super::plan::Options;
use super::setup::Prepared;
use super::supervisor::Supervisor;
use super::table::View;
use super::world::SOON;
use crate::output::Progress;

/// How often the table is drawn.
const DRAW: Duration = Duration::from_secs(1);
/// Where there is no terminal, a line comes so often.
const LINE: Duration = Duration::from_secs(5);
/// Between counts of the prospects that are done with.
const COUNT: Duration = Duration::from_secs(2);
/// States of prospects who are not called again.
const CLOSED: [&str; 4] = ["success", "done", "exhausted", "suppressed"];
/// Between looks whether calls are over.
const LOOK: Duration = Duration::from_millis(300);
/// Calls that are under way when dialling ends are over by then: they ring and talk for less.
const CALLS_END: Duration = Duration::from_secs(90);
/// The campaign that is paused.
pub const PAUSED: Part = Part::Sales;

/// Watches and acts.
pub struct Live<'a> {
    supervisor: Supervisor,
    campaigns: &'a [Prepared],
    prospects: BTreeMap<i32, u64>,
    log: &'a CallLog,
    boards: watch::Receiver<WatchBoardResponse>,
    done: watch::Receiver<BTreeMap<i32, u64>>,
    progress: &'a mut Progress,
    started: Instant,
    dialling: Duration,
    last_line: Option<Instant>,
}

impl<'a> Live<'a> {
    /// Begins to watch.
    ///
    /// # Errors
    /// When the daemon refuses it.
    pub async fn new(
        mut supervisor: Supervisor,
        campaigns: &'a [Prepared],
        log: &'a CallLog,
        progress: &'a mut Progress,
    ) -> anyhow::Result<Self> {
        let mut stream = supervisor.watch().await?;
        let (newest, boards) = watch::channel(WatchBoardResponse::default());
        tokio::spawn(async move {
            // Ends with the daemon, or with whoever watches.
            while let Ok(Some(board)) = stream.message().await {
                if newest.send(board).is_err() {
                    return;
                }
            }
        });
        let done = follow_done(supervisor.clone(), campaigns);
        let imported = |c: &Prepared| (c.id, u64::try_from(c.imported.accepted).unwrap_or(0));
        Ok(Self {
            supervisor,
            campaigns,
            prospects: campaigns.iter().map(imported).collect(),
            log,
            boards,
            done,
            progress,
            started: Instant::now(),
            dialling: Duration::ZERO,
            last_line: None,
        })
    }

    /// Starts all campaigns, pauses and resumes one, and pauses all when the time is over.
    ///
    /// # Errors
    /// When the daemon refuses any of it.
    pub async fn dial(&mut self, options: &Options) -> anyhow::Result<Pause> {
        let id = self.id(PAUSED);
        let (pause_at, pause_for) = options.pause();
        for campaign in self.campaigns {
            self.supervisor.start(campaign.id).await?;
        }
        self.started = Instant::now();
        self.dialling = options.dialling();
        self.watch_until(pause_at, "").await;
        self.supervisor.pause(id).await?;
        let from = Instant::now();
        let doing = format!("{} is paused: nothing new, talks go on", PAUSED.name());
        self.watch_until(pause_at + pause_for, &doing).await;
        self.supervisor.resume(id).await?;
        let to = Instant::now();
        self.watch_until(self.dialling, "").await;
        for campaign in self.campaigns {
            self.pause_if_running(campaign.id).await?;
        }
        Ok(Pause { from, to })
    }

    fn id(&self, part: Part) -> i32 {
        let of = self.campaigns.iter().find(|c| c.part == part);
        of.map_or(0, |c| c.id)
    }

    /// A short list may be finished by itself.
    async fn pause_if_running(&mut self, id: i32) -> anyhow::Result<()> {
        if self.supervisor.report(id).await?.state() == CampaignState::Running {
            self.supervisor.pause(id).await?;
        }
        Ok(())
    }

    /// Waits until no call is under way, no wrap-up is open, and every row is written.
    ///
    /// # Errors
    /// When it takes too long, with what is still open.
    pub async fn wind_down(&mut self, team: &Team) -> anyhow::Result<()> {
        let deadline = Instant::now() + CALLS_END;
        loop {
            self.show("no new calls; those under way are finished");
            let mut open = Vec::new();
            for campaign in self.campaigns {
                let report = self.supervisor.report(campaign.id).await?;
                let waiting = report.prospect_states.get("awaiting_outcome");
                let waiting = waiting.copied().unwrap_or(0);
                if report.open_attempts > 0 || waiting > 0 {
                    open.push(format!(
                        "{}: {} attempts, {waiting} outcomes",
                        campaign.part.name(),
                        report.open_attempts
                    ));
                }
            }
            let calls = self.log.counts().open;
            let busy = team.counts().iter().filter(|a| !a.is_ready()).count();
            if open.is_empty() && calls == 0 && busy == 0 {
                return Ok(());
            }
            anyhow::ensure!(
                Instant::now() < deadline,
                "after {} s something is still under way: {calls} calls at the carrier, {busy} agents busy; {}",
                CALLS_END.as_secs(),
                open.join("; ")
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn watch_until(&mut self, elapsed: Duration, doing: &str) {
        let end = self.started + elapsed;
        loop {
            self.show(doing);
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(DRAW)).await;
        }
    }

    fn show(&mut self, doing: &str) {
        let board = self.boards.borrow().clone();
        let done = self.done.borrow().clone();
        let view = View {
            elapsed: self.started.elapsed(),
            dialling: self.dialling,
            doing,
            prospects: &self.prospects,
            done: &done,
            board: &board,
            carrier: self.log.counts(),
        };
        if self.progress.redraws() {
            self.progress.redraw(&view.table());
        } else if self.last_line.is_none_or(|at| at.elapsed() >= LINE) {
            self.last_line = Some(Instant::now());
            self.progress.line(&view.line());
        }
    }
}

/// How many prospects of each campaign are done with: counted from rows now and then, since a board knows its
/// queues only as of the last claim.
fn follow_done(
    mut supervisor: Supervisor,
    campaigns: &[Prepared],
) -> watch::Receiver<BTreeMap<i32, u64>> {
    let ids: Vec<i32> = campaigns.iter().map(|c| c.id).collect();
    let (newest, done) = watch::channel(BTreeMap::new());
    tokio::spawn(async move {
        // Ends with the daemon, or with whoever watches.
        loop {
            for id in &ids {
                let Ok(report) = supervisor.report(*id).await else {
                    return;
                };
                let closed = CLOSED.iter().filter_map(|s| report.prospect_states.get(*s));
                let closed = u64::try_from(closed.sum::<i64>()).unwrap_or(0);
                newest.send_modify(|done| {
                    done.insert(*id, closed);
                });
            }
            if newest.is_closed() {
                return;
            }
            tokio::time::sleep(COUNT).await;
        }
    });
    done
}

/// Waits until all agents have their phones and wait for calls.
///
/// # Errors
/// Names those who do not, and why.
pub async fn all_ready(team: &Team) -> anyhow::Result<()> {
    for (agent, phone) in team.agents.iter().zip(&team.phones) {
        if agent.wait(SOON, testkit::AgentCounts::is_ready).await {
            continue;
        }
        let state = phone.state();
        let why = state
            .refused
            .unwrap_or_else(|| format!("{:?}", agent.counts().refused));
        anyhow::bail!(
            "{} does not wait for calls after {} s; phone registered: {}; {why}",
            agent.login(),
            SOON.as_secs(),
            state.registered
        );
    }
    Ok(())
}
