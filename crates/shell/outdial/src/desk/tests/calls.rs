//! States, offers, dialling.

use super::*;

#[test]
fn ready_and_not_ready_are_one_key_and_a_reason_away() {
    let mut hands = Hands::signed_in();
    hands.says("NOT READY");
    hands.key(Key::Char('r'));
    assert_eq!(hands.asks(), [Ask::Ready]);
    hands.state(pb::AgentState::Ready);
    hands.says("READY");
    hands.says("waiting for a call");
    hands.key(Key::Char('n'));
    hands.says("(•) after this call   ( ) now");
    hands.key(Key::Enter);
    let pause = |reason: &str, now| Ask::NotReady {
        reason: reason.to_owned(),
        now,
    };
    assert_eq!(hands.asks(), [pause("break", false)]);
    hands.key(Key::Char('n'));
    hands.key(Key::Tab);
    hands.key(Key::Char('2'));
    assert_eq!(hands.asks(), [pause("lunch", true)]);
    hands.key(Key::Char('n'));
    hands.key(Key::Esc);
    assert_eq!(hands.asks(), []);
}

#[test]
fn commands_work_with_the_russian_layout() {
    let mut hands = Hands::signed_in();
    hands.key(Key::Char('к'));
    assert_eq!(hands.asks(), [Ask::Ready]);
}

#[test]
fn a_pause_during_a_talk_is_told_and_can_be_taken_back() {
    let mut hands = Hands::talking();
    let mut paused = state(pb::AgentState::Talking, hands.now.wall);
    paused.pause_after_call = true;
    paused.reason = "lunch".to_owned();
    hands.event(Event::StateChanged(paused));
    hands.says("not ready after this call (lunch)");
    hands.key(Key::Char('r'));
    assert_eq!(hands.asks(), [Ask::Ready]);
}

#[test]
fn an_offer_can_be_taken_skipped_or_called_at_another_number() {
    let mut hands = Hands::signed_in();
    let offer = Event::PreviewOffered(pb::PreviewOffered {
        pop: Some(pb::ScreenPop {
            attempt_id: String::new(),
            ..pop("")
        }),
        until: Some(stamp(hands.now.wall + Duration::from_secs(120))),
    });
    hands.event(offer);
    hands.state(pb::AgentState::Previewing);
    assert_eq!(hands.take(), [Wish::Bell]);
    hands.says("OFFER");
    hands.says("2:00 left");
    hands.says("Пётр Иванов");
    hands.key(Key::Enter);
    hands.key(Key::Char('s'));
    assert_eq!(hands.asks(), [Ask::Take { phone: 0 }, Ask::Skip]);
    hands.key(Key::Char('p'));
    hands.says("+79005550008  ext. 12");
    hands.key(Key::Down);
    hands.key(Key::Enter);
    assert_eq!(hands.asks(), [Ask::Take { phone: 72 }]);
}

#[test]
fn holding_and_hanging_up_follow_the_state() {
    let mut hands = Hands::talking();
    hands.key(Key::Char('h'));
    assert_eq!(hands.asks(), [Ask::Hold]);
    hands.state(pb::AgentState::Holding);
    hands.says("go on talking");
    hands.key(Key::Char('h'));
    hands.key(Key::Char('x'));
    assert_eq!(hands.asks(), [Ask::Unhold, Ask::HangUp]);
}

#[test]
fn the_help_lists_the_keys_that_work_and_goes_away_with_any_key() {
    let mut hands = Hands::talking();
    hands.key(Key::Char('?'));
    hands.says("hang up");
    hands.says("Ctrl-C");
    hands.key(Key::Char('x'));
    assert_eq!(
        hands.asks(),
        [],
        "a key that only closes the help hangs nobody up"
    );
    hands.says("Пётр Иванов");
}

#[test]
fn leaving_is_asked_twice() {
    let mut hands = Hands::signed_in();
    hands.key(Key::Char('q'));
    assert_eq!(hands.asks(), []);
    hands.key(Key::Char('x'));
    hands.key(Key::Char('q'));
    hands.key(Key::Char('q'));
    assert_eq!(hands.asks(), [Ask::Close]);
}

#[test]
fn every_key_in_the_help_of_every_situation_does_something() {
    for hands in [Hands::signed_in, Hands::talking, Hands::in_wrap_up] {
        let keys: Vec<Key> = hands()
            .desk
            .offers()
            .into_iter()
            .flat_map(|o| o.keys)
            .collect();
        for key in keys {
            let mut hands = hands();
            let before = hands.screen(100, 30);
            // From the middle, so that both ways are open.
            hands.desk.scroll = 5;
            let scrolled = hands.desk.scroll;
            hands.key(key);
            let did = !hands.asks().is_empty()
                || hands.screen(100, 30) != before
                || hands.desk.scroll != scrolled;
            assert!(did, "{key:?} did nothing in {:?}", hands.desk.state());
        }
    }
}
