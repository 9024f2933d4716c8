//! Whether the database answers; each change is told once.

use std::sync::Arc;

use engine::StoreFact;
use tokio::sync::watch;

use crate::service::FactSink;

#[derive(Clone)]
pub(super) struct Health {
    away: Arc<watch::Sender<bool>>,
    facts: FactSink,
}

impl Health {
    pub(super) fn new(facts: FactSink) -> Self {
        Self {
            away: Arc::new(watch::Sender::new(false)),
            facts,
        }
    }

    pub(super) fn is_away(&self) -> bool {
        *self.away.borrow()
    }

    pub(super) fn watch(&self) -> watch::Receiver<bool> {
        self.away.subscribe()
    }

    /// The database did not answer.
    pub(super) fn lost(&self, error: &crate::Error) {
        if self
            .away
            .send_if_modified(|away| !std::mem::replace(away, true))
        {
            tracing::error!("no new calls: {error}");
            (self.facts)(StoreFact::Lost);
        }
    }

    /// The database answers, and the spool is written.
    pub(super) fn back(&self) {
        if self
            .away
            .send_if_modified(|away| std::mem::replace(away, false))
        {
            tracing::info!("the database answers again");
            (self.facts)(StoreFact::Back);
        }
    }
}
