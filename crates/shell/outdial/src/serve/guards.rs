//! What stops launches whatever campaigns say: looked at a few times a second.

use std::path::PathBuf;
use std::time::Duration;

use api::Halts;
use engine::{Fault, Input};
use tokio::sync::watch;

use super::stopped;
use crate::driver::Inbox;
use crate::resources;

/// A halt that another daemon of the same database ordered must hold here within a second.
const EVERY: Duration = Duration::from_millis(400);
const MIB: u64 = 1 << 20;

/// Follows the supervisors' halts.
///
/// # Errors
/// None: a database that is away is waited for, and what held goes on holding.
pub async fn follow_halts(halts: Halts, mut stop: watch::Receiver<bool>) -> anyhow::Result<()> {
    let mut every = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = stopped(&mut stop) => return Ok(()),
        }
        if let Err(error) = halts.follow().await {
            tracing::debug!(%error, "halts were not looked at");
        }
    }
}

/// Watches the room that is left where results are written.
///
/// # Errors
/// When the engine has ended.
pub async fn watch_disk(
    data_dir: PathBuf,
    reserve_mb: u64,
    inbox: Inbox,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mut every = tokio::time::interval(EVERY);
    let mut told: Option<String> = None;
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = stopped(&mut stop) => return Ok(()),
        }
        let why = match free_mb(&data_dir) {
            Ok(free) if free >= reserve_mb => None,
            Ok(_) => Some(format!(
                "less than {reserve_mb} MiB are free where {} lies: nobody is called whose result may find no room; free \
                 some, or lower node.disk_reserve_mb",
                data_dir.display()
            )),
            Err(error) => Some(format!(
                "it is not known how much room is left where {} lies ({error}); see to that disk",
                data_dir.display()
            )),
        };
        if why != told {
            match &why {
                Some(why) => tracing::error!("no calls: {why}"),
                None => tracing::warn!("there is room on the disk again: calls go on"),
            }
            told.clone_from(&why);
            let fault = Fault::Disk;
            inbox.tell(Input::Fault { fault, why })?;
        }
    }
}

/// MiB that the daemon's user may still write.
fn free_mb(dir: &std::path::Path) -> Result<u64, rustix::io::Errno> {
    Ok(resources::free_bytes(&rustix::fs::statvfs(dir)?) / MIB)
}
