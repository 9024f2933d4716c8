//! `outdial db check`

use std::time::Duration;

use model::WallTime;
use store::{Access, Inspection, Pages};

use super::{LastBackup, Whose, reach, told, wall_now};
use crate::config::Config;
use crate::finding::{Finding, Findings};

/// Checks the database. Writes nothing that stays.
#[derive(Debug, clap::Args)]
pub struct Check {
    #[command(flatten)]
    whose: Whose,
}

impl Check {
    pub async fn run(&self) -> anyhow::Result<Findings> {
        let config = self.whose.load()?;
        let access = told(reach(&config).await, "the database cannot be looked at")?;
        let looked = look(&access).await;
        let daemon = access.daemon().map(str::to_owned);
        told(
            access.close().await.map_err(Into::into),
            "the private database does not end",
        )?;
        let (found, pages) = told(looked.map_err(Into::into), "the database cannot be read")?;
        let mut findings = vec![server(&found, daemon.as_deref(), &config)];
        findings.extend(tables(&found));
        findings.extend(rows(&found, daemon.is_some()));
        findings.push(indexes(pages));
        findings.push(last_backup(&config, wall_now()));
        Ok(Findings::from(findings))
    }
}

async fn look(access: &Access) -> Result<(Inspection, Pages), store::Error> {
    Ok((access.inspect().await?, access.check_pages().await?))
}

fn server(found: &Inspection, daemon: Option<&str>, config: &Config) -> Finding {
    let how = match (daemon, &config.database.url) {
        (Some(pid), _) => format!("run by the daemon, process {pid}"),
        (None, None) => "private, started for this; no daemon runs".to_owned(),
        (None, Some(_)) => format!(
            "elsewhere; {} connections of daemons",
            found.daemon_connections
        ),
    };
    Finding::ok(
        "database",
        format!(
            "Postgres {}, {how}; {} prospects",
            found.postgres, found.prospects
        ),
    )
}

/// What differs between the tables and this version.
pub fn tables(found: &Inspection) -> Vec<Finding> {
    let list = |versions: &[i64]| {
        let versions: Vec<String> = versions.iter().map(i64::to_string).collect();
        versions.join(", ")
    };
    let mut findings = Vec::new();
    if !found.unknown_migrations.is_empty() {
        findings.push(Finding::failure(
            "tables",
            format!(
                "migrations {} are of a newer Outdial",
                list(&found.unknown_migrations)
            ),
            "run that version again; this one refuses to start here",
        ));
    }
    if !found.spoilt_migrations.is_empty() {
        findings.push(Finding::failure(
            "tables",
            format!(
                "migrations {} were applied with another text, or not to their end",
                list(&found.spoilt_migrations)
            ),
            "restore the last backup, or install the version that made these tables",
        ));
    }
    if !found.pending_migrations.is_empty() {
        findings.push(Finding::warning(
            "tables",
            format!(
                "migrations {} are still to be applied",
                list(&found.pending_migrations)
            ),
            "make a backup; the next start of the daemon applies them. Rows are not looked at before",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("tables", "of this version"));
    }
    findings
}

fn rows(found: &Inspection, daemon_runs: bool) -> Vec<Finding> {
    if !found.pending_migrations.is_empty() || !found.unknown_migrations.is_empty() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let daemon_runs = daemon_runs || found.daemon_connections > 0;
    let (open, left) = (found.open_attempts, found.left_attempts);
    findings.push(if daemon_runs && left > 0 {
        Finding::failure(
            "attempts",
            format!("{left} have no end, and the run that made them is over"),
            "restart the daemon whose run it was: it settles them at its start",
        )
    } else if daemon_runs || open == 0 {
        Finding::ok("attempts", format!("{open} open"))
    } else {
        Finding::warning(
            "attempts",
            format!("{open} have no end: a daemon was killed"),
            "start the daemon: it ends them as controller_lost before it dials",
        )
    });
    let (live, stuck) = (found.live_numbers, found.stuck_numbers);
    findings.push(if stuck > 0 {
        Finding::failure(
            "live numbers",
            format!("{stuck} are held although their calls have ended: they would never be called again"),
            "this is a fault of Outdial; report it, and delete those rows of live_number while no daemon runs",
        )
    } else if daemon_runs || live == 0 {
        Finding::ok("live numbers", format!("{live} in calls"))
    } else {
        Finding::warning(
            "live numbers",
            format!("{live} are held and no daemon runs: one was killed"),
            "start the daemon: it lets them go",
        )
    });
    findings.push(counted(
        "tries",
        found.wrong_tries,
        "each place in a queue counts its attempts",
        "places in queues count tries otherwise than their attempts say",
    ));
    findings.push(counted(
        "callbacks",
        found.lost_callbacks,
        "each open promise has its place in a queue",
        "promises to call are open while their place in the queue is closed",
    ));
    if found.broken_keys.is_empty() {
        findings.push(Finding::ok("foreign keys", "all hold"));
    }
    for key in &found.broken_keys {
        findings.push(Finding::failure(
            "foreign keys",
            format!(
                "{} rows of {} refer to nothing ({})",
                key.rows, key.table, key.constraint
            ),
            "the disk or a hand has spoilt them: restore the last backup",
        ));
    }
    findings
}

fn counted(check: &'static str, wrong: i64, well: &str, ill: &str) -> Finding {
    if wrong == 0 {
        Finding::ok(check, well)
    } else {
        Finding::failure(
            check,
            format!("{wrong} {ill}"),
            "this is a fault of Outdial; report it with the output of outdial db check",
        )
    }
}

fn indexes(pages: Pages) -> Finding {
    match pages {
        Pages::Sound => Finding::ok("pages", "tables and indexes can be read and agree"),
        Pages::NotChecked(why) => Finding::warning(
            "pages",
            format!("not looked at: {why}"),
            "make pg_amcheck and the extension amcheck available (Debian: both are in postgresql-15); until then a \
             damaged page is found only when it is read",
        ),
        Pages::Damaged(what) => Finding::failure(
            "pages",
            what,
            "copy the data directory, then REINDEX what is named, or restore the last backup; check the disk",
        ),
    }
}

/// A daily backup may be late by two hours.
const BACKUP_AGE_MAX: Duration = Duration::from_secs(26 * 3_600);

/// How old the last backup is.
pub fn last_backup(config: &Config, now: WallTime) -> Finding {
    let remedy =
        "run outdial db backup daily (outdial-backup.timer does), and copy it to another machine";
    let Some(backup) = LastBackup::read(&config.node.data_dir) else {
        return Finding::warning("backup", "none was ever made", remedy);
    };
    let Some(age) = backup.age(now) else {
        return Finding::warning("backup", "its time cannot be read", remedy);
    };
    let says = format!(
        "{} is {} h old",
        backup.file.display(),
        age.as_secs() / 3_600
    );
    if age > BACKUP_AGE_MAX {
        Finding::warning("backup", says, remedy)
    } else {
        Finding::ok("backup", says)
    }
}
