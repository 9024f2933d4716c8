//! A backup is put in place.

use std::path::{Path, PathBuf};
use std::process::Command;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection};

use super::dump::run;
use super::error::BackupError;
use super::manifest::Manifest;
use super::rows;
use crate::access::environment_of_socket;
use crate::cluster::{Cluster, ClusterOptions, Replacement};
use crate::db::MIGRATIONS;
use crate::{ClusterError, Error};

/// What a restore did.
#[derive(Debug)]
pub struct Restored {
    /// Of the backup.
    pub manifest: Manifest,
    /// Where the data that was there before is kept.
    pub kept: Option<PathBuf>,
}

/// Puts a backup in the place of the private cluster's data. It is restored into a fresh cluster beside the
/// old one, compared with its manifest, and swapped in when it is whole; the old data is kept under a name
/// that ends in `dated`. Until the swap nothing has changed.
///
/// # Errors
/// [`ClusterError::InUse`] while a daemon runs, [`BackupError::Exists`] when there is data and `replace` is
/// false, else by variant.
pub async fn restore(
    options: &ClusterOptions,
    dump: &Path,
    replace: bool,
    dated: &str,
) -> Result<Restored, BackupError> {
    let manifest = Manifest::verified(dump)?;
    let known = MIGRATIONS.iter().map(|m| m.version).max().unwrap_or(0);
    if manifest.schema > known {
        return Err(BackupError::Newer {
            path: dump.to_owned(),
            found: manifest.schema,
            known,
            made_by: manifest.made_by,
        });
    }
    if options.dir.join("data").exists() && !replace {
        return Err(BackupError::Exists {
            dir: options.dir.clone(),
        });
    }
    let replacement = Replacement::begin(options).await?;
    match fill(options, &replacement, dump, &manifest).await {
        Ok(()) => Ok(Restored {
            manifest,
            kept: replacement.finish(dated).await?,
        }),
        Err(error) => {
            if let Err(error) = replacement.abandon().await {
                tracing::warn!("what was half restored is left behind: {error}");
            }
            Err(error)
        }
    }
}

async fn fill(
    options: &ClusterOptions,
    replacement: &Replacement,
    dump: &Path,
    manifest: &Manifest,
) -> Result<(), BackupError> {
    let connect = replacement.cluster().connect_options();
    run("pg_restore", pg_restore(options, &connect, dump)?).await?;
    let failed = |e| Error::from_sqlx("restore", e);
    let mut connection = connect.connect().await.map_err(failed)?;
    let rows = rows::count(&mut connection).await?;
    for (table, dumped) in &manifest.rows {
        let restored = rows.get(table).copied().unwrap_or(0);
        if restored != *dumped {
            return Err(BackupError::Differs {
                table: table.clone(),
                dumped: *dumped,
                restored,
            });
        }
    }
    // A dump has no statistics: without them the first claims would be planned for empty tables.
    sqlx::query("VACUUM ANALYZE")
        .execute(&mut connection)
        .await
        .map_err(failed)?;
    connection.close().await.map_err(failed)?;
    Ok(())
}

fn pg_restore(
    options: &ClusterOptions,
    connect: &PgConnectOptions,
    dump: &Path,
) -> Result<Command, ClusterError> {
    let beside = ClusterOptions {
        dir: options.dir.join("restoring"),
        ..options.clone()
    };
    let mut command = Command::new(Cluster::client(&beside, "pg_restore")?);
    command
        .envs(environment_of_socket(connect))
        .args(["--exit-on-error", "--no-owner", "--no-privileges"])
        .args(["--dbname", crate::cluster::NAME])
        .arg(dump);
    Ok(command)
}
