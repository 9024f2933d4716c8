//! Taking prospects from a campaign's queue, each into one hand only, and giving them back.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engine::{Claim, ClaimRefused, QueueCounts};
use model::{AgentId, CampaignId, ProspectId, WallTime, ZoneSet};
use sqlx::PgConnection;

use crate::claim_facts::{Leased, load};
use crate::convert::{Row, count, stamp, walls};
use crate::db::run_tx;
use crate::node::Run;
use crate::refusal::not_found;
use crate::{Error, Store};

/// Most prospects of one claim: one commit for a hundred is where speed and the delay of others meet.
pub const CLAIM_MAX: u32 = 100;

/// How to claim.
#[derive(Clone, Copy, Debug)]
pub struct ClaimRequest {
    /// Who claims.
    pub run: Run,
    /// From whose queue.
    pub campaign: CampaignId,
    /// At most so many, clipped to [`CLAIM_MAX`].
    pub count: u32,
    /// The business instant: what is due at it.
    pub at: WallTime,
    /// How far back the history of numbers must reach.
    pub lookback: Duration,
    /// How long the prospects are held unless renewed, by the database's clock.
    pub lease: Duration,
}

/// Whether a zone set may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Now.
    Open,
    /// From this instant on.
    At(WallTime),
    /// Not as far as the rules look ahead.
    Never,
}

/// Says of a zone set whether it is open; asked once for each.
pub type Openings<'a> = &'a (dyn Fn(&ZoneSet) -> Opening + Send + Sync);

/// A zone set of which prospects of one priority are due.
struct Pair {
    zone_set: i32,
    zones: ZoneSet,
    priority: i16,
}

impl Store {
    /// Takes prospects that are due and whose zone sets are open, by priority. Fewer than asked for when there are no more.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the campaign.
    pub async fn claim(
        &self,
        request: ClaimRequest,
        openings: Openings<'_>,
    ) -> Result<Vec<Claim>, Error> {
        run_tx!(&self.hot, "claim", async |tx| {
            let pairs = due_pairs(tx, request.campaign, request.at).await?;
            let open = open_pairs(pairs, openings);
            if open.is_empty() {
                return Ok(Vec::new());
            }
            let leased = lease(tx, &request, &open).await?;
            load(tx, request.campaign, leased, request.at - request.lookback).await
        })
    }

    /// Takes one prospect for an agent who asked for it: one handed to the agent, or one of a campaign
    /// whose groups the agent is in. Rules are not looked at, also not holds: the launch does that.
    ///
    /// # Errors
    /// As the database; why the prospect cannot be had is the inner result.
    pub async fn claim_one(
        &self,
        request: ClaimRequest,
        agent: AgentId,
        prospect: ProspectId,
    ) -> Result<Result<Claim, ClaimRefused>, Error> {
        run_tx!(&self.hot, "claim_one", async |tx| {
            if let Err(why) = may_have(tx, request.campaign, prospect, agent).await? {
                return Ok(Err(why));
            }
            let leased = lease_one(tx, &request, prospect).await?;
            let mut claims = load(
                tx,
                request.campaign,
                vec![leased],
                request.at - request.lookback,
            )
            .await?;
            Ok(claims.pop().ok_or(ClaimRefused::NotFound))
        })
    }

    /// What a campaign's queue holds, by a recount: costs time in proportion to the queue. Prospects that
    /// only one agent may call count as in hand.
    ///
    /// # Errors
    /// As the database.
    pub async fn queue_counts(
        &self,
        campaign: CampaignId,
        at: WallTime,
        openings: Openings<'_>,
    ) -> Result<QueueCounts, Error> {
        let failed = |e| Error::from_sqlx("queue_counts", e);
        let r = sqlx::query!(
            r#"SELECT count(*) FILTER (WHERE state = 0 AND agent_id IS NULL AND next_attempt_at > $2) AS "later!",
                      min(next_attempt_at) FILTER (WHERE state = 0 AND agent_id IS NULL AND next_attempt_at > $2)
                          AS next_at,
                      count(*) FILTER (WHERE state = 0 AND held_by LIKE 'skill %' AND next_attempt_at > $2)
                          AS "needs_skill!",
                      count(*) FILTER (WHERE state BETWEEN 1 AND 3 OR state = 0 AND agent_id IS NOT NULL)
                          AS "in_hand!",
                      count(*) FILTER (WHERE state = 4) AS "held!",
                      count(*) FILTER (WHERE state = 5) AS "closed!"
               FROM queue WHERE campaign_id = $1"#,
            campaign.0,
            stamp(at)
        )
        .fetch_one(&self.hot)
        .await
        .map_err(failed)?;
        let mut counts = QueueCounts {
            later: count(r.later),
            next_at: walls(r.next_at),
            needs_skill: count(r.needs_skill),
            in_hand: count(r.in_hand),
            held: count(r.held),
            closed: count(r.closed),
            ..QueueCounts::default()
        };
        let due = sqlx::query!(
            r#"SELECT z.id, z.zones, n.due AS "due!"
               FROM (SELECT zone_set_id, count(*) AS due FROM queue
                     WHERE campaign_id = $1 AND state = 0 AND agent_id IS NULL AND next_attempt_at <= $2
                     GROUP BY 1) n
               JOIN zone_set z ON z.id = n.zone_set_id"#,
            campaign.0,
            stamp(at)
        )
        .fetch_all(&self.hot)
        .await
        .map_err(failed)?;
        for r in due {
            let zones = Row {
                table: "zone_set",
                key: r.id,
            }
            .zones(&r.zones)?;
            match openings(&zones) {
                Opening::Open => counts.due += count(r.due),
                Opening::At(at) => {
                    counts.outside_hours += count(r.due);
                    counts.opens_at = Some(counts.opens_at.map_or(at, |first| first.min(at)));
                }
                Opening::Never => counts.outside_hours += count(r.due),
            }
        }
        Ok(counts)
    }

    /// Holds everything that a run has claimed for longer, in one statement. Returns how many.
    ///
    /// # Errors
    /// As the database; without renewal the leases run out and no launch under them is recorded.
    pub async fn renew_leases(&self, run: Run, lease: Duration) -> Result<u64, Error> {
        let done = sqlx::query!(
            "UPDATE queue SET lease_until = now() + make_interval(secs => $3)
             WHERE state = 1 AND lease_node = $1 AND lease_epoch = $2",
            run.node.0,
            run.epoch_row(),
            lease.as_secs_f64()
        )
        .execute(&self.hot)
        .await
        .map_err(|e| Error::from_sqlx("renew_leases", e))?;
        Ok(done.rows_affected())
    }

    /// Gives back everything that a run has claimed and not launched: at its clean end.
    pub(crate) async fn free_own_leases(&self, run: Run) -> Result<u64, Error> {
        let done = sqlx::query!(
            "UPDATE queue SET state = 0, lease = NULL, lease_node = NULL, lease_epoch = NULL, lease_until = NULL
             WHERE state = 1 AND lease_node = $1 AND lease_epoch = $2",
            run.node.0,
            run.epoch_row()
        )
        .execute(&self.hot)
        .await
        .map_err(|e| Error::from_sqlx("free_own_leases", e))?;
        Ok(done.rows_affected())
    }

    /// Gives back what was claimed by anybody, never launched and not renewed in time. A lease burns
    /// nothing. Returns how many.
    ///
    /// # Errors
    /// As the database.
    pub async fn release_expired_leases(&self) -> Result<u64, Error> {
        let done = sqlx::query!(
            "UPDATE queue SET state = 0, lease = NULL, lease_node = NULL, lease_epoch = NULL, lease_until = NULL
             WHERE state = 1 AND lease_until < now()"
        )
        .execute(&self.hot)
        .await
        .map_err(|e| Error::from_sqlx("release_expired_leases", e))?;
        Ok(done.rows_affected())
    }
}

/// Pairs of priority and zone set that have a prospect due, highest priority first.
///
/// One probe of the index for each pair there may be: a few hundred zone sets times five. LATERAL with
/// LIMIT keeps the planner from reading all that is due.
async fn due_pairs(
    tx: &mut PgConnection,
    campaign: CampaignId,
    at: WallTime,
) -> Result<Vec<Pair>, Error> {
    let rows = sqlx::query!(
        r#"SELECT z.id, z.zones, p.priority::smallint AS "priority!"
           FROM zone_set z CROSS JOIN generate_series(4, 0, -1) AS p(priority)
           CROSS JOIN LATERAL (
               SELECT 1 FROM queue q
               WHERE q.campaign_id = $1 AND q.zone_set_id = z.id AND q.priority = p.priority AND q.state = 0
                 AND q.agent_id IS NULL AND q.next_attempt_at <= $2
               ORDER BY q.next_attempt_at LIMIT 1) due
           ORDER BY p.priority DESC, z.id"#,
        campaign.0,
        stamp(at)
    )
    .fetch_all(tx)
    .await
    .map_err(|e| Error::from_sqlx("due_pairs", e))?;
    rows.into_iter()
        .map(|r| {
            let zones = Row {
                table: "zone_set",
                key: r.id,
            }
            .zones(&r.zones)?;
            Ok(Pair {
                zone_set: r.id,
                zones,
                priority: r.priority,
            })
        })
        .collect()
}

/// The pairs whose zone set is open, in the order in which they are served: by priority, and within one
/// beginning with another zone set each time, so that none is served last for ever.
fn open_pairs(pairs: Vec<Pair>, openings: Openings<'_>) -> Vec<(i16, i32)> {
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let mut judged = BTreeMap::new();
    let mut by_priority: BTreeMap<std::cmp::Reverse<i16>, Vec<i32>> = BTreeMap::new();
    for pair in pairs {
        if *judged
            .entry(pair.zone_set)
            .or_insert_with(|| openings(&pair.zones) == Opening::Open)
        {
            by_priority
                .entry(std::cmp::Reverse(pair.priority))
                .or_default()
                .push(pair.zone_set);
        }
    }
    let turn = TURN.fetch_add(1, Ordering::Relaxed);
    by_priority
        .into_iter()
        .flat_map(|(priority, mut sets)| {
            let first = turn % sets.len().max(1);
            sets.rotate_left(first);
            sets.into_iter().map(move |set| (priority.0, set))
        })
        .collect()
}

async fn lease(
    tx: &mut PgConnection,
    request: &ClaimRequest,
    open: &[(i16, i32)],
) -> Result<Vec<Leased>, Error> {
    let (priorities, sets): (Vec<i16>, Vec<i32>) = open.iter().copied().unzip();
    // No outer ORDER BY: the outer LIMIT ends the nested loop, so that exactly so many rows are locked. The
    // pairs come in one list because the order of two joined lists is promised by nobody; a test looks at
    // the plan.
    let rows = sqlx::query!(
        "WITH picked AS (
             SELECT x.prospect_id
             FROM unnest($2::smallint[], $3::integer[]) AS pair(priority, zone_set_id)
             CROSS JOIN LATERAL (
                 SELECT q.prospect_id FROM queue q
                 WHERE q.campaign_id = $1 AND q.zone_set_id = pair.zone_set_id AND q.priority = pair.priority
                   AND q.state = 0 AND q.agent_id IS NULL AND q.next_attempt_at <= $4
                 ORDER BY q.next_attempt_at LIMIT $5 FOR UPDATE SKIP LOCKED) x
             LIMIT $5)
         UPDATE queue q SET state = 1, held_by = NULL, lease = nextval('lease_token'), lease_node = $6,
                            lease_epoch = $7, lease_until = now() + make_interval(secs => $8)
         FROM picked WHERE q.campaign_id = $1 AND q.prospect_id = picked.prospect_id AND q.state = 0
         RETURNING q.prospect_id, q.lease, q.priority, q.next_phone_id, q.tries",
        request.campaign.0,
        &priorities,
        &sets,
        stamp(request.at),
        i64::from(request.count.min(CLAIM_MAX)),
        request.run.node.0,
        request.run.epoch_row(),
        request.lease.as_secs_f64()
    )
    .fetch_all(tx)
    .await
    .map_err(|e| Error::from_sqlx("lease", e))?;
    rows.into_iter()
        .map(|r| {
            Leased::from_row(
                request.campaign,
                r.prospect_id,
                r.lease,
                r.priority,
                r.next_phone_id,
                r.tries,
            )
        })
        .collect()
}

/// Locks the prospect's place when the agent may have it.
async fn may_have(
    tx: &mut PgConnection,
    campaign: CampaignId,
    prospect: ProspectId,
    agent: AgentId,
) -> Result<Result<(), ClaimRefused>, Error> {
    let row = sqlx::query!(
        r#"SELECT q.state, q.agent_id,
                  EXISTS (SELECT FROM campaign_group g JOIN agent_group_member m ON m.group_id = g.group_id
                          WHERE g.campaign_id = q.campaign_id AND m.agent_id = $3) AS "serves!"
           FROM queue q WHERE q.campaign_id = $1 AND q.prospect_id = $2 FOR UPDATE OF q"#,
        campaign.0,
        prospect.0,
        agent.0
    )
    .fetch_optional(tx)
    .await
    .map_err(|e| Error::from_sqlx("claim_one", e))?;
    Ok(match row {
        None => Err(ClaimRefused::NotFound),
        Some(r) if r.agent_id.is_some_and(|a| a != agent.0) => Err(ClaimRefused::NotYours),
        Some(r) if r.agent_id.is_none() && !r.serves => Err(ClaimRefused::NotYours),
        Some(r) => match r.state {
            0 | 4 => Ok(()),
            5 => Err(ClaimRefused::Closed),
            _ => Err(ClaimRefused::Taken),
        },
    })
}

async fn lease_one(
    tx: &mut PgConnection,
    request: &ClaimRequest,
    prospect: ProspectId,
) -> Result<Leased, Error> {
    let r = sqlx::query!(
        "UPDATE queue SET state = 1, held_by = NULL, lease = nextval('lease_token'), lease_node = $3,
                          lease_epoch = $4, lease_until = now() + make_interval(secs => $5)
         WHERE campaign_id = $1 AND prospect_id = $2
         RETURNING prospect_id, lease, priority, next_phone_id, tries",
        request.campaign.0,
        prospect.0,
        request.run.node.0,
        request.run.epoch_row(),
        request.lease.as_secs_f64()
    )
    .fetch_optional(tx)
    .await
    .map_err(|e| Error::from_sqlx("claim_one", e))?
    .ok_or_else(|| not_found("prospect of the campaign", prospect))?;
    Leased::from_row(
        request.campaign,
        r.prospect_id,
        r.lease,
        r.priority,
        r.next_phone_id,
        r.tries,
    )
}
