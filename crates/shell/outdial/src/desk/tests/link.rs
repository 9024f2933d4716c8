//! Sessions, losses, take-overs.

use super::*;
use crate::desk::wish::End;

fn lost(code: Code) -> Input {
    let text = "broken pipe".to_owned();
    Input::Lost(Refused { code, text })
}

#[test]
fn an_open_session_is_offered_to_be_taken_over() {
    let mut hands = Hands::opening();
    hands.refuse(Code::AlreadyExists, "a session is open");
    hands.says("You are signed in on another screen");
    hands.key(Key::Char('z'));
    assert_eq!(hands.take(), []);
    hands.key(Key::Char('y'));
    assert_eq!(hands.asks(), [Ask::Open { take_over: true }]);
    let mut hands = Hands::opening();
    hands.refuse(Code::AlreadyExists, "a session is open");
    hands.key(Key::Char('q'));
    assert_eq!(hands.take(), [Wish::End(End::Left)]);
}

#[test]
fn a_lost_stream_is_taken_up_after_the_newest_event_and_nothing_typed_is_lost() {
    let mut hands = Hands::talking();
    hands.key(Key::Tab);
    hands.types("2");
    hands.input(lost(Code::Unavailable));
    hands.says("CONNECTION LOST");
    hands.says("trying again (broken pipe)");
    hands.key(Key::Tab);
    hands.types("42");
    hands.pass(Duration::from_secs(1));
    let after_seq = hands.seq;
    let session = "s".to_owned();
    assert_eq!(hands.take(), [Wish::Watch { session, after_seq }]);
    hands.input(lost(Code::Unavailable));
    hands.pass(Duration::from_secs(1));
    hands.input(Input::Watching);
    hands.says("connected again");
    hands.says("(•) Loan");
    hands.pass(Duration::from_secs(1));
    let asked = hands.asks();
    let Some(Ask::Draft { outcome, .. }) = asked.last() else {
        panic!("{asked:?}");
    };
    assert_eq!(outcome.answers.len(), 2, "typed before and during the loss");
}

#[test]
fn an_outcome_that_was_not_answered_for_is_sent_again_under_the_same_number() {
    let mut hands = Hands::in_wrap_up();
    hands.key(Key::Char('2'));
    let sent = hands.wishes.clone();
    hands.refuse(Code::Unavailable, "gone");
    hands.says("sent again as soon as the server answers");
    hands.input(lost(Code::Unavailable));
    hands.take();
    hands.pass(Duration::from_secs(1));
    hands.take();
    hands.input(Input::Watching);
    assert_eq!(hands.take(), sent);
    hands.event(Event::OutcomeSaved(pb::OutcomeSaved {
        attempt_id: "a".to_owned(),
    }));
    hands.says("the outcome is saved");
    hands.state(pb::AgentState::Ready);
    hands.says("waiting for a call");
}

#[test]
fn what_was_typed_outlives_a_snapshot_and_a_draft_fills_a_fresh_screen() {
    let draft = pb::Outcome {
        note: "из черновика".to_owned(),
        disposition: "declined".to_owned(),
        ..Default::default()
    };
    let snapshot = |hands: &Hands| pb::Snapshot {
        state: Some(state(pb::AgentState::Talking, hands.now.wall)),
        call: Some(pop("a")),
        connected: true,
        draft: Some(draft.clone()),
        ..Default::default()
    };
    let mut hands = Hands::talking();
    hands.key(Key::Tab);
    hands.types("2");
    let held = snapshot(&hands);
    hands.snapshot(held);
    hands.says("(•) Loan");
    hands.says_not("из черновика");
    let mut fresh = Hands::signed_in();
    let held = snapshot(&fresh);
    fresh.snapshot(held);
    fresh.says("из черновика");
    fresh.says("▶2 Declined");
}

#[test]
fn a_session_that_is_over_is_opened_again() {
    let mut hands = Hands::signed_in();
    hands.input(lost(Code::FailedPrecondition));
    hands.pass(Duration::from_secs(1));
    assert_eq!(hands.asks(), [Ask::Open { take_over: false }]);
}

#[test]
fn a_sign_in_that_has_ended_ends_the_desk() {
    let mut hands = Hands::signed_in();
    hands.input(lost(Code::Unauthenticated));
    assert!(matches!(
        hands.take().as_slice(),
        [Wish::End(End::Failed(_))]
    ));
}

#[test]
fn a_session_taken_over_elsewhere_can_be_taken_back() {
    let mut hands = Hands::talking();
    hands.event(Event::Notice(pb::Notice {
        kind: pb::NoticeKind::TakenOver.into(),
        text: "another session of yours took over".to_owned(),
    }));
    hands.input(lost(Code::Unavailable));
    hands.pass(Duration::from_secs(10));
    assert_eq!(
        hands.take(),
        [],
        "two screens would take it from each other for ever"
    );
    hands.says("another session of yours took over");
    hands.key(Key::Char('t'));
    assert_eq!(hands.asks(), [Ask::Open { take_over: true }]);
}

#[test]
fn the_servers_clock_counts_down_the_wrap_up() {
    let mut hands = Hands::in_wrap_up();
    let there = hands.now.wall + Duration::from_secs(3_600);
    hands.input(Input::Event(Box::new(pb::WatchSessionResponse {
        seq: hands.seq,
        at: Some(stamp(there)),
        event: Some(Event::Heartbeat(pb::Heartbeat {})),
    })));
    hands.event(Event::WrapUpStarted(pb::WrapUpStarted {
        attempt_id: "a".to_owned(),
        until: Some(stamp(there + Duration::from_secs(25))),
    }));
    hands.says("0:25 left");
    hands.says("16:00:00");
}
