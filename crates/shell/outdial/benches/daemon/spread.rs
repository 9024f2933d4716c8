//! Percentiles.

use std::time::Duration;

use serde::Serialize;

/// What a set of times looks like, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spread {
    pub p50: u64,
    pub p99: u64,
    pub max: u64,
    pub count: u64,
}

impl Spread {
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        let at = |share: f64| {
            let last = times.len().saturating_sub(1);
            // The nearest rank.
            let rank = ((times.len() as f64 * share).ceil() as usize)
                .saturating_sub(1)
                .min(last);
            times.get(rank).map_or(0, |t| t.as_micros() as u64)
        };
        Self {
            p50: at(0.5),
            p99: at(0.99),
            max: at(1.0),
            count: times.len() as u64,
        }
    }
}
