//! Whole screens, narrow and wide.

use super::*;

#[test]
fn a_screen_of_any_size_is_drawn() {
    let mut list = Hands::signed_in();
    list.key(Key::Char('l'));
    let mut when = Hands::in_wrap_up();
    when.key(Key::Char('3'));
    let mut help = Hands::talking();
    help.key(Key::Char('?'));
    let mut reasons = Hands::signed_in();
    reasons.key(Key::Char('n'));
    let all = [
        Hands::opening(),
        Hands::signed_in(),
        Hands::talking(),
        Hands::in_wrap_up(),
        list,
        when,
        help,
        reasons,
    ];
    for hands in all {
        for (columns, rows) in [(1, 1), (2, 30), (20, 5), (40, 12), (80, 24), (250, 70)] {
            hands.screen(columns, rows);
        }
    }
}

#[test]
fn eighty_columns_hold_record_answers_and_outcomes_side_by_side() {
    let mut hands = Hands::talking();
    hands.pass(Duration::from_secs(42));
    let screen = hands.screen(80, 24);
    let first = screen.lines().next().unwrap();
    assert!(first.starts_with(" Анна  TALKING 0:42"), "{screen}");
    assert!(first.ends_with("15:00:42"), "{screen}");
    assert_eq!(crate::terminal::width(first), 79);
    let line = |text: &str| {
        let found = screen.lines().find(|line| line.contains(text));
        found
            .unwrap_or_else(|| panic!("no {text} on\n{screen}"))
            .to_owned()
    };
    assert!(line("Spring for Example Bank").contains("Which product? *"));
    assert!(line("1 Sale").contains("│"));
    assert!(line("1–4 outcome").contains("h hold"));
}

#[test]
fn forty_columns_hold_them_one_above_the_other() {
    let screen = Hands::talking().screen(40, 30);
    for text in ["Spring for Example Bank", "Which product? *", "1 Sale"] {
        assert!(screen.contains(text), "no {text} on\n{screen}");
    }
    assert!(!screen.contains('│'), "{screen}");
    let order = ["Spring", "Which product", "1 Sale"].map(|text| screen.find(text));
    assert!(order.is_sorted(), "{screen}");
}

#[test]
fn the_answer_that_is_typed_in_is_always_seen() {
    let mut hands = Hands::signed_in();
    hands.connect("a");
    let many: Vec<Question> = (0..40)
        .map(|n| Question {
            field: format!("f{n}"),
            text: format!("Question {n}?"),
            ..Default::default()
        })
        .collect();
    hands.answer(Reply::Questionnaire(many));
    hands.key(Key::Tab);
    for n in 0..40 {
        let screen = hands.screen(80, 24);
        assert!(
            screen.contains(&format!("Question {n}?")),
            "{n} not on\n{screen}"
        );
        assert!(screen.contains("1 Sale"), "{screen}");
        hands.key(Key::Tab);
    }
    hands.types("заметка");
    assert!(hands.screen(80, 24).contains("заметка"));
}

#[test]
fn wide_characters_do_not_shift_what_stands_beside_them() {
    let mut hands = Hands::signed_in();
    let mut wide = pop("a");
    let card = wide.card.as_mut().unwrap();
    card.name = "東京都港区芝公園四丁目二番八号の住人".to_owned();
    hands.event(Event::CallConnected(pb::CallConnected {
        pop: Some(wide),
        draft: None,
    }));
    hands.state(pb::AgentState::Talking);
    let screen = hands.screen(80, 24);
    let bars: Vec<usize> = screen
        .lines()
        .filter_map(|line| line.find('│').map(|at| crate::terminal::width(&line[..at])))
        .collect();
    assert!(
        bars.len() > 10 && bars.iter().all(|at| *at == bars[0]),
        "{screen}"
    );
}
