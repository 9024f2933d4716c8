//! Chance that can be repeated.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of draws. ChaCha gives the same on every machine, which the standard library's hashers do
/// not promise.
#[derive(Clone, Debug)]
pub(crate) struct Draw(ChaCha8Rng);

impl Draw {
    /// A stream of its own for each triple.
    pub(crate) fn new(seed: u64, about: u64, nth: u64) -> Self {
        Self(ChaCha8Rng::from_seed(bytes(seed, about, nth)))
    }

    /// A whole number below `end`; 0 when `end` is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        // The bias of the remainder is below 2^-32 for the small numbers drawn here.
        self.0.next_u64().checked_rem(end).unwrap_or(0)
    }

    /// True in `ppm` of a million cases.
    pub(crate) fn happens(&mut self, share: model::Share) -> bool {
        self.below(1_000_000) < u64::from(share.ppm())
    }

    /// A length within a span, both ends possible.
    pub(crate) fn within(&mut self, span: Span) -> Duration {
        let (from, to) = (span.from.min(span.to), span.from.max(span.to));
        let width = u64::try_from((to - from).as_micros()).unwrap_or(u64::MAX);
        from + Duration::from_micros(self.below(width.saturating_add(1)))
    }

    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    pub(crate) fn bytes32(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}

fn bytes(seed: u64, about: u64, nth: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (place, number) in bytes.chunks_mut(8).zip([seed, about, nth, 0]) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    bytes
}

/// A length between two others, all equally likely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The shortest.
    pub from: Duration,
    /// The longest.
    pub to: Duration,
}

impl Span {
    /// From and to, in milliseconds.
    pub const fn millis(from: u64, to: u64) -> Self {
        Self {
            from: Duration::from_millis(from),
            to: Duration::from_millis(to),
        }
    }
}
