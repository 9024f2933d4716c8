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

/// The clocks disagree when one went this much further than the other since the start.
const TRUST_US: i64 = 5_000_000;
/// Drift of this share is followed: a clock that is disciplined is slewed by no more (adjtimex(2): 500 ppm).
const DRIFT: i64 = 2_000;

/// Notices when the wall clock was set, and when it cannot be trusted any more.
#[derive(Debug)]
pub struct ClockWatch {
    offset_us: i64,
    /// Where the wall clock stood against the other when it was trusted last.
    trusted_us: i64,
    looked_us: u64,
    trusted: bool,
}

impl ClockWatch {
    /// Begins to watch.
    pub fn new(now: Now) -> Self {
        Self {
            offset_us: offset(now),
            trusted_us: offset(now),
            looked_us: now.mono.micros(),
            trusted: true,
        }
    }

    /// Whether it was trusted at the last look.
    pub fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// Whether the wall clock lost trust, and why (`Some(Some)`), or has it again (`Some(None)`), since the last look.
    /// It has it again when it is set back; a daemon that is started anew begins with the clock as it is.
    pub fn trust(&mut self, now: Now) -> Option<Option<String>> {
        let off_us = offset(now) - self.trusted_us;
        let passed_us = now.mono.micros().saturating_sub(self.looked_us);
        self.looked_us = now.mono.micros();
        if self.trusted {
            let may_us = i64::try_from(passed_us).unwrap_or(i64::MAX) / DRIFT;
            self.trusted_us += off_us.clamp(-may_us, may_us);
        }
        let trusted = off_us.abs() <= TRUST_US;
        if trusted == self.trusted {
            return None;
        }
        self.trusted = trusted;
        let off_s = off_us as f64 / 1e6;
        Some((!trusted).then(|| {
            format!(
                "the wall clock went {off_s:+.1} s against the timers' clock: nobody is called by a clock that may be \
                 wrong; set it right, or start the daemon anew if it is right now"
            )
        }))
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
        let mut watch = ClockWatch::new(at(0, 1_000));
        assert_eq!(watch.look(at(10, 1_010)), None);
        assert_eq!(watch.look(at(11, 1_012)), None); // a second: not more than a second
        assert_eq!(watch.look(at(12, 1_100)), Some(87_000_000));
        assert_eq!(watch.look(at(13, 1_101)), None);
        assert_eq!(watch.look(at(14, 1_000)), Some(-102_000_000));
    }

    #[test]
    fn a_clock_that_was_set_by_more_than_five_seconds_is_not_trusted_until_it_is_set_back() {
        let mut watch = ClockWatch::new(at(0, 1_000));
        assert_eq!(watch.trust(at(10, 1_015)), None);
        let why = watch.trust(at(11, 1_017)).unwrap().unwrap();
        assert!(why.contains("+6.0 s"), "{why}");
        assert_eq!(watch.trust(at(12, 1_018)), None, "told once");
        assert_eq!(
            watch.trust(at(100_000, 101_006)),
            None,
            "time alone heals nothing"
        );
        assert_eq!(watch.trust(at(100_001, 101_001)), Some(None));
        assert!(
            watch.trust(at(100_002, 100_990)).unwrap().is_some(),
            "backward too"
        );
    }

    #[test]
    fn drift_that_is_slewed_away_never_costs_trust() {
        let mut watch = ClockWatch::new(at(0, 1_000));
        // 100 s in 1,000,000 s: 100 ppm.
        for hour in 1..278 {
            let mono = hour * 3_600;
            assert_eq!(
                watch.trust(at(mono, 1_000 + (mono + mono / 10_000) as i64)),
                None
            );
        }
    }

    #[test]
    fn a_shifted_clock_shows_the_day_asked_for() {
        let day: WallTime = "2026-06-19T06:30:00Z".parse().unwrap();
        let shown = Clock::start(Some(day)).now().wall;
        assert!(shown.since(day).as_secs() < 60 && shown >= day);
    }
}
