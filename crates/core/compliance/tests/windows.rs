//! Calling windows against vectors recomputed by two other methods, and what must hold for every window.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::collections::BTreeMap;

use chrono::NaiveDate;
use compliance::{Calendar, DailyHours, Profile, Rules, Span};
use model::{WallTime, ZoneSet};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    profiles: BTreeMap<String, Hours>,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Hours {
    windows: BTreeMap<String, Vec<Span>>,
    holidays: Vec<NaiveDate>,
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    title: String,
    instant_utc: String,
    zones: Vec<String>,
    profiles: Vec<String>,
    allowed: bool,
    next_allowed_utc: Option<String>,
}

#[test]
fn every_window_vector_gives_the_answer_and_the_next_instant() {
    let file = vectors();
    assert_eq!(file.vectors.len(), 38);
    for vector in &file.vectors {
        let rules = rules_of(&file, &vector.profiles);
        let window = rules.window(&zones(&vector.zones), instant(&vector.instant_utc));
        let next = vector.next_allowed_utc.as_deref().map(instant);
        assert_eq!(
            (window.open, window.next),
            (vector.allowed, next),
            "{} {}",
            vector.id,
            vector.title
        );
        if window.open {
            assert!(
                window
                    .until
                    .is_none_or(|until| until > instant(&vector.instant_utc)),
                "{}",
                vector.id
            );
        } else {
            assert_eq!(window.until, next, "{}", vector.id);
        }
    }
}

#[test]
fn the_answer_names_the_profile_that_opens_last() {
    let file = vectors();
    let rules = rules_of(&file, &["us_federal".to_owned(), "us_fl".to_owned()]);
    let florida = zones(&["America/New_York", "America/Chicago"]);
    let evening = rules.window(&florida, instant("2026-06-11T00:30:00Z"));
    assert_eq!(
        (evening.rule.profile.as_str(), evening.rule.rule.as_str()),
        ("us_fl", "window")
    );
    let noon = rules.window(&florida, instant("2026-06-10T16:00:00Z"));
    assert!(noon.open);
    assert_eq!(noon.until, Some(instant("2026-06-11T00:00:00Z")));
    assert_eq!(noon.rule.profile, "us_fl");
}

#[test]
fn nobody_is_called_whose_zone_is_unknown() {
    let rules = rules_of(&vectors(), &["us_federal".to_owned()]);
    let window = rules.window(&ZoneSet::default(), instant("2026-06-10T16:00:00Z"));
    assert!(!window.open);
    assert_eq!(
        (window.until, window.next, window.rule.rule.as_str()),
        (None, None, "zone_unknown")
    );
}

#[test]
fn a_year_without_its_holiday_list_is_closed_and_says_so() {
    let rules = rules_of(&vectors(), &["fr".to_owned()]);
    let window = rules.window(&zones(&["Europe/Paris"]), instant("2028-03-01T10:00:00Z"));
    assert!(!window.open);
    assert_eq!(
        (window.next, window.rule.rule.as_str()),
        (None, "holiday_calendar_missing")
    );
}

#[test]
fn a_profile_holds_from_its_first_local_day_to_the_day_before_its_end() {
    let file = vectors();
    let mut profile = profile("us_federal", &file.profiles["us_federal"]);
    profile.valid_from = NaiveDate::from_ymd_opt(2026, 6, 10);
    profile.valid_to = NaiveDate::from_ymd_opt(2026, 6, 12);
    let rules = Rules::combine(&[profile.clone()], None).unwrap();
    let here = zones(&["America/New_York"]);
    let before = rules.window(&here, instant("2026-06-09T16:00:00Z"));
    assert_eq!(
        (before.open, before.rule.rule.as_str()),
        (false, "profile_not_in_force")
    );
    assert_eq!(before.next, Some(instant("2026-06-10T12:00:00Z")));
    assert!(rules.window(&here, instant("2026-06-11T16:00:00Z")).open);
    assert_eq!(
        rules.window(&here, instant("2026-06-12T16:00:00Z")).next,
        None
    );

    let mut later = profile.clone();
    later.version += 1;
    later.valid_from = profile.valid_to;
    later.valid_to = None;
    later.windows.week = DailyHours::every_day(Span::new(clock("10:00"), clock("11:00")).unwrap());
    let both = Rules::combine(&[later.clone(), profile.clone()], None).unwrap();
    assert!(both.window(&here, instant("2026-06-11T12:30:00Z")).open);
    let night = both.window(&here, instant("2026-06-12T12:30:00Z"));
    assert_eq!(night.next, Some(instant("2026-06-12T14:00:00Z")));
    assert_eq!(night.rule.version, later.version);

    later.valid_from = NaiveDate::from_ymd_opt(2026, 6, 11);
    assert!(Rules::combine(&[later, profile], None).is_err());
}

#[test]
fn the_campaigns_own_hours_only_ever_narrow() {
    let file = vectors();
    let federal = profile("us_federal", &file.profiles["us_federal"]);
    let hours = DailyHours::every_day(Span::new(clock("06:00"), clock("10:00")).unwrap());
    let rules = Rules::combine(&[federal], Some(&hours)).unwrap();
    let here = zones(&["America/New_York"]);
    let window = rules.window(&here, instant("2026-06-10T12:30:00Z"));
    assert_eq!(
        (window.open, window.until),
        (true, Some(instant("2026-06-10T14:00:00Z")))
    );
    assert_eq!(window.rule.rule, "campaign_hours");
    assert_eq!(
        rules.window(&here, instant("2026-06-10T11:00:00Z")).next,
        Some(instant("2026-06-10T12:00:00Z"))
    );
}

#[test]
fn what_closed_in_the_first_pass_of_a_repeated_hour_stays_closed_when_the_profile_says_so() {
    let file = vectors();
    let mut late = profile("demo_late_all", &file.profiles["demo_late_all"]);
    late.windows.overlap = compliance::Overlap::FirstPass;
    let rules = Rules::combine(&[late], None).unwrap();
    let here = zones(&["America/New_York"]);
    // 01:15 for the first and for the second time; 22:00 to 01:30 closed in between.
    assert!(rules.window(&here, instant("2026-11-01T05:15:00Z")).open);
    let second = rules.window(&here, instant("2026-11-01T06:15:00Z"));
    assert!(!second.open);
    assert_eq!(second.next, Some(instant("2026-11-02T03:00:00Z")));
    assert_eq!(
        rules.window(&here, instant("2026-11-01T04:00:00Z")).until,
        Some(instant("2026-11-01T05:30:00Z"))
    );
    // A whole day is open in both passes.
    let mut always = profile("demo_any_weekday", &file.profiles["demo_any_weekday"]);
    always.windows.overlap = compliance::Overlap::FirstPass;
    always.windows.week = DailyHours::every_day(Span::new(clock("00:00"), clock("24:00")).unwrap());
    let rules = Rules::combine(&[always], None).unwrap();
    let window = rules.window(&here, instant("2026-11-01T06:15:00Z"));
    assert_eq!((window.open, window.until), (true, None));
}

#[test]
fn an_instant_beyond_any_calendar_has_an_answer() {
    let rules = rules_of(&vectors(), &["us_federal".to_owned(), "it".to_owned()]);
    for micros in [i64::MIN, i64::MAX, -1, 0] {
        let at = WallTime::from_unix_micros(micros);
        let window = rules.window(&zones(&["America/New_York"]), at);
        assert_eq!(
            window.open,
            rules.is_open(&zones(&["America/New_York"]), at),
            "{micros}"
        );
        assert!(!window.open, "no holiday list covers it");
    }
}

#[test]
fn rules_survive_a_recorded_input() {
    let rules = rules_of(&vectors(), &["it".to_owned(), "fr".to_owned()]);
    let text = serde_json::to_string(&rules).unwrap();
    assert_eq!(serde_json::from_str::<Rules>(&text).unwrap(), rules);
}

const ZONES: [&str; 10] = [
    "America/New_York",
    "America/Phoenix",
    "America/St_Johns",
    "Europe/London",
    "Europe/Rome",
    "Europe/Moscow",
    "Asia/Kamchatka",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "Indian/Reunion",
];

const PROFILES: [&str; 10] = [
    "us_federal",
    "us_tx",
    "fr",
    "it",
    "ru_collection",
    "au",
    "demo_night",
    "demo_late_all",
    "demo_0230",
    "demo_any_weekday",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_next_instant_is_not_earlier_is_allowed_and_no_minute_before_it_is(
        minute in 0..330 * 1_440_i64,
        zone_picks in prop::collection::vec(0..ZONES.len(), 1..3),
        profile_picks in prop::collection::vec(0..PROFILES.len(), 1..3),
    ) {
        let (rules, zones) = picked(&zone_picks, &profile_picks);
        let at = minute_of_2026(minute);
        let window = rules.window(&zones, at);
        let next = window.next.unwrap_or(at + std::time::Duration::from_secs(30 * 86_400));
        prop_assert!(next >= at);
        prop_assert_eq!(window.next == Some(at), window.open);
        prop_assert_eq!(rules.is_open(&zones, at), window.open);
        if let Some(next) = window.next {
            prop_assert!(rules.window(&zones, next).open);
        }
        let mut step = at;
        while step < next {
            prop_assert!(!rules.is_open(&zones, step), "{step} before {next}");
            step = step + std::time::Duration::from_secs(60);
        }
    }

    #[test]
    fn an_open_window_stays_open_until_it_says_and_closes_then(
        minute in 0..330 * 1_440_i64,
        zone_picks in prop::collection::vec(0..ZONES.len(), 1..3),
        profile_picks in prop::collection::vec(0..PROFILES.len(), 1..3),
    ) {
        let (rules, zones) = picked(&zone_picks, &profile_picks);
        let at = minute_of_2026(minute);
        let window = rules.window(&zones, at);
        prop_assume!(window.open);
        let until = window.until.unwrap();
        prop_assert!(!rules.window(&zones, until).open);
        let mut step = at;
        while step < until {
            prop_assert!(rules.is_open(&zones, step), "{step} before {until}");
            step = step + std::time::Duration::from_secs(60);
        }
    }

    #[test]
    fn one_more_zone_or_profile_never_turns_no_into_yes(
        minute in 0..330 * 1_440_i64,
        zone_picks in prop::collection::vec(0..ZONES.len(), 1..4),
        profile_picks in prop::collection::vec(0..PROFILES.len(), 1..4),
        zone in 0..ZONES.len(),
        profile in 0..PROFILES.len(),
    ) {
        let at = minute_of_2026(minute);
        let (rules, zones) = picked(&zone_picks, &profile_picks);
        let (more_rules, more_zones) =
            picked(&[zone_picks, vec![zone]].concat(), &[profile_picks, vec![profile]].concat());
        if more_rules.window(&more_zones, at).open {
            prop_assert!(rules.window(&zones, at).open);
        }
    }

    #[test]
    fn a_week_later_without_clock_change_or_holiday_the_answer_is_the_same(
        minute in 0..4 * 7 * 1_440_i64,
        zone in 0..ZONES.len(),
        profile in 0..PROFILES.len(),
    ) {
        // From 2026-06-15 to 2026-07-13 no zone of the table changes its clock and no profile of the
        // table has a holiday.
        let start = instant("2026-06-15T00:00:00Z");
        let at = start + std::time::Duration::from_secs(minute as u64 * 60 % (3 * 7 * 86_400));
        let (rules, zones) = picked(&[zone], &[profile]);
        let week = std::time::Duration::from_secs(7 * 86_400);
        prop_assert_eq!(rules.window(&zones, at).open, rules.window(&zones, at + week).open);
    }
}

/// The offset of a zone is looked up by name, never taken from the machine: the same question in a process
/// with another TZ has the same answer.
#[test]
fn the_answer_does_not_hang_on_the_machines_own_zone() {
    const ASKED: &str = "COMPLIANCE_TEST_ANSWERS";
    let file = vectors();
    let answers: Vec<String> = file
        .vectors
        .iter()
        .map(|v| {
            let rules = rules_of(&file, &v.profiles);
            format!(
                "{:?}",
                rules.window(&zones(&v.zones), instant(&v.instant_utc))
            )
        })
        .collect();
    let said = format!("{ASKED}{}", answers.join(";"));
    if std::env::var_os(ASKED).is_some() {
        println!("{said}");
        return;
    }
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "the_answer_does_not_hang_on_the_machines_own_zone",
            "--nocapture",
        ])
        .env(ASKED, "1")
        .env("TZ", "Pacific/Kiritimati")
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&child.stdout).contains(&said));
}

fn vectors() -> File {
    serde_json::from_str(include_str!("window_vectors.json")).unwrap()
}

fn instant(text: &str) -> WallTime {
    text.parse().unwrap()
}

fn clock(text: &str) -> compliance::ClockTime {
    text.parse().unwrap()
}

fn minute_of_2026(minute: i64) -> WallTime {
    instant("2026-01-02T00:00:00Z") + std::time::Duration::from_secs(minute as u64 * 60)
}

fn zones<S: AsRef<str>>(names: &[S]) -> ZoneSet {
    ZoneSet::from_names(names).unwrap()
}

fn picked(zone_picks: &[usize], profile_picks: &[usize]) -> (Rules, ZoneSet) {
    let names: Vec<&str> = zone_picks.iter().map(|i| ZONES[*i]).collect();
    let profiles: Vec<String> = profile_picks
        .iter()
        .map(|i| PROFILES[*i].to_owned())
        .collect();
    (rules_of(&vectors(), &profiles), zones(&names))
}

fn rules_of(file: &File, names: &[String]) -> Rules {
    let profiles: Vec<Profile> = names
        .iter()
        .map(|name| profile(name, &file.profiles[name]))
        .collect();
    Rules::combine(&profiles, None).unwrap()
}

/// A profile with nothing but the windows of the vectors' file.
fn profile(name: &str, hours: &Hours) -> Profile {
    let bare = format!(
        r#"
        [profile.{name}]
        version = 1
        title = "vector"
        status = "confirmed"
        applies_to = {{ purposes = ["sales"] }}
        [profile.{name}.windows]
        basis = "own"
        source = "vectors"
        confidence = "certain"
        mon = []
        tue = []
        wed = []
        thu = []
        fri = []
        sat = []
        sun = []
        "#
    );
    let mut profile = Profile::load(&bare).unwrap().remove(0);
    let day = |key: &str| hours.windows.get(key).cloned();
    profile.windows.week = DailyHours {
        mon: day("mon").unwrap(),
        tue: day("tue").unwrap(),
        wed: day("wed").unwrap(),
        thu: day("thu").unwrap(),
        fri: day("fri").unwrap(),
        sat: day("sat").unwrap(),
        sun: day("sun").unwrap(),
    };
    profile.windows.holiday = day("holiday");
    profile.windows.pre_holiday = day("pre_holiday");
    let source = profile.windows.source.clone();
    profile.windows.calendar = (profile.windows.holiday.is_some()
        || profile.windows.pre_holiday.is_some())
    .then(|| Calendar {
        name: "vectors".to_owned(),
        source,
        years: [2026, 2027].into(),
        days: hours.holidays.iter().copied().collect(),
    });
    profile
}

#[test]
fn the_longest_open_day_is_what_all_zones_have_in_common() {
    let file = vectors();
    let rules = |spans: &[[&str; 2]]| {
        let mut profile = profile("us_federal", &file.profiles["us_federal"]);
        let working = serde_json::json!({
            "mon": spans, "tue": spans, "wed": spans, "thu": spans, "fri": spans, "sat": [], "sun": []
        });
        profile.windows.week = serde_json::from_value(working).unwrap();
        Rules::combine(&[profile], None).unwrap()
    };
    // A Wednesday at an odd second: it must not matter where the search begins.
    let at = instant("2026-06-10T11:11:11Z");
    let far_apart = ["Europe/Kaliningrad", "Asia/Kamchatka"];
    for (spans, names, open_hours) in [
        (vec![["09:00", "21:00"]], vec!["Europe/Moscow"], 12),
        // UTC+2 and UTC+12 leave two hours of twelve, and none of nine.
        (vec![["09:00", "21:00"]], far_apart.to_vec(), 2),
        (vec![["09:00", "18:00"]], far_apart.to_vec(), 0),
        // Omsk is three hours ahead: 12-15 and 17-21 there, of which 14-15 and 17-18 are in a window there.
        (
            vec![["09:00", "12:00"], ["14:00", "18:00"]],
            vec!["Europe/Moscow", "Asia/Omsk"],
            2,
        ),
        (vec![["00:00", "24:00"]], far_apart.to_vec(), 24),
        (vec![["09:00", "21:00"]], vec![], 0),
    ] {
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let found = rules(&spans).longest_open_day(&zones(&names), at);
        assert_eq!(found.as_secs(), open_hours * 3_600, "{spans:?} {names:?}");
    }
}
