//! Answers, notes and outcomes.

use super::*;
use crate::desk::wish::End;

fn submitted(hands: &mut Hands) -> pb::Outcome {
    match hands.asks().pop() {
        Some(Ask::Submit { attempt, outcome }) => {
            assert_eq!(attempt, "a");
            outcome
        }
        other => panic!("{other:?}\n{}", hands.screen(100, 30)),
    }
}

#[test]
fn the_record_is_on_the_screen_with_everything_known() {
    let hands = Hands::talking();
    for text in [
        "Spring for Example Bank",
        "“Добрый день, это банк Пример”",
        "Пётр Иванов  P0007",
        "amount  1234.05 RUB",
        "about  договор 12",
        "▶ +79005550007  mobile",
        "Город  Москва",
        "promised 25 Nov 14:00 by Борис (Spring)",
        "20 Nov 12:30  connected agent  callback private",
        "просил перезвонить",
        "Which product? *",
        "1 Sale",
        "3 Call back, me …",
    ] {
        hands.says(text);
    }
}

#[test]
fn in_wrap_up_one_key_gives_an_outcome_that_needs_nothing_more() {
    let mut hands = Hands::in_wrap_up();
    hands.key(Key::Char('2'));
    assert_eq!(submitted(&mut hands).disposition, "declined");
    hands.says("being saved");
}

#[test]
fn during_a_talk_an_outcome_ends_the_call_and_so_takes_a_second_key() {
    let mut hands = Hands::talking();
    hands.key(Key::Char('2'));
    assert_eq!(hands.asks(), []);
    hands.says("▶2 Declined");
    hands.key(Key::Esc);
    hands.says_not("▶2 Declined");
    hands.key(Key::Char('4'));
    hands.key(Key::Enter);
    assert_eq!(submitted(&mut hands).disposition, "wrong_number");
}

#[test]
fn an_outcome_that_needs_answers_goes_to_the_first_that_is_missing() {
    let mut hands = Hands::in_wrap_up();
    hands.key(Key::Char('1'));
    assert_eq!(hands.asks(), []);
    hands.says("Which product?: an answer is needed");
    hands.types("2");
    hands.key(Key::Enter);
    hands.types("95 000");
    hands.key(Key::Tab);
    hands.types("tomorrow");
    hands.key(Key::Tab);
    hands.types("хочет подумать");
    hands.key(Key::Enter);
    hands.key(Key::Char('1'));
    let given = submitted(&mut hands);
    let answers: Vec<(&str, &str)> = given
        .answers
        .iter()
        .map(|a| (a.field.as_str(), a.value.as_str()))
        .collect();
    assert_eq!(
        answers,
        [
            ("product", "Loan"),
            ("income", "95000"),
            ("visit", "2026-11-26")
        ]
    );
    assert_eq!(given.note, "хочет подумать");
}

#[test]
fn a_time_is_told_as_it_was_understood_before_it_is_agreed() {
    let mut hands = Hands::in_wrap_up();
    hands.key(Key::Char('3'));
    hands.says("for example tomorrow 15:00");
    hands.key(Key::Enter);
    assert_eq!(hands.asks(), [], "nothing was understood yet");
    hands.types("завтра 15:00");
    hands.says("Thu 26 Nov 2026 15:00 Europe/Moscow, in 1 d");
    hands.key(Key::Tab);
    hands.says("number: +79005550007");
    hands.key(Key::Enter);
    let given = submitted(&mut hands);
    assert_eq!(given.disposition, "callback_private");
    assert_eq!(
        given.call_at,
        Some(stamp("2026-11-26T12:00:00Z".parse().unwrap()))
    );
    assert_eq!(given.call_phone_id, 71);
}

#[test]
fn a_time_agreed_for_one_outcome_does_not_go_with_another() {
    let mut hands = Hands::talking();
    hands.key(Key::Char('3'));
    hands.types("+2h");
    hands.key(Key::Enter);
    hands.refuse(Code::FailedPrecondition, "no");
    hands.says("the outcome: no");
    hands.key(Key::Char('2'));
    hands.key(Key::Enter);
    assert_eq!(submitted(&mut hands).call_at, None);
}

#[test]
fn what_is_typed_is_kept_as_a_draft_when_the_typing_rests() {
    let mut hands = Hands::talking();
    hands.key(Key::Char('f'));
    hands.key(Key::Char('3'));
    hands.pass(Duration::from_millis(400));
    hands.key(Key::Tab);
    hands.types("12");
    hands.pass(Duration::from_millis(600));
    assert_eq!(hands.asks(), []);
    hands.pass(Duration::from_millis(100));
    let asks = hands.asks();
    let [Ask::Draft { attempt, outcome }] = asks.as_slice() else {
        panic!("{asks:?}");
    };
    assert_eq!(attempt, "a");
    assert_eq!(outcome.answers.len(), 2);
    hands.pass(Duration::from_secs(60));
    assert_eq!(hands.asks(), [], "nothing was typed since");
}

#[test]
fn ctrl_c_sends_what_was_typed_and_ends_the_desk() {
    let mut hands = Hands::talking();
    hands.key(Key::Tab);
    hands.types("1");
    hands.key(Key::Ctrl('c'));
    let wishes = hands.take();
    assert!(
        matches!(
            wishes.as_slice(),
            [
                Wish::Ask {
                    ask: Ask::Draft { .. },
                    ..
                },
                Wish::End(End::Interrupted)
            ]
        ),
        "{wishes:?}"
    );
}

#[test]
fn letters_typed_into_an_answer_are_no_commands() {
    let mut hands = Hands::talking();
    hands.key(Key::Char('f'));
    hands.key(Key::Tab);
    hands.types("xhq?1");
    assert_eq!(hands.asks(), []);
    hands.says("xhq?1");
}

#[test]
fn the_end_of_the_wrap_up_is_announced_and_can_be_put_off() {
    let mut hands = Hands::in_wrap_up();
    hands.says("1:00 left");
    hands.pass(Duration::from_secs(50));
    hands.event(Event::WrapUpEnding(pb::WrapUpEnding {
        attempt_id: "a".to_owned(),
        until: Some(stamp(hands.now.wall + Duration::from_secs(10))),
    }));
    assert_eq!(hands.take(), [Wish::Bell]);
    hands.says("0:10 left");
    hands.says("the time for notes is nearly over: e gives more");
    hands.key(Key::Char('e'));
    assert_eq!(hands.asks(), [Ask::Extend]);
    hands.event(Event::WrapUpStarted(pb::WrapUpStarted {
        attempt_id: "a".to_owned(),
        until: Some(stamp(hands.now.wall + Duration::from_secs(40))),
    }));
    hands.says("0:40 left");
    hands.says_not("nearly over");
}

#[test]
fn closing_without_an_outcome_is_asked_twice() {
    let mut hands = Hands::in_wrap_up();
    hands.key(Key::Char('c'));
    hands.says("Nothing you typed is applied");
    hands.key(Key::Esc);
    hands.key(Key::Char('c'));
    assert_eq!(hands.asks(), []);
    hands.key(Key::Char('c'));
    let attempt = "a".to_owned();
    assert_eq!(hands.asks(), [Ask::CloseWithoutOutcome { attempt }]);
}

#[test]
fn what_was_typed_when_time_ran_out_comes_back_with_the_same_person_and_is_not_applied() {
    let mut hands = Hands::in_wrap_up();
    hands.key(Key::Tab);
    hands.types("2");
    hands.event(Event::WrapUpTimedOut(pb::WrapUpTimedOut {
        attempt_id: "a".to_owned(),
    }));
    hands.state(pb::AgentState::NotReady);
    hands.says("nothing was applied");
    assert_eq!(hands.asks(), []);
    hands.connect("b");
    hands.says("(•) Loan");
    hands.says("is back");
}

#[test]
fn a_key_meant_for_the_list_does_not_end_the_call_that_just_came() {
    let mut hands = Hands::signed_in();
    hands.state(pb::AgentState::Ready);
    hands.key(Key::Char('l'));
    hands.take();
    hands.types("пётр");
    hands.connect("a");
    hands.types("x2");
    hands.key(Key::Enter);
    let asked = hands.asks();
    assert!(
        asked
            .iter()
            .all(|ask| matches!(ask, Ask::Questionnaire { .. })),
        "{asked:?}"
    );
    hands.pass(Duration::from_millis(500));
    hands.key(Key::Char('x'));
    assert_eq!(hands.asks(), [Ask::HangUp]);
}
