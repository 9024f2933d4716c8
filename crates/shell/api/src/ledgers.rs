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
/// The engine knows of an answer before its row has a class: for so long after a change the ledger may change still.
const SETTLES: Duration = Duration::from_secs(3);
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
    /// What the engine had counted when somebody looked last.
    of: Marks,
    /// When that changed.
    changed_at: Instant,
    /// When the ledger was counted.
    at: Instant,
    took: Duration,
    is_under_way: bool,
}

/// What changes whenever a ledger may: answers, abandoned calls, and people on the line, whose rows get a class when
/// they leave it.
type Marks = (u64, u64, u32);

impl Counted {
    fn new(of: Marks, now: Instant) -> Self {
        Self {
            ledger: None,
            of,
            changed_at: now,
            at: now,
            took: Duration::ZERO,
            is_under_way: false,
        }
    }

    fn see(&mut self, of: Marks, now: Instant) {
        if self.of != of {
            self.of = of;
            self.changed_at = now;
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        let age = now.duration_since(self.at);
        let changes = self.at < self.changed_at + SETTLES;
        let wait = if changes { FRESH } else { AT_LEAST };
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
        let campaign = line.campaign;
        let of = (line.answered, line.abandoned, line.talking);
        let now = Instant::now();
        let mut all = self.lock();
        let is_new = !all.contains_key(&campaign);
        let counted = all.entry(campaign).or_insert_with(|| Counted::new(of, now));
        counted.see(of, now);
        let ledger = counted.ledger;
        if is_new || counted.is_due(now) {
            counted.is_under_way = true;
            drop(all);
            tokio::spawn(self.clone().recount(Arc::clone(shared), campaign));
        }
        ledger
    }

    /// Forgets campaigns that are no longer on the board.
    pub(crate) fn keep(&self, lines: &[engine::CampaignLine]) {
        self.lock()
            .retain(|id, _| lines.iter().any(|line| line.campaign == *id));
    }

    async fn recount(self, shared: Arc<Shared>, campaign: CampaignId) {
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
        // What changed while it was counted may not be in it.
        entry.at = began;
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
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        for (took_ms, is_under_way, changed_ms, counted_ms, now_ms, due) in [
            // Changed since.
            (5, false, 500, 0, 999, false),
            (5, false, 500, 0, 1_000, true),
            // Counted after the change, but rows may still be on their way.
            (5, false, 500, 1_000, 2_000, true),
            // Counted when everything had settled.
            (5, false, 500, 3_500, 63_499, false),
            (5, false, 500, 3_500, 63_500, true),
            // Counting is dear.
            (400, false, 500, 0, 3_999, false),
            (400, false, 500, 0, 4_000, true),
            (5, true, 500, 0, 90_000, false),
        ] {
            let mut counted = Counted::new((10, 1, 0), start);
            counted.took = Duration::from_millis(took_ms);
            counted.is_under_way = is_under_way;
            counted.at = after(counted_ms);
            counted.see((11, 1, 1), after(changed_ms));
            counted.see((11, 1, 1), after(now_ms));
            let is = counted.is_due(after(now_ms));
            assert_eq!(
                is, due,
                "{took_ms} {is_under_way} {changed_ms} {counted_ms} {now_ms}"
            );
        }
    }
}
