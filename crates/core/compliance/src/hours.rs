//! Hours of the day and of the week, as a wall clock shows them.

use std::fmt;

use chrono::Weekday;
use serde::{Deserialize, Serialize};

/// A minute of the day, `00:00` to `24:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClockTime(u16);

/// One stretch of allowed time, half-open: at its close the call is late. A close at or before the open
/// lies on the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(ClockTime, ClockTime)", into = "(ClockTime, ClockTime)")]
pub struct Span {
    open: ClockTime,
    close: ClockTime,
}

/// Not an hour, or not a stretch of hours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoursError {
    /// Not a time of the day.
    #[error("\"{0}\" is not a time of the day; write HH:MM from 00:00 to 24:00")]
    NotATime(String),
    /// Opens when it closes.
    #[error("a window cannot open and close at {0}; write 00:00 to 24:00 for the whole day")]
    Empty(ClockTime),
    /// Opens at the end of the day.
    #[error("a window cannot open at 24:00; write 00:00 of the next day")]
    OpensAtEnd,
}

impl ClockTime {
    /// Minutes since midnight, 0 to 1440.
    pub const fn minutes(self) -> u16 {
        self.0
    }

    pub(crate) const fn seconds(self) -> i64 {
        self.0 as i64 * 60
    }
}

impl std::str::FromStr for ClockTime {
    type Err = HoursError;

    fn from_str(text: &str) -> Result<Self, HoursError> {
        let two = |digits: &str| {
            (digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit()))
                .then(|| digits.parse::<u16>().ok())
                .flatten()
        };
        text.split_once(':')
            .and_then(|(hours, minutes)| Some((two(hours)?, two(minutes)?)))
            .filter(|(hours, minutes)| {
                (*hours < 24 && *minutes < 60) || (*hours, *minutes) == (24, 0)
            })
            .map(|(hours, minutes)| Self(hours * 60 + minutes))
            .ok_or_else(|| HoursError::NotATime(text.to_owned()))
    }
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl TryFrom<String> for ClockTime {
    type Error = HoursError;

    fn try_from(text: String) -> Result<Self, HoursError> {
        text.parse()
    }
}

impl From<ClockTime> for String {
    fn from(at: ClockTime) -> Self {
        at.to_string()
    }
}

impl Span {
    /// From opening to closing.
    ///
    /// # Errors
    /// [`HoursError`] when both are the same, or it opens at 24:00.
    pub fn new(open: ClockTime, close: ClockTime) -> Result<Self, HoursError> {
        if open.0 == 24 * 60 {
            return Err(HoursError::OpensAtEnd);
        }
        if open == close {
            return Err(HoursError::Empty(open));
        }
        Ok(Self { open, close })
    }

    /// Whether it is open at this second of the day on which it opens.
    pub(crate) const fn holds_today(self, second: i64) -> bool {
        second >= self.open.seconds() && (self.crosses_midnight() || second < self.close.seconds())
    }

    /// Whether it is open at this second of the day after the one on which it opened.
    pub(crate) const fn holds_tomorrow(self, second: i64) -> bool {
        self.crosses_midnight() && second < self.close.seconds()
    }

    /// Seconds of the day at which the answer may change; the day may be this or the next.
    pub(crate) const fn edges(self) -> [i64; 2] {
        [self.open.seconds(), self.close.seconds()]
    }

    const fn crosses_midnight(self) -> bool {
        self.close.0 <= self.open.0
    }
}

impl TryFrom<(ClockTime, ClockTime)> for Span {
    type Error = HoursError;

    fn try_from((open, close): (ClockTime, ClockTime)) -> Result<Self, HoursError> {
        Self::new(open, close)
    }
}

impl From<Span> for (ClockTime, ClockTime) {
    fn from(span: Span) -> Self {
        (span.open, span.close)
    }
}

/// Allowed hours by weekday, in the person's own time. A day without a span is closed, and also cuts the
/// tail of a window that opened on the day before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DailyHours {
    /// Monday.
    #[serde(default)]
    pub mon: Vec<Span>,
    /// Tuesday.
    #[serde(default)]
    pub tue: Vec<Span>,
    /// Wednesday.
    #[serde(default)]
    pub wed: Vec<Span>,
    /// Thursday.
    #[serde(default)]
    pub thu: Vec<Span>,
    /// Friday.
    #[serde(default)]
    pub fri: Vec<Span>,
    /// Saturday.
    #[serde(default)]
    pub sat: Vec<Span>,
    /// Sunday.
    #[serde(default)]
    pub sun: Vec<Span>,
}

impl DailyHours {
    /// The same hours on every day.
    pub fn every_day(span: Span) -> Self {
        let day = || vec![span];
        Self {
            mon: day(),
            tue: day(),
            wed: day(),
            thu: day(),
            fri: day(),
            sat: day(),
            sun: day(),
        }
    }

    /// The spans that open on this weekday.
    pub fn of(&self, day: Weekday) -> &[Span] {
        match day {
            Weekday::Mon => &self.mon,
            Weekday::Tue => &self.tue,
            Weekday::Wed => &self.wed,
            Weekday::Thu => &self.thu,
            Weekday::Fri => &self.fri,
            Weekday::Sat => &self.sat,
            Weekday::Sun => &self.sun,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hours_and_minutes_of_one_day_are_a_time() {
        for (text, minutes) in [
            ("00:00", Some(0)),
            ("08:30", Some(510)),
            ("24:00", Some(1440)),
        ] {
            assert_eq!(
                text.parse::<ClockTime>().ok().map(ClockTime::minutes),
                minutes,
                "{text}"
            );
        }
        for text in ["24:01", "8:30", "08:60", "0830", "", "+8:00", "08:3o"] {
            assert!(text.parse::<ClockTime>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_week_reads_what_it_writes_and_refuses_an_empty_span() {
        let json = r#"{"mon":[["08:00","21:00"]],"fri":[["22:00","02:30"]]}"#;
        let week: DailyHours = serde_json::from_str(json).unwrap();
        assert_eq!(week.of(Weekday::Fri).len(), 1);
        assert!(week.of(Weekday::Sun).is_empty());
        assert_eq!(
            serde_json::from_str::<DailyHours>(&serde_json::to_string(&week).unwrap()).unwrap(),
            week
        );
        let empty = serde_json::from_str::<DailyHours>(r#"{"mon":[["08:00","08:00"]]}"#);
        assert!(empty.unwrap_err().to_string().contains("00:00 to 24:00"));
    }
}
