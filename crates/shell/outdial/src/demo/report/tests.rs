use proto::supervisor::v1::AgentFigures;

use super::*;

fn stamp(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

fn attempt(n: i64, number: &str, result: &str) -> Attempt {
    Attempt {
        attempt_id: format!("a{n}"),
        prospect_id: 1,
        number: number.to_owned(),
        dialled_at: stamp(100 * n),
        ended_at: stamp(100 * n + 30),
        legs: 1,
        result: result.to_owned(),
        ..Attempt::default()
    }
}

/// A small run that shows everything: a busy number and the second one of the same prospect, who talks to an
/// agent; a message to another; and one who is held.
fn facts() -> Facts {
    let talk = Attempt {
        answered_at: stamp(205),
        bridged_at: stamp(205),
        ledger: "C".to_owned(),
        ..attempt(2, "+79005550002", "connected_agent")
    };
    let told = Attempt {
        prospect_id: 2,
        answered_at: stamp(305),
        message: true,
        ..attempt(3, "+79005550003", "message_delivered")
    };
    let attempts = vec![attempt(1, "+79005550001", "busy"), talk, told];
    let calls = attempts
        .iter()
        .zip(1..)
        .map(|(attempt, n)| Seen {
            number: attempt.number.clone(),
            from: Duration::from_secs(100 * n),
            to: Some(Duration::from_secs(100 * n + 30)),
            answered: attempt.answered_at.is_some(),
        })
        .collect();
    let results = ["busy", "connected_agent", "message_delivered"];
    let report = ReportCampaignResponse {
        prospects: 3,
        attempts: 3,
        answered: 2,
        connected: 1,
        delivered: 1,
        results: results.map(|r| (r.to_owned(), 1)).into(),
        held: vec![HeldProspects {
            rule: "campaign window".to_owned(),
            zones: vec!["Asia/Vladivostok".to_owned()],
            until: stamp(1_790_000_000),
            prospects: 1,
        }],
        agents: vec![AgentFigures {
            name: "Анна".to_owned(),
            talks: 1,
            talk_seconds: 25,
            outcomes: 1,
            successes: 1,
            ..AgentFigures::default()
        }],
        ..ReportCampaignResponse::default()
    };
    Facts {
        campaigns: vec![CampaignFacts {
            name: "sales",
            id: 1,
            report,
            attempts,
            explained: "nothing holds it down".to_owned(),
            outside_by_file: 1,
        }],
        calls,
        talks_on_screens: 1,
        pause: PauseSeen {
            campaign: "sales",
            ..PauseSeen::default()
        },
        first_call: Some(Duration::from_millis(4_321)),
        wall: Duration::from_secs(63),
        files: vec!["sales.xlsx".to_owned()],
    }
}

#[test]
fn the_document_has_its_stable_keys_and_holds_when_all_adds_up() {
    let report = Report::of(facts());
    assert_eq!(report.problems, Vec::<String>::new());
    assert!(report.holds());
    let json = serde_json::to_value(&report).unwrap();
    for (key, value) in [
        ("prospects", 3),
        ("attempts", 3),
        ("answered", 2),
        ("connected", 1),
        ("abandoned", 0),
        ("delivered", 1),
        ("double_dials", 0),
        ("unaccounted", 0),
        ("held", 1),
        ("second_numbers", 1),
    ] {
        assert_eq!(json[key], value, "{key}");
    }
    assert_eq!(json["results"]["busy"], 1);
    assert_eq!(json["sip"], serde_json::json!({"invites": 3, "answers": 2}));
    assert_eq!(json["wall_s"], 63.0);
    assert_eq!(json["first_call_s"], 4.321);
}

type Spoil = fn(&mut Facts);

#[test]
fn a_run_that_showed_nothing_or_does_not_add_up_does_not_hold_and_says_why() {
    let spoilt: [(&str, Spoil); 6] = [
        ("nothing was launched", |f| {
            f.calls.clear();
            f.campaigns[0].attempts.clear();
        }),
        ("no prospect's second number", |f| {
            f.campaigns[0].attempts[1].prospect_id = 7;
        }),
        ("no prospect was held", |f| {
            f.campaigns[0].report.held.clear()
        }),
        ("in the file 5 live where it is too early or late", |f| {
            f.campaigns[0].outside_by_file = 5;
        }),
        ("agents had 4 talks on their screens; 1 calls", |f| {
            f.talks_on_screens = 4
        }),
        ("2 calls began while sales was paused", |f| {
            f.pause.late_invites = 2
        }),
    ];
    for (says, spoil) in spoilt {
        let mut facts = facts();
        spoil(&mut facts);
        let report = Report::of(facts);
        let told = report.problems.join("; ");
        assert!(!report.holds() && told.contains(says), "{says}: {told}");
        assert!(report.text().ends_with("It does not add up.\n"));
    }
}

#[test]
fn people_read_until_when_prospects_are_held_and_how_the_books_stand() {
    let text = Report::of(facts()).text();
    for part in [
        "  held      1 in Asia/Vladivostok until Tue 00:13 there (sales 1)",
        "  results   1 busy, 1 connected_agent, 1 message_delivered",
        "3 attempts, each with one result; 2 answers = 1 with an agent + 1 with a message + 0 in the ledger alone",
        "  agents    Анна 1 talks (25 s, 1 successes)",
        "Everything adds up.",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn many_agents_are_told_of_together() {
    let mut facts = facts();
    let agent = facts.campaigns[0].report.agents[0].clone();
    facts.campaigns[0].report.agents = (0..13)
        .map(|n| AgentFigures {
            name: format!("agent {n}"),
            talks: n,
            ..agent.clone()
        })
        .collect();
    let text = Report::of(facts).text();
    let line = "  agents    13: 78 talks (325 s, 13 successes), 0 to 12 each\n";
    assert!(text.contains(line), "{text}");
}

#[test]
fn a_call_stopped_while_the_carrier_asks_who_we_are_was_no_call_there() {
    let mut stopped = attempt(4, "+79005550004", "dial_stopped");
    assert_eq!(legs_let_in(&stopped), 1);
    stopped.sip_status = 407;
    assert_eq!(legs_let_in(&stopped), 0);
}
