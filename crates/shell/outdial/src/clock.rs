//! The two clocks of the real world, and a watch on whether they agree.

use std::time::{Instant, SystemTime};

use model::{Now, Timestamp, WallTime};

/// A jump of one clock against the other of more than this is told to the engine.
const JUMP_US: i64 = 1_000_000;

/// Reads both clocks. Cheap to clone; all clones count from the same start.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    /// Added to the wall clock: the demo may show another day.
    shift_us: i64,
}

impl Clock {
    /// Starts counting now. With `at`, the wall clock shows that instant now and goes on from there.
    pub fn start(at: Option<WallTime>) -> Self {
        let shift_us = at.map_or(0, |at| at.unix_micros() - wall().unix_micros());
        Self {
            start: Instant::now(),
            shift_us,
        }
    }

    /// Both clocks.
    pub fn now(&self) -> Now {
        let mono = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let wall = wall().unix_micros().saturating_add(self.shift_us);
        Now {
            mono: Timestamp::from_micros(mono),
            wall: WallTime::from_unix_micros(wall),
        }
    }
}

fn wall() -> WallTime {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    WallTime::from_unix_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Notices when the wall clock was set.
#[derive(Debug)]
pub struct JumpWatch {
    offset_us: i64,
}

impl JumpWatch {
    /// Begins to watch.
    pub fn new(now: Now) -> Self {
        Self {
            offset_us: offset(now),
        }
    }

    /// How far the wall clock jumped since the last look, in microseconds, when it is worth telling.
    pub fn look(&mut self, now: Now) -> Option<i64> {
        let offset = offset(now);
        let jumped = offset - self.offset_us;
        // Slow drift is followed, so that an hour of it never adds up to a jump.
        self.offset_us = offset;
        (jumped.abs() > JUMP_US).then_some(jumped)
    }
}

fn offset(now: Now) -> i64 {
    now.wall.unix_micros() - i64::try_from(now.mono.micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(mono_s: u64, wall_s: i64) -> Now {
        Now {
            mono: Timestamp::from_millis(mono_s * 1_000),
            wall: WallTime::from_unix_seconds(wall_s),
        }
    }

    #[test]
    fn a_clock_that_was_set_is_noticed_once_and_one_that_drifts_never() {
        let mut watch = JumpWatch::new(at(0, 1_000));
        assert_eq!(watch.look(at(10, 1_010)), None);
        assert_eq!(watch.look(at(11, 1_012)), None); // a second: not more than a second
        assert_eq!(watch.look(at(12, 1_100)), Some(87_000_000));
        assert_eq!(watch.look(at(13, 1_101)), None);
        assert_eq!(watch.look(at(14, 1_000)), Some(-102_000_000));
    }

    #[test]
    fn a_shifted_clock_shows_the_day_asked_for() {
        let day: WallTime = "2026-06-19T06:30:00Z".parse().unwrap();
        let shown = Clock::start(Some(day)).now().wall;
        assert!(shown.since(day).as_secs() < 60 && shown >= day);
    }
}
