//! Shares and rates as exact parts per million.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A share in parts per million: 30,000 is 3 %. May exceed one where a formula allows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Share(u32);

impl Share {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The whole.
    pub const ONE: Self = Self(1_000_000);

    /// From parts per million.
    pub const fn from_ppm(ppm: u32) -> Self {
        Self(ppm)
    }

    /// Parts per million.
    pub const fn ppm(self) -> u32 {
        self.0
    }

    /// `part / whole`, rounded down; zero when `whole` is zero.
    pub fn of(part: u64, whole: u64) -> Self {
        let ppm = u128::from(part) * 1_000_000 / u128::from(whole.max(1));
        Self(if whole == 0 {
            0
        } else {
            u32::try_from(ppm).unwrap_or(u32::MAX)
        })
    }

    /// As a fraction of one, for reports.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 1e6
    }

    /// From a fraction, rounded to the nearest part per million; `None` below zero or not a number.
    pub fn from_fraction(fraction: f64) -> Option<Self> {
        let ppm = (fraction * 1e6).round();
        (ppm >= 0.0 && ppm <= f64::from(u32::MAX)).then_some(Self(ppm as u32))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} %", self.fraction() * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_nothing_is_zero() {
        assert_eq!(Share::of(1, 0), Share::ZERO);
    }

    #[test]
    fn a_share_survives_the_way_through_a_fraction() {
        assert_eq!(Share::from_fraction(0.03), Some(Share::from_ppm(30_000)));
        assert_eq!(Share::from_fraction(f64::NAN), None);
        assert_eq!(Share::of(30, 1_030).to_string(), "2.91 %");
    }
}
