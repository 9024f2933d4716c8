//! Many writes in one commit: a commit costs a sync of the disk, a write inside one next to nothing.

use engine::Callback;
use model::AttemptId;

use crate::db::run_tx;
use crate::spool::{Entry, Write};
use crate::{Error, Store, attempt, launch, number, outcome, progress};

/// What a write brought that somebody waits for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Written {
    Outcome(AttemptId, Option<Callback>),
    Other,
}

impl Store {
    /// Writes all or none, in the order given.
    pub(crate) async fn write_batch(&self, entries: &[Entry]) -> Result<Vec<Written>, Error> {
        run_tx!(&self.hot, "write_batch", async |tx| {
            // All numbers of the batch first, so that no other batch waits for us while we wait for it.
            let numbers: Vec<String> = entries.iter().filter_map(|e| number_of(&e.write)).collect();
            number::touch(tx, &numbers).await?;
            let mut written = Vec::with_capacity(entries.len());
            for Entry { run, write } in entries {
                match write {
                    Write::Return(claims) => {
                        for claim in claims {
                            if !attempt::return_claim(tx, *run, claim).await? {
                                tracing::debug!(
                                    prospect_id = claim.prospect.0,
                                    "a lease was lost before its return"
                                );
                            }
                        }
                    }
                    Write::Progress(p) => progress::write_progress(tx, *run, *p).await?,
                    Write::Finish(end) => match attempt::finish(tx, *run, end).await? {
                        attempt::Finished::Now => {}
                        before => {
                            tracing::debug!(attempt_id = %end.attempt, ?before, "an end was there already")
                        }
                    },
                    Write::SaveOutcome(o) => {
                        let callback = outcome::save(tx, o).await?;
                        written.push(Written::Outcome(o.attempt, callback));
                        continue;
                    }
                    Write::LogAgent(log) => progress::write_log(tx, log).await?,
                    Write::Undo(launches) => {
                        let undone = launch::undo(tx, *run, launches).await?;
                        tracing::info!(
                            undone,
                            of = launches.len(),
                            "took back launches whose commit was in doubt"
                        );
                    }
                }
                written.push(Written::Other);
            }
            Ok(written)
        })
    }
}

fn number_of(write: &Write) -> Option<String> {
    match write {
        Write::Finish(end) => Some(end.number.to_string()),
        Write::SaveOutcome(o) => Some(o.number.to_string()),
        Write::Return(_) | Write::Progress(_) | Write::LogAgent(_) | Write::Undo(_) => None,
    }
}
