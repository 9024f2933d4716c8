//! The world of the demo: a directory, a carrier with people behind its numbers, and the daemon itself.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use model::Share;
use tempfile::TempDir;
use testkit::{Account, Behaviour, Carrier, CarrierOptions, Habits, Mix, Span};

use super::plan::Options;
use crate::cli::{Exit, OrExit};
use crate::config::Config;
use crate::serve::{Daemon, RunOptions};

/// The one profile: open at all hours, for numbers of the simulated carrier alone.
const PROFILE: &str = include_str!("../../../../../config/profiles/demo.toml");

/// Where voices are in a checkout of the repository.
const CHECKOUT_VOICES: &str = "target/voices";

/// A talk that goes on when the daemon ends is cut after so long: only after Ctrl-C is there one.
const DRAIN_LIMIT_S: u64 = 3;

/// Where everything of a run is kept.
#[derive(Debug)]
pub struct Directory {
    dir: TempDir,
}

impl Directory {
    /// Makes one.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("outdial-demo-")
            .tempdir()
            .context("could not make a directory for the demo's data; set TMPDIR to a place we may write")?;
        // As root, Postgres runs as another user, who must be able to pass through.
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o711))?;
        Ok(Self { dir })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The daemon's log lines.
    pub fn log(&self) -> PathBuf {
        self.path().join("outdial.log")
    }

    /// Leaves it where it is; returns where.
    pub fn keep(self) -> PathBuf {
        self.dir.keep()
    }

    /// Removes it.
    ///
    /// # Errors
    /// When something in it cannot be removed.
    pub fn remove(self) -> anyhow::Result<()> {
        let path = self.path().display().to_string();
        self.dir
            .close()
            .with_context(|| format!("could not remove {path}"))
    }
}

/// Starts the carrier. Its people are like a list of households in the evening, at the pace of a demo.
///
/// # Errors
/// When the system refuses a socket or a thread.
pub fn carrier(options: &Options, account: &Account) -> anyhow::Result<Carrier> {
    let mix = Mix {
        answers: 40,
        busy: 18,
        no_answer: 18,
        set_up: Span::millis(100, 400),
        ring: Span::millis(500, 3_000),
        // Long enough for a talk, and for most of a message.
        talk: Span::millis(5_000, 30_000),
        hangs_up: Share::from_ppm(400_000),
        early_media: Share::from_ppm(50_000),
        presses: Share::from_ppm(850_000),
        // While they are asked to: who calls is said in about three seconds, the question takes four more.
        presses_after: Span::millis(4_000, 6_500),
        ..Mix::default()
    };
    let mut carrier = CarrierOptions::new(Behaviour::new(options.seed, mix));
    carrier.digest = Some(account.clone());
    Ok(Carrier::start(carrier)?)
}

/// What agents are like: brisk, so that a minute shows life.
pub fn habits() -> Habits {
    Habits {
        talk: Span::millis(4_000, 8_000),
        writes: Span::millis(1_000, 3_000),
        takes: Share::from_ppm(900_000),
        // Everybody ends a talk that its person does not.
        hangs_up: Share::ONE,
        ..Habits::default()
    }
}

/// Starts the daemon in the directory, on loopback, on any free ports.
///
/// # Errors
/// Whatever keeps it from starting.
pub async fn daemon(
    directory: &Directory,
    options: &Options,
    voices: &Path,
) -> anyhow::Result<Daemon> {
    let path = directory.path();
    let rules = path.join("profiles");
    std::fs::create_dir_all(&rules)?;
    std::fs::write(rules.join("demo.toml"), PROFILE)?;
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let any_port = SocketAddr::new(loopback, 0);
    let mut config = Config::default();
    config.node.data_dir = path.join("data");
    config.sip.listen = any_port;
    config.rtp.bind = loopback;
    config.api.listen = any_port;
    config.admin.listen = any_port;
    config.voices.recordings = path.join("recordings");
    config.rules.directory = rules;
    config.shutdown.drain_limit_s = DRAIN_LIMIT_S;
    config.voices.directory = voices.to_owned();
    let file = path.join("outdial.toml");
    std::fs::write(&file, toml::to_string(&config)?)
        .with_context(|| format!("could not write {}", file.display()))?;
    let run = RunOptions {
        record: None,
        at: options.at,
    };
    Daemon::start(config, run).await
}

/// Where the voices are that speak amounts.
///
/// # Errors
/// When there are none, with what to do.
pub fn voices(options: &Options) -> anyhow::Result<PathBuf> {
    let has_both = |dir: &Path| {
        let speaks = |language: &str| dir.join(format!("{language}-espeak/pack.toml")).is_file();
        speaks("ru") && speaks("en")
    };
    let looked = match &options.voices {
        Some(given) => vec![given.clone()],
        None => vec![
            Config::default().voices.directory,
            PathBuf::from(CHECKOUT_VOICES),
        ],
    };
    let found = looked.iter().find(|dir| has_both(dir));
    let missing = || {
        let looked: Vec<_> = looked.iter().map(|d| d.display().to_string()).collect();
        anyhow::anyhow!(
            "no Russian and English voices in {}; build them with scripts/build-voices.sh {CHECKOUT_VOICES} ru en, \
             or name their directory with --voices",
            looked.join(" and ")
        )
    };
    let found = found.ok_or_else(missing).or_exit(Exit::NotFound)?;
    // Whoever serves the kept data again stands elsewhere.
    Ok(std::path::absolute(found)?)
}

/// How long nothing may take that should come at once.
pub const SOON: Duration = Duration::from_secs(30);
