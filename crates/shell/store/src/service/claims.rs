//! The lane of claims: questions that fail fast while the database is away.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use engine::{ClaimRefused, QueueCounts, StoreFact};
use model::{CampaignId, WallTime};
use tokio::sync::mpsc;

use super::{ClaimWish, Lanes};
use crate::Error;
use crate::callback::CallbacksOf;
use crate::queue::ClaimRequest;

/// A recount of a campaign's queue, and what it cost.
struct Recount {
    counts: QueueCounts,
    taken: Instant,
    cost: Duration,
}

/// A recount of a long queue is not worth one for each claim: it is used for this many times its cost...
const WORTH: u32 = 20;
/// ...and at least so long.
const FRESH: Duration = Duration::from_millis(500);

type Recounts = BTreeMap<CampaignId, Recount>;

pub(super) async fn run(lanes: Lanes, wishes: &mut mpsc::Receiver<ClaimWish>) {
    let mut recounts = Recounts::new();
    while let Some(wish) = wishes.recv().await {
        if lanes.health.is_away() {
            refuse(&lanes, &wish);
        } else if let Err(e) = answer(&lanes, &mut recounts, &wish).await {
            match e {
                Error::Away { .. } => lanes.health.lost(&e),
                e => tracing::error!("a claim failed: {e}"),
            }
            refuse(&lanes, &wish);
        }
    }
}

/// `Lost` voids open claims and loads, and is told before; else a claim that failed is answered. One
/// prospect for an agent is always answered.
fn refuse(lanes: &Lanes, wish: &ClaimWish) {
    match wish {
        ClaimWish::Many { campaign, .. } if !lanes.health.is_away() => {
            (lanes.facts)(StoreFact::ClaimFailed {
                campaign: *campaign,
            });
        }
        ClaimWish::One { agent, .. } => {
            let claim = Err(ClaimRefused::StoreLost);
            (lanes.facts)(StoreFact::ClaimedOne {
                agent: *agent,
                claim,
            });
        }
        ClaimWish::Many { .. } | ClaimWish::Callbacks(_) | ClaimWish::Missed { .. } => {}
    }
}

async fn answer(lanes: &Lanes, recounts: &mut Recounts, wish: &ClaimWish) -> Result<(), Error> {
    let fact = match *wish {
        ClaimWish::Many {
            campaign,
            count,
            at,
            lookback,
        } => {
            let openings = |zones: &model::ZoneSet| (lanes.openings)(campaign, zones, at);
            let request = request(lanes, campaign, count, at, lookback);
            let claims = match count {
                0 => Vec::new(),
                _ => lanes.store.claim(request, &openings).await?,
            };
            let queue = match counts(lanes, recounts, campaign, at, &claims).await {
                Ok(queue) => queue,
                // Committed: who asked must have them, or they would be held as long as this run lasts.
                Err(e) if !claims.is_empty() => uncounted(lanes, recounts, campaign, &claims, &e),
                Err(e) => return Err(e),
            };
            StoreFact::Claimed {
                campaign,
                claims,
                queue,
            }
        }
        ClaimWish::One {
            agent,
            campaign,
            prospect,
            at,
            lookback,
        } => {
            let request = request(lanes, campaign, 1, at, lookback);
            let claim = lanes
                .store
                .claim_one(request, agent, prospect)
                .await?
                .map(Box::new);
            StoreFact::ClaimedOne { agent, claim }
        }
        ClaimWish::Callbacks(agent) => {
            let callbacks = lanes.store.callbacks(CallbacksOf::Agent(agent)).await?;
            StoreFact::Callbacks { agent, callbacks }
        }
        ClaimWish::Missed {
            campaign,
            before,
            missed,
            at,
        } => {
            let store = &lanes.store;
            for agent in store.see_to_missed(campaign, before, missed, at).await? {
                let callbacks = store.callbacks(CallbacksOf::Agent(agent)).await?;
                (lanes.facts)(StoreFact::Callbacks { agent, callbacks });
            }
            return Ok(());
        }
    };
    (lanes.facts)(fact);
    Ok(())
}

/// What is told of a queue that could not be counted: the last recount, else no more than the claims.
fn uncounted(
    lanes: &Lanes,
    recounts: &Recounts,
    campaign: CampaignId,
    claims: &[engine::Claim],
    error: &Error,
) -> QueueCounts {
    match error {
        Error::Away { .. } => lanes.health.lost(error),
        e => tracing::error!(campaign_id = campaign.0, "a queue was not counted: {e}"),
    }
    let least = QueueCounts {
        in_hand: u64::try_from(claims.len()).unwrap_or(u64::MAX),
        ..QueueCounts::default()
    };
    recounts.get(&campaign).map_or(least, |last| last.counts)
}

fn request(
    lanes: &Lanes,
    campaign: CampaignId,
    count: u32,
    at: WallTime,
    lookback: Duration,
) -> ClaimRequest {
    ClaimRequest {
        run: lanes.options.run,
        campaign,
        count,
        at,
        lookback,
        lease: lanes.options.lease,
    }
}

/// The queue's counts, recounted when the last recount is too old for its cost. A queue that looks empty
/// is always recounted: a campaign ends by that.
async fn counts(
    lanes: &Lanes,
    recounts: &mut Recounts,
    campaign: CampaignId,
    at: WallTime,
    claims: &[engine::Claim],
) -> Result<QueueCounts, Error> {
    let usable = recounts.get(&campaign).filter(|r| {
        r.taken.elapsed() < FRESH.max(r.cost * WORTH) && r.counts.open() > 0 && !claims.is_empty()
    });
    if let Some(recount) = usable {
        return Ok(recount.counts);
    }
    let began = Instant::now();
    let openings = |zones: &model::ZoneSet| (lanes.openings)(campaign, zones, at);
    let counts = lanes.store.queue_counts(campaign, at, &openings).await?;
    recounts.insert(
        campaign,
        Recount {
            counts,
            taken: Instant::now(),
            cost: began.elapsed(),
        },
    );
    Ok(counts)
}
