//! Whether the database answers and can be used; and the trunks that it knows.

use store::{Access, BackupError, ClusterError, Inspection, Trunk, postgres_found};

use crate::clock::Clock;
use crate::config::Config;
use crate::database::{last_backup, other_user, reach, tables};
use crate::finding::Finding;

/// What was seen.
#[derive(Default)]
pub struct Seen {
    pub findings: Vec<Finding>,
    /// As configured; none when the tables cannot be read.
    pub trunks: Vec<Trunk>,
    /// By how many microseconds the database's clock is ahead of ours.
    pub clock_ahead: Option<i64>,
}

/// Postgres of this major version is what Outdial is tested with.
const TESTED_MAJOR: u32 = 15;

/// Reaches the database as the daemon would; a private one is started for it when no daemon runs.
pub async fn look(config: &Config) -> Seen {
    if let Some(why) = other_user(config).filter(|_| config.database.url.is_none()) {
        let finding = Finding::warning("database", "not looked at: it is another user's", why);
        return of(finding);
    }
    let access = match reach(config).await {
        Ok(access) => access,
        Err(BackupError::Cluster(ClusterError::NoData { .. })) => return of(not_made(config)),
        Err(error) => return of(unreachable(config, &error)),
    };
    let seen = greet(&access, config).await;
    let closed = access.close().await;
    let mut seen = seen.unwrap_or_else(|error| of(unreachable(config, &error.into())));
    if let Err(error) = closed {
        seen.findings.push(unreachable(config, &error.into()));
    }
    seen
}

fn of(finding: Finding) -> Seen {
    Seen {
        findings: vec![finding],
        ..Seen::default()
    }
}

async fn greet(access: &Access, config: &Config) -> Result<Seen, store::Error> {
    let clock = Clock::start(None);
    let found = access.greet().await?;
    let ahead = found.clock.unix_micros() - clock.now().wall.unix_micros();
    let mut findings = vec![server(access, &found)];
    let tables = tables(&found);
    let readable = found.pending_migrations.is_empty() && found.unknown_migrations.is_empty();
    findings.extend(tables);
    findings.push(last_backup(config, clock.now().wall));
    let mut trunks = Vec::new();
    if readable {
        let store = access.store();
        let read = store.trunks().await;
        store.close().await;
        trunks = read?;
        trunks.retain(|t| t.settings.enabled);
        if trunks.is_empty() {
            findings.push(Finding::warning(
                "trunks",
                "none is configured and enabled",
                "outdial trunk add-group, then outdial trunk add",
            ));
        }
    }
    Ok(Seen {
        findings,
        trunks,
        clock_ahead: Some(ahead),
    })
}

fn server(access: &Access, found: &Inspection) -> Finding {
    let whose = match (access.is_private(), access.daemon()) {
        (true, Some(pid)) => format!("run by the daemon, process {pid}"),
        (true, None) => "private, can be started".to_owned(),
        (false, _) => "of database.url".to_owned(),
    };
    let major = found.postgres.split(['.', ' ']).next();
    let says = format!("Postgres {}, {whose}", found.postgres);
    match major.and_then(|m| m.parse::<u32>().ok()) {
        Some(major) if major >= TESTED_MAJOR => Finding::ok("database", says),
        _ => Finding::warning(
            "database",
            says,
            format!("Outdial is tested with Postgres {TESTED_MAJOR}; install that or a newer one"),
        ),
    }
}

fn not_made(config: &Config) -> Finding {
    match postgres_found(&config.cluster_options()) {
        Ok((dir, major)) => Finding::ok(
            "database",
            format!(
                "none yet; the first start makes it with Postgres {major} of {}",
                dir.display()
            ),
        ),
        Err(error) => unreachable(config, &error.into()),
    }
}

fn unreachable(config: &Config, error: &BackupError) -> Finding {
    let remedy = match &config.database.url {
        Some(_) => {
            "correct database.url, start that server, or let this machine in (pg_hba.conf there)"
        }
        None => "the end of postgres.log in the data directory says more",
    };
    let error = anyhow::anyhow!("{error}");
    Finding::failure("database", format!("{error:#}"), remedy)
}
