//! The lane of writes, in the order in which they came: into the database, or into the spool while it is
//! away.

use std::time::Duration;

use engine::StoreFact;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::{Lanes, Replayed, ended};
use crate::batch::Written;
use crate::spool::{Entry, Spool, Write};
use crate::{Error, Store};

/// Most writes of one commit (measured: more gains little).
const BATCH: usize = 100;
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_MOST: Duration = Duration::from_secs(5);

struct Writer {
    lanes: Lanes,
    writes: mpsc::Receiver<Entry>,
    spool: Spool,
    refused: Spool,
    /// Taken from the lane, neither written nor kept yet.
    pending: Vec<Entry>,
}

pub(super) async fn run(
    lanes: Lanes,
    writes: mpsc::Receiver<Entry>,
    spool: Spool,
    refused: Spool,
    stopped: watch::Receiver<bool>,
) -> Result<(), Error> {
    let mut writer = Writer {
        lanes,
        writes,
        spool,
        refused,
        pending: Vec::new(),
    };
    writer.work(stopped).await
}

impl Writer {
    async fn work(&mut self, mut stopped: watch::Receiver<bool>) -> Result<(), Error> {
        let mut away = self.lanes.health.watch();
        let mut wait = RETRY_FIRST;
        // An instant, not a delay: writes that keep coming must not put the next look off.
        let mut retry_at = Instant::now();
        loop {
            let is_away = self.lanes.health.is_away() || !self.spool.is_empty();
            let room = BATCH - self.pending.len().min(BATCH);
            tokio::select! {
                // A commit takes what came during the one before it: no waiting for more.
                n = self.writes.recv_many(&mut self.pending, room), if room > 0 => {
                    if n == 0 {
                        return self.settle().await;
                    }
                }
                () = sleep_until(retry_at), if is_away || !self.pending.is_empty() => {
                    wait = if self.try_again().await { RETRY_FIRST } else { (wait * 2).min(RETRY_MOST) };
                    retry_at = Instant::now() + wait;
                }
                // Somebody else found the database away: begin to look for it.
                _ = away.changed(), if !is_away => {}
                () = ended(&mut stopped) => {
                    self.take_rest();
                    return self.settle().await;
                }
            }
            self.settle_or_keep().await;
        }
    }

    /// Writes what is pending; what cannot be written goes to the spool, what cannot go there stays.
    async fn settle_or_keep(&mut self) {
        if let Err(e) = self.settle().await {
            tracing::error!(
                waiting = self.pending.len(),
                "results can neither be written nor kept: {e}"
            );
        }
    }

    async fn settle(&mut self) -> Result<(), Error> {
        while !self.pending.is_empty() {
            // Behind what is in the spool, or the order would change.
            if self.lanes.health.is_away() || !self.spool.is_empty() {
                return self.keep();
            }
            let n = self.pending.len().min(BATCH);
            let batch: Vec<Entry> = self.pending.drain(..n).collect();
            match write(&self.lanes.store, &mut self.refused, &batch).await {
                Ok((written, _)) => self.answer(written),
                Err(e) => {
                    self.pending.splice(..0, batch);
                    match e {
                        Error::Away { .. } => self.lanes.health.lost(&e),
                        e => return Err(e),
                    }
                }
            }
        }
        Ok(())
    }

    /// Into the spool; an outcome is safe once the disk has it.
    fn keep(&mut self) -> Result<(), Error> {
        self.spool.append(&self.pending)?;
        let kept = self
            .pending
            .drain(..)
            .filter_map(|e| match e.write {
                Write::SaveOutcome(o) => Some(Written::Outcome(o.attempt, None)),
                Write::Return(_)
                | Write::Progress(_)
                | Write::Finish(_)
                | Write::LogAgent(_)
                | Write::Undo(_) => None,
            })
            .collect();
        self.answer(kept);
        Ok(())
    }

    fn answer(&self, written: Vec<Written>) {
        for w in written {
            if let Written::Outcome(attempt, callback) = w {
                (self.lanes.facts)(StoreFact::OutcomeSaved { attempt, callback });
            }
        }
    }

    /// Looks whether the database is there, and writes the spool. True when all is well.
    async fn try_again(&mut self) -> bool {
        if let Err(e) = self.lanes.store.ping().await {
            tracing::debug!("still away: {e}");
            return false;
        }
        match replay(&self.lanes.store, &mut self.spool, &mut self.refused).await {
            Ok(done) => {
                tracing::info!(
                    written = done.written,
                    refused = done.refused,
                    "wrote the spool"
                );
                self.lanes.health.back();
                true
            }
            Err(e) => {
                tracing::warn!("the spool could not be written yet: {e}");
                false
            }
        }
    }

    fn take_rest(&mut self) {
        self.writes.close();
        while let Ok(entry) = self.writes.try_recv() {
            self.pending.push(entry);
        }
    }
}

/// Writes the spool and empties it.
pub(super) async fn replay(
    store: &Store,
    spool: &mut Spool,
    refused: &mut Spool,
) -> Result<Replayed, Error> {
    let entries = spool.entries()?;
    let mut done = Replayed::default();
    for batch in entries.chunks(BATCH) {
        let (written, n) = write(store, refused, batch).await?;
        done.written += written.len() as u64;
        done.refused += n;
    }
    spool.clear()?;
    Ok(done)
}

/// Writes a batch. When the database refuses it, each by itself: one that cannot be written, ever, must
/// not keep the others from it. It is kept apart, and told as an error.
async fn write(
    store: &Store,
    refused: &mut Spool,
    batch: &[Entry],
) -> Result<(Vec<Written>, u64), Error> {
    match store.write_batch(batch).await {
        Ok(written) => return Ok((written, 0)),
        Err(e @ Error::Away { .. }) => return Err(e),
        Err(_) => {}
    }
    let mut all = Vec::with_capacity(batch.len());
    let mut parted = 0;
    for entry in batch {
        match store.write_batch(std::slice::from_ref(entry)).await {
            Ok(written) => all.extend(written),
            Err(e @ Error::Away { .. }) => return Err(e),
            Err(e) => {
                tracing::error!(
                    "the database refuses a result for good, it is kept in refused.spool: {e}"
                );
                refused.append(std::slice::from_ref(entry))?;
                parted += 1;
                if let Write::SaveOutcome(o) = &entry.write {
                    all.push(Written::Outcome(o.attempt, None));
                }
            }
        }
    }
    Ok((all, parted))
}
