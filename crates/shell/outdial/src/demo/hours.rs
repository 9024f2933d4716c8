//! Daily hours that are open now in one zone, and closed elsewhere.

use std::fmt;
use std::time::Duration;

use chrono::Timelike;
use chrono_tz::Tz;
use model::WallTime;
use proto::supervisor::v1::DailyHours;

/// Opened so long ago, closes so long from now: wide enough for the zones beside it, too narrow for those
/// across the world.
const BEFORE: Duration = Duration::from_secs(2 * 3_600);
const AFTER: Duration = Duration::from_secs(4 * 3_600);

const DAY_MIN: u32 = 24 * 60;

/// The same hours of every day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Minutes since midnight, below 1440.
    open: u32,
    close: u32,
}

impl Hours {
    /// Six hours around what clocks in `zone` show at `at`.
    pub fn around(at: WallTime, zone: Tz) -> Self {
        Self {
            open: minute(at - BEFORE, zone),
            close: minute(at + AFTER, zone),
        }
    }

    /// Whether a clock in `zone` shows an hour of them at `at`.
    pub fn hold(self, at: WallTime, zone: Tz) -> bool {
        let since = |from: u32, to: u32| (to + DAY_MIN - from) % DAY_MIN;
        since(self.open, minute(at, zone)) < since(self.open, self.close)
    }

    /// As a campaign's own hours.
    pub fn daily(self) -> DailyHours {
        let clock = |m: u32| format!("{:02}:{:02}", m / 60, m % 60);
        DailyHours {
            weekdays: Vec::new(),
            open: clock(self.open),
            close: clock(self.close),
        }
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let daily = self.daily();
        write!(f, "{} to {}", daily.open, daily.close)
    }
}

fn minute(at: WallTime, zone: Tz) -> u32 {
    let there = at.utc().with_timezone(&zone);
    there.hour() * 60 + there.minute()
}

/// A clock in `zone`: weekday, hour and minute.
pub fn local(at: WallTime, zone: Tz) -> String {
    at.utc().with_timezone(&zone).format("%a %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn the_neighbours_of_moscow_are_open_and_the_far_ends_closed_at_any_hour_of_the_year() {
        let open = [
            Tz::Europe__Moscow,
            Tz::Europe__Samara,
            Tz::Asia__Yekaterinburg,
        ];
        let closed = [Tz::Asia__Vladivostok, Tz::America__New_York];
        let begin: WallTime = "2026-01-01T00:00:00Z".parse().unwrap();
        for hour in 0..366 * 24 {
            let at = begin + HOUR * hour + Duration::from_secs(59 * 60);
            let hours = Hours::around(at, Tz::Europe__Moscow);
            // A demo lasts up to an hour.
            for at in [at, at + HOUR] {
                for zone in open {
                    assert!(hours.hold(at, zone), "{zone} at {at}: {hours}");
                }
                for zone in closed {
                    assert!(!hours.hold(at, zone), "{zone} at {at}: {hours}");
                }
            }
        }
    }

    #[test]
    fn hours_may_cross_midnight() {
        let at = "2026-06-19T20:30:00Z".parse().unwrap();
        let hours = Hours::around(at, Tz::Europe__Moscow);
        assert_eq!(hours.to_string(), "21:30 to 03:30");
        assert_eq!(hours.daily().weekdays, Vec::<i32>::new());
        assert_eq!(local(at, Tz::America__New_York), "Fri 16:30");
    }
}
