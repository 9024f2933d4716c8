//! What a call takes of the daemon's memory.

use std::time::Duration;

use serde::Serialize;

use crate::process::resident_bytes;
use crate::team::Floor;

/// Longer than the measurement.
const TALK: Duration = Duration::from_secs(600);

/// Memory of the daemon's process that is in the machine.
#[derive(Serialize)]
pub struct Used {
    pub calls: usize,
    pub idle_bytes: u64,
    pub with_agents_bytes: u64,
    pub with_calls_bytes: u64,
    /// For one agent who is signed in, with a stream of events and a standing leg to the phone.
    pub bytes_per_agent: u64,
    /// For one bridged call, above agents who wait.
    pub bytes_per_call: u64,
}

/// With so many agents, all in a talk.
pub async fn measure(calls: usize) -> Used {
    let empty = Floor::set(0, 1, TALK).await;
    let idle_bytes = resident_bytes(empty.daemon.pid());
    drop(empty);
    let floor = Floor::set(calls, u32::try_from(calls).unwrap(), TALK).await;
    let with_agents_bytes = resident_bytes(floor.daemon.pid());
    floor.office.start(floor.campaign_id).await;
    let limit = Duration::from_secs(120);
    let all = floor
        .carrier_until(limit, move |seen| {
            let talking = seen
                .iter()
                .filter(|c| c.is_open() && c.heard().first_sound_at.is_some());
            talking.count() >= calls
        })
        .await;
    assert!(all, "not all talk: {:?}", floor.carrier.counts());
    let with_calls_bytes = resident_bytes(floor.daemon.pid());
    let each = |more: u64, less: u64| more.saturating_sub(less) / calls.max(1) as u64;
    Used {
        calls,
        idle_bytes,
        with_agents_bytes,
        with_calls_bytes,
        bytes_per_agent: each(with_agents_bytes, idle_bytes),
        bytes_per_call: each(with_calls_bytes, with_agents_bytes),
    }
}
