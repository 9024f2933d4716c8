//! `outdial demo`: the whole product at work on one machine, with nobody called.
//!
//! One process holds the daemon with its private database, a simulated carrier and simulated agents with their
//! phones. Everything that a person would do goes over the public API: accounts, trunks, lists, campaigns, and
//! the figures that are compared with the carrier's log at the end.

mod books;
mod campaigns;
mod hours;
mod live;
mod next;
mod pause;
mod plan;
mod report;
mod setup;
mod supervisor;
mod table;
mod workbook;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use model::WallTime;
use testkit::{Account, Carrier, Team, TeamOptions};

pub use self::plan::Options as Demo;

use self::campaigns::Part;
use self::live::{Live, PAUSED};
use self::pause::Moments;
use self::report::{CampaignFacts, Facts, Report};
use self::setup::Prepared;
use self::supervisor::Supervisor;
use self::workbook::Workbook;
use self::world::Directory;
use crate::cli::Exit;
use crate::clock::Clock;
use crate::logs;
use crate::output::{self, Format, Progress};
use crate::serve::{Daemon, Signals};

/// How long agents may take to leave.
const LEAVING: Duration = Duration::from_secs(20);

impl Demo {
    /// Shows it all. Exit code 0 only when everything happened that should, and adds up.
    ///
    /// # Errors
    /// Whatever keeps it from being shown.
    pub fn run(&self, format: Format) -> anyhow::Result<ExitCode> {
        let begun = Instant::now();
        self.check()?;
        let voices = world::voices(self)?;
        let directory = Directory::new()?;
        logs::to_file(&directory.log())?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let stage = Stage {
            options: self,
            format,
            begun,
            directory: &directory,
            voices,
            account: Account {
                user: "outdial".to_owned(),
                password: "carrier-password".to_owned(),
            },
        };
        let mut progress = Progress::new(format);
        let ran = runtime.block_on(Box::pin(stage.run(&mut progress)));
        let log = directory.log();
        // Of a run that did not go well, the log is what helps.
        let helps = !matches!(ran, Ok(Ran::Well | Ran::Interrupted));
        if self.keep || helps {
            let kept = directory.keep();
            progress.line(&format!("data and log are kept in {}", kept.display()));
        } else {
            directory.remove()?;
        }
        let ran = ran.with_context(|| {
            format!("the demo broke off; the daemon's log is {}", log.display())
        })?;
        Ok(match ran {
            Ran::Well => ExitCode::SUCCESS,
            Ran::Badly => Exit::Failure.into(),
            Ran::Interrupted => Exit::Interrupted.into(),
        })
    }
}

/// How a run ended.
enum Ran {
    Well,
    Badly,
    Interrupted,
}

/// Where a run takes place.
struct Stage<'a> {
    options: &'a Demo,
    format: Format,
    /// When the command was given.
    begun: Instant,
    directory: &'a Directory,
    voices: PathBuf,
    /// Who the carrier knows us as.
    account: Account,
}

impl Stage<'_> {
    async fn run(&self, progress: &mut Progress) -> anyhow::Result<Ran> {
        let mut signals = Signals::new()?;
        let carrier = world::carrier(self.options, &self.account)?;
        progress.line("starting the daemon with a database of its own …");
        let daemon = tokio::select! {
            daemon = world::daemon(self.directory, self.options, &self.voices) => daemon?,
            () = signals.next() => return Ok(Ran::Interrupted),
        };
        progress.line(&format!(
            "ready after {:.1} s: API {}, SIP {}, a simulated carrier at {}",
            self.begun.elapsed().as_secs_f64(),
            daemon.api,
            daemon.sip,
            carrier.addr()
        ));
        let shown = tokio::select! {
            shown = self.show(&daemon, &carrier, progress) => Some(shown),
            () = signals.next() => None,
        };
        let ran = match shown {
            None => Ok(Ran::Interrupted),
            Some(Err(error)) => Err(error),
            Some(Ok((report, team))) => {
                progress.end();
                let printed = output::print(self.format, &report, Report::text);
                self.what_next(&daemon, &mut signals, progress).await;
                if tokio::time::timeout(LEAVING, team.leave()).await.is_err() {
                    tracing::warn!("some agents did not leave in time");
                }
                printed.map(|()| {
                    if report.holds() {
                        Ran::Well
                    } else {
                        Ran::Badly
                    }
                })
            }
        };
        if matches!(ran, Ok(Ran::Interrupted)) {
            progress.line("ending; once more Ctrl-C ends at once");
        }
        tokio::select! {
            ended = daemon.drain() => ended?,
            () = signals.next() => return Ok(Ran::Interrupted),
        }
        ran
    }

    /// Tells what to try next, and lets people try it.
    async fn what_next(&self, daemon: &Daemon, signals: &mut Signals, progress: &mut Progress) {
        if self.options.keep {
            progress.line(&next::with_the_daemon(
                daemon,
                self.directory.path(),
                &binary(),
            ));
            signals.next().await;
        } else if self.format == Format::Table {
            progress.line(&next::without_the_daemon(&binary()));
        }
    }

    /// From an empty daemon to the report. The team is still at work afterwards.
    async fn show(
        &self,
        daemon: &Daemon,
        carrier: &Carrier,
        progress: &mut Progress,
    ) -> anyhow::Result<(Report, Team)> {
        let options = self.options;
        let url = format!("http://{}", daemon.api);
        let channel = supervisor::connect(&url).await?;
        let token = daemon.setup_token.as_deref().unwrap_or_default();
        let lines = (carrier.addr(), &self.account);
        let staff = setup::staff(channel.clone(), token, options, lines).await?;
        let mut supervisor =
            Supervisor::sign_in(channel, setup::SUPERVISOR, setup::PASSWORD).await?;

        let workbook = Workbook::put(self.directory.path(), options)?;
        // The daemon's calendar began with it.
        let at = options.at.unwrap_or_else(|| Clock::start(None).now().wall);
        let prepared = setup::campaigns(&mut supervisor, &staff, &workbook, at).await?;
        progress.line(&imported(&prepared));

        let team = Team::start(TeamOptions {
            url,
            registrar: Some(daemon.sip),
            members: staff.members,
            habits: world::habits(),
            seed: options.seed,
        })
        .await?;
        live::all_ready(&team).await?;
        progress.line(&format!(
            "{} agents are signed in and have their phones; four campaigns begin",
            team.agents.len()
        ));

        let log = carrier.log();
        let mut live = Live::new(supervisor.clone(), &prepared, log, progress).await?;
        let pause = live.dial(options).await?;
        live.wind_down(&team).await?;
        let calls = log.calls();
        let of_paused: Vec<Moments> = calls
            .iter()
            .filter(|call| call.caller == PAUSED.caller())
            .map(Moments::from)
            .collect();
        let facts = Facts {
            campaigns: told(&mut supervisor, &prepared, &workbook, at).await?,
            talks_on_screens: team.counts().iter().map(|a| a.connected).sum(),
            pause: pause.seen(PAUSED.name(), &of_paused),
            first_call: calls.first().map(|call| call.invited_at - self.begun),
            files: export(&mut supervisor, &prepared, options).await?,
            wall: self.begun.elapsed(),
            calls: books::seen(&calls),
        };
        Ok((Report::of(facts), team))
    }
}

/// As it was called, for commands to copy.
fn binary() -> String {
    std::env::args()
        .next()
        .unwrap_or_else(|| "outdial".to_owned())
}

fn imported(prepared: &[Prepared]) -> String {
    let of = |count: fn(&Prepared) -> i64| prepared.iter().map(count).sum::<i64>();
    format!(
        "imported {} prospects from four sheets; {} rows repeat a prospect, {} cannot be used",
        of(|c| c.imported.accepted),
        of(|c| c.imported.duplicates),
        of(|c| c.imported.rejected.values().sum())
    )
}

/// What the daemon tells of every campaign.
async fn told(
    supervisor: &mut Supervisor,
    prepared: &[Prepared],
    workbook: &Workbook,
    at: WallTime,
) -> anyhow::Result<Vec<CampaignFacts>> {
    let mut told = Vec::new();
    for Prepared { part, id, .. } in prepared {
        told.push(CampaignFacts {
            name: part.name(),
            id: *id,
            report: supervisor.report(*id).await?,
            attempts: supervisor.attempts(*id).await?,
            explained: supervisor.explain(*id).await?,
            outside_by_file: workbook.outside(part.sheet(), part.hours(at), at)?,
        });
    }
    Ok(told)
}

/// Writes the results of every campaign; returns the files.
async fn export(
    supervisor: &mut Supervisor,
    prepared: &[Prepared],
    options: &Demo,
) -> anyhow::Result<Vec<String>> {
    let directory = &options.results;
    std::fs::create_dir_all(directory)
        .with_context(|| format!("could not make {}", directory.display()))?;
    let mut files = Vec::new();
    for Prepared { part, id, .. } in prepared {
        let file = directory.join(format!("{}.xlsx", Part::name(*part)));
        supervisor.export(*id, &file).await?;
        files.push(file.display().to_string());
    }
    Ok(files)
}
