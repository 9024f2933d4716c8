//! The connection to Postgres: pools, migrations, and transactions by name.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use crate::Error;

/// The migrations of this version, forward only.
pub(crate) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// Whether any migration was ever applied.
pub(crate) async fn is_migrated(connection: &mut PgConnection) -> Result<bool, Error> {
    sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(connection)
        .await
        .map_err(|e| Error::from_sqlx("migrations", e))
}

/// The newest migration that was applied; 0 in an empty database.
pub(crate) async fn newest_migration(connection: &mut PgConnection) -> Result<i64, Error> {
    if !is_migrated(connection).await? {
        return Ok(0);
    }
    sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success")
        .fetch_one(connection)
        .await
        .map_err(|e| Error::from_sqlx("migrations", e))
}

/// How to reach the database.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it is.
    pub connect: PgConnectOptions,
    /// Connections for API and reports, at least 1.
    pub api_connections: u32,
}

impl Options {
    /// From a URL such as `postgres://user:password@host/database`. Session mode or direct: prepared
    /// statements break behind a pooler in transaction mode.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is not such a URL.
    pub fn from_url(url: &str) -> Result<Self, Error> {
        let connect = url.parse().map_err(|e: sqlx::Error| Error::Invalid {
            what: "database.url",
            why: format!("{e}; write postgres://user:password@host:5432/database"),
        })?;
        Ok(Self::new(connect))
    }

    /// With the usual number of connections.
    pub fn new(connect: PgConnectOptions) -> Self {
        Self {
            connect,
            api_connections: 8,
        }
    }
}

/// The tables. Cheap to clone; all methods can be called from many tasks at once.
///
/// Two pools: `hot` carries claims, launches and results, `api` everything that people wait for. A slow
/// report can use up the second, never the first.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) hot: PgPool,
    pub(crate) api: PgPool,
}

/// A statement of the dialer that takes longer has met a sick database; the spool takes over.
const HOT_STATEMENT_LIMIT: Duration = Duration::from_secs(10);
/// An old snapshot keeps dead rows alive in the queue's index and slows every claim down, so that no
/// report may hold one for long (measured: claims fall to a quarter within 33 s).
const API_STATEMENT_LIMIT: Duration = Duration::from_secs(30);
const ACQUIRE_LIMIT: Duration = Duration::from_secs(5);
/// Claims, launches, writes, recovery and heartbeat.
const HOT_CONNECTIONS: u32 = 5;

impl Store {
    /// Connects, and brings the tables to this version.
    ///
    /// # Errors
    /// [`Error::Away`] when the database cannot be reached, [`Error::Migrate`] when the tables are of a
    /// newer version or a migration fails.
    pub async fn open(options: Options) -> Result<Self, Error> {
        let store = Self::connect(options);
        store.migrate().await?;
        Ok(store)
    }

    /// As [`Store::open`], without looking at the tables; connections are made when first needed.
    pub fn connect(options: Options) -> Self {
        let with = |limit: Duration| {
            options
                .connect
                .clone()
                .application_name("outdial")
                .options([
                    ("statement_timeout", limit.as_millis().to_string()),
                    // A client that was stopped in the middle must not hold locks for ever.
                    ("idle_in_transaction_session_timeout", "30000".to_owned()),
                ])
        };
        // A ping before each use is a round trip more; a dead connection is found by the statement itself.
        let pool = |n: u32| {
            PgPoolOptions::new()
                .max_connections(n)
                .acquire_timeout(ACQUIRE_LIMIT)
        };
        Self {
            hot: pool(HOT_CONNECTIONS)
                .test_before_acquire(false)
                .connect_lazy_with(with(HOT_STATEMENT_LIMIT)),
            api: pool(options.api_connections.max(1)).connect_lazy_with(with(API_STATEMENT_LIMIT)),
        }
    }

    /// Brings the tables to this version; several daemons at once wait for each other.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn migrate(&self) -> Result<(), Error> {
        let mut conn = self
            .hot
            .acquire()
            .await
            .map_err(|e| Error::from_sqlx("migrate", e))?;
        // A migration may take longer than any statement of the daily work.
        sqlx::query("SET statement_timeout = 0")
            .execute(&mut *conn)
            .await
            .map_err(|e| Error::from_sqlx("migrate", e))?;
        MIGRATIONS.run(&mut *conn).await?;
        // Not back to the pool: it would keep the setting.
        conn.close()
            .await
            .map_err(|e| Error::from_sqlx("migrate", e))
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`Error::Away`] when it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        sqlx::query("SELECT 1")
            .execute(&self.hot)
            .await
            .map_err(|e| Error::from_sqlx("ping", e))?;
        Ok(())
    }

    /// Ends all connections when their statements are done.
    pub async fn close(&self) {
        self.hot.close().await;
        self.api.close().await;
    }
}

/// Runs a transaction and gives its value. It is repeated when the database says that it lost a race
/// (serialization failure, deadlock), so the body has no effects outside the database. The name stands in
/// errors and metrics.
///
/// A macro, not a function that takes an async closure: what such a closure returns cannot be said to be
/// `Send` by a bound, and every future of the store must be.
macro_rules! run_tx {
    ($pool:expr, $name:literal, async |$tx:ident| $body:expr) => {{
        let mut tries = 0_u32;
        loop {
            tries += 1;
            let outcome: Result<_, $crate::Error> = async {
                let mut begun = $crate::db::begin($pool, $name).await?;
                let body: Result<_, $crate::Error> = async {
                    let $tx: &mut sqlx::PgConnection = &mut begun;
                    $body
                }
                .await;
                let value = body?;
                begun
                    .commit()
                    .await
                    .map_err(|e| $crate::Error::from_sqlx($name, e))?;
                Ok(value)
            }
            .await;
            match outcome {
                Err(e) if e.is_transient() && tries < $crate::db::TRANSACTION_TRIES => {
                    tracing::debug!(transaction = $name, tries, "lost a race, repeated: {e}");
                }
                other => break other,
            }
        }
    }};
}
pub(crate) use run_tx;

/// How often a transaction is repeated that lost against another one.
pub(crate) const TRANSACTION_TRIES: u32 = 5;

pub(crate) async fn begin(
    pool: &PgPool,
    name: &'static str,
) -> Result<Transaction<'static, Postgres>, Error> {
    // After a restart of the server every idle connection is dead, and only its use tells. The pool drops
    // it then; when all are through, a server that is there is reached.
    for _ in 0..HOT_CONNECTIONS {
        match pool.begin().await {
            Err(sqlx::Error::Io(e)) => tracing::debug!("a connection was dead: {e}"),
            other => return other.map_err(|e| Error::from_sqlx(name, e)),
        }
    }
    pool.begin().await.map_err(|e| Error::from_sqlx(name, e))
}

/// For a transaction that goes over whole lists, which takes longer than any statement of the daily work.
pub(crate) async fn no_time_limit(tx: &mut PgConnection) -> Result<(), Error> {
    sqlx::query("SET LOCAL statement_timeout = 0")
        .execute(tx)
        .await
        .map_err(|e| Error::from_sqlx("no_time_limit", e))?;
    Ok(())
}
