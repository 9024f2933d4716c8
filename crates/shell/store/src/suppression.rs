//! Numbers that must not be called, and what is known of a number.

use model::{E164, WallTime};

use crate::convert::{Row, stamp, wall};
use crate::db::run_tx;
use crate::{Error, Store};

/// One number that must not be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// The number.
    pub number: E164,
    /// For whom it must not be called; empty: for nobody.
    pub seller: String,
    /// Why: `asked`, `register`, …
    pub reason: String,
    /// Where it came from: an agent's outcome, a file.
    pub source: String,
    /// Since when.
    pub added_at: WallTime,
}

impl Store {
    /// Puts numbers on the list; those on it stay as they are. Returns how many are new. What is claimed
    /// already is refused at its launch.
    ///
    /// # Errors
    /// As the database.
    pub async fn suppress(&self, entries: &[Suppression]) -> Result<u64, Error> {
        run_tx!(&self.api, "suppress", async |tx| {
            suppress(tx, entries).await
        })
    }

    /// Takes a number off the list. True when it was on it.
    ///
    /// # Errors
    /// As the database.
    pub async fn unsuppress(&self, number: E164, seller: &str) -> Result<bool, Error> {
        run_tx!(&self.api, "unsuppress", async |tx| {
            let number = number.to_string();
            sqlx::query!(
                "UPDATE number SET version = version + 1 WHERE e164 = $1",
                number
            )
            .execute(&mut *tx)
            .await
            .map_err(|e| Error::from_sqlx("unsuppress", e))?;
            let done = sqlx::query!(
                "DELETE FROM suppression WHERE number = $1 AND seller = $2",
                number,
                seller
            )
            .execute(&mut *tx)
            .await
            .map_err(|e| Error::from_sqlx("unsuppress", e))?;
            Ok(done.rows_affected() == 1)
        })
    }

    /// The entries that forbid calling a number for a seller; empty: none does.
    ///
    /// # Errors
    /// As the database.
    pub async fn suppressions_of(
        &self,
        number: E164,
        seller: &str,
    ) -> Result<Vec<Suppression>, Error> {
        self.suppression_rows(Some(number), Some(seller), "", 2)
            .await
    }

    /// The list in order of the numbers, from `after` (not included) on, at most 1,000 entries.
    ///
    /// # Errors
    /// As the database.
    pub async fn suppressions(
        &self,
        after: Option<E164>,
        limit: u32,
    ) -> Result<Vec<Suppression>, Error> {
        let after = after.map(|n| n.to_string()).unwrap_or_default();
        self.suppression_rows(None, None, &after, i64::from(limit.clamp(1, 1_000)))
            .await
    }

    async fn suppression_rows(
        &self,
        number: Option<E164>,
        seller: Option<&str>,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Suppression>, Error> {
        let rows = sqlx::query!(
            "SELECT number, seller, reason, source, added_at FROM suppression
             WHERE number > $3 AND ($1::text IS NULL OR number = $1)
               AND ($2::text IS NULL OR seller IN ('', $2))
             ORDER BY number, seller LIMIT $4",
            number.map(|n| n.to_string()),
            seller,
            after,
            limit
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("suppressions", e))?;
        rows.into_iter()
            .map(|r| {
                Ok(Suppression {
                    number: Row {
                        table: "suppression",
                        key: &r.number,
                    }
                    .number(&r.number)?,
                    seller: r.seller,
                    reason: r.reason,
                    source: r.source,
                    added_at: wall(r.added_at),
                })
            })
            .collect()
    }
}

/// Inserts, and moves the numbers' versions on, so that no launch rests on the older facts. A number that
/// stands in no list yet gets its row too: an import that comes later finds the version.
pub(crate) async fn suppress(
    tx: &mut sqlx::PgConnection,
    entries: &[Suppression],
) -> Result<u64, Error> {
    let numbers: Vec<String> = entries.iter().map(|e| e.number.to_string()).collect();
    crate::number::touch(tx, &numbers).await?;
    let sellers: Vec<String> = entries.iter().map(|e| e.seller.clone()).collect();
    let reasons: Vec<String> = entries.iter().map(|e| e.reason.clone()).collect();
    let sources: Vec<String> = entries.iter().map(|e| e.source.clone()).collect();
    let times: Vec<_> = entries.iter().map(|e| stamp(e.added_at)).collect();
    let done = sqlx::query!(
        "INSERT INTO suppression (number, seller, reason, source, added_at)
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
         ON CONFLICT DO NOTHING",
        &numbers,
        &sellers,
        &reasons,
        &sources,
        &times
    )
    .execute(tx)
    .await
    .map_err(|e| Error::from_sqlx("suppress", e))?;
    Ok(done.rows_affected())
}
