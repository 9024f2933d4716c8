//! `outdial doctor`: whether a machine can dial, before the daemon runs or beside it. Everything is tried, nothing
//! is changed, and each thing that is wrong is told with what to do about it.

mod certificate;
mod clock;
mod database;
mod disk;
mod echo;
mod network;
mod ports;
mod sockets;
mod stack;
mod trunks;

use std::path::PathBuf;
use std::process::ExitCode;

pub use self::certificate::expires_at;

use crate::cli::Target;
use crate::config::{self, Config};
use crate::finding::{Finding, Findings};
use crate::output::{self, Format};
use crate::serve::load_installed;

/// Says whether this machine can dial: ports, addresses, names, clock, disk, database, trunks, audio, voices.
#[derive(Debug, clap::Args)]
pub struct Doctor {
    /// The daemon's configuration file; absent: the defaults and the environment.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Places a call to this number and trunk, sip:NUMBER@HOST[:PORT], which must answer and send audio back, such
    /// as a carrier's echo test. Absent: to an answering party of its own, on loopback.
    #[arg(long, value_name = "URI")]
    echo: Option<Target>,
}

impl Doctor {
    /// Looks at everything.
    ///
    /// # Errors
    /// When it cannot even look.
    pub fn run(&self, format: Format) -> anyhow::Result<ExitCode> {
        let findings = match config::load(self.config.as_deref(), std::env::vars()) {
            Ok(config) => {
                crate::logs::init(&config.log)?;
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .enable_all()
                    .build()?;
                runtime.block_on(self.look(&config))
            }
            Err(error) => vec![Finding::failure(
                "configuration",
                format!("{:#}", anyhow::Error::from(error)),
                "correct it; outdial config check says the same, docs/reference/configuration.md what there is",
            )],
        };
        let findings = Findings::from(findings);
        output::print(format, &findings, Findings::text)?;
        Ok(findings.code())
    }

    async fn look(&self, config: &Config) -> Vec<Finding> {
        let mut findings = vec![Finding::ok("configuration", "can be used")];
        findings.extend(ports::look(config));
        findings.push(disk::look(&config.node.data_dir));
        findings.extend(installed(config));
        findings.push(certificate::look(&config.api));
        let seen = database::look(config).await;
        findings.extend(seen.findings);
        findings.extend(clock::look(seen.clock_ahead).await);
        let placed = trunks::resolve(&seen.trunks).await;
        findings.extend(network::look(config, &placed));
        findings.extend(trunks::look(config, placed).await);
        findings.push(echo::look(config, self.echo.clone()).await);
        findings
    }
}

fn installed(config: &Config) -> Vec<Finding> {
    let found = match load_installed(config) {
        Ok(found) => found,
        Err(error) => {
            return vec![Finding::failure(
                "installed files",
                format!("{error:#}"),
                "correct the file, or set rules.directory, voices.directory and voices.recordings; make install puts \
                 all of them under /usr/share/outdial",
            )];
        }
    };
    let (profiles, voices) = (
        found.catalogue.profile_ids().len(),
        found.library.voices().count(),
    );
    let mut findings = vec![Finding::ok(
        "profiles",
        format!("{profiles} in {}", config.rules.directory.display()),
    )];
    let directory = config.voices.directory.display();
    findings.push(if voices == 0 {
        Finding::warning(
            "voices",
            format!(
                "none in {directory}: no campaign can speak, which is well where all have agents"
            ),
            "make install builds and installs them; or set voices.directory",
        )
    } else {
        let names: Vec<_> = found.library.voices().map(|v| v.name.clone()).collect();
        Finding::ok("voices", format!("{} in {directory}", names.join(", ")))
    });
    findings
}
