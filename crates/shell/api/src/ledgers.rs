//! Abandon ledgers for the board: counted from rows, as the law is, and never so often that it costs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use compliance::Machines;
use model::{CampaignId, Share};
use proto::supervisor::v1 as pb;
use tokio::time::Instant;

use crate::Error;
use crate::bring::{present_ledger, read_spec};
use crate::convert::{count, stamp};
use crate::shared::Shared;

/// A ledger that changed is counted again so soon.
const FRESH: Duration = Duration::from_secs(1);
/// One that did not change, too: its period moves on.
const AT_LEAST: Duration = Duration::from_secs(60);
/// Counting takes at most one part in so many of the time.
const SHARE: u32 = 10;

/// The ledgers as they were counted last. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledgers(Arc<Mutex<BTreeMap<CampaignId, Counted>>>);

/// One campaign's ledger.
#[derive(Clone, Debug)]
struct Counted {
    /// None: the campaign's profiles cannot be read.
    ledger: Option<pb::Ledger>,
    /// What the engine had counted of answers and abandoned calls when this was counted.
    of: (u64, u64),
    at: Instant,
    took: Duration,
    is_under_way: bool,
}

impl Counted {
    fn is_due(&self, of: (u64, u64), now: Instant) -> bool {
        let age = now.duration_since(self.at);
        let wait = if of == self.of { AT_LEAST } else { FRESH };
        !self.is_under_way && age >= wait.max(self.took * SHARE)
    }
}

impl Ledgers {
    /// The ledger as it was counted last, absent before the first time; counts it again when that is due, without
    /// being waited for.
    pub(crate) fn of(
        &self,
        shared: &Arc<Shared>,
        line: &engine::CampaignLine,
    ) -> Option<pb::Ledger> {
        let (campaign, of) = (line.campaign, (line.answered, line.abandoned));
        let now = Instant::now();
        let mut all = self.lock();
        let known = all.get(&campaign);
        let ledger = known.and_then(|c| c.ledger);
        if known.is_none_or(|c| c.is_due(of, now)) {
            all.entry(campaign)
                .and_modify(|c| c.is_under_way = true)
                .or_insert(Counted {
                    ledger: None,
                    of,
                    at: now,
                    took: Duration::ZERO,
                    is_under_way: true,
                });
            drop(all);
            tokio::spawn(self.clone().recount(Arc::clone(shared), campaign, of));
        }
        ledger
    }

    /// Forgets campaigns that are no longer on the board.
    pub(crate) fn keep(&self, lines: &[engine::CampaignLine]) {
        self.lock()
            .retain(|id, _| lines.iter().any(|line| line.campaign == *id));
    }

    async fn recount(self, shared: Arc<Shared>, campaign: CampaignId, of: (u64, u64)) {
        let began = Instant::now();
        let counted = ledger(&shared, campaign).await;
        let at = Instant::now();
        let mut all = self.lock();
        let Some(entry) = all.get_mut(&campaign) else {
            return;
        };
        match counted {
            Ok(ledger) => entry.ledger = ledger,
            // The board says itself that the database is away; what was counted stands with its time.
            Err(error) => tracing::debug!(%error, campaign_id = campaign.0, "no ledger"),
        }
        entry.of = of;
        entry.at = at;
        entry.took = at.duration_since(began);
        entry.is_under_way = false;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<CampaignId, Counted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn ledger(shared: &Shared, id: CampaignId) -> Result<Option<pb::Ledger>, Error> {
    let at = shared.clock.now();
    let campaign = shared.store.campaign(id).await?;
    let (spec, _) = read_spec(&shared.store, &shared.catalogue, &campaign, at).await?;
    let Ok(spec) = spec else { return Ok(None) };
    let rule = spec.rules.abandon();
    let counts = present_ledger(&shared.store, id, rule.period, at).await?;
    // No machine is detected yet, so none is taken out.
    let machines = Machines::NotDetected { share: Share::ZERO };
    Ok(Some(pb::Ledger {
        rate: counts.rate_without_early(rule.formula, machines).fraction(),
        limit: rule.limit.fraction(),
        is_over: counts.is_over(rule.formula, machines, rule.limit),
        connected: count(counts.c),
        missed: count(counts.a + counts.l + counts.s),
        at: Some(stamp(at)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_is_counted_again_when_it_changed_and_only_as_often_as_it_is_cheap() {
        let now = Instant::now();
        let counted = |took: u64, is_under_way| Counted {
            ledger: None,
            of: (10, 1),
            at: now,
            took: Duration::from_millis(took),
            is_under_way,
        };
        for (took, under_way, of, age_ms, due) in [
            (5, false, (11, 1), 999, false),
            (5, false, (11, 1), 1_000, true),
            (5, false, (10, 1), 59_999, false),
            (5, false, (10, 1), 60_000, true),
            (400, false, (11, 1), 3_999, false),
            (400, false, (11, 1), 4_000, true),
            (5, true, (11, 1), 60_000, false),
        ] {
            let at = now + Duration::from_millis(age_ms);
            let is = counted(took, under_way).is_due(of, at);
            assert_eq!(
                is, due,
                "{took} ms, under way {under_way}, {of:?}, {age_ms} ms"
            );
        }
    }
}
