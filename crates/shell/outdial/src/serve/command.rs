//! `outdial serve`: the daemon as a process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use model::WallTime;
use serde::Serialize;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::systemd::{Notifier, keep_telling};
use super::{Daemon, RunOptions};
use crate::cli::Exit;
use crate::output::{self, Format};
use crate::{config, logs};

/// Runs the daemon.
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// The configuration file; absent: the defaults and the environment.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Records everything the engine is told and wishes, for `outdial replay`. Holds people's data.
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Lets the wall clock begin at this instant (RFC 3339): for tests and demonstrations.
    #[arg(long, value_name = "INSTANT")]
    at: Option<WallTime>,
}

/// What the daemon says of itself once it serves.
#[derive(Debug, Serialize)]
struct Serving {
    api: SocketAddr,
    admin: SocketAddr,
    sip: SocketAddr,
    setup_token: Option<String>,
    #[serde(skip)]
    scheme: &'static str,
}

impl Serve {
    /// Serves until told to end.
    ///
    /// # Errors
    /// Whatever keeps the daemon from starting or from ending well.
    pub fn run(&self, format: Format) -> anyhow::Result<ExitCode> {
        let config = config::load(self.config.as_deref(), std::env::vars())?;
        logs::init(&config.log)?;
        let scheme = if config.api.tls_cert.is_some() {
            "https"
        } else {
            "http"
        };
        let run = RunOptions {
            record: self.record.clone(),
            at: self.at,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let notifier = Notifier::new(|name| std::env::var(name).ok())?;
        runtime.block_on(async move {
            let mut signals = Signals::new()?;
            let daemon = tokio::select! {
                daemon = Daemon::start(config, run) => daemon?,
                () = signals.next() => anyhow::bail!("told to end before it had started"),
            };
            let serving = Serving {
                api: daemon.api,
                admin: daemon.admin,
                sip: daemon.sip,
                setup_token: daemon.setup_token.clone(),
                scheme,
            };
            output::print(format, &serving, Serving::text)?;
            notifier.ready();
            tokio::spawn(keep_telling(notifier.clone(), daemon.pulse()));
            signals.next().await;
            notifier.stopping();
            tokio::select! {
                ended = daemon.drain() => ended.map(|()| ExitCode::SUCCESS),
                () = signals.next() => {
                    tracing::warn!("told twice to end: what is under way is settled at the next start");
                    Ok(Exit::Interrupted.into())
                }
            }
        })
    }
}

impl Serving {
    fn text(&self) -> String {
        let Self {
            api,
            admin,
            sip,
            setup_token,
            scheme,
        } = self;
        let mut text = format!(
            "outdial serves: API {api}, SIP {sip}, health and metrics http://{admin}/metrics\n"
        );
        if let Some(token) = setup_token {
            text.push_str(&format!(
                "There is no administrator yet. Once, with this token and a password of yours in OUTDIAL_PASSWORD:\n  \
                 outdial --server {scheme}://{api} --token {token} setup --login admin\n"
            ));
        }
        text
    }
}

/// SIGTERM and SIGINT alike.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Begins to watch: from now on neither ends the process by itself.
    ///
    /// # Errors
    /// When the system refuses it.
    pub fn new() -> anyhow::Result<Self> {
        let watch = |kind| signal(kind).context("signals cannot be watched");
        Ok(Self {
            terminate: watch(SignalKind::terminate())?,
            interrupt: watch(SignalKind::interrupt())?,
        })
    }

    /// Waits for either.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_for_the_first_administrator_names_a_server_that_can_be_reached() {
        let listen = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let serving = Serving {
            api: listen(7070),
            admin: listen(7071),
            sip: listen(5060),
            setup_token: Some("ods_1".to_owned()),
            scheme: "https",
        };
        let text = serving.text();
        let setup = "outdial --server https://127.0.0.1:7070 --token ods_1 setup --login admin\n";
        assert!(text.ends_with(setup), "{text}");
    }
}
