//! What happens to a call, from the launch to its one result.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is its purpose"
)]

mod rig;

use std::time::Duration;

use engine::{
    AgentAsk, AgentEvent, CampaignState, Effect, Input, LegCommand, LegEvent, Mode, Next, Outcome,
    ReturnTo, Sound, StoreFact, StoreWish, Tone, WorkKind,
};
use model::{AgentId, AttemptId, CallResult, Ended, LedgerClass, LegEnd, PhoneId};
use rig::{Rig, claim, debt_message, refused, spec};

const AGENT: AgentId = AgentId(1);
const SECOND: Duration = Duration::from_secs(1);

fn outcome(code: &str) -> Outcome {
    Outcome {
        disposition: code.to_owned(),
        answers: Vec::new(),
        note: "n".to_owned(),
        call_at: None,
        call_phone: None,
    }
}

#[test]
fn no_invite_leaves_before_its_launch_is_committed() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    rig.claim(vec![claim(1, 1)]);
    assert_eq!(rig.launches().len(), 1);
    assert!(
        !rig.legs()
            .iter()
            .any(|c| matches!(c, LegCommand::Dial { .. }))
    );
    let attempt = rig.launches()[0].attempt;
    assert!(rig.commit(attempt).is_some());
}

#[test]
fn a_commit_that_took_longer_than_a_second_is_not_dialled() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    rig.claim(vec![claim(1, 1)]);
    let attempt = rig.launches()[0].attempt;
    rig.pass(Duration::from_millis(1_001));
    assert_eq!(rig.commit(attempt), None);
    assert_eq!(rig.finished()[0].result, CallResult::ReturnedUndialled);
}

#[test]
fn every_attempt_has_an_end_also_one_that_nobody_answers_or_that_is_never_dialled() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    let (_, leg) = rig.dial(1);
    rig.pass(SECOND * 3);
    rig.end(leg, refused(486, Some(17)));
    let busy = rig.finished()[0].times;
    let dialled_at = busy.dialled_at.unwrap();
    assert_eq!(busy.ended_at.unwrap().since(dialled_at), SECOND * 3);

    rig.claim(vec![claim(2, 1)]);
    let attempt = rig.launches().last().unwrap().attempt;
    rig.set_state(CampaignState::Paused);
    assert_eq!(rig.commit(attempt), None);
    assert!(rig.finished().last().unwrap().times.ended_at.is_some());
}

#[test]
fn a_campaign_paused_during_the_commit_sends_nothing() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    rig.claim(vec![claim(1, 1)]);
    let attempt = rig.launches()[0].attempt;
    rig.set_state(CampaignState::Paused);
    assert_eq!(rig.commit(attempt), None);
    assert_eq!(rig.finished()[0].result, CallResult::ReturnedUndialled);
}

#[test]
fn an_answered_person_is_joined_to_the_agent_at_once_with_card_and_tone() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    let (attempt, leg) = rig.dial(1);
    rig.ring(leg);
    rig.pass(SECOND * 5);
    rig.answer(leg);
    assert!(
        rig.legs()
            .iter()
            .any(|c| matches!(c, LegCommand::Bridge { a, .. } if *a == leg))
    );
    assert!(rig.legs().iter().any(|c| matches!(c, LegCommand::Play { sounds, .. } if sounds == &[Sound::Tone { tone: Tone::Connected }])));
    assert!(
        rig.agent_events(AGENT)
            .iter()
            .any(|e| matches!(e, AgentEvent::Connected { pop } if pop.attempt == Some(attempt)))
    );
    rig.hang_up_by_person(leg);
    let end = &rig.finished()[0];
    assert_eq!(
        (end.result, end.ledger, &end.next),
        (
            CallResult::ConnectedAgent,
            Some(LedgerClass::C),
            &Next::AwaitsOutcome
        )
    );
}

#[test]
fn a_person_whom_no_agent_takes_within_two_seconds_is_released_and_stands_in_the_ledger() {
    let mut rig = Rig::new(spec(Mode::Predictive), 1);
    rig.claim((1..=3).map(|n| claim(n, 1)).collect());
    let attempts: Vec<AttemptId> = rig.launches().iter().map(|l| l.attempt).collect();
    assert_eq!(attempts.len(), 3, "three lines for one agent");
    let legs: Vec<_> = attempts.iter().map(|a| rig.commit(*a).unwrap()).collect();
    rig.answer(legs[0]);
    rig.answer(legs[1]);
    rig.pass(Duration::from_millis(1_900));
    assert!(!rig.legs().contains(&LegCommand::HangUp { leg: legs[1] }));
    rig.pass(Duration::from_millis(200));
    rig.hung_up_by_us(legs[1]);
    let end = &rig.finished()[0];
    assert_eq!(
        (end.result, end.ledger),
        (CallResult::AbandonedNoAgent, Some(LedgerClass::A))
    );
    assert!(matches!(
        end.next,
        Next::Due {
            kind: WorkKind::ReservedAgent,
            ..
        }
    ));
}

#[test]
fn an_agent_who_becomes_free_takes_the_person_who_waits() {
    let mut rig = Rig::new(spec(Mode::Predictive), 1);
    rig.claim((1..=2).map(|n| claim(n, 1)).collect());
    let attempts: Vec<AttemptId> = rig.launches().iter().map(|l| l.attempt).collect();
    let legs: Vec<_> = attempts.iter().map(|a| rig.commit(*a).unwrap()).collect();
    rig.answer(legs[0]);
    rig.answer(legs[1]);
    rig.hang_up_by_person(legs[0]);
    rig.request(engine::Ask::Agent {
        agent: AGENT,
        ask: AgentAsk::Submit {
            attempt: attempts[0],
            outcome: outcome("sale"),
        },
    });
    assert!(
        rig.agent_events(AGENT).iter().any(
            |e| matches!(e, AgentEvent::Connected { pop } if pop.attempt == Some(attempts[1]))
        )
    );
}

#[test]
fn a_person_who_leaves_within_two_seconds_hung_up_early() {
    let mut rig = Rig::new(spec(Mode::Predictive), 1);
    rig.claim((1..=2).map(|n| claim(n, 1)).collect());
    let attempts: Vec<AttemptId> = rig.launches().iter().map(|l| l.attempt).collect();
    let legs: Vec<_> = attempts.iter().map(|a| rig.commit(*a).unwrap()).collect();
    rig.answer(legs[0]);
    rig.answer(legs[1]);
    rig.pass(Duration::from_millis(1_200));
    rig.hang_up_by_person(legs[1]);
    let end = &rig.finished()[0];
    assert_eq!(
        (end.result, end.ledger),
        (CallResult::CallerHungUpEarly, Some(LedgerClass::H))
    );
}

#[test]
fn an_answer_that_crosses_our_cancel_is_a_person_and_is_joined() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    let (_, leg) = rig.dial(1);
    rig.ring(leg);
    rig.pass(SECOND * 26);
    assert!(rig.legs().contains(&LegCommand::Cancel { leg }));
    rig.tell(Input::Leg(LegEvent::Answered {
        leg,
        after_cancel: true,
    }));
    rig.bridge_all();
    rig.hang_up_by_person(leg);
    assert_eq!(rig.finished()[0].result, CallResult::ConnectedAgent);
}

#[test]
fn a_phone_that_rings_to_the_limit_is_not_answered_and_the_next_number_follows() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    rig.claim(vec![claim(1, 2)]);
    let attempt = rig.launches()[0].attempt;
    let leg = rig.commit(attempt).unwrap();
    rig.ring(leg);
    rig.pass(SECOND * 25);
    rig.end(
        leg,
        LegEnd {
            rang: true,
            ..refused(487, Some(16))
        },
    );
    let end = &rig.finished()[0];
    assert_eq!(end.result, CallResult::NoAnswer);
    assert!(
        matches!(end.next, Next::Due { phone: Some(PhoneId(11)), kind: WorkKind::Hunt, at, .. } if at == rig.now.wall)
    );
}

#[test]
fn a_trunk_that_refuses_is_followed_by_the_next_within_the_same_attempt() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    let (attempt, first) = rig.dial(1);
    rig.end(first, refused(503, None));
    let second = rig.legs().into_iter().rev().find_map(|c| match c {
        LegCommand::Dial {
            leg,
            attempt: a,
            trunk,
            ..
        } if a == attempt => Some((leg, trunk)),
        _ => None,
    });
    let (leg, trunk) = second.unwrap();
    assert_ne!(leg, first);
    assert_eq!(trunk.0, 2);
    rig.end(leg, refused(486, Some(17)));
    let end = &rig.finished()[0];
    assert_eq!((end.result, end.legs.len()), (CallResult::Busy, 2));
}

#[test]
fn a_further_number_and_a_promise_are_dialled_before_prospects_at_hand_who_were_never_tried() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    let of_kind = |n: i64, kind| engine::Claim {
        kind,
        ..claim(n, 2)
    };
    let (_, leg) = rig.dial(1);
    // The only agent is promised: these wait at hand.
    rig.claim(vec![claim(2, 1), claim(3, 1), of_kind(4, WorkKind::Retry)]);
    rig.claim(vec![of_kind(5, WorkKind::Hunt)]);
    rig.claim(vec![of_kind(6, WorkKind::PublicCallback)]);
    let mut leg = Some(leg);
    while let Some(dialled) = leg {
        rig.end(dialled, refused(486, Some(17)));
        let last = rig.launches().last().unwrap().attempt;
        leg = rig.commit(last);
    }
    let prospects: Vec<i64> = rig.launches().iter().map(|l| l.prospect.0).collect();
    assert_eq!(prospects, [1, 6, 5, 4, 2, 3]);
}

#[test]
fn a_prospect_whose_number_is_in_another_call_waits_for_its_end_and_not_for_ever() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    let mut talking = claim(1, 1);
    talking.phones[0].live = true;
    rig.claim(vec![talking]);
    let wishes = rig.wishes();
    let back = wishes.iter().find_map(|w| match w {
        StoreWish::Return(back) => back.first(),
        _ => None,
    });
    let Some(ReturnTo::Held { until, rule }) = back.map(|b| &b.to) else {
        panic!("{back:?}");
    };
    assert_eq!(
        until.map(|until| until.since(rig.now.wall)),
        Some(SECOND * 60)
    );
    assert!(rule.contains("in_live_call"), "{rule}");
}

#[test]
fn pause_cancels_what_has_not_rung_lets_ring_what_an_agent_can_take_and_ends_no_talk() {
    let mut rig = Rig::new(spec(Mode::Predictive), 2);
    rig.claim((1..=4).map(|n| claim(n, 1)).collect());
    let attempts: Vec<AttemptId> = rig.launches().iter().map(|l| l.attempt).collect();
    let legs: Vec<_> = attempts.iter().map(|a| rig.commit(*a).unwrap()).collect();
    rig.answer(legs[0]); // talks with one agent; the other is free
    rig.ring(legs[1]);
    rig.ring(legs[2]);
    rig.set_state(CampaignState::Paused);
    let cancelled: Vec<_> = legs
        .iter()
        .filter(|l| rig.legs().contains(&LegCommand::Cancel { leg: **l }))
        .collect();
    assert_eq!(
        cancelled,
        [&legs[2], &legs[3]],
        "one rings for the free agent, one too many, one had not rung"
    );
    rig.answer(legs[1]);
    let joined = |leg| {
        rig.legs()
            .iter()
            .any(|c| matches!(c, LegCommand::Bridge { a, .. } if *a == leg))
    };
    assert!(joined(legs[0]) && joined(legs[1]));
    assert!(!rig.legs().contains(&LegCommand::HangUp { leg: legs[0] }));
}

#[test]
fn an_agent_who_pauses_while_a_call_rings_takes_it_first() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    let (_, leg) = rig.dial(1);
    rig.ring(leg);
    let pause = AgentAsk::NotReady {
        reason: "lunch".to_owned(),
        when: engine::PauseWhen::AfterCall,
    };
    rig.ask(AGENT, pause).unwrap();
    rig.answer(leg);
    rig.hang_up_by_person(leg);
    assert_eq!(rig.finished()[0].result, CallResult::ConnectedAgent);
}

#[test]
fn a_call_on_which_the_agent_hears_a_machine_and_says_so_is_a_machine() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    let (attempt, leg) = rig.dial(1);
    rig.answer(leg);
    let submit = AgentAsk::Submit {
        attempt,
        outcome: outcome("machine_seen_by_agent"),
    };
    assert_eq!(
        rig.request(engine::Ask::Agent {
            agent: AGENT,
            ask: submit
        }),
        None,
        "answered when it is safe"
    );
    let request = rig.last_request();
    rig.hung_up_by_us(leg);
    let end = &rig.finished()[0];
    assert_eq!(
        (end.result, end.ledger),
        (CallResult::AnsweringMachine, Some(LedgerClass::M))
    );
    rig.tell(Input::Store(StoreFact::OutcomeSaved {
        attempt,
        callback: None,
    }));
    assert!(rig.reply(request).unwrap().is_ok());
}

#[test]
fn a_wrap_up_warns_ends_by_itself_and_applies_nothing() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    let (attempt, leg) = rig.dial(1);
    rig.answer(leg);
    rig.hang_up_by_person(leg);
    rig.pass(SECOND * 49);
    assert!(
        !rig.agent_events(AGENT)
            .iter()
            .any(|e| matches!(e, AgentEvent::WrapUpEnding { .. }))
    );
    rig.pass(SECOND);
    assert!(
        rig.agent_events(AGENT)
            .iter()
            .any(|e| matches!(e, AgentEvent::WrapUpEnding { .. }))
    );
    rig.pass(SECOND * 10);
    assert!(
        rig.agent_events(AGENT)
            .contains(&AgentEvent::WrapUpTimedOut { attempt })
    );
    let saved: Vec<_> = rig
        .wishes()
        .into_iter()
        .filter_map(|w| {
            if let StoreWish::SaveOutcome(o) = w {
                Some(o)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(saved.len(), 1);
    assert_eq!(saved[0].outcome.disposition, engine::NO_OUTCOME);
    assert!(!saved[0].suppress && saved[0].callback.is_none());
}

#[test]
fn when_the_agents_phone_is_lost_the_person_hears_a_tone_at_once_and_another_agent_takes_the_same_call()
 {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    let (attempt, leg) = rig.dial(1);
    rig.answer(leg);
    let agent_leg = rig
        .legs()
        .into_iter()
        .find_map(|c| {
            if let LegCommand::Bridge { b, .. } = c {
                Some(b)
            } else {
                None
            }
        })
        .unwrap();
    rig.out.clear();
    rig.end(agent_leg, LegEnd::bare(Ended::Lost));
    assert!(rig.legs().iter().any(|c| matches!(c, LegCommand::Play { leg: l, sounds, repeat: true, .. } if *l == leg && sounds == &[Sound::Tone { tone: Tone::Hold }])));
    assert!(rig.finished().is_empty());
    rig.sign_in(AgentId(2));
    let others = |rig: &Rig| {
        !rig.agent_events(AgentId(2))
            .iter()
            .all(|e| !matches!(e, AgentEvent::Connected { .. }))
    };
    rig.pass(Duration::from_millis(7_900));
    assert!(!others(&rig), "first the agent alone may return");
    rig.pass(Duration::from_millis(200));
    assert!(
        rig.agent_events(AgentId(2))
            .iter()
            .any(|e| matches!(e, AgentEvent::Connected { pop } if pop.attempt == Some(attempt)))
    );
    rig.bridge_all();
    rig.hang_up_by_person(leg);
    assert_eq!(rig.finished().len(), 1, "it stays one attempt");
}

#[test]
fn a_debt_is_spoken_only_after_the_key_that_confirms_who_listens() {
    let mut rig = Rig::new(
        engine::CampaignSpec {
            message: Some(debt_message()),
            ..spec(Mode::Notification)
        },
        0,
    );
    let (_, leg) = rig.dial(1);
    rig.answer(leg);
    let speaks_amount = |rig: &Rig| {
        rig.legs().iter().any(|c| matches!(c, LegCommand::Play { sounds, .. } if sounds.iter().any(|s| matches!(s, Sound::Prompts { ids, .. } if ids.iter().any(|i| i.starts_with("RUB."))))))
    };
    rig.tell(Input::Leg(LegEvent::Digit { leg, digit: '1' })); // too early: who calls is said to its end
    rig.played(leg, true);
    assert!(!speaks_amount(&rig));
    rig.tell(Input::Leg(LegEvent::Digit { leg, digit: '1' }));
    assert!(speaks_amount(&rig));
    rig.played(leg, true); // body
    rig.played(leg, true); // goodbye
    rig.hung_up_by_us(leg);
    let end = &rig.finished()[0];
    assert_eq!(
        (end.result, end.digits.as_str()),
        (CallResult::MessageDelivered, "11")
    );
}

#[test]
fn the_opt_out_key_ends_the_call_at_once_and_suppresses_the_number() {
    let mut rig = Rig::new(
        engine::CampaignSpec {
            message: Some(debt_message()),
            ..spec(Mode::Notification)
        },
        0,
    );
    let (_, leg) = rig.dial(1);
    rig.answer(leg);
    rig.tell(Input::Leg(LegEvent::Digit { leg, digit: '9' }));
    rig.hung_up_by_us(leg);
    let end = &rig.finished()[0];
    assert!(end.suppress && matches!(end.next, Next::Closed { .. }));
}

#[test]
fn a_gate_that_nobody_answers_says_nothing_personal_and_ends() {
    let mut rig = Rig::new(
        engine::CampaignSpec {
            message: Some(debt_message()),
            ..spec(Mode::Notification)
        },
        0,
    );
    let (_, leg) = rig.dial(1);
    rig.answer(leg);
    rig.played(leg, true);
    rig.pass(SECOND * 8);
    rig.played(leg, true); // goodbye
    rig.hung_up_by_us(leg);
    assert_eq!(rig.finished()[0].result, CallResult::MessagePartial);
}

#[test]
fn a_prospect_without_the_amount_that_the_message_speaks_of_is_never_called() {
    let mut rig = Rig::new(
        engine::CampaignSpec {
            message: Some(debt_message()),
            ..spec(Mode::Notification)
        },
        0,
    );
    rig.claim(vec![engine::Claim {
        amount: None,
        ..claim(1, 1)
    }]);
    assert!(rig.launches().is_empty());
    let back: Vec<_> = rig
        .wishes()
        .into_iter()
        .filter_map(|w| {
            if let StoreWish::Return(b) = w {
                Some(b)
            } else {
                None
            }
        })
        .flatten()
        .collect();
    assert!(
        matches!(&back[0].to, engine::ReturnTo::Held { until: None, rule } if rule.starts_with("message:"))
    );
}

#[test]
fn nobody_is_called_outside_the_window_and_the_claim_says_until_when() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    rig.now.wall = "2025-11-25T20:00:00Z".parse().unwrap(); // 23:00 in Moscow
    rig.claim(vec![claim(1, 1)]);
    assert!(rig.launches().is_empty());
    let back: Vec<_> = rig
        .wishes()
        .into_iter()
        .filter_map(|w| {
            if let StoreWish::Return(b) = w {
                Some(b)
            } else {
                None
            }
        })
        .flatten()
        .collect();
    assert!(
        matches!(&back[0].to, engine::ReturnTo::Held { until: Some(until), .. } if until.to_string() == "2025-11-26T06:00:00Z")
    );
}

#[test]
fn with_the_database_away_nothing_is_launched_and_talks_go_on() {
    let mut rig = Rig::new(spec(Mode::Progressive), 2);
    let (_, leg) = rig.dial(1);
    rig.answer(leg);
    rig.tell(Input::Store(StoreFact::Lost));
    let before = rig.launches().len();
    rig.claim(vec![claim(2, 1)]);
    rig.pass(SECOND * 30);
    assert_eq!(rig.launches().len(), before);
    rig.hang_up_by_person(leg);
    assert_eq!(rig.finished()[0].result, CallResult::ConnectedAgent);
}

#[test]
fn a_campaign_whose_queue_is_empty_ends_by_itself_and_says_so() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    rig.claim(Vec::new());
    assert!(rig.out.iter().any(|e| matches!(e, engine::Effect::CampaignEnded { because, .. } if because.contains("no prospect is open"))));
}

#[test]
fn draining_waits_for_the_outcome_of_the_last_talk() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    let (attempt, leg) = rig.dial(1);
    rig.answer(leg);
    rig.tell(Input::Drain);
    rig.hang_up_by_person(leg);
    assert!(!rig.out.contains(&Effect::Drained), "the agent writes");
    let submit = AgentAsk::Submit {
        attempt,
        outcome: outcome("sale"),
    };
    rig.request(engine::Ask::Agent {
        agent: AGENT,
        ask: submit,
    });
    assert!(
        !rig.out.contains(&Effect::Drained),
        "nothing is written yet"
    );
    rig.tell(Input::Store(StoreFact::OutcomeSaved {
        attempt,
        callback: None,
    }));
    assert_eq!(rig.out.last(), Some(&Effect::Drained));
}
