//! The shipped profiles, and what the reader of profile files refuses.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use compliance::{Formula, Period, Profile, ProfileError, Rules};
use model::{Share, WallTime, ZoneSet};
use proptest::prelude::*;

#[test]
fn every_shipped_profile_loads_alone_and_combines() {
    let profiles = shipped();
    let ids: BTreeSet<&str> = profiles.iter().map(|p| p.id.as_str()).collect();
    let expected = [
        "au",
        "ca",
        "de",
        "default",
        "demo",
        "fr",
        "gb",
        "it",
        "ru_ads",
        "ru_collection",
        "us_federal",
        "us_fl",
        "us_regf",
        "us_tx",
    ];
    assert_eq!(ids, expected.into_iter().collect());
    for profile in &profiles {
        let rules = Rules::combine(std::slice::from_ref(profile), None).unwrap();
        assert!(
            rules.abandon().target <= rules.abandon().limit,
            "{}",
            profile.id
        );
        assert!(
            rules.min_ring() >= Duration::from_secs(15),
            "{}",
            profile.id
        );
        assert_eq!(
            rules.abandon().max_silence,
            Duration::from_secs(2),
            "{}",
            profile.id
        );
        let weekday_noon: WallTime = "2026-12-02T12:30:00Z".parse().unwrap();
        let utc = ZoneSet::from_names(["Etc/GMT+2"]).unwrap();
        assert!(rules.window(&utc, weekday_noon).open, "{}", profile.id);
    }
}

#[test]
fn the_default_profile_is_inside_every_other() {
    let profiles = shipped();
    let rules = |id: &str| {
        let profile = profiles.iter().find(|p| p.id == id).unwrap();
        Rules::combine(std::slice::from_ref(profile), None).unwrap()
    };
    let default = rules("default");
    let zone = ZoneSet::from_names(["Europe/Paris"]).unwrap();
    // A week without a holiday in any shipped calendar.
    let monday: WallTime = "2026-11-16T00:00:00Z".parse().unwrap();
    for half_hour in 0..7 * 48 {
        let at = monday + Duration::from_secs(half_hour * 1_800);
        if default.is_open(&zone, at) {
            for profile in profiles.iter().filter(|p| p.id != "default") {
                assert!(
                    rules(&profile.id).is_open(&zone, at),
                    "{} at {at}",
                    profile.id
                );
            }
        }
    }
}

#[test]
fn the_strictest_of_two_profiles_is_taken_rule_by_rule() {
    let profiles = shipped();
    let pick = |ids: &[&str]| -> Rules {
        let picked: Vec<Profile> = profiles
            .iter()
            .filter(|p| ids.contains(&p.id.as_str()))
            .cloned()
            .collect();
        Rules::combine(&picked, None).unwrap()
    };
    let both = pick(&["ca", "us_federal"]);
    let abandon = both.abandon();
    assert_eq!(
        (abandon.limit, abandon.target),
        (Share::from_ppm(30_000), Share::from_ppm(27_000))
    );
    assert_eq!(
        (abandon.formula, abandon.period),
        (Formula::UsLiveAnswered, Period::SuccessiveDays { days: 30 })
    );
    assert!(abandon.message_required);
    assert_eq!(
        abandon.message_must_contain,
        ["callback_number", "purpose", "seller_name"]
    );
    assert_eq!(abandon.rule.profile, "us_federal");
    assert_eq!(both.retention(), Some(Duration::from_secs(1_827 * 86_400)));
    assert_eq!(both.unconfirmed().collect::<Vec<_>>(), ["ca"]);
    assert_eq!(
        pick(&["us_federal", "fr"]).min_ring(),
        Duration::from_secs(20)
    );
    // The longest cap: 60 full days of silence, and the days that zones may be apart.
    assert!(pick(&["us_fl", "fr"]).lookback() >= Duration::from_secs(61 * 86_400));
    assert_eq!(pick(&["us_fl"]).lookback(), Duration::from_secs(86_400));
    assert_eq!(pick(&["us_federal"]).lookback(), Duration::ZERO);
}

#[test]
fn a_closed_day_before_a_holiday_stays_closed() {
    let it: Vec<Profile> = shipped().into_iter().filter(|p| p.id == "it").collect();
    let rules = Rules::combine(&it, None).unwrap();
    let rome = ZoneSet::from_names(["Europe/Rome"]).unwrap();
    // A Sunday; Monday, 1 November 2027, is a holiday. Christmas Eve is open from 10 to 19 o'clock.
    assert!(!rules.is_open(&rome, "2027-10-31T11:00:00Z".parse().unwrap()));
    assert!(rules.is_open(&rome, "2027-12-24T17:59:59Z".parse().unwrap()));
    assert!(!rules.is_open(&rome, "2027-12-24T18:00:00Z".parse().unwrap()));
}

#[test]
fn a_french_campaign_shows_a_number_of_its_ranges_only() {
    let profiles = shipped();
    let fr: Vec<Profile> = profiles.iter().filter(|p| p.id == "fr").cloned().collect();
    let rules = Rules::combine(&fr, None).unwrap();
    assert_eq!(rules.bars_caller("+33162123456".parse().unwrap()), None);
    let mobile = rules.bars_caller("+33612345678".parse().unwrap()).unwrap();
    assert_eq!(
        (mobile.profile.as_str(), mobile.rule.as_str()),
        ("fr", "caller_id")
    );
}

#[test]
fn the_lists_of_all_profiles_must_be_consulted_each_in_its_freshest_form() {
    let list = |name: &str, age: &str| {
        format!(
            "{}[profile.{name}.suppression]\nsource = \"act\"\nconfidence = \"certain\"\n\
             lists = [{{ name = \"shared\"{age} }}, {{ name = \"{name}_own\" }}]\n",
            GOOD.replace("profile.x", &format!("profile.{name}"))
        )
    };
    let text = [
        list("a", ", max_age_days = 31"),
        list("b", ", max_age_days = 15"),
        list("c", ""),
    ]
    .concat();
    let rules = Rules::combine(&Profile::load(&text).unwrap(), None).unwrap();
    let lists: Vec<_> = rules.suppression_lists().into_iter().collect();
    assert_eq!(
        lists,
        [
            ("a_own", None),
            ("b_own", None),
            ("c_own", None),
            ("shared", Some(15))
        ]
    );
}

#[test]
fn rules_without_a_profile_are_refused() {
    let refused = Rules::combine(&[], None).unwrap_err();
    assert!(refused.to_string().contains("profile default"), "{refused}");
}

#[test]
fn a_wrong_file_is_refused_with_the_key_and_what_to_write() {
    let cases = [
        ("version = 1", "verzion = 1", "profile.x.version is missing"),
        (
            "title",
            "tilte = \"\"\ntitle",
            "profile.x.tilte is not a key of a profile; did you mean profile.x.title?",
        ),
        (
            "[profile.x.windows]",
            "[profile.x.windos]",
            "profile.x.windows is missing",
        ),
        (
            "source = \"act\"\n",
            "",
            "profile.x.windows.source is missing",
        ),
        (
            "confidence = \"certain\"",
            "confidence = \"sure\"",
            "profile.x.windows.confidence is \"sure\"; it must be one of certain, likely, check",
        ),
        ("sun = []", "", "profile.x.windows.sun is missing"),
        (
            "08:00",
            "8:00",
            "profile.x.windows.mon: \"8:00\" is not a time of the day; write HH:MM from 00:00 to 24:00",
        ),
        (
            "[[\"08:00\", \"21:00\"]]",
            "[[\"08:00\"]]",
            "profile.x.windows.mon is [\"08:00\"]; it must be [\"HH:MM\", \"HH:MM\"]",
        ),
        (
            "sun = []",
            "sun = []\nholiday = []",
            "profile.x.windows.calendar is missing",
        ),
        (
            "sun = []",
            "sun = []\ncalendar = \"no\"",
            "profile.x.windows.calendar is no; it must be the name of a [calendar.…] group of the same file",
        ),
        (
            "\"certain\"",
            "\"check\"",
            "profile.x.status is \"confirmed\" but windows has confidence \"check\"; write \"unconfirmed\" until a person has read the source",
        ),
        (
            "sun = []",
            "sun = []\n[[profile.x.caps]]\nkind = \"rolling\"\ncounts = \"tries\"\nmax = 3\nscope = \"person\"",
            "profile.x.caps[1].hours is missing",
        ),
        (
            "sun = []",
            "sun = []\n[[profile.x.caps]]\nkind = \"rolling\"\ncounts = \"tries\"\nmax = 3\nhours = 1\nscope = \"person\"",
            "profile.x.caps[1].source is missing",
        ),
        (
            "sun = []",
            "sun = []\n[profile.x.abandon]\nsource = \"a\"\nconfidence = \"likely\"\nbasis = \"own\"\nlimit = 3",
            "profile.x.abandon.limit is 3; it must be a share from 0 to 1",
        ),
        (
            "version = 1",
            "version = -1",
            "profile.x.version is -1; it must be a whole number, not negative",
        ),
        (
            "version = 1",
            "version = 1\nvalid_from = 2026-02-01\nvalid_to = 2026-02-01",
            "profile.x.valid_to is 2026-02-01; it must be a day after valid_from, 2026-02-01",
        ),
        (
            "version = 1",
            "version = 1\nonly_numbers = [\"7900\"]",
            "profile.x.only_numbers is 7900; it must be the beginning of an international number, such as +7900",
        ),
    ];
    assert!(Profile::load(GOOD).is_ok());
    for (from, to, message) in cases {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from}");
        assert_eq!(Profile::load(&text).unwrap_err().to_string(), message);
    }
    let broken = Profile::load("[profile.x\n");
    assert!(matches!(broken, Err(ProfileError::Syntax { .. })));
}

#[test]
fn a_calendar_must_cover_its_days() {
    let calendar = "[calendar.c]\nsource = \"act\"\nconfidence = \"certain\"\nyears = [2026]\ndays = [2027-01-01]\n";
    let refused = Profile::load(&format!("{calendar}{GOOD}")).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "calendar.c.days is 2027-01-01; it must be days of the listed years only"
    );
}

#[test]
fn versions_of_one_profile_stand_in_one_file() {
    let version = |n: u32, dates: &str| {
        GOOD.replace("[profile.x]", "[[profile.x]]").replacen(
            "version = 1",
            &format!("version = {n}\n{dates}"),
            1,
        )
    };
    let text = format!(
        "{}{}",
        version(2, "valid_from = 2026-08-11"),
        version(1, "valid_to = 2026-08-11")
    );
    let profiles = Profile::load(&text).unwrap();
    assert_eq!(
        profiles.iter().map(|p| p.version).collect::<Vec<_>>(),
        [1, 2]
    );
    assert!(Rules::combine(&profiles, None).is_ok());
}

proptest! {
    #[test]
    fn no_file_however_damaged_stops_the_reader(
        file in prop::sample::select(vec![include_str!("../../../../config/profiles/fr.toml"), include_str!("../../../../config/profiles/us.toml")]),
        at in any::<prop::sample::Index>(),
        cut in 0..40_usize,
        put in "[\\[\\]{}=\",.0-9a-z\n-]{0,12}",
    ) {
        let mut chars: Vec<char> = file.chars().collect();
        let from = at.index(chars.len());
        let to = (from + cut).min(chars.len());
        chars.splice(from..to, put.chars());
        let damaged: String = chars.into_iter().collect();
        match Profile::load(&damaged) {
            Ok(profiles) => prop_assert!(profiles.iter().all(|p| !p.id.is_empty())),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}

const GOOD: &str = r#"
[profile.x]
version = 1
title = "x"
status = "confirmed"
applies_to = { purposes = ["sales"] }
[profile.x.windows]
basis = "own"
source = "act"
confidence = "certain"
mon = [["08:00", "21:00"]]
tue = []
wed = []
thu = []
fri = []
sat = []
sun = []
"#;

fn shipped() -> Vec<Profile> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../config/profiles");
    let mut profiles = Vec::new();
    for file in std::fs::read_dir(directory).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        profiles.extend(Profile::load(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display())));
    }
    profiles
}
