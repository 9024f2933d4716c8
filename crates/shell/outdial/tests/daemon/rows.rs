//! What the tables say, asked behind the daemon's back.

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, Row};

/// A look at the rows of a site.
#[derive(Clone, Debug)]
pub struct Rows(PgPool);

/// An attempt as it stands in its row.
#[derive(Clone, Debug)]
pub struct AttemptRow {
    pub attempt_id: String,
    pub number: String,
    pub result: Option<String>,
    pub dialled: bool,
    pub answered: bool,
    pub bridged: bool,
    pub epoch: i64,
}

impl Rows {
    pub(super) fn at(url: &str) -> Self {
        let options: PgConnectOptions = url.parse().unwrap();
        // A connection each time: the server may be killed between two looks.
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .idle_timeout(std::time::Duration::from_millis(500))
            .connect_lazy_with(options);
        Self(pool)
    }

    pub async fn attempts(&self) -> Vec<AttemptRow> {
        let rows = self
            .all(
                "SELECT attempt_id::text, number, result, dialled_at IS NOT NULL, answered_at IS NOT NULL, \
                 bridged_at IS NOT NULL, epoch FROM attempt ORDER BY attempt_id",
            )
            .await;
        rows.iter()
            .map(|row| AttemptRow {
                attempt_id: row.get(0),
                number: row.get(1),
                result: row.get(2),
                dialled: row.get(3),
                answered: row.get(4),
                bridged: row.get(5),
                epoch: row.get(6),
            })
            .collect()
    }

    /// Attempts with the disposition of their outcome.
    pub async fn outcomes(&self) -> Vec<(String, String)> {
        let rows = self
            .all("SELECT attempt_id::text, disposition FROM current_outcome")
            .await;
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// The one number that a question asks for.
    pub async fn count(&self, sql: &str) -> i64 {
        let rows = self.all(sql).await;
        rows.first().map(|row| row.get(0)).unwrap()
    }

    /// Changes rows behind the daemon's back.
    pub async fn spoil(&self, sql: &str) {
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        done.execute(&self.0)
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    pub async fn all(&self, sql: &str) -> Vec<PgRow> {
        let asked = sqlx::query(AssertSqlSafe(sql.to_owned()));
        asked
            .fetch_all(&self.0)
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e}"))
    }
}
