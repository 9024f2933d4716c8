//! May this number be called now, and if not, when? Caps and lockouts of the shipped profiles.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::time::Duration;

use compliance::{Asked, Profile, Rules, Verdict};
use model::{CallResult, CampaignId, E164, PastTry, WallTime, ZoneSet};
use proptest::prelude::*;

#[test]
fn a_call_may_start_until_closing_less_ring_limit_and_lead() {
    let case = Case::new("us", &["us_federal"], "America/New_York");
    // Closes at 21:00, 01:00Z; 25 s of ringing and 60 s of lead.
    assert_eq!(
        case.at("2026-06-10T16:00:00Z"),
        allowed("2026-06-11T00:58:35Z")
    );
    assert_eq!(
        case.at("2026-06-11T00:58:35Z"),
        allowed("2026-06-11T00:58:35Z")
    );
    assert_eq!(
        case.at("2026-06-11T00:58:36Z"),
        held("window:latest_start", "2026-06-11T12:00:00Z")
    );
    assert_eq!(
        case.at("2026-06-11T01:00:00Z"),
        held("window", "2026-06-11T12:00:00Z")
    );
}

#[test]
fn what_no_waiting_cures_is_held_without_an_instant() {
    let case = Case::new("fr", &["fr"], "Europe/Paris");
    let noon = "2026-11-17T11:00:00Z";
    assert_eq!(
        case.ask(noon, |a| a.consent = true),
        allowed("2026-11-17T11:58:35Z")
    );
    assert_eq!(
        case.ask(noon, |a| a.consent = false),
        never("consent_missing")
    );
    assert_eq!(case.ask(noon, |a| a.suppressed = true), never("suppressed"));
    assert_eq!(
        case.ask(noon, |a| a.in_live_call = true),
        never("in_live_call")
    );
    let nowhere = ZoneSet::default();
    let mut asked = case.asked(noon);
    asked.zones = &nowhere;
    assert_eq!(brief(case.rules.check(&asked)), never("zone_unknown"));
}

#[test]
fn the_demonstration_calls_no_number_outside_its_ranges() {
    let mut case = Case::new("demo", &["demo"], "Europe/Moscow");
    assert_eq!(
        case.at("2026-06-10T01:00:00Z").0,
        None,
        "+7900555… is one of its own"
    );
    case.number = number("+79161234567");
    assert_eq!(
        case.at("2026-06-10T01:00:00Z"),
        never("number_not_in_profile")
    );
}

#[test]
fn a_russian_debtor_is_talked_to_once_a_day_twice_a_week_and_eight_times_a_month() {
    let mut case = Case::new("ru", &["ru_collection"], "Europe/Moscow");
    // Monday 10:00 in Moscow.
    case.talk("2026-06-15T07:00:00Z");
    assert_eq!(
        case.at("2026-06-15T15:00:00Z"),
        held("cap:talks_per_local_day", "2026-06-16T05:00:00Z")
    );
    assert_eq!(case.at("2026-06-16T07:00:00Z").0, None);
    case.talk("2026-06-16T07:00:00Z");
    assert_eq!(
        case.at("2026-06-17T07:00:00Z"),
        held("cap:talks_per_calendar_week", "2026-06-22T05:00:00Z")
    );

    case.history.clear();
    for day in ["02", "04", "09", "11", "16", "18", "23", "25"] {
        case.talk(&format!("2026-06-{day}T07:00:00Z"));
    }
    assert_eq!(
        case.at("2026-06-29T07:00:00Z"),
        held("cap:talks_per_calendar_month", "2026-07-01T05:00:00Z")
    );
}

#[test]
fn the_day_of_a_cap_is_that_of_every_zone_in_which_the_person_may_be() {
    let mut case = Case::new("ru", &["ru_collection"], "Europe/Moscow");
    case.zones = ZoneSet::from_names(["Europe/Moscow", "Asia/Krasnoyarsk"]).unwrap();
    // Tuesday begins at 17:00Z in Krasnoyarsk and at 21:00Z in Moscow; both are open from 08:00 in Moscow.
    case.talk("2026-06-15T13:30:00Z");
    let tuesday_in_moscow = "2026-06-16T05:00:00Z";
    assert_eq!(
        case.at("2026-06-15T14:30:00Z"),
        held("cap:talks_per_local_day", tuesday_in_moscow)
    );
}

#[test]
fn a_recorded_message_and_a_talk_are_counted_apart() {
    let mut case = Case::new("ru", &["ru_collection"], "Europe/Moscow");
    for hour in ["07", "08"] {
        case.past(
            &format!("2026-06-15T{hour}:00:00Z"),
            CallResult::MessageDelivered,
            |p| p.message = true,
        );
    }
    assert_eq!(
        case.at("2026-06-15T09:00:00Z"),
        held(
            "cap:recorded_messages_per_local_day",
            "2026-06-16T05:00:00Z"
        )
    );
    case.history.pop();
    assert_eq!(case.at("2026-06-15T09:00:00Z").0, None);
}

#[test]
fn an_answered_call_that_nobody_took_may_have_been_the_talk_of_the_day() {
    for result in [
        CallResult::AbandonedNoAgent,
        CallResult::CallerHungUpEarly,
        CallResult::ControllerLost,
    ] {
        let mut case = Case::new("ru", &["ru_collection"], "Europe/Moscow");
        case.past("2026-06-15T07:00:00Z", result, |_| {});
        let (rule, _) = case.at("2026-06-15T09:00:00Z");
        assert_eq!(rule.as_deref(), Some("cap:talks_per_local_day"), "{result}");
    }
}

#[test]
fn florida_takes_three_tries_in_any_24_hours_and_those_that_never_rang_do_not_count() {
    let mut case = Case::new("us", &["us_federal", "us_fl"], "America/New_York");
    case.past("2026-06-10T14:00:00Z", CallResult::NoAnswer, |_| {});
    case.past("2026-06-10T15:00:00Z", CallResult::Busy, |_| {});
    case.past("2026-06-10T15:30:00Z", CallResult::TrunkFailure, |_| {});
    assert_eq!(case.at("2026-06-10T16:00:00Z").0, None);
    case.history.push(PastTry {
        result: None,
        ..case.history[0].clone()
    });
    case.history[3].at = at("2026-06-10T16:00:00Z");
    // The one in flight took the last slot; the first leaves the day at 14:00Z.
    assert_eq!(
        case.at("2026-06-10T16:01:00Z"),
        held("cap:tries_rolling", "2026-06-11T14:00:00Z")
    );
    assert_eq!(case.at("2026-06-11T14:00:00Z").0, None);
}

#[test]
fn a_try_of_a_node_whose_clock_runs_ahead_counts() {
    let mut case = Case::new("us", &["us_federal", "us_fl"], "America/New_York");
    for minute in ["00", "01", "02"] {
        case.past(
            &format!("2026-06-10T16:{minute}:00Z"),
            CallResult::NoAnswer,
            |_| {},
        );
    }
    assert_eq!(
        case.at("2026-06-10T16:01:30Z"),
        held("cap:tries_rolling", "2026-06-11T16:00:00Z")
    );
}

#[test]
fn a_debt_collector_is_silent_for_seven_days_after_a_talk_about_the_same_debt() {
    let mut case = Case::new("us", &["us_regf"], "America/New_York");
    case.talk("2026-06-10T16:00:00Z");
    case.history[0].subject = Some("debt 1".to_owned());
    let verdict = case.ask("2026-06-12T16:00:00Z", |a| a.subject = Some("debt 1"));
    // The 10th is day 1, the 16th day 7; the 17th opens at 08:00.
    assert_eq!(verdict, held("lockout:after_talk", "2026-06-17T12:00:00Z"));
    assert_eq!(
        case.ask("2026-06-12T16:00:00Z", |a| a.subject = Some("debt 2"))
            .0,
        None
    );
    assert_eq!(
        case.ask("2026-06-12T16:00:00Z", |a| a.subject = None)
            .0
            .as_deref(),
        Some("lockout:after_talk")
    );
    assert_eq!(
        case.ask("2026-06-12T16:00:00Z", |a| a.seller = "another").0,
        None
    );
}

#[test]
fn the_eighth_call_in_seven_days_about_a_debt_waits() {
    let mut case = Case::new("us", &["us_regf"], "America/New_York");
    for day in 1..=7 {
        case.past(
            &format!("2026-06-0{day}T16:00:00Z"),
            CallResult::NoAnswer,
            |_| {},
        );
    }
    assert_eq!(
        case.at("2026-06-07T17:00:00Z"),
        held("cap:tries_rolling", "2026-06-08T16:00:00Z")
    );
}

#[test]
fn a_french_refusal_is_followed_by_sixty_full_days_of_silence() {
    let mut case = Case::new("fr", &["fr"], "Europe/Paris");
    case.past("2026-09-03T09:00:00Z", CallResult::ConnectedAgent, |p| {
        p.talked = true;
        p.refused = true;
    });
    // Day 1 is 4 September, day 60 is Monday, 2 November.
    assert_eq!(
        case.at("2026-10-30T10:00:00Z"),
        held("lockout:after_refusal", "2026-11-03T09:00:00Z")
    );
}

#[test]
fn after_an_abandoned_call_britain_is_silent_for_72_hours_unless_an_agent_is_held_back() {
    let mut case = Case::new("gb", &["gb"], "Europe/London");
    case.past(
        "2026-06-08T12:00:00Z",
        CallResult::AbandonedWithMessage,
        |_| {},
    );
    let now = "2026-06-09T12:00:00Z";
    // From three minutes after the INVITE: the history does not say when the call was abandoned.
    assert_eq!(
        case.at(now),
        held("lockout:after_abandon", "2026-06-11T12:03:00Z")
    );
    assert_eq!(case.ask(now, |a| a.agent_reserved = true).0, None);

    let mut machine = Case::new("gb", &["gb"], "Europe/London");
    machine.past("2026-06-08T12:00:00Z", CallResult::AnsweringMachine, |_| {});
    assert_eq!(
        machine.at("2026-06-08T15:00:00Z"),
        held("lockout:after_machine", "2026-06-09T12:03:00Z")
    );
    assert_eq!(
        machine
            .ask("2026-06-08T15:00:00Z", |a| a.agent_reserved = true)
            .0,
        None
    );
}

#[test]
fn after_a_silent_call_italy_is_silent_for_five_days_and_then_wants_an_agent_held_back() {
    let mut case = Case::new("it", &["it"], "Europe/Rome");
    case.past("2026-06-08T10:00:00Z", CallResult::AbandonedNoAgent, |_| {});
    // Until then even an agent does not help; the 13th is a Saturday, 10 to 19 o'clock.
    let with_agent = case.ask("2026-06-09T10:00:00Z", |a| a.agent_reserved = true);
    assert_eq!(
        with_agent,
        held("lockout:after_abandon", "2026-06-13T10:03:00Z")
    );
    assert_eq!(
        case.at("2026-06-15T10:00:00Z"),
        never("lockout:after_abandon")
    );
    assert_eq!(
        case.ask("2026-06-15T10:00:00Z", |a| a.agent_reserved = true)
            .0,
        None
    );
    case.talk("2026-06-15T10:00:00Z");
    assert_eq!(case.at("2026-06-16T10:00:00Z").0, None);
}

#[test]
fn a_verdict_names_where_the_rule_is_written() {
    let mut case = Case::new("fr", &["fr"], "Europe/Paris");
    for day in ["02", "03", "04", "05"] {
        case.past(
            &format!("2026-11-{day}T10:00:00Z"),
            CallResult::NoAnswer,
            |_| {},
        );
    }
    let Verdict::Held { rule, .. } = case.rules.check(&case.asked("2026-11-06T10:00:00Z")) else {
        panic!("four tries in 30 days are all");
    };
    assert_eq!((rule.profile.as_str(), rule.version), ("fr", 2));
    assert_eq!(
        (rule.rule.as_str(), rule.source.as_str()),
        ("cap:tries_rolling", "Code conso. art. D. 223-9")
    );
}

#[test]
fn a_window_too_short_for_ringing_is_never_used() {
    let profile = Profile::load(&shipped("us"))
        .unwrap()
        .into_iter()
        .find(|p| p.id == "us_federal")
        .unwrap();
    let minute = compliance::Span::new("10:00".parse().unwrap(), "10:01".parse().unwrap()).unwrap();
    let hours = compliance::DailyHours::every_day(minute);
    let mut case = Case::new("us", &["us_federal"], "America/New_York");
    case.rules = Rules::combine(&[profile], Some(&hours)).unwrap();
    assert_eq!(case.at("2026-06-10T13:00:00Z"), never("campaign_hours"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_instant_named_by_a_verdict_is_allowed_and_no_quarter_of_an_hour_before_it_is(
        file in prop::sample::select(vec![("us", "us_fl"), ("us", "us_regf"), ("ru", "ru_collection"), ("fr", "fr"), ("gb", "gb"), ("it", "it"), ("de", "de")]),
        tries in prop::collection::vec((0..40 * 96_u64, 0..CallResult::ALL.len(), any::<[bool; 3]>()), 0..12),
        minute in 0..10 * 1_440_u64,
    ) {
        let (mut case, start) = (Case::new(file.0, &[file.1], "Europe/Paris"), at("2026-09-01T00:00:00Z"));
        let mut tries = tries;
        tries.sort_unstable();
        for (quarter, result, [talked, message, refused]) in tries {
            let when = start + Duration::from_secs(quarter * 900);
            case.past(&when.to_string(), CallResult::ALL[result], |p| {
                (p.talked, p.message, p.refused) = (talked, message, talked && refused);
            });
        }
        let now = start + Duration::from_secs(40 * 86_400 + minute * 60);
        match case.rules.check(&case.asked(&now.to_string())) {
            Verdict::Allowed { latest_start } => prop_assert!(latest_start >= now),
            Verdict::Held { until: None, .. } => {}
            Verdict::Held { until: Some(until), .. } => {
                prop_assert!(until > now);
                let then = case.rules.check(&case.asked(&until.to_string()));
                prop_assert!(matches!(then, Verdict::Allowed { .. }), "{then:?} at {until}");
                let mut step = now;
                while step < until {
                    let before = case.rules.check(&case.asked(&step.to_string()));
                    prop_assert!(matches!(before, Verdict::Held { .. }), "allowed at {step}, before {until}");
                    step = step + Duration::from_secs(900);
                }
            }
        }
    }

    #[test]
    fn one_more_earlier_try_never_turns_no_into_yes(
        file in prop::sample::select(vec![("us", "us_fl"), ("us", "us_regf"), ("ru", "ru_collection"), ("fr", "fr"), ("gb", "gb"), ("de", "de")]),
        tries in prop::collection::vec((0..40 * 96_u64, 0..CallResult::ALL.len()), 1..12),
        minute in 0..10 * 1_440_u64,
    ) {
        let (mut case, start) = (Case::new(file.0, &[file.1], "Europe/Paris"), at("2026-09-01T00:00:00Z"));
        let mut tries = tries;
        tries.sort_unstable();
        for (quarter, result) in tries {
            let when = start + Duration::from_secs(quarter * 900);
            case.past(&when.to_string(), CallResult::ALL[result], |_| {});
        }
        let now = (start + Duration::from_secs(40 * 86_400 + minute * 60)).to_string();
        let with = case.at(&now).0;
        for left_out in 0..case.history.len() {
            let past = case.history.remove(left_out);
            let without = case.at(&now).0;
            prop_assert!(without.is_none() || with.is_some(), "{past:?} lifted {without:?}");
            case.history.insert(left_out, past);
        }
    }
}

/// The rule that holds, and until when; `None` and the latest start when allowed.
type Brief = (Option<String>, Option<String>);

fn allowed(latest_start: &str) -> Brief {
    (None, Some(latest_start.to_owned()))
}

fn held(rule: &str, until: &str) -> Brief {
    (Some(rule.to_owned()), Some(until.to_owned()))
}

fn never(rule: &str) -> Brief {
    (Some(rule.to_owned()), None)
}

fn brief(verdict: Verdict) -> Brief {
    match verdict {
        Verdict::Allowed { latest_start } => (None, Some(latest_start.to_string())),
        Verdict::Held { until, rule } => (Some(rule.rule), until.map(|at| at.to_string())),
    }
}

struct Case {
    rules: Rules,
    zones: ZoneSet,
    number: E164,
    history: Vec<PastTry>,
}

impl Case {
    fn new(file: &str, ids: &[&str], zone: &str) -> Self {
        let mut profiles = Profile::load(&shipped(file)).unwrap();
        profiles.retain(|p| ids.contains(&p.id.as_str()));
        Self {
            rules: Rules::combine(&profiles, None).unwrap(),
            zones: ZoneSet::from_names([zone]).unwrap(),
            number: number("+79005550001"),
            history: Vec::new(),
        }
    }

    fn past(&mut self, when: &str, result: CallResult, change: impl FnOnce(&mut PastTry)) {
        let mut past = PastTry {
            at: at(when),
            number: self.number,
            campaign: CampaignId(1),
            seller: "seller".to_owned(),
            subject: None,
            result: Some(result),
            rang: result.rang_by_default(),
            talked: false,
            message: false,
            refused: false,
        };
        change(&mut past);
        self.history.push(past);
    }

    fn talk(&mut self, when: &str) {
        self.past(when, CallResult::ConnectedAgent, |p| p.talked = true);
    }

    fn asked(&self, when: &str) -> Asked<'_> {
        Asked {
            at: at(when),
            zones: &self.zones,
            number: self.number,
            ring_limit: Duration::from_secs(25),
            seller: "seller",
            subject: None,
            history: &self.history,
            suppressed: false,
            consent: true,
            agent_reserved: false,
            in_live_call: false,
        }
    }

    fn ask<'a>(&'a self, when: &str, change: impl FnOnce(&mut Asked<'a>)) -> Brief {
        let mut asked = self.asked(when);
        change(&mut asked);
        brief(self.rules.check(&asked))
    }

    fn at(&self, when: &str) -> Brief {
        self.ask(when, |_| {})
    }
}

fn shipped(file: &str) -> String {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../config/profiles");
    std::fs::read_to_string(format!("{directory}/{file}.toml")).unwrap()
}

fn at(text: &str) -> WallTime {
    text.parse().unwrap()
}

fn number(text: &str) -> E164 {
    text.parse().unwrap()
}
