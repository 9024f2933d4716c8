//! `outdial db …`: the database as a whole, beside a running daemon or without one.

mod backup;
mod check;
mod last_backup;
mod restore;

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use store::{Access, BackupError, ClusterError};

pub use self::check::{last_backup, tables};
pub use self::last_backup::LastBackup;

use crate::cli::{Exit, OrExit};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::logs;
use crate::output::{self, Format};

/// `outdial db …`
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Writes everything the database holds to a file, while the daemon works.
    Backup(backup::Backup),
    /// Puts a backup in the place of the private database. The daemon must not run.
    Restore(restore::Restore),
    /// Says whether the database is in order: its tables, its rows, its pages, its last backup.
    Check(check::Check),
}

/// Which daemon's database.
#[derive(Debug, clap::Args)]
pub struct Whose {
    /// The daemon's configuration file; absent: the defaults and the environment.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Command {
    /// Carries it out.
    ///
    /// # Errors
    /// To be printed, with its exit code.
    pub fn run(&self, format: Format) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        match self {
            Self::Backup(backup) => {
                let made = runtime.block_on(backup.run())?;
                output::print(format, &made, backup::Made::text)?;
            }
            Self::Restore(restore) => {
                let done = runtime.block_on(restore.run())?;
                output::print(format, &done, restore::Done::text)?;
            }
            Self::Check(check) => {
                let findings = runtime.block_on(check.run())?;
                output::print(format, &findings, crate::finding::Findings::text)?;
                return Ok(findings.code());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Whose {
    /// The configuration, and logs as it wishes.
    fn load(&self) -> anyhow::Result<Config> {
        let config = config::load(self.config.as_deref(), std::env::vars())?;
        logs::init(&config.log)?;
        match other_user(&config) {
            Some(why) => Err(anyhow::Error::msg(why)).or_exit(Exit::Refused),
            None => Ok(config),
        }
    }
}

/// A way into the database of a configuration.
///
/// # Errors
/// As [`BackupError`].
pub async fn reach(config: &Config) -> Result<Access, BackupError> {
    match &config.database.url {
        Some(url) => Ok(Access::elsewhere(url, config.database.pg_bin.as_deref())?),
        None => Ok(Access::private(&config.cluster_options()).await?),
    }
}

/// Why this user must not touch the data directory: root that does leaves files behind which a daemon that is not
/// root cannot use.
pub fn other_user(config: &Config) -> Option<String> {
    let dir = &config.node.data_dir;
    let metadata = std::fs::metadata(dir).ok()?;
    let is_others = rustix::process::geteuid().is_root() && metadata.uid() != 0;
    is_others.then(|| {
        format!(
            "{} belongs to user {uid}; run this as that user: setpriv --reuid={uid} --regid={} --init-groups outdial …",
            dir.display(),
            metadata.gid(),
            uid = metadata.uid(),
        )
    })
}

fn exit_of(error: &BackupError) -> Exit {
    match error {
        BackupError::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            Exit::NotFound
        }
        BackupError::Cluster(ClusterError::NoData { .. }) => Exit::NotFound,
        BackupError::Cluster(ClusterError::InUse { .. }) => Exit::Refused,
        other => match other.problem() {
            model::Problem::Caller => Exit::Refused,
            model::Problem::Busy | model::Problem::Carrier | model::Problem::Unclear => {
                Exit::Unavailable
            }
            model::Problem::Bug => Exit::Failure,
        },
    }
}

/// Gives an error of the store its exit code and says what was being done.
fn told<T>(outcome: Result<T, BackupError>, doing: &'static str) -> anyhow::Result<T> {
    match outcome {
        Ok(value) => Ok(value),
        Err(error) => {
            let exit = exit_of(&error);
            Err(error).context(doing).or_exit(exit)
        }
    }
}

/// The machine's wall clock.
fn wall_now() -> model::WallTime {
    Clock::start(None).now().wall
}

/// Who writes manifests.
const MADE_BY: &str = concat!("outdial ", env!("CARGO_PKG_VERSION"));
