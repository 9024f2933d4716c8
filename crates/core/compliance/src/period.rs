//! The stretches of time over which an abandon rate is counted.

use std::time::Duration;

use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;
use model::WallTime;
use serde::{Deserialize, Serialize};

use crate::calling_window::{Local, start_of_day};

/// Over which time a rate is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Period {
    /// Stretches of so many days one after another, from the campaign's first call; not calendar
    /// months. The last one may be shorter and stands alone.
    SuccessiveDays {
        /// Length; 1 or more.
        days: u32,
    },
    /// From midnight to midnight.
    CalendarDay {
        /// Whose midnight.
        zone: Tz,
    },
    /// From the first of the month to the next.
    CalendarMonth {
        /// Whose midnight.
        zone: Tz,
    },
    /// From the first call to the last.
    WholeCampaign,
}

/// One stretch, half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeriodSpan {
    /// Its first instant.
    pub from: WallTime,
    /// The first instant of the next; `None` when it ends with the campaign.
    pub to: Option<WallTime>,
}

impl PeriodSpan {
    /// Whether the instant is in it.
    pub fn contains(&self, at: WallTime) -> bool {
        at >= self.from && self.to.is_none_or(|to| at < to)
    }
}

impl Period {
    /// The stretch in which `at` lies, for a campaign whose first call was at `first_call`.
    pub fn around(self, first_call: WallTime, at: WallTime) -> PeriodSpan {
        match self {
            Self::WholeCampaign => PeriodSpan {
                from: first_call,
                to: None,
            },
            Self::SuccessiveDays { days } => {
                let length = Duration::from_secs(u64::from(days.max(1)) * 86_400);
                let micros = i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
                let index = at
                    .unix_micros()
                    .saturating_sub(first_call.unix_micros())
                    .div_euclid(micros);
                let from = WallTime::from_unix_micros(
                    first_call
                        .unix_micros()
                        .saturating_add(index.saturating_mul(micros)),
                );
                PeriodSpan {
                    from,
                    to: Some(from + length),
                }
            }
            Self::CalendarDay { zone } => {
                let today = local_day(zone, at);
                calendar(zone, today, today.succ_opt())
            }
            Self::CalendarMonth { zone } => {
                let today = local_day(zone, at);
                let first = today.with_day(1).unwrap_or(today);
                calendar(
                    zone,
                    first,
                    first.checked_add_months(chrono::Months::new(1)),
                )
            }
        }
    }
}

fn local_day(zone: Tz, at: WallTime) -> NaiveDate {
    Local::at(zone, at.unix_micros().div_euclid(1_000_000)).day
}

fn calendar(zone: Tz, from: NaiveDate, to: Option<NaiveDate>) -> PeriodSpan {
    let start = |day| WallTime::from_unix_seconds(start_of_day(zone, day));
    PeriodSpan {
        from: start(from),
        to: to.map(start),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> WallTime {
        text.parse().unwrap()
    }

    fn span(period: Period, first: &str, now: &str) -> (String, Option<String>) {
        let span = period.around(at(first), at(now));
        assert!(span.contains(at(now)));
        (span.from.to_string(), span.to.map(|to| to.to_string()))
    }

    #[test]
    fn thirty_day_periods_follow_the_first_call_and_not_the_calendar() {
        let period = Period::SuccessiveDays { days: 30 };
        let first = "2026-01-15T09:30:00Z";
        for (now, from, to) in [
            (first, "2026-01-15T09:30:00Z", "2026-02-14T09:30:00Z"),
            (
                "2026-02-14T09:29:59Z",
                "2026-01-15T09:30:00Z",
                "2026-02-14T09:30:00Z",
            ),
            (
                "2026-02-14T09:30:00Z",
                "2026-02-14T09:30:00Z",
                "2026-03-16T09:30:00Z",
            ),
        ] {
            assert_eq!(
                span(period, first, now),
                (from.to_owned(), Some(to.to_owned())),
                "{now}"
            );
        }
    }

    #[test]
    fn a_british_day_in_summer_begins_an_hour_before_that_of_utc_and_may_have_23_hours() {
        let period = Period::CalendarDay {
            zone: Tz::Europe__London,
        };
        assert_eq!(
            span(period, "2026-01-01T10:00:00Z", "2026-07-01T23:30:00Z"),
            (
                "2026-07-01T23:00:00Z".to_owned(),
                Some("2026-07-02T23:00:00Z".to_owned())
            )
        );
        assert_eq!(
            span(period, "2026-01-01T10:00:00Z", "2026-03-29T12:00:00Z"),
            (
                "2026-03-29T00:00:00Z".to_owned(),
                Some("2026-03-29T23:00:00Z".to_owned())
            )
        );
    }

    #[test]
    fn a_month_ends_where_the_next_begins() {
        let period = Period::CalendarMonth {
            zone: Tz::America__Toronto,
        };
        assert_eq!(
            span(period, "2026-01-01T10:00:00Z", "2026-12-31T12:00:00Z"),
            (
                "2026-12-01T05:00:00Z".to_owned(),
                Some("2027-01-01T05:00:00Z".to_owned())
            )
        );
    }

    #[test]
    fn a_day_whose_midnight_is_skipped_begins_after_the_gap() {
        // Lebanon's clocks jump from 00:00 to 01:00 on the last Sunday of March.
        let period = Period::CalendarDay {
            zone: Tz::Asia__Beirut,
        };
        assert_eq!(
            span(period, "2026-01-01T10:00:00Z", "2026-03-29T12:00:00Z").0,
            "2026-03-28T22:00:00Z"
        );
    }
}
