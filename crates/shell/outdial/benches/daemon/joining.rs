//! From a person's answer to an agent's voice and an agent's screen.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::spread::Spread;
use crate::team::Floor;

/// A talk lasts so long, a fifth more or less: with 100 agents about 20 calls are joined a second, at 100 in
/// progress.
const TALK: Duration = Duration::from_secs(5);
/// Agents who are in the middle of a command when the last call is counted have looked at it by then.
const SETTLES: Duration = Duration::from_secs(1);

/// How long people waited.
#[derive(Serialize)]
pub struct Joined {
    pub in_progress: usize,
    /// As the daemon counts it, 2xx on its SIP thread to bridge on its media thread.
    pub bridges: u64,
    pub bridge_p50: Within,
    pub bridge_p99: Within,
    /// From the carrier's 200 to the first packet of the agent's voice at the carrier.
    pub first_frame_us: Spread,
    /// From the carrier's 200 to the screen-pop at the agent's client.
    pub screen_pop_us: Spread,
    pub without_pop: u64,
}

/// The upper end of the histogram's bucket that holds a percentile.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Within {
    pub us: u64,
}

/// `calls` calls to `agents` agents who are all busy all the time.
pub async fn measure(agents: usize, calls: usize) -> Joined {
    // The first calls of all come at once; they are left out.
    let wanted = calls + agents;
    let floor = Floor::set(agents, u32::try_from(wanted + 2 * agents).unwrap(), TALK).await;
    floor.office.start(floor.campaign_id).await;
    let limit = TALK * u32::try_from(3 * wanted / agents + 10).unwrap();
    let enough = floor
        .carrier_until(limit, move |calls| {
            calls.iter().filter(|c| c.is_answered()).count() >= wanted
        })
        .await;
    assert!(enough, "only {:?} within {limit:?}", floor.carrier.counts());
    floor.office.pause(floor.campaign_id).await;
    tokio::time::sleep(SETTLES).await;
    let (_, metrics) = floor.daemon.get("/metrics");
    let Floor {
        carrier,
        team,
        daemon,
        site,
        ..
    } = floor;
    let popped: BTreeMap<String, Instant> = team
        .counts()
        .into_iter()
        .flat_map(|c| c.popped_at)
        .collect();
    let mut first_frames = Vec::new();
    let mut pops = Vec::new();
    let mut without_pop = 0;
    for call in carrier
        .log()
        .calls()
        .iter()
        .skip(agents)
        .filter(|c| c.is_answered())
        .take(calls)
    {
        let answered = call.answered_at.unwrap();
        first_frames.extend(
            call.heard()
                .first_sound_at
                .map(|at| at.saturating_duration_since(answered)),
        );
        // The Call-ID begins with the attempt.
        let pop = popped
            .iter()
            .find(|(attempt, _)| call.call_id.starts_with(attempt.as_str()));
        match pop {
            Some((_, at)) => pops.push(at.saturating_duration_since(answered)),
            None => without_pop += 1,
        }
    }
    let (bridges, buckets) = buckets(&metrics);
    let within = |share: f64| {
        let rank = (bridges as f64 * share).ceil() as u64;
        let us = buckets
            .iter()
            .find(|(_, count)| *count >= rank)
            .map_or(u64::MAX, |(end, _)| *end);
        Within { us }
    };
    drop(team);
    daemon.kill();
    drop(site);
    Joined {
        in_progress: agents,
        bridges,
        bridge_p50: within(0.5),
        bridge_p99: within(0.99),
        first_frame_us: Spread::of(first_frames),
        screen_pop_us: Spread::of(pops),
        without_pop,
    }
}

/// The daemon's histogram: all, and how many by upper end in microseconds.
fn buckets(metrics: &str) -> (u64, Vec<(u64, u64)>) {
    let name = "outdial_answer_to_bridge_seconds";
    let value = |line: &str| -> u64 { line.rsplit(' ').next().unwrap().parse().unwrap() };
    let count = metrics
        .lines()
        .find(|l| l.starts_with(&format!("{name}_count")))
        .map_or(0, value);
    let ends = metrics.lines().filter_map(|line| {
        let end = line
            .strip_prefix(&format!("{name}_bucket{{le=\""))?
            .split('"')
            .next()?;
        let seconds: f64 = end.parse().ok().filter(|s: &f64| s.is_finite())?;
        Some(((seconds * 1e6).round() as u64, value(line)))
    });
    (count, ends.collect())
}
