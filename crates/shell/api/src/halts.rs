//! Orders that nobody is called: in the engine at once, in rows as soon as the database takes them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::{Halt, Input};
use model::WallTime;
use store::{AccountId, Store};

use crate::{EngineHandle, Error};

/// The halts that hold. Cheap to clone.
#[derive(Clone)]
pub struct Halts {
    known: Arc<Mutex<Known>>,
    store: Store,
    engine: EngineHandle,
}

#[derive(Default)]
struct Known {
    /// As the rows have them, also those of other daemons.
    rows: Vec<Halt>,
    /// Ordered here and not written yet, with who ordered them. They hold all the same.
    unwritten: Vec<(Halt, AccountId)>,
    /// What the engine was told last.
    told: Vec<Halt>,
}

impl Known {
    fn all(&self) -> Vec<Halt> {
        let is_row = |h: &&Halt| !self.rows.iter().any(|r| r.seller == h.seller);
        let unwritten = self.unwritten.iter().map(|(halt, _)| halt).filter(is_row);
        self.rows.iter().chain(unwritten).cloned().collect()
    }
}

impl Halts {
    /// Knows none until [`Halts::follow`] has looked.
    pub fn new(store: Store, engine: EngineHandle) -> Self {
        Self {
            known: Arc::default(),
            store,
            engine,
        }
    }

    /// Writes what could not be written before, reads the rows and tells the engine what has changed. Before any campaign is brought before the engine, and
    /// then a few times a second: another daemon of the same database may have ordered or lifted one.
    ///
    /// # Errors
    /// As the database, and when the engine takes nothing; what held goes on holding.
    pub async fn follow(&self) -> Result<(), Error> {
        self.write_and_read().await?;
        Ok(())
    }

    async fn write_and_read(&self) -> Result<Vec<Halt>, Error> {
        let unwritten = self.lock().unwritten.clone();
        for (halt, by) in &unwritten {
            let seller = halt.seller.as_deref();
            self.store
                .order_halt(seller, &halt.reason, *by, halt.at)
                .await?;
        }
        let rows = self.store.halts().await?;
        self.change(|known| {
            known.rows = rows;
            known.unwritten.retain(|halt| !unwritten.contains(halt));
        })
    }

    pub(crate) fn list(&self) -> Vec<Halt> {
        self.lock().all()
    }

    /// Orders a halt. It holds from here on, also while the rows cannot be written.
    ///
    /// # Errors
    /// As the database: the halt is written when that is back, and lost only if the daemon ends before.
    pub(crate) async fn order(&self, halt: Halt, by: AccountId) -> Result<Vec<Halt>, Error> {
        self.change(|known| known.unwritten.push((halt, by)))?;
        self.write_and_read().await
    }

    /// Lifts a halt, for one seller or of all.
    ///
    /// # Errors
    /// As [`Store::lift_halt`]; then it goes on holding.
    pub(crate) async fn lift(
        &self,
        seller: Option<&str>,
        by: AccountId,
        at: WallTime,
    ) -> Result<Vec<Halt>, Error> {
        // One that was never written is lifted like any other.
        self.write_and_read().await?;
        self.store.lift_halt(seller, by, at).await?;
        self.write_and_read().await
    }

    /// Changes what is known; the engine is told when that changes what holds, in the order of the changes.
    fn change(&self, change: impl FnOnce(&mut Known)) -> Result<Vec<Halt>, Error> {
        let mut known = self.lock();
        change(&mut known);
        let all = known.all();
        if all != known.told {
            self.engine.tell(Input::Halted(all.clone()))?;
            known.told.clone_from(&all);
        }
        Ok(all)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
