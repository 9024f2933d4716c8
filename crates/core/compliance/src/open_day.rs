//! How long a person may be called on a day on which calling is allowed at all.

use std::time::Duration;

use model::{WallTime, ZoneSet};

use crate::rules::Rules;

const DAY: Duration = Duration::from_secs(86_400);
/// A week holds every kind of day but holidays.
const DAYS: u32 = 7;

impl Rules {
    /// The most time within 24 hours, of the seven days from `from` on, in which all windows of all zones are open at
    /// once. Where windows repeat daily it does not matter when a day begins.
    pub fn longest_open_day(&self, zones: &ZoneSet, from: WallTime) -> Duration {
        (0..DAYS)
            .map(|day| self.open_between(zones, from + DAY * day, from + DAY * (day + 1)))
            .max()
            .unwrap_or_default()
    }

    fn open_between(&self, zones: &ZoneSet, from: WallTime, to: WallTime) -> Duration {
        let mut open = Duration::ZERO;
        let mut at = from;
        while at < to {
            let window = self.window(zones, at);
            let until = window.until.filter(|until| *until < to).unwrap_or(to);
            if window.open {
                open += until.since(at);
            }
            // An answer that holds for no time would hold us for ever.
            at = until.max(at + Duration::from_secs(1));
        }
        open
    }
}
