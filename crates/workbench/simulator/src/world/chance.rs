//! Chance: every draw of a day comes from its seed.

use std::time::Duration;

use rand_chacha::rand_core::Rng;

use super::World;

impl World {
    /// A whole number below `below`.
    pub(crate) fn draw(&mut self, below: u64) -> u64 {
        self.rng.next_u64() % below.max(1)
    }

    pub(crate) fn chance(&mut self, share: f64) -> bool {
        (self.draw(1 << 53) as f64) < share * (1u64 << 53) as f64
    }

    /// Uniform, in milliseconds.
    pub(crate) fn between(&mut self, from_ms: u64, to_ms: u64) -> Duration {
        Duration::from_millis(from_ms + self.draw(to_ms - from_ms))
    }

    pub(crate) fn exponential(&mut self, mean: Duration) -> Duration {
        let uniform = (self.draw(1 << 53) as f64 + 1.0) / (1u64 << 53) as f64;
        mean.mul_f64(-uniform.ln())
    }
}
