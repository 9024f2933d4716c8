//! Requests that carry an id: the same id gets the same answer (AIP-155).

use std::time::Duration;

use sqlx::types::Uuid;

use crate::account::AccountId;
use crate::{Error, Store};

/// What is known of a request's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Not seen: carry it out, then [`Store::finish_request`].
    New,
    /// Carried out: this was the answer.
    Answered(Vec<u8>),
    /// Being carried out, or its daemon died while it was: ask what became of it by reading.
    Open,
    /// The id was used for something else.
    OtherContent,
}

/// Names a request: who asks, and the UUID that the client chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestKey {
    /// Who asks.
    pub account: AccountId,
    /// The 128 bits of the UUID.
    pub id: u128,
}

impl Store {
    /// Looks a request up and marks it as being carried out when it is new. `digest` is of the request's
    /// bytes and method.
    ///
    /// # Errors
    /// As the database.
    pub async fn begin_request(
        &self,
        key: RequestKey,
        method: &str,
        digest: &[u8],
    ) -> Result<Seen, Error> {
        let id = Uuid::from_u128(key.id);
        let done = sqlx::query!(
            "INSERT INTO request_dedupe (account_id, request_id, method, digest) VALUES ($1, $2, $3, $4)
             ON CONFLICT DO NOTHING",
            key.account.0,
            id,
            method,
            digest
        )
        .execute(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("begin_request", e))?;
        if done.rows_affected() == 1 {
            return Ok(Seen::New);
        }
        let row = sqlx::query!(
            "SELECT method, digest, answer FROM request_dedupe WHERE account_id = $1 AND request_id = $2",
            key.account.0,
            id
        )
        .fetch_optional(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("begin_request", e))?;
        Ok(match row {
            Some(r) if r.method != method || r.digest != digest => Seen::OtherContent,
            Some(r) => r.answer.map_or(Seen::Open, Seen::Answered),
            // Forgotten between the two statements, so older than a day: not worth a repetition.
            None => Seen::Open,
        })
    }

    /// Keeps the answer.
    ///
    /// # Errors
    /// As the database.
    pub async fn finish_request(&self, key: RequestKey, answer: &[u8]) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE request_dedupe SET answer = $3 WHERE account_id = $1 AND request_id = $2",
            key.account.0,
            Uuid::from_u128(key.id),
            answer
        )
        .execute(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("finish_request", e))?;
        Ok(())
    }

    /// Forgets a request that was refused: the client may correct it and send the id again.
    ///
    /// # Errors
    /// As the database.
    pub async fn forget_request(&self, key: RequestKey) -> Result<(), Error> {
        sqlx::query!(
            "DELETE FROM request_dedupe WHERE account_id = $1 AND request_id = $2 AND answer IS NULL",
            key.account.0,
            Uuid::from_u128(key.id)
        )
        .execute(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("forget_request", e))?;
        Ok(())
    }

    /// Forgets requests older than `age`; 24 hours is what clients are promised.
    ///
    /// # Errors
    /// As the database.
    pub async fn forget_old_requests(&self, age: Duration) -> Result<u64, Error> {
        let done = sqlx::query!(
            "DELETE FROM request_dedupe WHERE created_at < now() - make_interval(secs => $1)",
            age.as_secs_f64()
        )
        .execute(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("forget_old_requests", e))?;
        Ok(done.rows_affected())
    }
}
