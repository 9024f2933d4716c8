//! Instants and days as people type them: `tomorrow 15:00`, `16:30`, `2026-12-01 10:00`, `+2h`, `пт 9:15`.

use std::time::Duration;

use chrono::{DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveTime, TimeZone, Weekday};
use chrono_tz::Tz;
use model::WallTime;

use super::words::length;
use super::zone::{Zone, there};

/// An instant that was understood, and how it is told back before it is confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Understood {
    /// The instant.
    pub at: WallTime,
    /// With weekday, zone and how long until then.
    pub told: String,
}

/// Examples, for whoever does not know what to type.
const EXAMPLES: &str = "tomorrow 15:00, 16:30, fri 9:15, 2026-12-01 10:00, +2h";
/// Nobody agrees to be called later than this.
const LATEST: Duration = Duration::from_secs(400 * 86_400);

/// An instant yet to come, in the zone of whoever types.
///
/// # Errors
/// What was not understood, or why it cannot be, in words for the one who types.
pub fn instant(text: &str, now: WallTime, zone: Zone) -> Result<Understood, String> {
    let here = there(now, zone);
    let text = text.trim().to_lowercase();
    let at = match text.strip_prefix('+') {
        Some(length) => now + delay(length)?,
        None => calendar(&text, here)?.to_utc().into(),
    };
    if at <= now {
        return Err("that is past already".to_owned());
    }
    if at.since(now) > LATEST {
        return Err("that is more than 400 days away".to_owned());
    }
    let told = format!(
        "{} {}, in {}",
        there(at, zone).format("%a %-d %b %Y %H:%M"),
        zone.name(),
        length(at.since(now))
    );
    Ok(Understood { at, told })
}

/// A day, for an answer: `2026-12-01`, `1.12.2026`, `today`, `fri`.
///
/// # Errors
/// What was not understood.
pub fn day(text: &str, now: WallTime, zone: Zone) -> Result<NaiveDate, String> {
    let text = text.trim().to_lowercase();
    let today = there(now, zone).date_naive();
    let wrong = || format!("\"{text}\" is no day like 2026-12-01, 1.12.2026, tomorrow or fri");
    day_of(&text, today).ok_or_else(wrong)
}

/// `2h`, `30m`, `1h30m`, `2d`, `1w`.
fn delay(text: &str) -> Result<Duration, String> {
    let wrong = || format!("\"+{text}\" is no delay like +2h, +30m, +1h30m, +2d or +1w");
    let mut seconds: u64 = 0;
    let mut number = String::new();
    for c in text.trim().chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let unit = match c {
            'm' | 'м' => 60,
            'h' | 'ч' => 3_600,
            'd' | 'д' => 86_400,
            'w' | 'н' => 604_800,
            _ => return Err(wrong()),
        };
        let n: u64 = std::mem::take(&mut number).parse().map_err(|_| wrong())?;
        seconds = seconds.saturating_add(n.saturating_mul(unit));
    }
    if seconds == 0 || !number.is_empty() {
        return Err(wrong());
    }
    Ok(Duration::from_secs(seconds.min(10 * LATEST.as_secs())))
}

fn calendar(text: &str, here: DateTime<Tz>) -> Result<DateTime<Tz>, String> {
    let today = here.date_naive();
    let words: Vec<&str> = text.split_whitespace().filter(|w| *w != "at").collect();
    let (day, time) = match words.as_slice() {
        [] => return Err(format!("for example {EXAMPLES}")),
        [one] => match (time_of(one), day_of(one, today)) {
            // A time alone is the next one of its kind.
            (Some(time), _) => (None, time),
            (None, Some(_)) => return Err(format!("at what time? {one} 15:00")),
            (None, None) => return Err(not_understood(text)),
        },
        [day, time] => match (day_of(day, today), time_of(time)) {
            (Some(day), Some(time)) => (Some(day), time),
            _ => return Err(not_understood(text)),
        },
        _ => return Err(not_understood(text)),
    };
    match day {
        Some(day) => on(day, time, here.timezone()),
        None => {
            let first = on(today, time, here.timezone());
            match first {
                Ok(at) if at > here => Ok(at),
                _ => on(next_day(today), time, here.timezone()),
            }
        }
    }
}

fn not_understood(text: &str) -> String {
    format!("\"{text}\" is not understood; for example {EXAMPLES}")
}

fn on(day: NaiveDate, time: NaiveTime, zone: Tz) -> Result<DateTime<Tz>, String> {
    match zone.from_local_datetime(&day.and_time(time)) {
        LocalResult::Single(at) => Ok(at),
        // The hour that comes twice when clocks go back: the first one.
        LocalResult::Ambiguous(first, _) => Ok(first),
        LocalResult::None => Err(format!(
            "clocks go forward then: there is no {} on {day} in {}",
            time.format("%H:%M"),
            zone.name()
        )),
    }
}

/// `15:00`, `9.30`, `15`.
fn time_of(text: &str) -> Option<NaiveTime> {
    let (hour, minute) = match text.split_once([':', '.']) {
        Some((hour, minute)) if minute.len() == 2 => (hour, minute.parse().ok()?),
        Some(_) => return None,
        None => (text, 0),
    };
    if hour.is_empty() || hour.len() > 2 || !hour.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    NaiveTime::from_hms_opt(hour.parse().ok()?, minute, 0)
}

fn day_of(text: &str, today: NaiveDate) -> Option<NaiveDate> {
    match text {
        "today" | "сегодня" => return Some(today),
        "tomorrow" | "завтра" => return Some(next_day(today)),
        "послезавтра" => return today.checked_add_days(Days::new(2)),
        "yesterday" | "вчера" => return today.pred_opt(),
        _ => {}
    }
    if let Some(weekday) = weekday(text) {
        // The next one of its name, never today: whoever means today says so.
        let ahead =
            (weekday.num_days_from_monday() + 7 - today.weekday().num_days_from_monday()) % 7;
        let ahead = if ahead == 0 { 7 } else { ahead };
        return today.checked_add_days(Days::new(ahead.into()));
    }
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(day);
    }
    let parts: Vec<&str> = text.split('.').collect();
    match parts.as_slice() {
        [day, month, year] if year.len() == 4 => {
            NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
        }
        // Without a year: the next day of that date.
        [day, month] if month.len() == 2 => {
            let (day, month) = (day.parse().ok()?, month.parse().ok()?);
            let in_year = |year| NaiveDate::from_ymd_opt(year, month, day);
            in_year(today.year())
                .filter(|date| *date >= today)
                .or_else(|| in_year(today.year() + 1))
        }
        _ => None,
    }
}

fn weekday(text: &str) -> Option<Weekday> {
    const NAMES: [(Weekday, &[&str]); 7] = [
        (Weekday::Mon, &["mon", "monday", "пн", "понедельник"]),
        (Weekday::Tue, &["tue", "tuesday", "вт", "вторник"]),
        (Weekday::Wed, &["wed", "wednesday", "ср", "среда", "среду"]),
        (Weekday::Thu, &["thu", "thursday", "чт", "четверг"]),
        (Weekday::Fri, &["fri", "friday", "пт", "пятница", "пятницу"]),
        (
            Weekday::Sat,
            &["sat", "saturday", "сб", "суббота", "субботу"],
        ),
        (Weekday::Sun, &["sun", "sunday", "вс", "воскресенье"]),
    ];
    let known = NAMES.iter().find(|(_, names)| names.contains(&text));
    known.map(|(weekday, _)| *weekday)
}

fn next_day(day: NaiveDate) -> NaiveDate {
    day.succ_opt().unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZONE: Zone = Tz::Europe__Berlin;

    /// A Wednesday, 14:30 in Berlin.
    fn now() -> WallTime {
        "2026-11-25T13:30:00Z".parse().unwrap()
    }

    fn at(text: &str) -> Result<String, String> {
        instant(text, now(), ZONE).map(|u| u.at.to_string())
    }

    #[test]
    fn what_people_type_is_understood_in_their_own_zone() {
        for (text, means) in [
            ("tomorrow 15:00", "2026-11-26T14:00:00Z"),
            ("Завтра 9.05", "2026-11-26T08:05:00Z"),
            ("16:30", "2026-11-25T15:30:00Z"),
            ("9:00", "2026-11-26T08:00:00Z"),
            ("18", "2026-11-25T17:00:00Z"),
            ("today at 18:00", "2026-11-25T17:00:00Z"),
            ("2026-12-01 10:00", "2026-12-01T09:00:00Z"),
            ("1.12.2026 10:00", "2026-12-01T09:00:00Z"),
            ("01.12 10:00", "2026-12-01T09:00:00Z"),
            ("24.11 10:00", "2027-11-24T09:00:00Z"),
            ("fri 9:15", "2026-11-27T08:15:00Z"),
            ("ср 10:00", "2026-12-02T09:00:00Z"),
            ("+2h", "2026-11-25T15:30:00Z"),
            ("+1h30m", "2026-11-25T15:00:00Z"),
            ("+2д", "2026-11-27T13:30:00Z"),
            ("2027-07-01 10:00", "2027-07-01T08:00:00Z"),
        ] {
            assert_eq!(at(text).as_deref(), Ok(means), "{text}");
        }
    }

    #[test]
    fn what_was_understood_is_told_with_weekday_zone_and_distance() {
        let told = |text| instant(text, now(), ZONE).unwrap().told;
        assert_eq!(
            told("tomorrow 15:00"),
            "Thu 26 Nov 2026 15:00 Europe/Berlin, in 1 d"
        );
        assert_eq!(
            told("+90m"),
            "Wed 25 Nov 2026 16:00 Europe/Berlin, in 1 h 30 min"
        );
    }

    #[test]
    fn what_cannot_be_is_refused_in_words() {
        for (text, says) in [
            ("", "for example"),
            ("today 9:00", "past already"),
            ("tomorrow", "at what time?"),
            ("soon", "is not understood"),
            ("25:00", "is not understood"),
            ("2026-02-30 10:00", "is not understood"),
            ("+2x", "is no delay"),
            ("+", "is no delay"),
            ("+9999999999999999999999d", "is no delay"),
            ("+999999999w", "400 days"),
            ("2027-03-28 02:30", "clocks go forward"),
        ] {
            let said = at(text).unwrap_err();
            assert!(said.contains(says), "{text}: {said}");
        }
    }

    #[test]
    fn the_hour_that_comes_twice_is_the_first_of_the_two() {
        assert_eq!(
            at("2027-10-31 02:30").as_deref(),
            Ok("2027-10-31T00:30:00Z")
        );
    }

    #[test]
    fn a_day_is_understood_without_a_time() {
        let told = |text| day(text, now(), ZONE).map(|d| d.to_string());
        assert_eq!(told("1.12.2026").as_deref(), Ok("2026-12-01"));
        assert_eq!(told("tomorrow").as_deref(), Ok("2026-11-26"));
        assert_eq!(told("1980-05-01").as_deref(), Ok("1980-05-01"));
        assert!(told("15:00").is_err());
    }
}
