//! What is done now and then: leases renewed and freed, old requests forgotten.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::{Lanes, ended};
use crate::Error;

/// What clients are promised for the id of a request (AIP-155).
const REQUESTS_KEPT: Duration = Duration::from_secs(24 * 3_600);

pub(super) async fn run(lanes: Lanes, mut stopped: watch::Receiver<bool>) {
    let mut renew = interval(lanes.options.lease / 3);
    let mut forget = interval(Duration::from_secs(3_600));
    renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
    forget.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let done = tokio::select! {
            () = ended(&mut stopped) => return,
            _ = renew.tick() => leases(&lanes).await,
            _ = forget.tick() => lanes.store.forget_old_requests(REQUESTS_KEPT).await.map(|_| ()),
        };
        match done {
            Err(e @ Error::Away { .. }) => lanes.health.lost(&e),
            Err(e) => tracing::error!("upkeep failed: {e}"),
            Ok(()) => {}
        }
    }
}

async fn leases(lanes: &Lanes) -> Result<(), Error> {
    if lanes.health.is_away() {
        return Ok(());
    }
    lanes
        .store
        .renew_leases(lanes.options.run, lanes.options.lease)
        .await?;
    let freed = lanes.store.release_expired_leases().await?;
    if freed > 0 {
        tracing::warn!(freed, "freed claims that nobody renewed");
    }
    lanes.store.seen(lanes.options.run).await
}
