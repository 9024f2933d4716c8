//! Which lists a campaign calls, also while it runs.

use model::{CampaignId, ListId, WallTime};
use sqlx::PgConnection;

use crate::campaign_version::next_version;
use crate::convert::{count, stamp};
use crate::db::{no_time_limit, run_tx};
use crate::refusal::refers;
use crate::{AccountId, Error, Store};

/// What became of the prospects of a list when it was added to a campaign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// To be called.
    pub due: u64,
    /// Held until facts change: no zone is known.
    pub held: u64,
    /// Every number is on a suppression list.
    pub suppressed: u64,
    /// No number that can be called.
    pub unusable: u64,
}

impl Store {
    /// Gives a campaign a list to call: each prospect gets its place in the queue, due from `at` on, as part of
    /// the campaign's next version. Again: only prospects that have none yet, and no version. Prospects that were
    /// closed because the list was taken away are open again.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the campaign or the list.
    pub async fn add_list(
        &self,
        campaign: CampaignId,
        list: ListId,
        at: WallTime,
        by: AccountId,
    ) -> Result<Filled, Error> {
        run_tx!(&self.api, "add_list", async |tx| {
            no_time_limit(tx).await?;
            let added = sqlx::query!(
                "INSERT INTO campaign_list (campaign_id, list_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                campaign.0,
                list.0
            )
            .execute(&mut *tx)
            .await
            .map_err(|e| refers("add_list", "campaign or list", format!("{campaign} / {list}"), e))?;
            let filled = fill_queue(tx, campaign, list, at).await?;
            // Last: it locks the campaign's row, and filling may take minutes.
            if added.rows_affected() > 0 {
                next_version(tx, campaign, by).await?;
            }
            Ok(filled)
        })
    }

    /// Takes a list away from a campaign, as its next version. Prospects never tried lose their place, those tried
    /// are closed, promises to them are void; calls in progress go on, and are the last. Returns how many prospects
    /// are concerned.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the campaign does not call the list.
    pub async fn remove_list(
        &self,
        campaign: CampaignId,
        list: ListId,
        by: AccountId,
    ) -> Result<u64, Error> {
        run_tx!(&self.api, "remove_list", async |tx| {
            no_time_limit(tx).await?;
            let during = "remove_list";
            let done = sqlx::query!(
                "DELETE FROM campaign_list WHERE campaign_id = $1 AND list_id = $2",
                campaign.0,
                list.0
            )
            .execute(&mut *tx)
            .await
            .map_err(|e| Error::from_sqlx(during, e))?;
            crate::refusal::found(done.rows_affected(), "list of the campaign", list)?;
            let removed = empty_queue(tx, campaign, list).await?;
            next_version(tx, campaign, by).await?;
            Ok(removed)
        })
    }
}

async fn empty_queue(
    tx: &mut PgConnection,
    campaign: CampaignId,
    list: ListId,
) -> Result<u64, Error> {
    let failed = |e| Error::from_sqlx("remove_list", e);
    // Who is in a call is locked too: its end either is seen by the statements below, or sees that the list is gone.
    sqlx::query!(
        "SELECT count(*) FROM (
             SELECT FROM queue q JOIN prospect p ON p.id = q.prospect_id
             WHERE q.campaign_id = $1 AND p.list_id = $2 AND q.state < 5
             ORDER BY q.prospect_id FOR UPDATE OF q) locked",
        campaign.0,
        list.0
    )
    .fetch_one(&mut *tx)
    .await
    .map_err(failed)?;
    sqlx::query!(
        "UPDATE callback c SET state = 'cancelled', closed_at = now()
         FROM prospect p JOIN queue q ON q.prospect_id = p.id
         WHERE q.campaign_id = $1 AND p.list_id = $2 AND q.state IN (0, 1, 4)
           AND c.campaign_id = $1 AND c.prospect_id = p.id AND c.state = 'open'",
        campaign.0,
        list.0
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    let closed = sqlx::query!(
        "UPDATE queue q SET state = 5, closed_as = 'done', because = 'list removed', held_by = NULL,
                lease = NULL, lease_node = NULL, lease_epoch = NULL, lease_until = NULL
         FROM prospect p
         WHERE p.id = q.prospect_id AND q.campaign_id = $1 AND p.list_id = $2 AND q.state IN (0, 1, 4)
           AND (q.attempt_id IS NOT NULL
                OR EXISTS (SELECT FROM callback c WHERE c.campaign_id = $1 AND c.prospect_id = q.prospect_id))",
        campaign.0,
        list.0
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    let gone = sqlx::query!(
        "DELETE FROM queue q USING prospect p
         WHERE p.id = q.prospect_id AND q.campaign_id = $1 AND p.list_id = $2 AND q.attempt_id IS NULL
           AND NOT EXISTS (SELECT FROM callback c WHERE c.campaign_id = $1 AND c.prospect_id = q.prospect_id)",
        campaign.0,
        list.0
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    Ok(closed.rows_affected() + gone.rows_affected())
}

/// The reason of a place in the queue whose prospect has no known zone.
pub const HELD_NO_ZONE: &str = "zone unknown";

/// Gives each prospect of a list that has none its place in a campaign's queue.
pub(crate) async fn fill_queue(
    tx: &mut PgConnection,
    campaign: CampaignId,
    list: ListId,
    at: WallTime,
) -> Result<Filled, Error> {
    let rows = sqlx::query!(
        r#"WITH judged AS (
               SELECT p.id, p.zone_set_id, cardinality(z.zones) = 0 AS no_zone, n.allowed, n.usable, n.phones
               FROM prospect p JOIN zone_set z ON z.id = p.zone_set_id
               CROSS JOIN campaign c CROSS JOIN LATERAL phone_counts(p.id, c.seller) n
               WHERE p.list_id = $2 AND c.id = $1
           ), filled AS (
               INSERT INTO queue (campaign_id, prospect_id, zone_set_id, state, priority, next_attempt_at,
                                  because, held_by, closed_as)
               SELECT $1, id, zone_set_id,
                      CASE WHEN usable = 0 THEN 5 WHEN no_zone THEN 4 ELSE 0 END, 0, $3,
                      CASE WHEN usable > 0 THEN '' WHEN phones > 0 AND allowed = 0
                           THEN 'every number is suppressed' ELSE 'no number that can be called' END,
                      CASE WHEN usable > 0 AND no_zone THEN $4 END,
                      CASE WHEN usable > 0 THEN NULL WHEN phones > 0 AND allowed = 0 THEN 'suppressed'
                           ELSE 'exhausted' END
               FROM judged
               ON CONFLICT (campaign_id, prospect_id) DO UPDATE
                   SET state = excluded.state, next_attempt_at = excluded.next_attempt_at,
                       priority = CASE WHEN queue.attempt_id IS NULL THEN 0 ELSE 1 END, agent_id = NULL,
                       because = excluded.because, held_by = excluded.held_by, closed_as = excluded.closed_as
                   WHERE queue.state = 5 AND queue.because = 'list removed'
               RETURNING state, closed_as)
           SELECT state AS "state!", closed_as, count(*) AS "n!" FROM filled GROUP BY 1, 2"#,
        campaign.0,
        list.0,
        stamp(at),
        HELD_NO_ZONE
    )
    .fetch_all(tx)
    .await
    .map_err(|e| Error::from_sqlx("fill_queue", e))?;
    let mut filled = Filled::default();
    for r in rows {
        match (r.state, r.closed_as.as_deref()) {
            (0, _) => filled.due += count(r.n),
            (4, _) => filled.held += count(r.n),
            (_, Some("suppressed")) => filled.suppressed += count(r.n),
            _ => filled.unusable += count(r.n),
        }
    }
    Ok(filled)
}
