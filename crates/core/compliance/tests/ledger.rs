//! Classes of answered calls against the vectors of call results, and rates against worked examples.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::time::Duration;

use compliance::{AnsweredTimes, Formula, LedgerCounts, Machines, ledger_class, wilson_upper_95};
use model::{CallResult, LedgerClass, Share, WallTime};
use serde::Deserialize;

const THRESHOLD: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
struct File {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    title: String,
    input: Input,
    output: Output,
}

#[derive(Deserialize)]
struct Input {
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    t: f64,
    ev: String,
    status: Option<u16>,
}

#[derive(Deserialize)]
struct Output {
    call_result: CallResult,
    ledger: Option<LedgerClass>,
}

#[test]
fn every_answered_vector_falls_in_its_class() {
    let file: File = serde_json::from_str(include_str!("call_result_vectors.json")).unwrap();
    let mut seen = Vec::new();
    for v in &file.vectors {
        let class = answered(&v.input.events)
            .and_then(|times| ledger_class(&times, v.output.call_result, THRESHOLD));
        assert_eq!(class, v.output.ledger, "{} {}", v.id, v.title);
        seen.extend(class);
    }
    for class in LedgerClass::ALL {
        assert!(
            seen.contains(&class),
            "no vector has class {}",
            class.as_str()
        );
    }
}

#[test]
fn a_lost_controller_left_alone_whom_no_agent_had_reached() {
    let times = times(None, None, None, false);
    assert_eq!(
        ledger_class(&times, CallResult::ControllerLost, THRESHOLD),
        Some(LedgerClass::A)
    );
    let joined = AnsweredTimes {
        agent_at: Some(second(1.0)),
        ..times
    };
    assert_eq!(
        ledger_class(&joined, CallResult::ControllerLost, THRESHOLD),
        Some(LedgerClass::C)
    );
}

#[test]
fn where_times_and_result_disagree_the_worse_class_stands() {
    // "Left early", but 3.5 s after the greeting; or released by us.
    let late = times(Some(1.0), None, Some(4.5), true);
    assert_eq!(
        ledger_class(&late, CallResult::CallerHungUpEarly, THRESHOLD),
        Some(LedgerClass::A)
    );
    let ours = times(Some(1.0), None, Some(2.0), false);
    assert_eq!(
        ledger_class(&ours, CallResult::CallerHungUpEarly, THRESHOLD),
        Some(LedgerClass::A)
    );
    let no_agent = times(Some(1.0), None, Some(9.0), true);
    assert_eq!(
        ledger_class(&no_agent, CallResult::ConnectedAgent, THRESHOLD),
        Some(LedgerClass::A)
    );
}

#[test]
fn without_a_word_the_greeting_ends_three_seconds_after_the_answer() {
    let at = |agent: f64| {
        ledger_class(
            &times(None, Some(agent), None, true),
            CallResult::ConnectedAgent,
            THRESHOLD,
        )
    };
    assert_eq!(
        (at(5.0), at(5.001)),
        (Some(LedgerClass::C), Some(LedgerClass::L))
    );
}

#[test]
fn example_1_of_a_us_period_without_detection_shows_both_figures() {
    let counts = LedgerCounts {
        c: 10_000,
        a: 290,
        h: 150,
        ..LedgerCounts::default()
    };
    assert_eq!(
        counts.rate(Formula::UsLiveAnswered, Machines::NONE),
        Share::from_ppm(27_777)
    );
    assert_eq!(
        counts.rate_without_early(Formula::UsLiveAnswered, Machines::NONE),
        Share::from_ppm(28_182)
    );
    assert!(!counts.is_over(Formula::UsLiveAnswered, Machines::NONE, percent(3)));
}

#[test]
fn example_2_people_taken_for_machines_break_a_limit_that_the_naive_figure_keeps() {
    let counts = LedgerCounts {
        c: 10_000,
        a: 290,
        h: 150,
        m: 4_000,
        machines_released: 4_000,
        ..LedgerCounts::default()
    };
    let detected = Machines::Detected {
        false_positive: Share::from_ppm(15_000),
    };
    assert_eq!(
        counts.rate(Formula::UsLiveAnswered, detected),
        Share::from_ppm(33_333)
    );
    assert!(counts.is_over(Formula::UsLiveAnswered, detected, percent(3)));
    assert!(!counts.is_over(Formula::UsLiveAnswered, Machines::NONE, percent(3)));
}

#[test]
fn example_3_of_a_british_day_with_detection() {
    let counts = LedgerCounts {
        c: 970,
        a: 24,
        m: 400,
        machines_released: 400,
        ..LedgerCounts::default()
    };
    let detected = Machines::Detected {
        false_positive: Share::from_ppm(15_000),
    };
    assert_eq!(
        counts.rate(Formula::GbPersistentMisuse, detected),
        percent(3)
    );
    // At the limit is not over it.
    assert!(!counts.is_over(Formula::GbPersistentMisuse, detected, percent(3)));
}

#[test]
fn example_4_of_a_british_day_without_detection_takes_off_the_share_of_machines() {
    let counts = LedgerCounts {
        c: 900,
        a: 40,
        ..LedgerCounts::default()
    };
    let share = Machines::NotDetected { share: percent(22) };
    assert_eq!(
        counts.rate(Formula::GbPersistentMisuse, share),
        Share::from_ppm(33_505)
    );
    // The US formula takes nothing off.
    assert_eq!(
        counts.rate(Formula::UsLiveAnswered, share),
        Share::of(40, 940)
    );
}

#[test]
fn example_5_the_same_calls_are_at_the_italian_limit_and_inside_the_british_one() {
    let counts = LedgerCounts {
        c: 1_000,
        s: 30,
        ..LedgerCounts::default()
    };
    assert_eq!(
        counts.rate(Formula::ItSilentPerSuccessful, Machines::NONE),
        percent(3)
    );
    assert_eq!(
        counts.rate(Formula::GbPersistentMisuse, Machines::NONE),
        Share::from_ppm(29_126)
    );
}

#[test]
fn example_6_is_inside_the_canadian_limit_and_outside_a_us_one() {
    let counts = LedgerCounts {
        c: 1_900,
        a: 95,
        h: 5,
        ..LedgerCounts::default()
    };
    assert_eq!(
        counts.rate(Formula::CaAnswered, Machines::NONE),
        Share::from_ppm(47_500)
    );
    assert!(!counts.is_over(Formula::CaAnswered, Machines::NONE, percent(5)));
    assert!(counts.is_over(Formula::CaAnswered, Machines::NONE, percent(3)));
}

#[test]
fn example_7_an_agent_who_comes_2_2_seconds_after_the_greeting_is_late_though_a_talk_took_place() {
    let late = times(Some(3.2), Some(5.4), Some(60.0), true);
    assert_eq!(
        ledger_class(&late, CallResult::ConnectedAgent, THRESHOLD),
        Some(LedgerClass::L)
    );
    let mut counts = LedgerCounts::default();
    counts.add(LedgerClass::L);
    assert_eq!(
        counts.rate(Formula::UsLiveAnswered, Machines::NONE),
        Share::ONE
    );
}

#[test]
fn counting_in_parts_and_adding_up_is_counting_at_once() {
    let mut whole = LedgerCounts::default();
    let mut parts = [LedgerCounts::default(), LedgerCounts::default()];
    for (i, class) in LedgerClass::ALL.into_iter().cycle().take(50).enumerate() {
        whole.add(class);
        parts[i % 2].add(class);
    }
    whole.add_released_machine();
    parts[1].add_released_machine();
    let [mut sum, other] = parts;
    sum.merge(&other);
    assert_eq!(sum, whole);
    assert_eq!(sum.live_answers() + sum.m, 51);
}

#[test]
fn with_a_limit_of_three_percent_the_first_abandoned_call_fits_after_33_connected_ones() {
    let over = |c: u64| {
        let counts = LedgerCounts {
            c,
            a: 1,
            ..LedgerCounts::default()
        };
        counts.is_over(Formula::UsLiveAnswered, Machines::NONE, percent(3))
    };
    assert!(over(32));
    assert!(!over(33));
}

#[test]
fn the_wilson_bound_is_above_the_measured_rate_and_comes_down_with_the_sample() {
    // Recomputed with 50 decimal digits: 0.0369934982…, 0.0845193642…; rounded up.
    assert_eq!(wilson_upper_95(0, 100), Share::from_ppm(36_994));
    assert_eq!(wilson_upper_95(3, 100), Share::from_ppm(84_520));
    assert_eq!(wilson_upper_95(0, 0), Share::ONE);
    assert_eq!(wilson_upper_95(10, 10), Share::ONE);
    assert!(wilson_upper_95(0, 1_000) < Share::from_ppm(5_000));
    assert!(wilson_upper_95(0, 700) > Share::from_ppm(5_000));
}

fn percent(n: u32) -> Share {
    Share::from_ppm(n * 10_000)
}

fn second(t: f64) -> WallTime {
    WallTime::from_unix_seconds(1_780_000_000) + Duration::from_secs_f64(t)
}

/// Times in seconds after the answer.
fn times(
    greeting: Option<f64>,
    agent: Option<f64>,
    released: Option<f64>,
    by_person: bool,
) -> AnsweredTimes {
    AnsweredTimes {
        answered_at: second(0.0),
        greeting_ended_at: greeting.map(second),
        agent_at: agent.map(second),
        message_at: None,
        released_at: released.map(second),
        released_by_person: by_person,
    }
}

fn answered(events: &[Event]) -> Option<AnsweredTimes> {
    let first = |name: &str| events.iter().find(|e| e.ev == name).map(|e| second(e.t));
    let released = events
        .iter()
        .find(|e| e.ev == "bye_sent" || e.ev == "bye_received");
    Some(AnsweredTimes {
        answered_at: events
            .iter()
            .find(|e| e.ev == "final" && e.status == Some(200))
            .map(|e| second(e.t))?,
        greeting_ended_at: first("speech_end"),
        agent_at: first("agent_audio"),
        message_at: first("message_start"),
        released_at: released.map(|e| second(e.t)),
        released_by_person: released.is_some_and(|e| e.ev == "bye_received"),
    })
}
