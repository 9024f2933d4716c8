//! Which RTP port a leg gets. A port that was in use rests: late packets of one call must not be heard
//! in the next.

use std::collections::VecDeque;
use std::time::Duration;

use model::Timestamp;

use super::error::MediaError;

/// How long nothing must have come to a resting port before it is used again. A far end that never
/// learned of the hang-up may send for minutes.
const QUIET: Duration = Duration::from_secs(1);

/// The ports for RTP, both ends included. Only even ones are used (RFC 3550 section 11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// From `first` to `last`.
    ///
    /// # Errors
    /// When there is no even port of at least 1024 in it.
    pub fn new(first: u16, last: u16) -> Result<Self, MediaError> {
        let range = Self { first, last };
        match range.ports().next() {
            Some(_) if first >= 1_024 => Ok(range),
            _ => Err(MediaError::PortRange { first, last }),
        }
    }

    fn ports(self) -> impl Iterator<Item = u16> {
        (self.first..=self.last).filter(|port| port % 2 == 0)
    }

    /// The ends as they were given.
    pub const fn ends(self) -> (u16, u16) {
        (self.first, self.last)
    }
}

/// The ports that are free. Those in use or resting are with whoever took them.
#[derive(Debug)]
pub(super) struct PortPool {
    free: VecDeque<u16>,
}

impl PortPool {
    /// Beginning anywhere in the range, by a random number: nobody can guess where the next call is heard, and
    /// two daemons that share a range are seldom at the same ports.
    pub(super) fn new(range: PortRange, random: u32) -> Self {
        let mut free: VecDeque<u16> = range.ports().collect();
        let begin = usize::try_from(random).unwrap_or(0) % free.len().max(1);
        free.rotate_left(begin);
        Self { free }
    }

    /// The port that was free for the longest time.
    pub(super) fn take(&mut self) -> Option<u16> {
        self.free.pop_front()
    }

    pub(super) fn put_back(&mut self, port: u16) {
        self.free.push_back(port);
    }
}

/// A port between two calls. Its socket stays open, so that what still comes is seen and thrown away.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resting {
    until: Timestamp,
}

impl Resting {
    pub(super) const fn until(until: Timestamp) -> Self {
        Self { until }
    }

    /// A packet came.
    pub(super) fn disturbed(&mut self, now: Timestamp) {
        self.until = self.until.max(now + QUIET);
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        now >= self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_even_ports_are_given_and_the_longest_free_one_first() {
        let mut pool = PortPool::new(PortRange::new(4_001, 4_006).unwrap(), 0);
        assert_eq!((pool.take(), pool.take()), (Some(4_002), Some(4_004)));
        pool.put_back(4_002);
        assert_eq!(
            (pool.take(), pool.take(), pool.take()),
            (Some(4_006), Some(4_002), None)
        );
    }

    #[test]
    fn a_pool_begins_anywhere_and_holds_every_port_once() {
        let range = PortRange::new(4_001, 4_006).unwrap();
        for (random, ports) in [
            (1, [4_004, 4_006, 4_002]),
            (5, [4_006, 4_002, 4_004]),
            (u32::MAX, [4_002, 4_004, 4_006]),
        ] {
            let mut pool = PortPool::new(range, random);
            assert_eq!([(); 3].map(|()| pool.take().unwrap()), ports, "{random}");
            assert_eq!(pool.take(), None);
        }
    }

    #[test]
    fn a_range_without_a_usable_port_is_refused_by_its_numbers() {
        for (first, last) in [(5_001, 5_001), (5_000, 4_000), (80, 5_000)] {
            let error = PortRange::new(first, last).unwrap_err().to_string();
            assert!(error.contains(&format!("{first} to {last}")), "{error}");
        }
        assert!(PortRange::new(65_534, u16::MAX).is_ok());
    }

    #[test]
    fn a_port_rests_for_its_time_and_until_it_has_been_quiet() {
        let at = Timestamp::from_millis;
        let mut resting = Resting::until(at(6_000));
        resting.disturbed(at(2_000));
        assert!(!resting.is_over(at(5_999)) && resting.is_over(at(6_000)));
        resting.disturbed(at(5_990));
        assert!(!resting.is_over(at(6_989)) && resting.is_over(at(6_990)));
    }
}
