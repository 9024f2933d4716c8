//! What the media thread counts, for metrics. Per packet nothing is logged.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The sum so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts of one media thread since its start.
#[derive(Debug, Default)]
pub struct MediaCounters {
    /// Packets that were of use to their leg.
    pub received: Counter,
    /// Packets sent.
    pub sent: Counter,
    /// Packets the system did not take: its buffer was full, or there was no route.
    pub not_sent: Counter,
    /// Datagrams that are no RTP, or of a payload type that was not agreed.
    pub malformed: Counter,
    /// Packets from an address that is not the far end's, or before it is known, or while it holds us.
    pub foreign: Counter,
    /// Packets that came twice or belong to no stream.
    pub repeated: Counter,
    /// Packets that never came, of legs that are over.
    pub lost: Counter,
    /// Packets to a resting port.
    pub to_resting: Counter,
    /// Socket errors on receiving.
    pub receive_errors: Counter,
    /// Frames sent more than one frame after they were due.
    pub late_frames: Counter,
    /// Frames never sent because the thread stood still for too long.
    pub skipped_frames: Counter,
    /// Plays that could not begin because a sound is missing.
    pub missing_sounds: Counter,
}
