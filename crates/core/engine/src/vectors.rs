//! The published table of worked examples: events on the line → result, ledger class, what follows.

use std::time::Duration;

use compliance::{AnsweredTimes, ledger_class};
use model::{CallResult, Ended, LegEnd, SipStatus, WallTime};
use serde::Deserialize;
use serde_json::Value;

use crate::classify::{
    AgentPart, Answered, AttemptFacts, InBand, Machine, MessagePart, Stop, classify, may_hunt_on,
};
use crate::retry::{RetryTable, Signals, Step, mark, suppresses};
use crate::work::{ClosedState, NumberMark};

#[derive(Deserialize)]
struct File {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    title: String,
    input: Given,
    output: Expected,
}

#[derive(Deserialize)]
struct Given {
    mode: String,
    events: Vec<Event>,
    #[serde(default)]
    context: Value,
}

#[derive(Deserialize)]
struct Event {
    t: f64,
    ev: String,
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    q850: Option<u8>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    verdict: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    trunk: Option<String>,
    #[serde(default)]
    deny: Option<String>,
    #[serde(default)]
    next_allowed_s: Option<u64>,
}

#[derive(Deserialize)]
struct Expected {
    call_result: String,
    counts_as_attempt: bool,
    rang: bool,
    ledger: Option<String>,
    next_action: String,
    retry_after_s: Option<u64>,
    registry: Option<String>,
}

const THRESHOLD: Duration = Duration::from_secs(2);

fn at(t: f64) -> WallTime {
    WallTime::from_unix_micros((t * 1e6).round() as i64)
}

/// Reads the events as the engine would be told of them.
fn facts(given: &Given) -> AttemptFacts {
    let mut facts = AttemptFacts::default();
    let mut leg_rang = false;
    let agentless = given.mode == "agentless";
    let suspect = given.context.get("trunk_sane").and_then(Value::as_bool) == Some(false);
    facts.trunk_suspect = suspect;
    for event in &given.events {
        let answered = || Answered {
            agentless,
            ..Answered::default()
        };
        match event.ev.as_str() {
            "invite_sent" => leg_rang = false,
            "100" | "ack_sent" | "cancel_sent" | "amd" if event.verdict.is_none() => {}
            // Audio before the answer is not ringing for sure; 180 is.
            "183" => {}
            "180" => {
                leg_rang = true;
                facts.rang = true;
                facts.times.ringing_at = Some(at(event.t));
            }
            "final" if event.status == Some(200) => {
                facts.times.answered_at = Some(at(event.t));
                facts.answered = Some(answered());
            }
            "final" => {
                let by = if facts.stopped.is_some() {
                    Ended::Local
                } else {
                    Ended::Remote
                };
                facts.last_leg = Some(LegEnd {
                    by,
                    status: event.status.map(SipStatus),
                    q850: event.q850,
                    text: event.text.clone(),
                    rang: leg_rang,
                    early_media: false,
                });
            }
            "trunk_timeout" => facts.last_leg = Some(LegEnd::bare(Ended::Timeout)),
            "ring_limit" => facts.stopped = Some(Stop::RingLimit),
            "setup_limit" => facts.stopped = Some(Stop::SetUpLimit),
            "pacing_stop" => facts.stopped = Some(Stop::NotWanted),
            "process_crash" => facts.controller_lost = true,
            "rtp_first" => facts.answered.get_or_insert_with(answered).audio = true,
            "speech_end" => facts.times.greeting_ended_at = Some(at(event.t)),
            "amd" => {
                if event.verdict.as_deref() == Some("machine") {
                    let network = event.kind.as_deref() == Some("network_mailbox");
                    let machine = if network {
                        Machine::NetworkMailbox
                    } else {
                        Machine::Answering
                    };
                    facts.answered.get_or_insert_with(answered).machine = Some(machine);
                }
            }
            "agent_marks_machine" => {
                facts.answered.get_or_insert_with(answered).machine = Some(Machine::Answering);
            }
            "tone" => facts.answered.get_or_insert_with(answered).machine = Some(Machine::Fax),
            "no_speech_limit" => facts.answered.get_or_insert_with(answered).silent = true,
            "sit" => {
                facts.in_band = Some(match event.kind.as_deref() {
                    Some("VC") => InBand::SitVacantCode,
                    Some("NC" | "RO") => InBand::SitCongestion,
                    Some("IC") => InBand::SitIntercept,
                    _ => InBand::SitGeneral,
                });
            }
            "announcement" => facts.in_band = Some(InBand::UnknownAnnouncement),
            "agent_audio" => {
                facts.answered.get_or_insert_with(answered).agent = AgentPart::Joined;
                facts.times.bridged_at = Some(at(event.t));
            }
            "agent_leg_failed" => {
                facts.answered.get_or_insert_with(answered).agent = AgentPart::NoPickup;
            }
            "message_start" => {
                facts.answered.get_or_insert_with(answered).message = MessagePart::Started;
                facts.times.message_at = Some(at(event.t));
            }
            "message_threshold" | "message_end" => {
                facts.answered.get_or_insert_with(answered).message = MessagePart::Delivered;
            }
            "bye_received" | "bye_sent" => {
                facts.times.ended_at = Some(at(event.t));
                let person = event.ev == "bye_received";
                facts.answered.get_or_insert_with(answered).person_left = person;
            }
            "decision" => {
                facts.not_dialled = Some(match event.deny.as_deref() {
                    Some("on_list") => CallResult::DoNotCall,
                    _ => CallResult::ComplianceBlocked,
                });
            }
            "agent_skip" => facts.not_dialled = Some(CallResult::PreviewSkipped),
            "100" | "ack_sent" | "cancel_sent" | "agent_invite" | "preview_shown" | "beep"
            | "dtmf" | "disposition_saved" | "wrapup_timeout" => {}
            other => panic!("event {other} is not known"),
        }
    }
    facts
}

#[test]
fn every_worked_example_has_its_result_ledger_class_and_registry_mark() {
    for v in vectors() {
        let facts = facts(&v.input);
        let result = classify(&facts, THRESHOLD);
        assert_eq!(
            result.as_str(),
            v.output.call_result,
            "{} {}",
            v.id,
            v.title
        );

        let rang = facts.rang || result.rang_by_default();
        // A call that the network stopped as unwanted rang only when it rang; the same for an answer.
        assert_eq!(rang, v.output.rang, "{} {}: rang", v.id, v.title);
        assert_eq!(
            result.counts_as_try(),
            v.output.counts_as_attempt,
            "{} {}: counts",
            v.id,
            v.title
        );

        let class = facts.times.answered_at.and_then(|answered_at| {
            let times = AnsweredTimes {
                answered_at,
                greeting_ended_at: facts.times.greeting_ended_at,
                agent_at: facts.times.bridged_at,
                message_at: facts.times.message_at,
                released_at: facts.times.ended_at,
                released_by_person: facts.answered.is_some_and(|a| a.person_left),
            };
            ledger_class(&times, result, THRESHOLD)
        });
        assert_eq!(
            class.map(|c| c.as_str().to_owned()),
            v.output.ledger,
            "{} {}: ledger",
            v.id,
            v.title
        );

        let of_disposition = v.input.events.iter().any(|e| e.ev == "disposition_saved");
        if !of_disposition {
            let marked = mark(result, &signals(&facts)).map(NumberMark::as_str);
            assert_eq!(
                marked.map(str::to_owned),
                v.output.registry,
                "{} {}: registry",
                v.id,
                v.title
            );
        }
    }
}

#[test]
fn every_worked_example_is_followed_by_its_next_action() {
    let table = RetryTable::default();
    for v in vectors() {
        let facts = facts(&v.input);
        let result = classify(&facts, THRESHOLD);
        let number = |name: &str| {
            v.input
                .context
                .get(name)
                .and_then(Value::as_u64)
                .unwrap_or(0) as usize
        };
        let earlier = number("earlier_incompatible") + number("earlier_no_ringback");
        let signals = signals(&facts);
        let step = table.step(result, earlier, number("phones_left"), &signals);
        let (action, after) = match (result, step) {
            // What follows a talk is the agent's word, and has its own test; a hold is no attempt.
            (CallResult::ConnectedAgent, Step::AwaitOutcome) => continue,
            (CallResult::ComplianceBlocked, _) => {
                let held = v.input.events.iter().find_map(|e| e.next_allowed_s);
                assert_eq!(held, v.output.retry_after_s, "{}", v.id);
                continue;
            }
            (_, Step::ClosePhone) if suppresses(result, &signals) => ("suppress_phone", None),
            (
                _,
                Step::SamePhone {
                    after,
                    reserved_agent: true,
                },
            ) => ("retry_reserved_agent", Some(after)),
            (_, Step::SamePhone { after, .. }) => ("retry_same_phone", Some(after)),
            (_, Step::NextPhone { .. }) => ("next_phone", Some(Duration::ZERO)),
            (_, Step::ClosePhone) => ("close_phone", None),
            (_, Step::Close(ClosedState::Success)) => ("close_prospect", None),
            (_, Step::BackToQueue { after }) => ("return_to_pending", Some(after)),
            (_, Step::Close(_) | Step::AwaitOutcome) => panic!("{}: {step:?}", v.id),
        };
        assert_eq!(action, v.output.next_action, "{} {}", v.id, v.title);
        assert_eq!(
            after.map(|a| a.as_secs()),
            v.output.retry_after_s,
            "{} {}",
            v.id,
            v.title
        );
    }
}

#[test]
fn the_next_trunk_is_tried_where_the_examples_try_it() {
    for v in vectors() {
        let events = &v.input.events;
        for (i, event) in events.iter().enumerate() {
            if event.ev != "final" || event.status == Some(200) {
                continue;
            }
            let hunts = events[i + 1..].iter().find(|e| e.ev == "invite_sent");
            let Some(next) = hunts else { continue };
            let same = events[..i]
                .iter()
                .rev()
                .find(|e| e.ev == "invite_sent")
                .and_then(|e| e.trunk.clone());
            if next.trunk == same {
                continue; // a challenge answered is the same leg
            }
            let leg = LegEnd {
                status: event.status.map(SipStatus),
                q850: event.q850,
                ..LegEnd::bare(Ended::Remote)
            };
            assert!(may_hunt_on(&leg), "{} {}", v.id, v.title);
        }
    }
}

fn signals(facts: &AttemptFacts) -> Signals {
    let last = facts.last_leg.as_ref();
    Signals {
        status: last.and_then(|l| l.status),
        q850: last.and_then(|l| l.q850),
        rang: facts.rang,
        ..Signals::default()
    }
}

fn vectors() -> Vec<Vector> {
    let file: File =
        serde_json::from_str(include_str!("../tests/vectors/call_results.json")).unwrap();
    assert_eq!(file.vectors.len(), 47);
    file.vectors
}
