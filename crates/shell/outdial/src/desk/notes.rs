//! What an agent types about a talk: answers, a note, what came of it and when to call again.

use std::collections::BTreeSet;

use model::WallTime;
use proto::agent::v1 as pb;
use proto::supervisor::v1::{Question, QuestionKind};

use crate::terminal::{Field, Key, Zone, day};

/// Longest answer and longest note, in characters (`Answer.value`, `Outcome.note`).
const LONGEST: usize = 4_000;

/// Everything typed about one talk. It outlives losses of the connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Notes {
    /// The talk.
    pub attempt: String,
    /// The questionnaire, in the order shown; empty until it has come.
    pub entries: Vec<Entry>,
    /// Free text.
    pub note: Field,
    /// Place of the chosen disposition among those of the campaign.
    pub chosen: Option<usize>,
    /// When to call again.
    pub call_at: Option<WallTime>,
    /// Which number to call then; 0: any.
    pub call_phone: i64,
    /// What is being typed: an entry, or the note after the last of them.
    pub focus: usize,
    /// Whether something was typed since the last draft was sent.
    pub is_dirty: bool,
    /// A draft that came before the questionnaire did.
    waiting: Vec<pb::Answer>,
}

/// A question and what stands in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What is asked.
    pub question: Question,
    /// What was answered.
    pub value: Value,
}

/// What stands in an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Typed: text, a number, a day.
    Text(Field),
    /// One of the choices, or none yet.
    One(Option<usize>),
    /// Any of the choices.
    Many {
        /// Those chosen.
        on: BTreeSet<usize>,
        /// The one that space switches.
        at: usize,
    },
}

impl Notes {
    /// Nothing typed yet.
    pub fn new(attempt: &str) -> Self {
        Self {
            attempt: attempt.to_owned(),
            entries: Vec::new(),
            note: Field::new(LONGEST),
            chosen: None,
            call_at: None,
            call_phone: 0,
            focus: 0,
            is_dirty: false,
            waiting: Vec::new(),
        }
    }

    /// The questionnaire has come: prefilled from the prospect's columns, under what a draft says.
    pub fn ask(&mut self, questions: &[Question], card: &pb::Card) {
        if !self.entries.is_empty() {
            return;
        }
        self.entries = questions
            .iter()
            .map(|question| {
                let column = column(card, &question.prefill).unwrap_or_default();
                Entry::new(question.clone(), column)
            })
            .collect();
        let waiting = std::mem::take(&mut self.waiting);
        self.answer_all(&waiting);
        if self.focus == 0 && questions.is_empty() {
            self.focus = self.entries.len();
        }
    }

    /// What was typed in another life of the screen.
    pub fn load(&mut self, draft: &pb::Outcome, dispositions: &[pb::Disposition]) {
        self.note = Field::with(LONGEST, &draft.note);
        self.chosen = dispositions
            .iter()
            .position(|d| d.code == draft.disposition);
        self.call_at = draft.call_at.map(super::wall);
        self.call_phone = draft.call_phone_id;
        if self.entries.is_empty() {
            self.waiting.clone_from(&draft.answers);
        } else {
            self.answer_all(&draft.answers);
        }
        self.is_dirty = false;
    }

    fn answer_all(&mut self, answers: &[pb::Answer]) {
        for answer in answers {
            let entry = self
                .entries
                .iter_mut()
                .find(|e| e.question.field == answer.field);
            if let Some(entry) = entry {
                *entry = Entry::new(entry.question.clone(), &answer.value);
            }
        }
    }

    /// Types a key where the focus is. False when it has no meaning there.
    pub fn key(&mut self, key: Key) -> bool {
        let before = self.clone();
        let taken = match self.entries.get_mut(self.focus) {
            Some(entry) => entry.key(key),
            None => self.note.key(key),
        };
        self.is_dirty |= *self != before;
        taken
    }

    /// Puts pasted text where the focus is.
    pub fn paste(&mut self, text: &str) {
        let field = match self.entries.get_mut(self.focus) {
            Some(Entry {
                value: Value::Text(field),
                ..
            }) => field,
            Some(_) => return,
            None => &mut self.note,
        };
        field.insert(text);
        self.is_dirty = true;
    }

    /// Moves the focus; past either end it stays.
    pub fn go(&mut self, by: isize) {
        let to = self.focus.saturating_add_signed(by);
        self.focus = to.min(self.entries.len());
    }

    /// Whether the note has the focus, which is the last of the form.
    pub fn is_at_note(&self) -> bool {
        self.focus >= self.entries.len()
    }

    /// The first answer that keeps an outcome from being given: its place, and what is wrong with it.
    pub fn fault(&self, needs_answers: bool, now: WallTime, zone: Zone) -> Option<(usize, String)> {
        self.entries.iter().enumerate().find_map(|(at, entry)| {
            let question = &entry.question;
            match entry.answer(now, zone) {
                Err(wrong) => Some((at, format!("{}: {wrong}", question.text))),
                Ok(None) if question.required && needs_answers => {
                    Some((at, format!("{}: an answer is needed", question.text)))
                }
                Ok(_) => None,
            }
        })
    }

    /// As the contract says it. An answer that is no number or no day yet is left out of an outcome, and stays as
    /// it was typed in a draft.
    pub fn outcome(
        &self,
        dispositions: &[pb::Disposition],
        is_draft: bool,
        now: WallTime,
        zone: Zone,
    ) -> pb::Outcome {
        let mut answers = Vec::new();
        if self.entries.is_empty() {
            answers.clone_from(&self.waiting);
        }
        for entry in &self.entries {
            let value = if is_draft {
                entry.typed()
            } else {
                entry.answer(now, zone).ok().flatten()
            };
            answers.extend(value.map(|value| pb::Answer {
                field: entry.question.field.clone(),
                value,
            }));
        }
        let chosen = self.chosen.and_then(|at| dispositions.get(at));
        pb::Outcome {
            disposition: chosen.map(|d| d.code.clone()).unwrap_or_default(),
            answers,
            note: self.note.text().trim().to_owned(),
            call_at: self.call_at.map(super::stamp),
            call_phone_id: self.call_phone,
        }
    }
}

/// A column of the record by its header.
fn column<'a>(card: &'a pb::Card, header: &str) -> Option<&'a str> {
    if header.is_empty() {
        return None;
    }
    let further = card.fields.iter().find(|f| f.name == header);
    further.map(|f| f.value.as_str()).or(match header {
        "name" => Some(&card.name),
        "amount" => Some(&card.amount),
        "id" => Some(&card.external_id),
        _ => None,
    })
}

impl Entry {
    fn new(question: Question, value: &str) -> Self {
        let choices = choices(&question);
        let at = |value: &str| choices.iter().position(|c| c == value);
        let value = match question.kind() {
            QuestionKind::Unspecified
            | QuestionKind::Text
            | QuestionKind::Number
            | QuestionKind::Date => Value::Text(Field::with(LONGEST, value)),
            QuestionKind::Choice | QuestionKind::YesNo => Value::One(at(value)),
            QuestionKind::Choices => Value::Many {
                on: value.split('\n').filter_map(at).collect(),
                at: 0,
            },
        };
        Self { question, value }
    }

    /// What can be chosen; empty where something is typed.
    pub fn choices(&self) -> Vec<String> {
        choices(&self.question)
    }

    fn key(&mut self, key: Key) -> bool {
        let choices = self.choices();
        let last = choices.len().saturating_sub(1);
        let nth = match key {
            Key::Char(c @ '1'..='9') => usize::try_from(u32::from(c) - u32::from('1'))
                .ok()
                .filter(|n| *n <= last),
            _ => None,
        };
        let yes_no = self.question.kind() == QuestionKind::YesNo;
        match &mut self.value {
            Value::Text(field) => return field.key(key),
            Value::One(chosen) => {
                *chosen = match (key.by_place(), nth) {
                    (_, Some(n)) => Some(n),
                    (Key::Right | Key::Char(' '), _) => {
                        Some(chosen.map_or(0, |at| if at < last { at + 1 } else { 0 }))
                    }
                    (Key::Left, _) => {
                        Some(chosen.map_or(last, |at| at.checked_sub(1).unwrap_or(last)))
                    }
                    (Key::Backspace | Key::Delete, _) => None,
                    (Key::Char('y'), _) if yes_no => Some(0),
                    (Key::Char('n'), _) if yes_no => Some(1),
                    _ => return false,
                };
            }
            Value::Many { on, at } => match (key, nth) {
                (Key::Char(' '), _) => switch(on, *at),
                (_, Some(n)) => {
                    *at = n;
                    switch(on, n);
                }
                (Key::Right, _) => *at = (*at + 1).min(last),
                (Key::Left, _) => *at = at.saturating_sub(1),
                (Key::Backspace | Key::Delete, _) => on.clear(),
                _ => return false,
            },
        }
        true
    }

    /// As it stands, whether it makes sense or not; nothing when it is empty.
    fn typed(&self) -> Option<String> {
        let choices = self.choices();
        let name = |at: &usize| choices.get(*at).cloned();
        let value = match &self.value {
            Value::Text(field) => field.text().trim().to_owned(),
            Value::One(chosen) => chosen.as_ref().and_then(name)?,
            Value::Many { on, .. } => on.iter().filter_map(name).collect::<Vec<_>>().join("\n"),
        };
        (!value.is_empty()).then_some(value)
    }

    /// The answer; nothing when there is none yet.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn answer(&self, now: WallTime, zone: Zone) -> Result<Option<String>, String> {
        let Some(value) = self.typed() else {
            return Ok(None);
        };
        match self.question.kind() {
            QuestionKind::Number => {
                let plain: String = value.replace(',', ".").split_whitespace().collect();
                match plain.parse::<f64>() {
                    Ok(number) if number.is_finite() => Ok(Some(plain)),
                    _ => Err(format!("\"{value}\" is no number")),
                }
            }
            QuestionKind::Date => day(&value, now, zone).map(|day| Some(day.to_string())),
            QuestionKind::Unspecified
            | QuestionKind::Text
            | QuestionKind::Choice
            | QuestionKind::Choices
            | QuestionKind::YesNo => Ok(Some(value)),
        }
    }
}

fn choices(question: &Question) -> Vec<String> {
    match question.kind() {
        QuestionKind::YesNo => vec!["yes".to_owned(), "no".to_owned()],
        QuestionKind::Choice | QuestionKind::Choices => question.choices.clone(),
        QuestionKind::Unspecified
        | QuestionKind::Text
        | QuestionKind::Number
        | QuestionKind::Date => Vec::new(),
    }
}

fn switch(on: &mut BTreeSet<usize>, at: usize) {
    if !on.remove(&at) {
        on.insert(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZONE: Zone = chrono_tz::Tz::UTC;

    fn now() -> WallTime {
        "2026-11-25T12:00:00Z".parse().unwrap()
    }

    fn question(field: &str, kind: QuestionKind, choices: &[&str]) -> Question {
        Question {
            field: field.to_owned(),
            text: format!("{field}?"),
            kind: kind.into(),
            choices: choices.iter().map(|c| (*c).to_owned()).collect(),
            ..Default::default()
        }
    }

    fn every_kind() -> Vec<Question> {
        use QuestionKind as K;
        vec![
            question("text", K::Text, &[]),
            question("one", K::Choice, &["red", "green", "blue"]),
            question("many", K::Choices, &["mon", "tue", "wed"]),
            question("number", K::Number, &[]),
            question("day", K::Date, &[]),
            question("yes_no", K::YesNo, &[]),
        ]
    }

    fn typed(notes: &mut Notes, text: &str) {
        for c in text.chars() {
            notes.key(Key::Char(c));
        }
    }

    fn answers(notes: &Notes) -> Vec<(String, String)> {
        let outcome = notes.outcome(&[], false, now(), ZONE);
        outcome
            .answers
            .into_iter()
            .map(|a| (a.field, a.value))
            .collect()
    }

    #[test]
    fn every_kind_of_question_is_answered_by_keys() {
        let mut notes = Notes::new("a");
        notes.ask(&every_kind(), &pb::Card::default());
        typed(&mut notes, "Привет");
        notes.go(1);
        notes.key(Key::Right);
        notes.key(Key::Right);
        notes.go(1);
        typed(&mut notes, "3");
        notes.key(Key::Left);
        notes.key(Key::Char(' '));
        notes.go(1);
        typed(&mut notes, "1 200,50");
        notes.go(1);
        typed(&mut notes, "tomorrow");
        notes.go(1);
        typed(&mut notes, "n");
        let given = answers(&notes);
        let given: Vec<(&str, &str)> = given
            .iter()
            .map(|(f, v)| (f.as_str(), v.as_str()))
            .collect();
        assert_eq!(
            given,
            [
                ("text", "Привет"),
                ("one", "green"),
                ("many", "tue\nwed"),
                ("number", "1200.50"),
                ("day", "2026-11-26"),
                ("yes_no", "no"),
            ]
        );
        assert!(notes.is_dirty);
    }

    #[test]
    fn a_wrong_answer_is_a_fault_and_a_missing_one_where_an_outcome_needs_it() {
        let mut questions = every_kind();
        questions[0].required = true;
        let mut notes = Notes::new("a");
        notes.ask(&questions, &pb::Card::default());
        let (at, told) = notes.fault(true, now(), ZONE).unwrap();
        assert_eq!((at, told.as_str()), (0, "text?: an answer is needed"));
        assert_eq!(notes.fault(false, now(), ZONE), None);
        notes.focus = 3;
        typed(&mut notes, "many");
        let (at, told) = notes.fault(false, now(), ZONE).unwrap();
        assert_eq!((at, told.as_str()), (3, "number?: \"many\" is no number"));
    }

    #[test]
    fn what_is_known_of_the_prospect_stands_in_the_answer_at_first() {
        let mut asked = question("email", QuestionKind::Text, &[]);
        asked.prefill = "E-mail".to_owned();
        let card = pb::Card {
            fields: vec![pb::Field {
                name: "E-mail".to_owned(),
                value: "anna@example.net".to_owned(),
            }],
            ..Default::default()
        };
        let mut notes = Notes::new("a");
        notes.ask(&[asked], &card);
        assert_eq!(
            answers(&notes),
            [("email".to_owned(), "anna@example.net".to_owned())]
        );
        assert!(!notes.is_dirty);
    }

    #[test]
    fn a_draft_comes_back_as_it_was_whether_the_questionnaire_is_there_or_not() {
        let dispositions = [pb::Disposition {
            code: "sale".to_owned(),
            ..Default::default()
        }];
        let mut notes = Notes::new("a");
        notes.ask(&every_kind(), &pb::Card::default());
        notes.focus = 3;
        typed(&mut notes, "12x");
        notes.focus = 2;
        typed(&mut notes, "13");
        notes.focus = 6;
        typed(&mut notes, "rings back");
        notes.chosen = Some(0);
        let draft = notes.outcome(&dispositions, true, now(), ZONE);
        let mut before = Notes::new("a");
        before.load(&draft, &dispositions);
        assert_eq!(before.outcome(&dispositions, true, now(), ZONE), draft);
        before.ask(&every_kind(), &pb::Card::default());
        let mut after = Notes::new("a");
        after.ask(&every_kind(), &pb::Card::default());
        after.load(&draft, &dispositions);
        for loaded in [&before, &after] {
            assert_eq!(loaded.outcome(&dispositions, true, now(), ZONE), draft);
        }
    }
}
