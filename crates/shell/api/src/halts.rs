//! Orders that nobody is called: in the engine at once, in rows as soon as the database takes them.

use std::sync::{Arc, Mutex, PoisonError};

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
    /// Ordered here and not written yet. They hold all the same.
    unwritten: Vec<Halt>,
    /// What the engine was told last.
    told: Vec<Halt>,
}

impl Known {
    fn all(&self) -> Vec<Halt> {
        let is_row = |h: &&Halt| !self.rows.iter().any(|r| r.seller == h.seller);
        let unwritten = self.unwritten.iter().filter(is_row);
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

    /// Reads the rows and tells the engine what has changed. Before any campaign is brought before the engine, and
    /// then a few times a second: another daemon of the same database may have ordered or lifted one.
    ///
    /// # Errors
    /// As the database, and when the engine takes nothing; what held goes on holding.
    pub async fn follow(&self) -> Result<(), Error> {
        let rows = self.store.halts().await?;
        self.change(|known| known.rows = rows)?;
        Ok(())
    }

    pub(crate) fn list(&self) -> Vec<Halt> {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .all()
    }

    /// Orders a halt. It holds from here on, also when the rows cannot be written.
    ///
    /// # Errors
    /// As the database: the halt holds until the daemon ends.
    pub(crate) async fn order(&self, halt: Halt, by: AccountId) -> Result<Vec<Halt>, Error> {
        let (seller, reason, at) = (halt.seller.clone(), halt.reason.clone(), halt.at);
        self.change(|known| known.unwritten.push(halt))?;
        self.store
            .order_halt(seller.as_deref(), &reason, by, at)
            .await?;
        self.follow().await?;
        self.change(|known| known.unwritten.retain(|h| h.seller != seller))
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
        self.store.lift_halt(seller, by, at).await?;
        let rows = self.store.halts().await?;
        self.change(|known| {
            known.rows = rows;
            known.unwritten.retain(|h| h.seller.as_deref() != seller);
        })
    }

    /// Changes what is known; the engine is told when that changes what holds, in the order of the changes.
    fn change(&self, change: impl FnOnce(&mut Known)) -> Result<Vec<Halt>, Error> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut known);
        let all = known.all();
        if all != known.told {
            self.engine.tell(Input::Halted(all.clone()))?;
            known.told.clone_from(&all);
        }
        Ok(all)
    }
}
