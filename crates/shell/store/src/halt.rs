//! Orders that nobody is called.

use engine::Halt;
use model::WallTime;

use crate::account::AccountId;
use crate::convert::{stamp, wall};
use crate::refusal::not_found;
use crate::{Error, Store};

impl Store {
    /// The halts that hold now, oldest first.
    ///
    /// # Errors
    /// As the database.
    pub async fn halts(&self) -> Result<Vec<Halt>, Error> {
        let rows = sqlx::query!(
            r#"SELECT h.seller, coalesce(a.name, '') AS "by!", h.reason, h.at
               FROM halt h LEFT JOIN account a ON a.id = h.by_id WHERE h.lifted_at IS NULL ORDER BY h.at, h.id"#
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("halts", e))?;
        Ok(rows
            .into_iter()
            .map(|r| Halt {
                seller: r.seller,
                by: r.by,
                reason: r.reason,
                at: wall(r.at),
            })
            .collect())
    }

    /// Orders a halt, for one seller or for all. One that holds already stays as it was ordered first.
    ///
    /// # Errors
    /// As the database.
    pub async fn order_halt(
        &self,
        seller: Option<&str>,
        reason: &str,
        by: AccountId,
        at: WallTime,
    ) -> Result<(), Error> {
        sqlx::query!(
            "INSERT INTO halt (seller, reason, by_id, at) VALUES ($1, $2, $3, $4)
             ON CONFLICT ((coalesce(seller, ''))) WHERE lifted_at IS NULL DO NOTHING",
            seller,
            reason,
            by.0,
            stamp(at)
        )
        .execute(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("order_halt", e))?;
        Ok(())
    }

    /// Lifts a halt; it stays on record.
    ///
    /// # Errors
    /// [`Error::NotFound`] when no such halt holds.
    pub async fn lift_halt(
        &self,
        seller: Option<&str>,
        by: AccountId,
        at: WallTime,
    ) -> Result<(), Error> {
        let done = sqlx::query!(
            "UPDATE halt SET lifted_by = $2, lifted_at = $3
             WHERE coalesce(seller, '') = coalesce($1, '') AND lifted_at IS NULL",
            seller,
            by.0,
            stamp(at)
        )
        .execute(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("lift_halt", e))?;
        match done.rows_affected() {
            0 => Err(not_found("halt", seller.unwrap_or("of all"))),
            _ => Ok(()),
        }
    }
}
