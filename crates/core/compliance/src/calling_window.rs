//! Plain membership of an instant in the windows of all profiles in all candidate zones, and the
//! instants at which the answer changes.
//!
//! Decisions only ever convert UTC to local time, which has exactly one answer. Edges are found without
//! the opposite way: with the offset in force, the next edge on the wall clock is a known number of
//! seconds ahead, unless the offset changes before; then the change itself is the next instant to look at.

use std::time::Duration;

use chrono::{NaiveDate, Offset, TimeZone};
use chrono_tz::Tz;
use model::{WallTime, ZoneSet};
use serde::{Deserialize, Serialize};

use crate::hours::{DailyHours, Span};
use crate::profile::{Overlap, Profile};
use crate::rules::{RuleRef, Rules};

/// How far ahead an opening is looked for.
pub(crate) const HORIZON: Duration = Duration::from_secs(30 * 86_400);

const DAY: i64 = 86_400;

/// Whether the windows allow a call at an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Whether every zone and every profile is inside a window.
    pub open: bool,
    /// Until when this answer holds; `None`: for 30 days at least.
    pub until: Option<WallTime>,
    /// The next allowed instant: the instant asked for when open, else the next opening; `None` when
    /// none comes within 30 days.
    pub next: Option<WallTime>,
    /// What keeps it closed, the rule that opens last first; when open, the rule that closes first.
    pub rule: RuleRef,
}

impl Rules {
    /// Whether a call to someone in these zones is inside all windows at `at`.
    ///
    /// No zone at all is closed for ever: where nothing is known, nobody is called.
    pub fn window(&self, zones: &ZoneSet, at: WallTime) -> Window {
        if zones.is_empty() {
            return Window {
                open: false,
                until: None,
                next: None,
                rule: RuleRef::zone_unknown(),
            };
        }
        let second = at.unix_micros().div_euclid(1_000_000);
        let limit = second.saturating_add(HORIZON.as_secs() as i64);
        let cells = || {
            zones
                .zones()
                .iter()
                .flat_map(|zone| self.layers().map(|layer| Cell { zone: *zone, layer }))
        };
        // `None` (beyond the horizon) is later than any instant.
        let later = |a: Option<i64>, b: Option<i64>| {
            a.is_none() || b.is_some_and(|b| a.is_some_and(|a| a > b))
        };

        let mut binding: Option<(Option<i64>, RuleRef)> = None;
        for cell in cells().filter(|cell| !cell.is_open(second)) {
            let opens = cell.next(true, second, limit);
            if binding.as_ref().is_none_or(|(last, _)| later(opens, *last)) {
                binding = Some((opens, cell.closed_by(second)));
            }
        }
        if let Some((first_guess, rule)) = binding {
            let next = first_guess
                .and_then(|from| common_opening(cells, from, limit))
                .map(WallTime::from_unix_seconds);
            return Window {
                open: false,
                until: next,
                next,
                rule,
            };
        }

        let mut binding: Option<(Option<i64>, RuleRef)> = None;
        for cell in cells() {
            let closes = cell.next(false, second, limit);
            if binding
                .as_ref()
                .is_none_or(|(first, _)| later(*first, closes))
            {
                binding = Some((closes, cell.layer.rule(second, cell.zone, "window")));
            }
        }
        let (until, rule) = binding.unwrap_or((None, RuleRef::zone_unknown()));
        Window {
            open: true,
            until: until.map(WallTime::from_unix_seconds),
            next: Some(at),
            rule,
        }
    }

    /// Whether a call at `at` is inside all windows; [`Rules::window`] without the other instants.
    pub fn is_open(&self, zones: &ZoneSet, at: WallTime) -> bool {
        let second = at.unix_micros().div_euclid(1_000_000);
        let open = |zone: &Tz| {
            self.layers()
                .all(|layer| Cell { zone: *zone, layer }.is_open(second))
        };
        !zones.is_empty() && zones.zones().iter().all(open)
    }

    /// The profiles (all versions of one together) and the campaign's own hours.
    pub(crate) fn layers(&self) -> impl Iterator<Item = Layer<'_>> {
        let versions = self
            .profiles
            .chunk_by(|a, b| a.id == b.id)
            .map(Layer::Profile);
        versions.chain(self.campaign_hours.iter().map(Layer::Campaign))
    }
}

/// The smallest instant from `from` on at which every cell is open.
///
/// No common opening can lie before the opening of any one cell, so the latest of them is the next
/// candidate, until nothing moves.
fn common_opening<'a, C: Iterator<Item = Cell<'a>>>(
    cells: impl Fn() -> C,
    from: i64,
    limit: i64,
) -> Option<i64> {
    let mut candidate = from;
    loop {
        let before = candidate;
        for cell in cells() {
            candidate = cell.next(true, candidate, limit)?;
        }
        if candidate == before {
            return Some(candidate);
        }
    }
}

/// One set of windows.
#[derive(Clone, Copy)]
pub(crate) enum Layer<'a> {
    /// Versions of one profile; at most one is in force on a day.
    Profile(&'a [Profile]),
    /// The campaign's own hours.
    Campaign(&'a DailyHours),
}

/// What a layer says of a day.
enum DayHours<'a> {
    Spans(&'a [Span]),
    NotInForce,
    CalendarMissing,
}

impl<'a> Layer<'a> {
    fn version_on(self, day: NaiveDate) -> Option<&'a Profile> {
        match self {
            Self::Profile(versions) => versions.iter().find(|p| p.in_force(day)),
            Self::Campaign(_) => None,
        }
    }

    fn day(self, day: NaiveDate) -> DayHours<'a> {
        match self {
            Self::Campaign(hours) => DayHours::Spans(hours.of(chrono::Datelike::weekday(&day))),
            Self::Profile(_) => match self.version_on(day) {
                None => DayHours::NotInForce,
                Some(profile) => profile
                    .windows
                    .on(day)
                    .map_or(DayHours::CalendarMissing, DayHours::Spans),
            },
        }
    }

    fn spans(self, day: NaiveDate) -> &'a [Span] {
        match self.day(day) {
            DayHours::Spans(spans) => spans,
            DayHours::NotInForce | DayHours::CalendarMissing => &[],
        }
    }

    fn rule(self, second: i64, zone: Tz, rule: &str) -> RuleRef {
        let day = Local::at(zone, second).day;
        match self {
            Self::Campaign(_) => RuleRef::campaign_hours(),
            Self::Profile(versions) => match self.version_on(day).or(versions.last()) {
                Some(profile) => RuleRef::of(profile, rule, &profile.windows.source),
                None => RuleRef::zone_unknown(),
            },
        }
    }
}

/// One layer in one zone.
#[derive(Clone, Copy)]
struct Cell<'a> {
    zone: Tz,
    layer: Layer<'a>,
}

impl Cell<'_> {
    fn is_open(&self, second: i64) -> bool {
        let local = Local::at(self.zone, second);
        if !self.wall_clock_open(local) {
            return false;
        }
        let overlap = self
            .layer
            .version_on(local.day)
            .map_or(Overlap::WallClock, |p| p.windows.overlap);
        match (overlap, self.end_of_first_pass(local, second)) {
            (Overlap::FirstPass, Some(end)) => self.same_span_open(local, end),
            (Overlap::FirstPass, None) | (Overlap::WallClock, _) => true,
        }
    }

    fn wall_clock_open(&self, local: Local) -> bool {
        let today = self.layer.spans(local.day);
        if today.iter().any(|span| span.holds_today(local.second)) {
            return true;
        }
        // A closed day also cuts the tail of yesterday's window.
        !today.is_empty()
            && self
                .yesterday(local)
                .iter()
                .any(|span| span.holds_tomorrow(local.second))
    }

    fn yesterday(&self, local: Local) -> &[Span] {
        local
            .day
            .pred_opt()
            .map_or(&[], |day| self.layer.spans(day))
    }

    /// Whether a span that holds now also held at `end`, seconds of the same or the next local day.
    fn same_span_open(&self, local: Local, end: Local) -> bool {
        if local.day != end.day {
            return self.wall_clock_open(end);
        }
        self.layer
            .spans(local.day)
            .iter()
            .any(|s| s.holds_today(local.second) && s.holds_today(end.second))
            || self
                .yesterday(local)
                .iter()
                .any(|s| s.holds_tomorrow(local.second) && s.holds_tomorrow(end.second))
    }

    /// When the wall clock shows this time for the second time: the last second of the first pass.
    fn end_of_first_pass(&self, local: Local, second: i64) -> Option<Local> {
        let naive = local.naive()?;
        let earlier = self
            .zone
            .from_local_datetime(&naive)
            .earliest()?
            .timestamp();
        (earlier < second)
            .then(|| Local::at(self.zone, offset_change(self.zone, earlier, second) - 1))
    }

    /// The smallest instant from `from` to `limit` at which membership is `open`.
    fn next(&self, open: bool, from: i64, limit: i64) -> Option<i64> {
        let mut at = from;
        while self.is_open(at) != open {
            at = self.next_edge(at);
            if at > limit {
                return None;
            }
        }
        Some(at)
    }

    /// The next instant after `at` at which membership can change: an edge of a window, a local midnight,
    /// or a change of the zone's offset.
    fn next_edge(&self, at: i64) -> i64 {
        let local = Local::at(self.zone, at);
        let spans = self
            .layer
            .spans(local.day)
            .iter()
            .chain(self.yesterday(local));
        let ahead = spans
            .flat_map(|span| span.edges())
            .filter(|edge| *edge > local.second && *edge < DAY)
            .min()
            .unwrap_or(DAY)
            - local.second;
        // No zone of the tz database has changed its offset twice within one day since 1970.
        let edge = at + ahead;
        if offset(self.zone, edge) == offset(self.zone, at) {
            edge
        } else {
            offset_change(self.zone, at, edge)
        }
    }

    fn closed_by(&self, second: i64) -> RuleRef {
        let day = Local::at(self.zone, second).day;
        let rule = match self.layer.day(day) {
            DayHours::Spans(_) => "window",
            DayHours::NotInForce => "profile_not_in_force",
            DayHours::CalendarMissing => "holiday_calendar_missing",
        };
        self.layer.rule(second, self.zone, rule)
    }
}

/// What the wall clock shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Local {
    pub(crate) day: NaiveDate,
    pub(crate) second: i64,
}

impl Local {
    pub(crate) fn at(zone: Tz, second: i64) -> Self {
        let shown = second.saturating_add(offset(zone, second));
        Self {
            day: day_of(shown.div_euclid(DAY)),
            second: shown.rem_euclid(DAY),
        }
    }

    fn naive(self) -> Option<chrono::NaiveDateTime> {
        self.day
            .and_hms_opt(0, 0, 0)?
            .checked_add_signed(chrono::TimeDelta::seconds(self.second))
    }
}

fn day_of(days_since_1970: i64) -> NaiveDate {
    chrono::TimeDelta::try_days(days_since_1970)
        .and_then(|days| NaiveDate::default().checked_add_signed(days))
        .unwrap_or_default()
}

/// Seconds that the zone's clocks are ahead of UTC.
fn offset(zone: Tz, second: i64) -> i64 {
    let utc = WallTime::from_unix_seconds(second).utc().naive_utc();
    i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc())
}

/// The first second after `from`, up to `to`, with another offset than at `from`; the offsets at the two
/// ends must differ.
fn offset_change(zone: Tz, from: i64, to: i64) -> i64 {
    let (before, mut low, mut high) = (offset(zone, from), from, to);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if offset(zone, middle) == before {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// The first instant of the local day.
pub(crate) fn start_of_day(zone: Tz, day: NaiveDate) -> i64 {
    let Some(midnight) = day.and_hms_opt(0, 0, 0) else {
        return 0;
    };
    // A clock that jumps over midnight starts the day with the first instant after the gap.
    (0..=3 * 60)
        .find_map(|minutes| {
            let shown = midnight.checked_add_signed(chrono::TimeDelta::minutes(minutes))?;
            zone.from_local_datetime(&shown).earliest()
        })
        .map_or(midnight.and_utc().timestamp(), |at| at.timestamp())
}
