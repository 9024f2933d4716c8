//! Committing launches before anything is sent: no number is in two live calls, no decision rests on
//! facts that have moved on, and every call that may reach a person has its row.

use std::collections::{BTreeMap, BTreeSet};

use engine::{Launch, LaunchAnswer};
use model::AttemptId;
use sqlx::PgConnection;

use crate::convert::{stamp, to_json, uuid};
use crate::db::run_tx;
use crate::node::Run;
use crate::{Error, Store};

impl Store {
    /// Commits a batch of launches in one transaction and answers for each, in the order given. When this
    /// fails, nothing of it happened; unless the failure is [`Error::Away`], when the commit may have
    /// gone through: [`Store::undo_launches`] before the numbers are used again.
    ///
    /// # Errors
    /// As the database.
    pub async fn record_launches(
        &self,
        run: Run,
        launches: &[Launch],
    ) -> Result<Vec<(AttemptId, LaunchAnswer)>, Error> {
        run_tx!(&self.hot, "record_launches", async |tx| {
            let versions = lock_numbers(tx, launches).await?;
            let mut leases = lock_leases(tx, run, launches).await?;
            let mut busy = live(tx, launches).await?;
            let mut answers = Vec::with_capacity(launches.len());
            let mut wanted = Vec::with_capacity(launches.len());
            for launch in launches {
                let number = launch.number.to_string();
                let answer =
                    if !leases.contains(&(launch.campaign.0, launch.prospect.0, launch.lease)) {
                        LaunchAnswer::LeaseLost
                    } else if busy.contains(&number) {
                        LaunchAnswer::NumberLive
                    } else if versions.get(&number) != Some(&launch.facts_version) {
                        LaunchAnswer::FactsChanged
                    } else {
                        // A second launch of the same batch must find both taken.
                        leases.remove(&(launch.campaign.0, launch.prospect.0, launch.lease));
                        busy.insert(number);
                        wanted.push(launch);
                        LaunchAnswer::Recorded
                    };
                answers.push((launch.attempt, answer));
            }
            let entered = enter(tx, &wanted).await?;
            // A prospect has several numbers and may stand in several campaigns; it is in one call at a
            // time, whichever number that is on.
            wanted.retain(|l| entered.contains(&l.attempt));
            for (attempt, answer) in &mut answers {
                if *answer == LaunchAnswer::Recorded && !entered.contains(attempt) {
                    *answer = LaunchAnswer::NumberLive;
                }
            }
            write(tx, run, &wanted).await?;
            Ok(answers)
        })
    }

    /// Takes launches back that may have been committed although the answer was lost, and that were
    /// never sent: they end as `returned_undialled` and their prospects are due as before. Those that
    /// were not committed are passed over. Returns how many were taken back.
    ///
    /// # Errors
    /// As the database.
    pub async fn undo_launches(&self, run: Run, launches: &[Launch]) -> Result<u64, Error> {
        run_tx!(&self.hot, "undo_launches", async |tx| undo(
            tx, run, launches
        )
        .await)
    }
}

/// The versions of the numbers' facts, locked in the order of the numbers.
async fn lock_numbers(
    tx: &mut PgConnection,
    launches: &[Launch],
) -> Result<BTreeMap<String, i64>, Error> {
    let numbers: Vec<String> = launches.iter().map(|l| l.number.to_string()).collect();
    let rows = sqlx::query!(
        "SELECT e164, version FROM number WHERE e164 = ANY($1) ORDER BY e164 FOR UPDATE",
        &numbers
    )
    .fetch_all(tx)
    .await
    .map_err(|e| Error::from_sqlx("record_launches", e))?;
    Ok(rows.into_iter().map(|r| (r.e164, r.version)).collect())
}

/// Which of the launches' leases are still ours. One that ran out but was taken by nobody is.
async fn lock_leases(
    tx: &mut PgConnection,
    run: Run,
    launches: &[Launch],
) -> Result<BTreeSet<(i32, i64, u64)>, Error> {
    let campaigns: Vec<i32> = launches.iter().map(|l| l.campaign.0).collect();
    let prospects: Vec<i64> = launches.iter().map(|l| l.prospect.0).collect();
    let rows = sqlx::query!(
        r#"SELECT q.campaign_id, q.prospect_id, q.lease AS "lease!"
           FROM queue q
           JOIN (SELECT DISTINCT * FROM unnest($1::integer[], $2::bigint[]) AS u(campaign_id, prospect_id)) w
             USING (campaign_id, prospect_id)
           WHERE q.state = 1 AND q.lease_node = $3 AND q.lease_epoch = $4
           ORDER BY q.campaign_id, q.prospect_id FOR UPDATE OF q"#,
        &campaigns,
        &prospects,
        run.node.0,
        run.epoch_row()
    )
    .fetch_all(tx)
    .await
    .map_err(|e| Error::from_sqlx("record_launches", e))?;
    Ok(rows
        .into_iter()
        .filter_map(|r| Some((r.campaign_id, r.prospect_id, u64::try_from(r.lease).ok()?)))
        .collect())
}

async fn live(tx: &mut PgConnection, launches: &[Launch]) -> Result<BTreeSet<String>, Error> {
    let numbers: Vec<String> = launches.iter().map(|l| l.number.to_string()).collect();
    let rows = sqlx::query_scalar!(
        "SELECT number FROM live_number WHERE number = ANY($1)",
        &numbers
    )
    .fetch_all(tx)
    .await
    .map_err(|e| Error::from_sqlx("record_launches", e))?;
    Ok(rows.into_iter().collect())
}

/// Makes the numbers live; those whose prospect is in a call already are left out.
async fn enter(tx: &mut PgConnection, launches: &[&Launch]) -> Result<BTreeSet<AttemptId>, Error> {
    let numbers: Vec<String> = launches.iter().map(|l| l.number.to_string()).collect();
    let prospects: Vec<i64> = launches.iter().map(|l| l.prospect.0).collect();
    let campaigns: Vec<i32> = launches.iter().map(|l| l.campaign.0).collect();
    let attempts: Vec<_> = launches.iter().map(|l| uuid(l.attempt)).collect();
    let times: Vec<_> = launches.iter().map(|l| stamp(l.at)).collect();
    let rows = sqlx::query_scalar!(
        "INSERT INTO live_number (number, prospect_id, campaign_id, attempt_id, since)
         SELECT * FROM unnest($1::text[], $2::bigint[], $3::integer[], $4::uuid[], $5::timestamptz[]) AS u(n, p, c, a, t)
         ORDER BY p
         ON CONFLICT DO NOTHING RETURNING attempt_id",
        &numbers,
        &prospects,
        &campaigns,
        &attempts,
        &times
    )
    .fetch_all(tx)
    .await
    .map_err(|e| Error::from_sqlx("record_launches", e))?;
    Ok(rows.into_iter().map(crate::convert::attempt_id).collect())
}

/// The attempts, their cap slots, and the prospects' places.
async fn write(tx: &mut PgConnection, run: Run, launches: &[&Launch]) -> Result<(), Error> {
    let failed = |e| Error::from_sqlx("record_launches", e);
    let campaigns: Vec<i32> = launches.iter().map(|l| l.campaign.0).collect();
    let attempts: Vec<_> = launches.iter().map(|l| uuid(l.attempt)).collect();
    let prospects: Vec<i64> = launches.iter().map(|l| l.prospect.0).collect();
    let phones: Vec<i64> = launches.iter().map(|l| l.phone.0).collect();
    let numbers: Vec<String> = launches.iter().map(|l| l.number.to_string()).collect();
    let sellers: Vec<String> = launches.iter().map(|l| l.seller.clone()).collect();
    let subjects: Vec<Option<String>> = launches.iter().map(|l| l.subject.clone()).collect();
    let trunks: Vec<i32> = launches.iter().map(|l| l.trunk.0).collect();
    let agents: Vec<Option<i32>> = launches.iter().map(|l| l.agent.map(|a| a.0)).collect();
    let leases: Vec<i64> = launches
        .iter()
        .map(|l| i64::try_from(l.lease).unwrap_or(-1))
        .collect();
    let times: Vec<_> = launches.iter().map(|l| stamp(l.at)).collect();
    let decisions = launches
        .iter()
        .map(|l| to_json("attempt", &l.decision))
        .collect::<Result<Vec<_>, _>>()?;
    sqlx::query!(
        "INSERT INTO attempt (campaign_id, attempt_id, prospect_id, phone_id, number, seller, subject, trunk_id,
                              agent_id, lease, launched_at, decision, node_id, epoch, priority)
         SELECT u.*, $13::integer, $14::bigint, q.priority
         FROM unnest($1::integer[], $2::uuid[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[],
                     $8::integer[], $9::integer[], $10::bigint[], $11::timestamptz[], $12::jsonb[])
              AS u(campaign_id, attempt_id, prospect_id, phone_id, number, seller, subject, trunk_id, agent_id,
                   lease, launched_at, decision)
         JOIN queue q USING (campaign_id, prospect_id)",
        &campaigns,
        &attempts,
        &prospects,
        &phones,
        &numbers,
        &sellers,
        &subjects as &[Option<String>],
        &trunks,
        &agents as &[Option<i32>],
        &leases,
        &times,
        &decisions,
        run.node.0,
        run.epoch_row()
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    sqlx::query!(
        "INSERT INTO cap_slot (number, at, campaign_id, attempt_id, seller, subject)
         SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::integer[], $4::uuid[], $5::text[], $6::text[])",
        &numbers,
        &times,
        &campaigns,
        &attempts,
        &sellers,
        &subjects as &[Option<String>]
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    sqlx::query!(
        "UPDATE queue q SET state = 2, attempt_id = u.attempt_id, lease = NULL, lease_node = NULL,
                            lease_epoch = NULL, lease_until = NULL
         FROM unnest($1::integer[], $2::bigint[], $3::uuid[]) AS u(campaign_id, prospect_id, attempt_id)
         WHERE q.campaign_id = u.campaign_id AND q.prospect_id = u.prospect_id",
        &campaigns,
        &prospects,
        &attempts
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    Ok(())
}

pub(crate) async fn undo(
    tx: &mut PgConnection,
    run: Run,
    launches: &[Launch],
) -> Result<u64, Error> {
    let failed = |e| Error::from_sqlx("undo_launches", e);
    // In the order of all others: numbers first.
    lock_numbers(tx, launches).await?;
    let campaigns: Vec<i32> = launches.iter().map(|l| l.campaign.0).collect();
    let attempts: Vec<_> = launches.iter().map(|l| uuid(l.attempt)).collect();
    let rows = sqlx::query!(
        "UPDATE attempt a SET result = 'returned_undialled', counts_as_try = false, rang = false, talked = false,
                              message = false, ended_at = a.launched_at, finished_at = now()
         FROM unnest($1::integer[], $2::uuid[]) AS u(campaign_id, attempt_id)
         WHERE a.campaign_id = u.campaign_id AND a.attempt_id = u.attempt_id AND a.result IS NULL
           AND a.node_id = $3 AND a.epoch = $4
         RETURNING a.campaign_id, a.attempt_id",
        &campaigns,
        &attempts,
        run.node.0,
        run.epoch_row()
    )
    .fetch_all(&mut *tx)
    .await
    .map_err(failed)?;
    let undone: Vec<_> = rows.iter().map(|r| r.attempt_id).collect();
    sqlx::query!(
        "DELETE FROM live_number WHERE attempt_id = ANY($1)",
        &undone
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    let campaigns: Vec<i32> = rows.iter().map(|r| r.campaign_id).collect();
    sqlx::query!(
        "DELETE FROM cap_slot c USING unnest($1::integer[], $2::uuid[]) AS u(campaign_id, attempt_id)
         WHERE c.campaign_id = u.campaign_id AND c.attempt_id = u.attempt_id",
        &campaigns,
        &undone
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    sqlx::query!(
        "UPDATE queue q SET state = 0
         FROM unnest($1::integer[], $2::uuid[]) AS u(campaign_id, attempt_id)
         WHERE q.campaign_id = u.campaign_id AND q.attempt_id = u.attempt_id AND q.state = 2",
        &campaigns,
        &undone
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    Ok(rows.len() as u64)
}
