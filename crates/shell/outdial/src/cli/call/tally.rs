//! What came of all calls of a run.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{CallResult, Timestamp};
use serde::Serialize;

use super::test_call::{TestCall, Verdict};

/// Counts while calls are placed.
#[derive(Debug, Default)]
pub struct Tally {
    last: Option<Verdict>,
    answered: u64,
    results: BTreeMap<&'static str, u64>,
    set_up: Vec<Duration>,
    legs: Vec<Verdict>,
    launches: u64,
    first_launch: Option<Timestamp>,
    last_launch: Timestamp,
}

/// What is printed.
#[derive(Debug, Serialize)]
pub struct Placed {
    /// Of the last call to end.
    result: Option<CallResult>,
    sip_status: Option<u16>,
    q850: Option<u8>,
    calls: u64,
    answered: u64,
    failed: u64,
    results: BTreeMap<&'static str, u64>,
    calls_per_second: f64,
    setup_ms: SetUp,
    cpu_us_per_call: Option<f64>,
    rss_bytes_per_call: Option<u64>,
    legs: Vec<Verdict>,
}

/// From the INVITE to the answer, of answered calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
struct SetUp {
    p50: Option<f64>,
    p99: Option<f64>,
}

/// What the run has cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Processor time from the first INVITE to the last end.
    pub processor: Option<Duration>,
    /// How far resident memory grew.
    pub memory_bytes: Option<u64>,
    /// The most calls at once, at least 1.
    pub at_once: u64,
}

impl Tally {
    /// A call is launched.
    pub fn launch(&mut self, now: Timestamp) {
        self.launches += 1;
        self.first_launch.get_or_insert(now);
        self.last_launch = now;
    }

    /// A call is over.
    pub fn end(&mut self, call: &TestCall) {
        let Some(last) = call.legs().last() else {
            return;
        };
        self.last = Some(*last);
        *self.results.entry(last.result.as_str()).or_default() += 1;
        if let Some(set_up) = call.set_up() {
            self.answered += 1;
            self.set_up.push(set_up);
        }
        self.legs.extend_from_slice(call.legs());
    }

    /// The whole. `interval` is the time between two launches as asked for.
    pub fn finish(mut self, interval: Duration, cost: Cost) -> Placed {
        self.set_up.sort_unstable();
        // The last launch takes up an interval like every other: one call has the rate that was asked for.
        let span = self
            .last_launch
            .since(self.first_launch.unwrap_or_default())
            + interval;
        let per_call = |whole: Duration| whole.as_secs_f64() * 1e6 / self.launches.max(1) as f64;
        Placed {
            result: self.last.map(|l| l.result),
            sip_status: self.last.and_then(|l| l.sip_status),
            q850: self.last.and_then(|l| l.q850),
            calls: self.launches,
            answered: self.answered,
            failed: self.launches.saturating_sub(self.answered),
            results: self.results,
            calls_per_second: rounded(self.launches as f64 / span.as_secs_f64()),
            setup_ms: SetUp {
                p50: quantile_ms(&self.set_up, 50),
                p99: quantile_ms(&self.set_up, 99),
            },
            cpu_us_per_call: cost.processor.map(|p| rounded(per_call(p))),
            rss_bytes_per_call: cost.memory_bytes.map(|m| m / cost.at_once.max(1)),
            legs: self.legs,
        }
    }
}

impl Placed {
    /// Whether every call was answered.
    pub const fn all_answered(&self) -> bool {
        self.failed == 0 && self.calls > 0
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{} calls: {} answered, {} not; {} calls per second\n",
            self.calls, self.answered, self.failed, self.calls_per_second
        );
        for (result, n) in &self.results {
            text.push_str(&format!("  {result}: {n}\n"));
        }
        if let SetUp {
            p50: Some(p50),
            p99: Some(p99),
        } = self.setup_ms
        {
            text.push_str(&format!(
                "answered after {p50} ms (median), {p99} ms (p99)\n"
            ));
        }
        if let [leg] = self.legs.as_slice() {
            let or_none = |n: Option<u64>| n.map_or_else(|| "none".to_owned(), |n| n.to_string());
            text.push_str(&format!(
                "SIP status {}, Q.850 cause {}\n",
                or_none(leg.sip_status.map(u64::from)),
                or_none(leg.q850.map(u64::from))
            ));
        }
        text
    }
}

/// Nearest rank: the least value that at least `percent` of all do not exceed.
fn quantile_ms(sorted: &[Duration], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map(|d| rounded(d.as_secs_f64() * 1e3))
}

/// Three decimals are more than is measured.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn a_quantile_is_a_value_that_occurred() {
        let sorted: Vec<_> = (1..=200).map(millis).collect();
        assert_eq!(quantile_ms(&sorted, 50), Some(100.0));
        assert_eq!(quantile_ms(&sorted, 99), Some(198.0));
        assert_eq!(quantile_ms(&[millis(7)], 99), Some(7.0));
        assert_eq!(quantile_ms(&[], 50), None);
    }

    #[test]
    fn the_rate_is_that_of_launches() {
        let mut tally = Tally::default();
        for n in 0..10 {
            tally.launch(Timestamp::from_millis(5_000 + n * 100));
        }
        let placed = tally.finish(millis(100), Cost::default());
        assert_eq!(placed.calls_per_second, 10.0);
        assert_eq!((placed.calls, placed.failed), (10, 10));
        assert!(!placed.all_answered());
    }

    #[test]
    fn a_run_without_a_call_holds_nothing() {
        assert!(
            !Tally::default()
                .finish(millis(100), Cost::default())
                .all_answered()
        );
    }

    #[test]
    fn cost_is_shared_out_over_calls_and_over_calls_at_once() {
        let mut tally = Tally::default();
        for _ in 0..4 {
            tally.launch(Timestamp::default());
        }
        let cost = Cost {
            processor: Some(millis(2)),
            memory_bytes: Some(30_000),
            at_once: 3,
        };
        let placed = tally.finish(millis(1), cost);
        assert_eq!(placed.cpu_us_per_call, Some(500.0));
        assert_eq!(placed.rss_bytes_per_call, Some(10_000));
    }
}
