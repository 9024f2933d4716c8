//! The desk as an agent meets it, without a server and without a terminal.

mod calls;
mod link;
mod lists;
mod screens;
mod talks;

use std::time::Duration;

use model::{Now, Timestamp, WallTime};
use proto::agent::v1 as pb;
use proto::agent::v1::watch_session_response::Event;
use proto::supervisor::v1::{Question, QuestionKind};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tonic::Code;

use super::wish::{Ask, Input, Refused, Reply, Wish};
use super::{Desk, stamp, view};
use crate::terminal::{Key, Palette};

/// A desk with hands and a clock.
struct Hands {
    desk: Desk,
    now: Now,
    seq: i64,
    /// Everything wished for and not looked at.
    wishes: Vec<Wish>,
}

impl Hands {
    /// Signed in, not ready.
    fn signed_in() -> Self {
        let mut hands = Self::opening();
        let opened = Reply::Opened {
            session: "s".to_owned(),
            reasons: ["break", "lunch", "training"].map(str::to_owned).to_vec(),
        };
        hands.answer(opened);
        assert_eq!(
            hands.take(),
            [Wish::Watch {
                session: "s".to_owned(),
                after_seq: 0
            }]
        );
        hands.input(Input::Watching);
        hands.snapshot(pb::Snapshot {
            state: Some(state(pb::AgentState::NotReady, hands.now.wall)),
            ..Default::default()
        });
        hands
    }

    fn opening() -> Self {
        let now = Now {
            mono: Timestamp::from_micros(10_000_000),
            wall: "2026-11-25T12:00:00Z".parse().unwrap(),
        };
        let mut hands = Self {
            desk: Desk::new("Анна", chrono_tz::Tz::Europe__Moscow, now),
            now,
            seq: 0,
            wishes: Vec::new(),
        };
        hands.drain();
        hands
    }

    /// In a talk with the person of [`pop`].
    fn talking() -> Self {
        let mut hands = Self::signed_in();
        hands.connect("a");
        hands.answer(Reply::Questionnaire(questions()));
        hands.take();
        hands
    }

    /// The same, a moment after the call.
    fn in_wrap_up() -> Self {
        let mut hands = Self::talking();
        hands.event(Event::CallEnded(pb::CallEnded {
            attempt_id: "a".to_owned(),
            ..Default::default()
        }));
        hands.event(Event::WrapUpStarted(pb::WrapUpStarted {
            attempt_id: "a".to_owned(),
            until: Some(stamp(hands.now.wall + Duration::from_secs(60))),
        }));
        hands.state(pb::AgentState::WrapUp);
        hands.take();
        hands
    }

    fn connect(&mut self, attempt: &str) {
        self.event(Event::CallConnected(pb::CallConnected {
            pop: Some(pop(attempt)),
            draft: None,
        }));
        self.state(pb::AgentState::Talking);
    }

    fn input(&mut self, input: Input) {
        self.desk.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(wish) = self.desk.poll_wish() {
            self.wishes.push(wish);
        }
    }

    fn event(&mut self, event: Event) {
        self.seq += 1;
        self.input(Input::Event(Box::new(pb::WatchSessionResponse {
            seq: self.seq,
            at: Some(stamp(self.now.wall)),
            event: Some(event),
        })));
    }

    fn snapshot(&mut self, snapshot: pb::Snapshot) {
        self.event(Event::Snapshot(snapshot));
    }

    fn state(&mut self, to: pb::AgentState) {
        let state = state(to, self.now.wall);
        self.event(Event::StateChanged(state));
    }

    /// Time goes on, with a tick at the end of it.
    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.input(Input::Tick);
    }

    fn key(&mut self, key: Key) {
        self.input(Input::Key(key));
    }

    fn types(&mut self, text: &str) {
        for c in text.chars() {
            self.key(Key::Char(c));
        }
    }

    /// Answers the newest request.
    fn answer(&mut self, reply: Reply) {
        let id = self.newest();
        let answer = Ok(reply);
        self.input(Input::Answer { id, answer });
    }

    fn refuse(&mut self, code: Code, text: &str) {
        let id = self.newest();
        let text = text.to_owned();
        let answer = Err(Refused { code, text });
        self.input(Input::Answer { id, answer });
    }

    fn newest(&mut self) -> u64 {
        let newest = self.wishes.iter().rev().find_map(|wish| match wish {
            Wish::Ask { id, .. } => Some(*id),
            _ => None,
        });
        let newest = newest.expect("something was asked");
        self.wishes
            .retain(|wish| !matches!(wish, Wish::Ask { id, .. } if *id == newest));
        newest
    }

    /// What was wished for since the last look.
    fn take(&mut self) -> Vec<Wish> {
        std::mem::take(&mut self.wishes)
    }

    /// What was asked of the server since the last look.
    fn asks(&mut self) -> Vec<Ask> {
        let asked = self.take().into_iter().filter_map(|wish| match wish {
            Wish::Ask { ask, .. } => Some(ask),
            _ => None,
        });
        asked.collect()
    }

    /// The screen, without trailing blanks.
    fn screen(&self, columns: u16, rows: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        terminal
            .draw(|frame| view::draw(&self.desk, Palette::Plain, frame))
            .unwrap();
        let buffer = terminal.backend().buffer();
        let mut text = String::new();
        for y in 0..rows {
            let mut line = String::new();
            let mut skip = 0;
            for x in 0..columns {
                let symbol = buffer[(x, y)].symbol();
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                line.push_str(symbol);
                skip = crate::terminal::width(symbol).saturating_sub(1);
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// Asserts that the screen says it.
    fn says(&self, text: &str) {
        let screen = self.screen(100, 30);
        assert!(screen.contains(text), "no \"{text}\" on\n{screen}");
    }

    fn says_not(&self, text: &str) {
        let screen = self.screen(100, 30);
        assert!(!screen.contains(text), "\"{text}\" on\n{screen}");
    }
}

fn state(state: pb::AgentState, since: WallTime) -> pb::StateChanged {
    pb::StateChanged {
        state: state.into(),
        since: Some(stamp(since)),
        phone_up: true,
        ..Default::default()
    }
}

fn pop(attempt: &str) -> pb::ScreenPop {
    let disposition = |code: &str, label: &str, kind: &str, needs_call_at| pb::Disposition {
        code: code.to_owned(),
        label: label.to_owned(),
        kind: kind.to_owned(),
        needs_call_at,
    };
    let at = |text: &str| Some(stamp(text.parse().unwrap()));
    pb::ScreenPop {
        campaign_id: 1,
        campaign_name: "Spring".to_owned(),
        seller: "Example Bank".to_owned(),
        greeting: "Добрый день, это банк Пример".to_owned(),
        prospect_id: 7,
        attempt_id: attempt.to_owned(),
        phone_id: 71,
        questionnaire_id: 3,
        dispositions: vec![
            disposition("sale", "Sale", "sale", false),
            disposition("declined", "Declined", "negative", false),
            disposition("callback_private", "Call back, me", "call_back", true),
            disposition("wrong_number", "Wrong number", "negative", false),
        ],
        card: Some(pb::Card {
            prospect_id: 7,
            external_id: "P0007".to_owned(),
            name: "Пётр Иванов".to_owned(),
            amount: "1234.05 RUB".to_owned(),
            subject: "договор 12".to_owned(),
            fields: vec![pb::Field {
                name: "Город".to_owned(),
                value: "Москва".to_owned(),
            }],
            phones: vec![
                pb::Phone {
                    phone_id: 71,
                    number: "+79005550007".to_owned(),
                    kind: "mobile".to_owned(),
                    ..Default::default()
                },
                pb::Phone {
                    phone_id: 72,
                    number: "+79005550008".to_owned(),
                    extension: "12".to_owned(),
                    ..Default::default()
                },
            ],
            history: vec![pb::CardEntry {
                at: at("2026-11-20T09:30:00Z"),
                campaign_name: "Spring".to_owned(),
                result: "connected_agent".to_owned(),
                disposition: "callback_private".to_owned(),
                note: "просил перезвонить".to_owned(),
                agent_name: "Борис".to_owned(),
                call_at: at("2026-11-25T11:00:00Z"),
            }],
            promises: vec![pb::Promise {
                at: at("2026-11-25T11:00:00Z"),
                campaign_name: "Spring".to_owned(),
                agent_name: "Борис".to_owned(),
                note: "после обеда".to_owned(),
            }],
        }),
    }
}

fn questions() -> Vec<Question> {
    let question = |field: &str, text: &str, kind: QuestionKind, choices: &[&str]| Question {
        field: field.to_owned(),
        text: text.to_owned(),
        kind: kind.into(),
        choices: choices.iter().map(|c| (*c).to_owned()).collect(),
        required: field == "product",
        ..Default::default()
    };
    vec![
        question(
            "product",
            "Which product?",
            QuestionKind::Choice,
            &["Card", "Loan", "Deposit"],
        ),
        question("income", "Monthly income?", QuestionKind::Number, &[]),
        question("visit", "When will you come?", QuestionKind::Date, &[]),
    ]
}
