//! What happens around the plain call: promises that are due, agents who are lost, phones that do not pick up, notes
//! that take longer, languages, and orders to stop.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

mod rig;

use std::time::Duration;

use engine::{
    AGENT_LOST, AgentAsk, AgentEvent, AgentSpec, AgentState, Answer, Ask, Callback, CallbackRule,
    CampaignSpec, Explanation, Fault, Halt, Input, LegCommand, LegEvent, MissedCallback, Mode,
    NO_OUTCOME, Next, Outcome, OutcomeRecord, QueueCounts, Refused, ReturnTo, Sound, StoreFact,
    StoreWish, Tone, WorkKind,
};
use model::{
    AgentGroupId, AgentId, AttemptId, CallResult, CallbackId, Ended, LegEnd, LegId, ProspectId,
    WallTime,
};
use rig::{CAMPAIGN, Rig, claim, spec};

const AGENT: AgentId = AgentId(1);
const OTHER: AgentId = AgentId(2);
const SECOND: Duration = Duration::from_secs(1);

fn callback(at: WallTime) -> Callback {
    Callback {
        id: CallbackId(1),
        campaign: CAMPAIGN,
        prospect: ProspectId(9),
        agent: Some(AGENT),
        at,
        phone: None,
        name: "Ivanov".to_owned(),
        note: String::new(),
    }
}

fn promises(rig: &mut Rig, callbacks: Vec<Callback>) {
    rig.tell(Input::Store(StoreFact::Callbacks {
        agent: AGENT,
        callbacks,
    }));
}

fn launched(rig: &mut Rig, n: i64) -> bool {
    let before = rig.launches().len();
    rig.claim(vec![claim(n, 1)]);
    rig.launches().len() > before
}

fn explained(rig: &mut Rig) -> Explanation {
    match rig
        .request(Ask::Explain { campaign: CAMPAIGN })
        .unwrap()
        .unwrap()
    {
        Answer::Explained(explanation) => *explanation,
        other => panic!("{other:?}"),
    }
}

fn gates(rig: &mut Rig) -> Vec<String> {
    explained(rig).gates.into_iter().map(|g| g.name).collect()
}

fn saved(rig: &Rig) -> Vec<OutcomeRecord> {
    let outcome = |w| match w {
        StoreWish::SaveOutcome(o) => Some(*o),
        _ => None,
    };
    rig.wishes().into_iter().filter_map(outcome).collect()
}

fn state_of(rig: &Rig, agent: AgentId) -> (AgentState, String) {
    let state = |e| match e {
        AgentEvent::State { state, reason, .. } => Some((state, reason)),
        _ => None,
    };
    rig.agent_events(agent)
        .into_iter()
        .rev()
        .find_map(state)
        .unwrap()
}

fn connected(rig: &Rig, agent: AgentId) -> usize {
    let is = |e: &AgentEvent| matches!(e, AgentEvent::Connected { .. });
    rig.agent_events(agent).into_iter().filter(is).count()
}

fn agent_leg(rig: &Rig) -> LegId {
    let bridged = |c| match c {
        LegCommand::Bridge { b, .. } => Some(b),
        _ => None,
    };
    rig.legs().into_iter().rev().find_map(bridged).unwrap()
}

/// A talk of agent 1 whose phone then goes away; the person's leg.
fn broken_talk(rig: &mut Rig) -> (AttemptId, LegId) {
    let (attempt, leg) = rig.dial(1);
    rig.answer(leg);
    let phone = agent_leg(rig);
    rig.tell(Input::PhoneDown(AGENT));
    rig.end(phone, LegEnd::bare(Ended::Lost));
    (attempt, leg)
}

// ---- promises

#[test]
fn no_call_is_launched_for_an_agent_whose_promise_comes_before_it_could_end_ringing() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    let due = rig.now.wall + Duration::from_secs(60);
    promises(&mut rig, vec![callback(due)]);
    let (_, leg) = rig.dial(1);
    rig.end(leg, rig::refused(486, None));
    // Set-up and ringing take at most 37 seconds.
    rig.pass(Duration::from_secs(22));
    assert!(launched(&mut rig, 2), "38 s before");
    let (attempt, _) = (rig.launches()[1].attempt, ());
    rig.tell(Input::Store(StoreFact::LaunchesFailed(vec![attempt])));
    rig.pass(Duration::from_secs(2));
    assert!(!launched(&mut rig, 3), "36 s before");
    assert!(gates(&mut rig).contains(&"held_for_callback".to_owned()));
}

#[test]
fn an_agent_whose_promise_is_due_takes_no_other_call_until_the_tolerance_is_over() {
    let rule = CallbackRule {
        tolerance: Duration::from_secs(120),
        missed: MissedCallback::Wait,
    };
    let spec = CampaignSpec {
        callbacks: rule,
        ..spec(Mode::Progressive)
    };
    let mut rig = Rig::new(spec, 1);
    let (_, leg) = rig.dial(1);
    let due = rig.now.wall + SECOND;
    promises(&mut rig, vec![callback(due)]);
    rig.pass(SECOND);
    rig.ring(leg);
    rig.answer(leg);
    assert_eq!(connected(&rig, AGENT), 0, "the promise is first");
    rig.pass(Duration::from_secs(3));
    rig.hung_up_by_us(leg);
    rig.pass(Duration::from_secs(110));
    assert!(!launched(&mut rig, 2));
    rig.pass(Duration::from_secs(10));
    assert!(
        launched(&mut rig, 3) || rig.launches().len() > 1,
        "free again"
    );
    let missed = |w: &StoreWish| matches!(w, StoreWish::MissedCallbacks { .. });
    assert!(!rig.wishes().iter().any(missed), "it waits for its agent");
}

#[test]
fn a_promise_that_comes_due_in_a_talk_is_told_at_once_and_comes_before_the_next_call() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    let (attempt, leg) = rig.dial(1);
    rig.answer(leg);
    let due = rig.now.wall + SECOND;
    promises(&mut rig, vec![callback(due)]);
    rig.pass(SECOND);
    let reminded = |e: &AgentEvent| matches!(e, AgentEvent::ReminderDue { .. });
    assert!(rig.agent_events(AGENT).iter().any(reminded));
    rig.hang_up_by_person(leg);
    rig.ask(AGENT, AgentAsk::CloseWithoutOutcome { attempt })
        .unwrap();
    assert!(!launched(&mut rig, 2));
    rig.request(Ask::Agent {
        agent: AGENT,
        ask: AgentAsk::Dial {
            campaign: CAMPAIGN,
            prospect: ProspectId(9),
            phone: None,
        },
    });
    let claims = |w: &StoreWish| matches!(w, StoreWish::ClaimOne { prospect, .. } if *prospect == ProspectId(9));
    assert!(rig.wishes().iter().any(claims));
}

#[test]
fn a_promise_of_a_campaign_that_does_not_run_keeps_nobody_from_working() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    let due = rig.now.wall;
    let elsewhere = Callback {
        campaign: model::CampaignId(77),
        ..callback(due)
    };
    promises(&mut rig, vec![elsewhere]);
    assert!(launched(&mut rig, 1));
}

#[test]
fn after_the_tolerance_the_campaigns_rule_is_applied_by_the_database_also_for_agents_who_are_away()
{
    let rule = CallbackRule {
        tolerance: Duration::from_secs(120),
        missed: MissedCallback::MakePublic,
    };
    let spec = CampaignSpec {
        callbacks: rule,
        ..spec(Mode::Progressive)
    };
    let mut rig = Rig::new(spec, 0);
    let start = rig.now.wall;
    rig.pass(Duration::from_secs(40));
    let asked: Vec<WallTime> = rig
        .wishes()
        .into_iter()
        .filter_map(|w| match w {
            StoreWish::MissedCallbacks {
                campaign: CAMPAIGN,
                before,
                missed: MissedCallback::MakePublic,
                ..
            } => Some(before),
            _ => None,
        })
        .collect();
    assert!(asked.len() >= 2, "{asked:?}");
    assert!(asked.iter().all(|before| *before + rule.tolerance >= start));
}

// ---- a lost agent

#[test]
fn an_agent_whose_phone_comes_back_in_time_goes_on_in_the_same_call() {
    let mut rig = Rig::new(spec(Mode::Progressive), 2);
    let (attempt, leg) = broken_talk(&mut rig);
    assert_eq!(state_of(&rig, AGENT).0, AgentState::ConnectionLost);
    rig.pass(Duration::from_secs(5));
    assert_eq!(
        connected(&rig, OTHER),
        0,
        "the other agent is free and is not asked yet"
    );
    rig.tell(Input::PhoneUp(AGENT));
    let called = |c| match c {
        LegCommand::CallAgent { leg, agent: AGENT } => Some(leg),
        _ => None,
    };
    let phone = rig.legs().into_iter().rev().find_map(called).unwrap();
    rig.tell(Input::Leg(LegEvent::Answered {
        leg: phone,
        after_cancel: false,
    }));
    assert_eq!(connected(&rig, AGENT), 2);
    assert_eq!(state_of(&rig, AGENT).0, AgentState::Talking);
    rig.hang_up_by_person(leg);
    assert_eq!(rig.finished().len(), 1, "it stays one attempt");
    assert_eq!(rig.finished()[0].attempt, attempt);
}

#[test]
fn a_talk_that_nobody_takes_up_ends_with_a_sound_and_is_called_back_before_others() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    let (attempt, leg) = broken_talk(&mut rig);
    rig.pass(Duration::from_secs(29));
    let told = LegCommand::Play {
        leg,
        play: rig.last_play(leg),
        sounds: vec![Sound::Tone { tone: Tone::Fault }],
        repeat: false,
    };
    assert!(rig.legs().contains(&told), "nobody is released in silence");
    rig.played(leg, true);
    rig.hung_up_by_us(leg);
    let record = saved(&rig).remove(0);
    assert_eq!(record.outcome.disposition, AGENT_LOST);
    assert_eq!(record.attempt, attempt);
    let callback = record.callback.unwrap();
    assert_eq!((callback.agent, callback.at), (None, rig.now.wall));
    let kind = match record.next {
        Next::Due { kind, .. } => kind,
        other => panic!("{other:?}"),
    };
    assert_eq!(kind, WorkKind::PublicCallback);
    assert_eq!(rig.finished()[0].result, CallResult::ConnectedAgent);
}

#[test]
fn the_words_of_a_lost_agent_replace_the_callback_and_silence_adds_nothing() {
    for says_something in [true, false] {
        let mut rig = Rig::new(spec(Mode::Progressive), 1);
        let (attempt, leg) = broken_talk(&mut rig);
        rig.hang_up_by_person(leg);
        assert_eq!(saved(&rig).len(), 1, "the callback is safe at once");
        rig.tell(Input::Store(StoreFact::OutcomeSaved {
            attempt,
            callback: None,
        }));
        if says_something {
            let outcome = Outcome {
                disposition: "declined".to_owned(),
                answers: Vec::new(),
                note: String::new(),
                call_at: None,
                call_phone: None,
            };
            rig.request(Ask::Agent {
                agent: AGENT,
                ask: AgentAsk::Submit { attempt, outcome },
            });
        } else {
            rig.pass(Duration::from_secs(61));
        }
        let given: Vec<String> = saved(&rig)
            .into_iter()
            .map(|o| o.outcome.disposition)
            .collect();
        let expected: &[&str] = if says_something {
            &[AGENT_LOST, "declined"]
        } else {
            &[AGENT_LOST]
        };
        assert_eq!(given, expected);
    }
}

#[test]
fn a_lost_agent_without_a_screen_gets_no_time_for_notes() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    let (_, leg) = broken_talk(&mut rig);
    rig.ask(AGENT, AgentAsk::ClientLost).unwrap();
    rig.hang_up_by_person(leg);
    assert_eq!(
        state_of(&rig, AGENT),
        (AgentState::NotReady, "connection_lost".to_owned())
    );
    assert_eq!(saved(&rig).len(), 1);
}

// ---- phones and notes

#[test]
fn the_second_missed_pick_up_makes_an_agent_not_ready() {
    let mut rig = Rig::new(spec(Mode::Progressive), 0);
    rig.tell(Input::PhoneUp(AGENT));
    let spec = AgentSpec {
        id: AGENT,
        name: "Anna".to_owned(),
        groups: vec![AgentGroupId(1)],
        skills: Vec::new(),
    };
    rig.ask(AGENT, AgentAsk::SignIn(spec)).unwrap();
    rig.ask(AGENT, AgentAsk::Ready).unwrap();
    let calls = |rig: &Rig| {
        let to_agent = |c: &LegCommand| matches!(c, LegCommand::CallAgent { .. });
        rig.legs().into_iter().filter(to_agent).count()
    };
    assert_eq!(calls(&rig), 1);
    rig.pass(Duration::from_secs(31));
    assert_eq!(calls(&rig), 2, "once more");
    assert_eq!(state_of(&rig, AGENT).0, AgentState::Ready);
    rig.pass(Duration::from_secs(30));
    assert_eq!(calls(&rig), 2);
    assert_eq!(
        state_of(&rig, AGENT),
        (AgentState::NotReady, "phone_no_answer".to_owned())
    );
}

#[test]
fn notes_may_take_longer_as_the_campaign_allows_and_no_more() {
    let spec = CampaignSpec {
        wrap_up_limit: Duration::from_secs(30),
        wrap_up_extension: Duration::from_secs(45),
        ..spec(Mode::Progressive)
    };
    let mut rig = Rig::new(spec, 1);
    let (_, leg) = rig.dial(1);
    rig.answer(leg);
    rig.hang_up_by_person(leg);
    let extend = AgentAsk::ExtendWrapUp { by: SECOND * 30 };
    let began = rig.now.wall;
    rig.ask(AGENT, extend.clone()).unwrap();
    rig.ask(AGENT, extend.clone()).unwrap();
    let until = |e| match e {
        AgentEvent::WrapUp { until, .. } => Some(until),
        _ => None,
    };
    let last = rig.agent_events(AGENT).into_iter().rev().find_map(until);
    assert_eq!(last, Some(began + Duration::from_secs(75)));
    let limit = Duration::from_secs(45);
    assert_eq!(rig.ask(AGENT, extend), Err(Refused::NoMoreTime { limit }));
    rig.pass(Duration::from_secs(66));
    let warned = |e: &AgentEvent| matches!(e, AgentEvent::WrapUpEnding { .. });
    assert!(
        rig.agent_events(AGENT).iter().any(warned),
        "ten seconds before"
    );
    rig.pass(Duration::from_secs(10));
    assert_eq!(saved(&rig)[0].outcome.disposition, NO_OUTCOME);
}

// ---- languages

fn two_languages() -> (Rig, CampaignSpec) {
    let spec = CampaignSpec {
        route_by_language: true,
        ..spec(Mode::Progressive)
    };
    let mut rig = Rig::new(spec.clone(), 0);
    for (id, skill) in [(1, "en"), (2, "ru")] {
        rig.sign_in_with(AgentId(id), &[skill]);
    }
    rig.out.clear();
    (rig, spec)
}

#[test]
fn a_person_goes_to_an_agent_who_speaks_the_language_however_long_others_wait() {
    let (mut rig, _) = two_languages();
    let russian = engine::Claim {
        language: Some("ru-RU".to_owned()),
        ..claim(1, 1)
    };
    rig.claim(vec![russian]);
    let attempt = rig.launches()[0].attempt;
    let leg = rig.commit(attempt).unwrap();
    rig.answer(leg);
    assert_eq!((connected(&rig, AGENT), connected(&rig, OTHER)), (0, 1));
}

#[test]
fn a_person_whose_language_nobody_free_speaks_makes_way_and_is_counted() {
    let (mut rig, _) = two_languages();
    let in_language = |n, language: &str| engine::Claim {
        language: Some(language.to_owned()),
        ..claim(n, 1)
    };
    rig.claim(vec![
        in_language(1, "de"),
        in_language(2, "ru"),
        in_language(3, "ru"),
        in_language(4, "en"),
    ]);
    let launched: Vec<i64> = rig.launches().iter().map(|l| l.prospect.0).collect();
    assert_eq!(launched, [2, 4]);
    let held: Vec<String> = rig
        .wishes()
        .into_iter()
        .filter_map(|w| match w {
            StoreWish::Return(back) => Some(back),
            _ => None,
        })
        .flatten()
        .filter_map(|b| match b.to {
            ReturnTo::Held { rule, .. } => Some(rule),
            _ => None,
        })
        .collect();
    assert_eq!(held, ["skill de", "skill ru"]);
    let queue = QueueCounts {
        later: 2,
        needs_skill: 2,
        ..QueueCounts::default()
    };
    rig.tell(Input::Store(StoreFact::Claimed {
        campaign: CAMPAIGN,
        claims: Vec::new(),
        queue,
    }));
    assert!(gates(&mut rig).contains(&"waiting_for_skill".to_owned()));
}

#[test]
fn a_call_that_needs_no_skill_leaves_alone_whom_a_ringing_call_needs() {
    let (mut rig, _) = two_languages();
    // The Russian speaker has waited longest.
    rig.ask(
        AGENT,
        AgentAsk::NotReady {
            reason: "tea".to_owned(),
            when: engine::PauseWhen::Now,
        },
    )
    .unwrap();
    rig.pass(SECOND);
    rig.ask(AGENT, AgentAsk::Ready).unwrap();
    let russian = engine::Claim {
        language: Some("ru".to_owned()),
        ..claim(1, 1)
    };
    rig.claim(vec![russian, claim(2, 1)]);
    let attempts: Vec<AttemptId> = rig.launches().iter().map(|l| l.attempt).collect();
    let (first, second) = (
        rig.commit(attempts[0]).unwrap(),
        rig.commit(attempts[1]).unwrap(),
    );
    rig.answer(second);
    assert_eq!((connected(&rig, AGENT), connected(&rig, OTHER)), (1, 0));
    rig.answer(first);
    assert_eq!(connected(&rig, OTHER), 1);
}

// ---- orders to stop

fn halt(seller: Option<&str>, at: WallTime) -> Halt {
    Halt {
        seller: seller.map(str::to_owned),
        by: "boss".to_owned(),
        reason: "wrong list".to_owned(),
        at,
    }
}

#[test]
fn a_halt_works_as_a_pause_for_everything_it_concerns_until_it_is_lifted() {
    let mut rig = Rig::new(spec(Mode::Progressive), 2);
    let (talking, leg) = rig.dial(1);
    rig.answer(leg);
    rig.claim(vec![claim(2, 1)]);
    let committing = rig.launches()[1].attempt;
    let now = rig.now.wall;
    rig.tell(Input::Halted(vec![halt(None, now)]));
    assert_eq!(rig.commit(committing), None, "no INVITE leaves");
    assert!(!launched(&mut rig, 3));
    let explained = explained(&mut rig);
    assert_eq!(explained.gates[0].name, "halted");
    assert!(explained.summary.contains("boss") && explained.summary.contains("wrong list"));
    assert!(
        rig.finished().iter().all(|f| f.attempt != talking),
        "the talk goes on"
    );
    let dial = AgentAsk::Dial {
        campaign: CAMPAIGN,
        prospect: ProspectId(9),
        phone: None,
    };
    assert!(matches!(rig.ask(OTHER, dial), Err(Refused::Stopped { .. })));
    rig.tell(Input::Halted(Vec::new()));
    assert!(launched(&mut rig, 4));
}

#[test]
fn a_halt_of_another_seller_concerns_nobody_else() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    let now = rig.now.wall;
    rig.tell(Input::Halted(vec![halt(Some("Somebody"), now)]));
    assert!(launched(&mut rig, 1));
}

#[test]
fn with_an_untrusted_clock_or_a_full_disk_nothing_is_launched_and_explain_says_so() {
    for (fault, name) in [
        (Fault::Clock, "clock_not_trusted"),
        (Fault::Disk, "disk_full"),
    ] {
        let mut rig = Rig::new(spec(Mode::Progressive), 1);
        let why = Some("in words".to_owned());
        rig.tell(Input::Fault { fault, why });
        assert!(!launched(&mut rig, 1));
        assert_eq!(gates(&mut rig)[0], name);
        rig.tell(Input::Fault { fault, why: None });
        assert!(launched(&mut rig, 2));
    }
}

#[test]
fn a_promise_that_was_called_holds_its_agent_no_longer_kept_or_not() {
    for answers in [true, false] {
        let mut rig = Rig::new(spec(Mode::Progressive), 1);
        let due = rig.now.wall;
        let mine = Callback {
            prospect: ProspectId(5),
            ..callback(due)
        };
        promises(&mut rig, vec![mine]);
        rig.request(Ask::Agent {
            agent: AGENT,
            ask: AgentAsk::Dial {
                campaign: CAMPAIGN,
                prospect: ProspectId(5),
                phone: None,
            },
        });
        rig.tell(Input::Store(StoreFact::ClaimedOne {
            agent: AGENT,
            claim: Ok(Box::new(claim(5, 1))),
        }));
        let attempt = rig.launches()[0].attempt;
        let leg = rig.commit(attempt).unwrap();
        if answers {
            rig.answer(leg);
            rig.hang_up_by_person(leg);
            rig.ask(AGENT, AgentAsk::CloseWithoutOutcome { attempt })
                .unwrap();
        } else {
            rig.end(leg, rig::refused(486, None));
        }
        let gone = |e: &AgentEvent| matches!(e, AgentEvent::ReminderGone { .. });
        assert_eq!(rig.agent_events(AGENT).iter().any(gone), answers);
        assert!(launched(&mut rig, 6));
    }
}

#[test]
fn while_nothing_comes_from_the_agents_phone_the_person_hears_that_the_line_is_alive() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    let (_, leg) = rig.dial(1);
    rig.answer(leg);
    let phone = agent_leg(&rig);
    rig.out.clear();
    rig.tell(Input::Leg(LegEvent::AudioPaused { leg: phone }));
    let hears =
        |c: &LegCommand| matches!(c, LegCommand::Play { leg: l, repeat: true, .. } if *l == leg);
    assert!(rig.legs().iter().any(hears));
    assert_eq!(state_of_or_none(&rig, AGENT), None, "the talk goes on");
    rig.tell(Input::Leg(LegEvent::AudioStarted { leg: phone }));
    assert!(rig.legs().contains(&LegCommand::StopPlay { leg }));
}

fn state_of_or_none(rig: &Rig, agent: AgentId) -> Option<AgentState> {
    let state = |e| match e {
        AgentEvent::State { state, .. } => Some(state),
        _ => None,
    };
    rig.agent_events(agent).into_iter().find_map(state)
}
