//! Whether the rows are in order: what the daemon relies on is counted, nothing is repaired.

use model::WallTime;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

use crate::Error;
use crate::access::Access;
use crate::db::{MIGRATIONS, is_migrated};

/// What was found. Counts of what must not be are 0 in a sound database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Version of the server.
    pub postgres: String,
    /// Its clock.
    pub clock: WallTime,
    /// Migrations that this version does not know: a newer one was here.
    pub unknown_migrations: Vec<i64>,
    /// Migrations of this version that the next start applies.
    pub pending_migrations: Vec<i64>,
    /// Migrations that were applied with another text, or not to their end.
    pub spoilt_migrations: Vec<i64>,
    /// Connections of daemons.
    pub daemon_connections: i64,
    /// Attempts without an end.
    pub open_attempts: i64,
    /// Of those, of a run that is over by its node's epoch.
    pub left_attempts: i64,
    /// Numbers in live calls.
    pub live_numbers: i64,
    /// Of those, whose attempt has ended: the number would never be called again.
    pub stuck_numbers: i64,
    /// Places in queues whose count of tries is not that of their attempts.
    pub wrong_tries: i64,
    /// Promises to call that are open while their place in the queue is closed.
    pub lost_callbacks: i64,
    /// References to rows that do not exist.
    pub broken_keys: Vec<BrokenKey>,
    /// Prospects in lists, for a sense of size.
    pub prospects: i64,
}

/// A foreign key that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenKey {
    /// The table that refers.
    pub table: String,
    /// The name of the constraint.
    pub constraint: String,
    /// Rows that refer to nothing.
    pub rows: i64,
}

/// What `pg_amcheck` said of tables and indexes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pages {
    /// All can be read and agree.
    Sound,
    /// Not looked at, and why.
    NotChecked(String),
    /// What is wrong, in its words.
    Damaged(String),
}

impl Access {
    /// Looks at everything but the pages. Takes minutes when there are millions of rows; writes nothing.
    ///
    /// # Errors
    /// [`Error::Away`] when the database does not answer.
    pub async fn inspect(&self) -> Result<Inspection, Error> {
        let failed = |e| Error::from_sqlx("inspect", e);
        let mut connection = self.connection().await?;
        let first = sqlx::query!(
            r#"SELECT current_setting('server_version') AS "server!", clock_timestamp() AS "now!",
                      (SELECT count(*) FROM pg_stat_activity
                       WHERE datname = current_database() AND application_name = 'outdial') AS "daemons!""#
        )
        .fetch_one(&mut connection)
        .await
        .map_err(failed)?;
        let mut found = Inspection {
            postgres: first.server,
            clock: first.now.into(),
            daemon_connections: first.daemons,
            ..Inspection::default()
        };
        migrations(&mut connection, &mut found).await?;
        if found.pending_migrations.is_empty() && found.unknown_migrations.is_empty() {
            count(&mut connection, &mut found).await?;
            found.broken_keys = broken_keys(&mut connection).await?;
        }
        connection.close().await.map_err(failed)?;
        Ok(found)
    }

    /// The server's version and clock, and which migrations differ: a short look, without counts.
    ///
    /// # Errors
    /// As [`Access::inspect`].
    pub async fn greet(&self) -> Result<Inspection, Error> {
        let failed = |e| Error::from_sqlx("greet", e);
        let mut connection = self.connection().await?;
        let first = sqlx::query!(
            r#"SELECT current_setting('server_version') AS "server!", clock_timestamp() AS "now!""#
        )
        .fetch_one(&mut connection)
        .await
        .map_err(failed)?;
        let mut found = Inspection {
            postgres: first.server,
            clock: first.now.into(),
            ..Inspection::default()
        };
        migrations(&mut connection, &mut found).await?;
        connection.close().await.map_err(failed)?;
        Ok(found)
    }

    /// Lets `pg_amcheck` read every page of tables and indexes. Beside a daemon: its locks hold up no writer.
    ///
    /// # Errors
    /// [`Error::Away`] when the database does not answer.
    pub async fn check_pages(&self) -> Result<Pages, Error> {
        let mut command = match self.program("pg_amcheck") {
            Ok(command) => command,
            Err(error) => return Ok(Pages::NotChecked(error.to_string())),
        };
        let mut connection = self.connection().await?;
        let failed = |e| Error::from_sqlx("check_pages", e);
        let there = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'amcheck') AS "there!""#
        )
        .fetch_one(&mut connection)
        .await
        .map_err(failed)?;
        if !there && !self.is_private() {
            return Ok(Pages::NotChecked(
                "the extension amcheck is not installed there; CREATE EXTENSION amcheck".to_owned(),
            ));
        }
        if !there {
            // In a schema of its own, and gone afterwards: a backup is to need no extension.
            let made = connection.execute(
                "DROP SCHEMA IF EXISTS outdial_check CASCADE; CREATE SCHEMA outdial_check; \
                 CREATE EXTENSION amcheck SCHEMA outdial_check",
            );
            if let Err(error) = made.await {
                return Ok(Pages::NotChecked(format!(
                    "the extension amcheck cannot be had: {error}"
                )));
            }
        }
        command.args(["--heapallindexed", "--no-password"]);
        let ran = tokio::task::spawn_blocking(move || command.output()).await;
        if !there {
            connection
                .execute("DROP SCHEMA outdial_check CASCADE")
                .await
                .map_err(failed)?;
        }
        connection.close().await.map_err(failed)?;
        Ok(match ran {
            Ok(Ok(output)) if output.status.success() => Pages::Sound,
            // PostgreSQL manual, pg_amcheck: what is wrong is on standard output, exit code 2 then.
            Ok(Ok(output)) if output.status.code() == Some(2) => {
                Pages::Damaged(String::from_utf8_lossy(&output.stdout).trim().to_owned())
            }
            Ok(Ok(output)) => {
                Pages::NotChecked(String::from_utf8_lossy(&output.stderr).trim().to_owned())
            }
            Ok(Err(error)) => Pages::NotChecked(error.to_string()),
            Err(error) => Pages::NotChecked(error.to_string()),
        })
    }
}

async fn migrations(connection: &mut PgConnection, found: &mut Inspection) -> Result<(), Error> {
    let failed = |e| Error::from_sqlx("inspect", e);
    let mut applied = Vec::new();
    if is_migrated(connection).await? {
        applied = sqlx::query("SELECT version, checksum, success FROM _sqlx_migrations")
            .fetch_all(connection)
            .await
            .map_err(failed)?;
    }
    found.pending_migrations = MIGRATIONS.iter().map(|m| m.version).collect();
    for row in applied {
        let version: i64 = row.try_get("version").map_err(failed)?;
        let checksum: Vec<u8> = row.try_get("checksum").map_err(failed)?;
        let success: bool = row.try_get("success").map_err(failed)?;
        found.pending_migrations.retain(|v| *v != version);
        match MIGRATIONS.iter().find(|m| m.version == version) {
            None => found.unknown_migrations.push(version),
            Some(known) if !success || *known.checksum != *checksum => {
                found.spoilt_migrations.push(version);
            }
            Some(_) => {}
        }
    }
    Ok(())
}

async fn count(connection: &mut PgConnection, found: &mut Inspection) -> Result<(), Error> {
    let counts = sqlx::query!(
        r#"SELECT
             (SELECT count(*) FROM attempt WHERE result IS NULL) AS "open!",
             (SELECT count(*) FROM attempt a JOIN node n ON n.id = a.node_id
              WHERE a.result IS NULL AND a.epoch < n.epoch) AS "left!",
             (SELECT count(*) FROM live_number) AS "live!",
             (SELECT count(*) FROM live_number l JOIN attempt a USING (campaign_id, attempt_id)
              WHERE a.result IS NOT NULL) AS "stuck!",
             (SELECT count(*) FROM queue q LEFT JOIN (
                  SELECT campaign_id, prospect_id, count(*) AS tries FROM attempt
                  WHERE counts_as_try GROUP BY campaign_id, prospect_id) t USING (campaign_id, prospect_id)
              WHERE q.tries <> coalesce(t.tries, 0)) AS "wrong_tries!",
             (SELECT count(*) FROM callback c JOIN queue q USING (campaign_id, prospect_id)
              WHERE c.state = 'open' AND q.state = 5) AS "lost_callbacks!",
             (SELECT count(*) FROM prospect) AS "prospects!""#
    )
    .fetch_one(connection)
    .await
    .map_err(|e| Error::from_sqlx("inspect", e))?;
    found.open_attempts = counts.open;
    found.left_attempts = counts.left;
    found.live_numbers = counts.live;
    found.stuck_numbers = counts.stuck;
    found.wrong_tries = counts.wrong_tries;
    found.lost_callbacks = counts.lost_callbacks;
    found.prospects = counts.prospects;
    Ok(())
}

/// Every foreign key is asked again: a damaged disk or a careless hand breaks what the server believes.
async fn broken_keys(connection: &mut PgConnection) -> Result<Vec<BrokenKey>, Error> {
    let failed = |e| Error::from_sqlx("inspect", e);
    // MATCH SIMPLE: a key with a null in it refers to nothing and is in order.
    let keys = sqlx::query!(
        r#"SELECT c.conname::text AS "constraint!", c.conrelid::regclass::text AS "table!",
                  format('SELECT count(*) FROM %s c WHERE %s AND NOT EXISTS (SELECT FROM %s p WHERE %s)',
                         c.conrelid::regclass,
                         string_agg(format('c.%I IS NOT NULL', ca.attname), ' AND '),
                         c.confrelid::regclass,
                         string_agg(format('p.%I = c.%I', pa.attname, ca.attname), ' AND ')) AS "question!"
           FROM pg_constraint c
           CROSS JOIN LATERAL unnest(c.conkey, c.confkey) AS k(child, parent)
           JOIN pg_attribute ca ON ca.attrelid = c.conrelid AND ca.attnum = k.child
           JOIN pg_attribute pa ON pa.attrelid = c.confrelid AND pa.attnum = k.parent
           WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace
           GROUP BY c.oid, c.conname, c.conrelid, c.confrelid
           ORDER BY 2, 1"#
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(failed)?;
    let mut broken = Vec::new();
    for key in keys {
        // The database itself quoted the names.
        let row = sqlx::query(AssertSqlSafe(key.question))
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
        let rows: i64 = row.try_get(0).map_err(failed)?;
        if rows > 0 {
            broken.push(BrokenKey {
                table: key.table,
                constraint: key.constraint,
                rows,
            });
        }
    }
    Ok(broken)
}
