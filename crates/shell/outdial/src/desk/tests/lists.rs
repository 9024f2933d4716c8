//! The list, callbacks and reminders.

use super::*;

fn items() -> Reply {
    let item = |prospect_id, name: &str, minute: i64| pb::WorkItem {
        campaign_id: 1,
        campaign_name: "Spring".to_owned(),
        prospect_id,
        external_id: format!("P{prospect_id}"),
        name: name.to_owned(),
        at: Some(prost_types::Timestamp {
            // 14:00 in Moscow.
            seconds: 1_795_604_400 + minute * 60,
            nanos: 0,
        }),
        callback: false,
        because: "assigned".to_owned(),
    };
    Reply::List {
        items: vec![item(7, "Пётр Иванов", 0), item(8, "Ольга Смирнова", 30)],
        callbacks: vec![promise(5, 9, "Иван Грозный", 90)],
    }
}

fn promise(callback_id: i64, prospect_id: i64, name: &str, minute: i64) -> pb::Callback {
    pb::Callback {
        callback_id,
        campaign_id: 1,
        prospect_id,
        at: Some(prost_types::Timestamp {
            seconds: 1_795_604_400 + minute * 60,
            nanos: 0,
        }),
        phone_id: 91,
        name: name.to_owned(),
        note: "после обеда".to_owned(),
    }
}

fn with_list() -> Hands {
    let mut hands = Hands::signed_in();
    hands.key(Key::Char('l'));
    hands.says("loading");
    hands.answer(items());
    hands.take();
    hands
}

#[test]
fn a_row_is_found_by_typing_and_dialled_at_a_chosen_number() {
    let mut hands = with_list();
    hands.says("3 to call");
    hands.types("смир");
    hands.says("1 of 3");
    hands.says_not("Пётр Иванов");
    hands.key(Key::Enter);
    let (campaign, prospect) = (1, 8);
    assert_eq!(hands.wishes.len(), 1);
    hands.answer(Reply::Card(Box::new(pop("").card.unwrap())));
    hands.says("call Ольга Смирнова");
    hands.key(Key::Char('2'));
    let phone = 72;
    assert_eq!(
        hands.asks(),
        [Ask::Dial {
            campaign,
            prospect,
            phone
        }]
    );
}

#[test]
fn numbers_that_may_not_be_called_are_not_the_first_choice() {
    let mut hands = with_list();
    hands.key(Key::Enter);
    let mut card = pop("").card.unwrap();
    card.phones[0].closed = true;
    hands.answer(Reply::Card(Box::new(card)));
    hands.says("+79005550007  mobile  closed");
    hands.key(Key::Enter);
    assert!(matches!(
        hands.asks().as_slice(),
        [Ask::Dial {
            phone: 72,
            prospect: 7,
            ..
        }]
    ));
}

#[test]
fn a_callback_is_moved_to_a_time_that_was_shown_first() {
    let mut hands = with_list();
    hands.key(Key::Down);
    hands.key(Key::Down);
    hands.says("▶ 25 Nov 15:30");
    hands.key(Key::Ctrl('t'));
    hands.types("+2h");
    hands.says("Wed 25 Nov 2026 17:00 Europe/Moscow, in 2 h");
    hands.key(Key::Enter);
    assert_eq!(
        hands.asks(),
        [Ask::Move {
            callback: 5,
            at: "2026-11-25T14:00:00Z".parse().unwrap(),
            phone: 91
        }]
    );
}

#[test]
fn a_callback_is_dropped_when_asked_twice_and_the_list_is_loaded_again() {
    let mut hands = with_list();
    hands.types("гроз");
    hands.key(Key::Ctrl('x'));
    hands.says("Drop the promise to call Иван Грозный?");
    hands.key(Key::Char('n'));
    assert_eq!(hands.asks(), []);
    hands.key(Key::Ctrl('x'));
    hands.key(Key::Char('y'));
    assert_eq!(hands.wishes.len(), 1);
    hands.answer(Reply::Done);
    assert_eq!(hands.asks(), [Ask::List]);
    hands.says("the callback is dropped");
}

#[test]
fn an_assigned_prospect_is_no_callback_to_be_moved() {
    let mut hands = with_list();
    hands.key(Key::Ctrl('t'));
    hands.key(Key::Ctrl('x'));
    assert_eq!(hands.take(), []);
    hands.says("3 to call");
}

#[test]
fn a_due_promise_rings_stands_above_everything_and_is_called_by_one_key() {
    let mut hands = Hands::signed_in();
    for due in [
        promise(5, 9, "Иван Грозный", 59),
        promise(6, 10, "Анна К", -65),
    ] {
        hands.event(Event::ReminderDue(pb::ReminderDue {
            callback: Some(due),
        }));
    }
    assert_eq!(hands.take(), [Wish::Bell, Wish::Bell]);
    hands.says(" 1  call Анна К 12:55, 2 h 5 min overdue: после обеда");
    hands.says(" 2  call Иван Грозный 14:59, 1 min overdue");
    hands.key(Key::Char('1'));
    assert_eq!(
        hands.asks(),
        [Ask::Dial {
            campaign: 1,
            prospect: 10,
            phone: 91
        }]
    );
    hands.event(Event::ReminderGone(pb::ReminderGone { callback_id: 6 }));
    hands.says_not("Анна К 12:55");
    hands.says(" 1  call Иван Грозный");
}

#[test]
fn a_reminder_is_no_key_during_a_talk_where_digits_are_outcomes() {
    let mut hands = Hands::talking();
    hands.event(Event::ReminderDue(pb::ReminderDue {
        callback: Some(promise(5, 9, "Иван Грозный", 0)),
    }));
    hands.says("Иван Грозный");
    hands.key(Key::Char('1'));
    assert_eq!(hands.asks(), []);
}
