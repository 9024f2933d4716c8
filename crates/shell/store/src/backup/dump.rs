//! A backup is made.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use model::WallTime;
use sqlx::{Connection, PgConnection};

use super::error::BackupError;
use super::manifest::{FORMAT, Manifest, Recordings, private, sha256_of};
use super::rows;
use crate::Error;
use crate::access::Access;
use crate::db::newest_migration;

/// Writes everything that the database holds at this instant to `dump`, and a manifest beside it. The daemon
/// goes on meanwhile: readers hold up no writer.
///
/// # Errors
/// [`BackupError`] by variant; neither file exists then.
pub async fn back_up(
    access: &Access,
    dump: &Path,
    recordings: &Path,
    made_by: &str,
) -> Result<Manifest, BackupError> {
    for path in [dump.to_owned(), Manifest::path_of(dump)] {
        if path.exists() {
            return Err(BackupError::Taken { path });
        }
    }
    let recordings = Recordings::list(recordings)?;
    let half = dump.with_extension("dump.part");
    let taken = take(access, &half).await;
    let manifest = taken.and_then(|snapshot| {
        std::fs::rename(&half, dump).map_err(BackupError::file(dump))?;
        let manifest = snapshot.manifest(dump, recordings, made_by)?;
        manifest.write(dump)?;
        // The two names are on disk too when the directory is.
        let folder = dump.parent().filter(|p| !p.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        File::open(folder)
            .and_then(|f| f.sync_all())
            .map_err(BackupError::file(folder))?;
        Ok(manifest)
    });
    if manifest.is_err() {
        for path in [&half, dump, &Manifest::path_of(dump)] {
            if path.exists()
                && let Err(error) = std::fs::remove_file(path)
            {
                tracing::warn!(path = %path.display(), %error, "half a backup is left behind");
            }
        }
    }
    manifest
}

/// What was true at the instant of a dump.
struct Snapshot {
    at: WallTime,
    schema: i64,
    postgres: String,
    rows: std::collections::BTreeMap<String, i64>,
}

impl Snapshot {
    fn manifest(
        self,
        dump: &Path,
        recordings: Recordings,
        made_by: &str,
    ) -> Result<Manifest, BackupError> {
        let bytes = std::fs::metadata(dump)
            .map_err(BackupError::file(dump))?
            .len();
        Ok(Manifest {
            format: FORMAT,
            made_by: made_by.to_owned(),
            at: self.at.to_string(),
            schema: self.schema,
            postgres: self.postgres,
            bytes,
            sha256: sha256_of(dump)?,
            rows: self.rows,
            recordings,
        })
    }
}

/// Dumps into `file` and counts the rows of the same snapshot.
async fn take(access: &Access, file: &Path) -> Result<Snapshot, BackupError> {
    let failed = |e| Error::from_sqlx("back_up", e);
    private(file).map_err(BackupError::file(file))?;
    let mut connection = access.connection().await?;
    // An exported snapshot lives as long as its transaction. PostgreSQL manual, "Snapshot Synchronization
    // Functions".
    sqlx::query("SET idle_in_transaction_session_timeout = 0")
        .execute(&mut connection)
        .await
        .map_err(failed)?;
    sqlx::query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .execute(&mut connection)
        .await
        .map_err(failed)?;
    let begun = sqlx::query!(
        r#"SELECT pg_export_snapshot() AS "snapshot!", now() AS "at!", current_setting('server_version') AS "server!""#
    )
    .fetch_one(&mut connection)
    .await
    .map_err(failed)?;
    let mut command = access.program("pg_dump")?;
    command
        .args(["--format=custom", "--no-owner", "--no-privileges"])
        .arg(format!("--snapshot={}", begun.snapshot))
        .arg("--file")
        .arg(file);
    let (dumped, seen) = tokio::join!(run("pg_dump", command), look(&mut connection));
    dumped?;
    let (schema, rows) = seen?;
    sqlx::query("COMMIT")
        .execute(&mut connection)
        .await
        .map_err(failed)?;
    connection.close().await.map_err(failed)?;
    let synced = File::open(file).and_then(|f| f.sync_all());
    synced.map_err(BackupError::file(file))?;
    // The dump's table of contents can be read: it is not cut off, at least.
    let mut command = access.program("pg_restore")?;
    command.arg("--list").arg(file);
    run("pg_restore", command).await?;
    Ok(Snapshot {
        at: begun.at.into(),
        schema,
        postgres: begun.server,
        rows,
    })
}

async fn look(
    connection: &mut PgConnection,
) -> Result<(i64, std::collections::BTreeMap<String, i64>), Error> {
    let schema = newest_migration(connection).await?;
    Ok((schema, rows::count(connection).await?))
}

/// Runs a program to its end; its last words are the error.
pub(super) async fn run(program: &'static str, mut command: Command) -> Result<(), BackupError> {
    let failed = |why: String| BackupError::Program { program, why };
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .map_err(|e| failed(e.to_string()))?
        .map_err(|e| failed(e.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.lines().rev().take(10).collect();
    let lines: Vec<&str> = lines.into_iter().rev().collect();
    Err(failed(lines.join("\n")))
}
