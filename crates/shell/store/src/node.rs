//! The daemons that share the database, and which run of one is writing.

use model::NodeId;

use crate::convert::Row;
use crate::db::run_tx;
use crate::refusal::taken;
use crate::{Error, Store};

/// One run of one daemon. Everything that it leaves open is closed by the next run of the same daemon.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct Run {
    /// The daemon.
    pub node: NodeId,
    /// Grows with each start, from 1 on.
    pub epoch: u64,
}

impl Run {
    pub(crate) fn epoch_row(self) -> i64 {
        i64::try_from(self.epoch).unwrap_or(i64::MAX)
    }
}

impl Store {
    /// Begins a run of the daemon of that name; the first one makes its row.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the name is empty.
    pub async fn begin_run(&self, name: &str) -> Result<Run, Error> {
        let r = run_tx!(&self.hot, "begin_run", async |tx| {
            sqlx::query!(
            "INSERT INTO node (name, epoch) VALUES ($1, 1)
             ON CONFLICT (name) DO UPDATE SET epoch = node.epoch + 1, started_at = now(), seen_at = now()
             RETURNING id, epoch",
            name
        )
        .fetch_one(tx)
        .await
        .map_err(|e| taken("begin_run", "node", name, e))
        })?;
        Ok(Run {
            node: NodeId(r.id),
            epoch: Row {
                table: "node",
                key: r.id,
            }
            .unsigned(r.epoch)?,
        })
    }

    /// Says that a run is alive.
    pub(crate) async fn seen(&self, run: Run) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE node SET seen_at = now() WHERE id = $1 AND epoch = $2",
            run.node.0,
            run.epoch_row()
        )
        .execute(&self.hot)
        .await
        .map_err(|e| Error::from_sqlx("seen", e))?;
        Ok(())
    }
}
