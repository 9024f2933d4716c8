//! After a crash: what this daemon's earlier runs left open is closed, never another daemon's.

use std::time::Duration;

use model::WallTime;
use sqlx::PgConnection;

use crate::convert::stamp;
use crate::db::{no_time_limit, run_tx};
use crate::node::Run;
use crate::{Error, Store};

/// What was found open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Attempts without an end; they have ended as `controller_lost`.
    pub attempts: u64,
    /// Of those, answered by somebody whom no agent reached: in the abandon ledger.
    pub abandoned: u64,
    /// Claims that were never launched; due again, nothing burnt.
    pub leases: u64,
    /// Prospects who were with an agent when the outcome had not come yet.
    pub without_outcome: u64,
}

/// The results table of call results: `controller_lost` is tried again after an hour at the earliest.
const AGAIN_AFTER: Duration = Duration::from_secs(3_600);

impl Store {
    /// Closes what older runs of this run's daemon left open. The spool must have been replayed before:
    /// it may hold the true end. `at` is the business instant.
    ///
    /// # Errors
    /// As the database.
    pub async fn recover(&self, run: Run, at: WallTime) -> Result<Recovered, Error> {
        run_tx!(&self.hot, "recover", async |tx| {
            no_time_limit(tx).await?;
            let (attempts, abandoned) = close_attempts(tx, run, at).await?;
            let without_outcome = free_wrap_ups(tx, run, at).await?;
            let leases = free_leases(tx, run).await?;
            Ok(Recovered {
                attempts,
                abandoned,
                leases,
                without_outcome,
            })
        })
    }
}

async fn close_attempts(
    tx: &mut PgConnection,
    run: Run,
    at: WallTime,
) -> Result<(u64, u64), Error> {
    let failed = |e| Error::from_sqlx("recover", e);
    // The worst is assumed: the phone rang, and who answered and met no agent was abandoned.
    let rows = sqlx::query!(
        r#"UPDATE attempt SET result = 'controller_lost', counts_as_try = false, rang = true,
                  talked = bridged_at IS NOT NULL, message = false,
                  ledger = CASE WHEN answered_at IS NOT NULL AND bridged_at IS NULL THEN 'A' END,
                  finished_at = now()
           WHERE node_id = $1 AND epoch < $2 AND result IS NULL
           RETURNING campaign_id, attempt_id, prospect_id, number, talked AS "talked!", ledger"#,
        run.node.0,
        run.epoch_row()
    )
    .fetch_all(&mut *tx)
    .await
    .map_err(failed)?;
    let attempts: Vec<_> = rows.iter().map(|r| r.attempt_id).collect();
    let campaigns: Vec<i32> = rows.iter().map(|r| r.campaign_id).collect();
    let talked: Vec<bool> = rows.iter().map(|r| r.talked).collect();
    let mut numbers: Vec<String> = rows.iter().map(|r| r.number.clone()).collect();
    numbers.sort_unstable();
    crate::number::touch(tx, &numbers).await?;
    sqlx::query!(
        "DELETE FROM live_number WHERE attempt_id = ANY($1)",
        &attempts
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    sqlx::query!(
        "UPDATE cap_slot c SET result = 'controller_lost', rang = true, talked = u.talked
         FROM unnest($1::integer[], $2::uuid[], $3::boolean[]) AS u(campaign_id, attempt_id, talked)
         WHERE c.campaign_id = u.campaign_id AND c.attempt_id = u.attempt_id",
        &campaigns,
        &attempts,
        &talked
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    // A promise stays one: it keeps its place and its agent.
    sqlx::query!(
        "UPDATE queue q SET state = 0, priority = CASE WHEN q.priority >= 4 THEN q.priority ELSE 3 END,
                next_attempt_at = $3, because = 'the daemon restarted during the call'
         FROM unnest($1::integer[], $2::uuid[]) AS u(campaign_id, attempt_id)
         WHERE q.campaign_id = u.campaign_id AND q.attempt_id = u.attempt_id AND q.state = 2",
        &campaigns,
        &attempts,
        stamp(at + AGAIN_AFTER)
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    for r in &rows {
        let body = serde_json::json!({ "result": "controller_lost", "number": r.number, "ledger": r.ledger });
        crate::event::append(
            tx,
            "attempt.finished",
            at,
            model::CampaignId(r.campaign_id),
            Some(model::ProspectId(r.prospect_id)),
            Some(crate::convert::attempt_id(r.attempt_id)),
            body,
        )
        .await?;
    }
    let abandoned = rows.iter().filter(|r| r.ledger.is_some()).count();
    Ok((rows.len() as u64, abandoned as u64))
}

/// The talk was over, the notes were not. The outcome is still taken when it comes; until then, and for
/// ever when it does not, the prospect is like one without an outcome.
async fn free_wrap_ups(tx: &mut PgConnection, run: Run, at: WallTime) -> Result<u64, Error> {
    let done = sqlx::query!(
        "UPDATE queue q SET state = 0, priority = 1, next_attempt_at = $3, agent_id = NULL,
                because = 'the daemon restarted before the outcome'
         FROM attempt a
         WHERE a.campaign_id = q.campaign_id AND a.attempt_id = q.attempt_id AND q.state = 3
           AND a.node_id = $1 AND a.epoch < $2",
        run.node.0,
        run.epoch_row(),
        stamp(at + AGAIN_AFTER)
    )
    .execute(tx)
    .await
    .map_err(|e| Error::from_sqlx("recover", e))?;
    Ok(done.rows_affected())
}

async fn free_leases(tx: &mut PgConnection, run: Run) -> Result<u64, Error> {
    let done = sqlx::query!(
        "UPDATE queue SET state = 0, lease = NULL, lease_node = NULL, lease_epoch = NULL, lease_until = NULL
         WHERE state = 1 AND lease_node = $1 AND lease_epoch < $2",
        run.node.0,
        run.epoch_row()
    )
    .execute(tx)
    .await
    .map_err(|e| Error::from_sqlx("recover", e))?;
    Ok(done.rows_affected())
}
