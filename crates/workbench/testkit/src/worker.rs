//! What a simulated agent decides: told events and the time, it says what it does next. The RPCs are
//! made elsewhere.

use std::time::{Duration, Instant};

use model::{DispositionAction, WallTime, standard_dispositions};
use prost_types::Timestamp;
use proto::agent::v1::{Answer, Disposition, Outcome, ScreenPop, watch_session_response::Event};
use proto::supervisor::v1::{Question, QuestionKind};

use crate::counts::AgentCounts;
use crate::draw::Draw;
use crate::habits::Habits;

/// An outcome is given at least so long before the wrap-up's time is over.
const IN_TIME: Duration = Duration::from_millis(500);

/// What the agent does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    TakePreview,
    SkipPreview,
    HangUp,
    /// Gives the outcome of this attempt.
    Submit(Attempt),
    /// Closes this attempt without one.
    CloseWithoutOutcome(Attempt),
}

/// The attempt that is talked or written up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) id: String,
    /// What its outcome may say.
    pub(crate) offered: Vec<Offered>,
    /// 0: the campaign has none.
    pub(crate) questionnaire_id: i32,
    pub(crate) phone_id: i64,
}

impl Attempt {
    fn of(pop: &ScreenPop) -> Self {
        Self {
            id: pop.attempt_id.clone(),
            offered: pop.dispositions.iter().map(Offered::of).collect(),
            questionnaire_id: pop.questionnaire_id,
            phone_id: pop.phone_id,
        }
    }
}

/// A disposition as a screen-pop offers it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offered {
    code: String,
    needs_call_at: bool,
}

impl Offered {
    fn of(disposition: &Disposition) -> Self {
        Self {
            code: disposition.code.clone(),
            needs_call_at: disposition.needs_call_at,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Worker {
    habits: Habits,
    draw: Draw,
    pub(crate) counts: AgentCounts,
    attempt: Attempt,
    next: Option<(Instant, Act)>,
    /// The session is over by the server's word.
    pub(crate) dismissed: bool,
}

impl Worker {
    pub(crate) fn new(habits: Habits, seed: u64) -> Self {
        Self {
            habits,
            draw: Draw::new(seed, 0, 3),
            counts: AgentCounts::default(),
            attempt: Attempt::default(),
            next: None,
            dismissed: false,
        }
    }

    /// When [`take_act`](Self::take_act) has something.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.next.as_ref().map(|(at, _)| *at)
    }

    /// What is to be done now, once.
    pub(crate) fn take_act(&mut self, now: Instant) -> Option<Act> {
        let due = self.due()? <= now;
        due.then(|| self.next.take()).flatten().map(|(_, act)| act)
    }

    /// What could not be done is to be done still.
    pub(crate) fn put_back(&mut self, now: Instant, act: Act) {
        self.next.get_or_insert((now, act));
    }

    /// Takes an event that happened at `at` and came at `now`, which is `wall` by the calendar.
    pub(crate) fn on_event(&mut self, now: Instant, wall: WallTime, at: WallTime, event: Event) {
        use proto::agent::v1::NoticeKind;
        match event {
            Event::Snapshot(snapshot) => {
                self.next = None;
                self.counts.reminders_due = snapshot.reminders.len() as u64;
                if let Some(state) = &snapshot.state {
                    self.counts.state = state.state;
                }
                if let Some(pop) = &snapshot.call {
                    self.attempt = Attempt::of(pop);
                }
                if let Some(wrap_up) = snapshot.wrap_up {
                    self.write_up(now, wall, wrap_up.attempt_id, wrap_up.until);
                } else if snapshot.connected {
                    self.talk(now);
                } else if snapshot.preview.is_some() {
                    self.look(now);
                }
            }
            Event::StateChanged(changed) => {
                self.counts.state = changed.state;
                self.counts.state_changes += 1;
            }
            Event::PreviewOffered(_) => {
                self.counts.previews += 1;
                self.look(now);
            }
            Event::CallDialling(_) => {
                self.counts.dialled += 1;
                self.next = None;
            }
            Event::CallConnected(connected) => {
                self.counts.connected += 1;
                self.counts.pop_latency.push(wall.since(at));
                let pop = connected.pop.unwrap_or_default();
                self.counts.pops_without_card += u64::from(pop.card.is_none());
                self.counts.popped_at.insert(pop.attempt_id.clone(), now);
                self.attempt = Attempt::of(&pop);
                self.talk(now);
            }
            Event::CallEnded(ended) => {
                *self.counts.ended.entry(ended.result).or_default() += 1;
                self.next = None;
            }
            Event::WrapUpStarted(wrap_up) => {
                self.write_up(now, wall, wrap_up.attempt_id, wrap_up.until);
            }
            Event::DraftOffered(_) => self.counts.drafts_offered += 1,
            Event::WrapUpEnding(_) | Event::Heartbeat(_) | Event::DraftGone(_) => {}
            Event::WrapUpTimedOut(_) => {
                self.counts.wrap_ups_timed_out += 1;
                self.next = None;
            }
            Event::OutcomeSaved(_) => self.counts.outcomes_saved += 1,
            Event::ReminderDue(_) => {
                self.counts.reminders += 1;
                self.counts.reminders_due += 1;
            }
            Event::ReminderGone(_) => {
                self.counts.reminders_due = self.counts.reminders_due.saturating_sub(1);
            }
            Event::Notice(notice) => {
                self.dismissed |= matches!(
                    notice.kind(),
                    NoticeKind::TakenOver | NoticeKind::SessionClosed
                );
            }
        }
    }

    fn look(&mut self, now: Instant) {
        let act = if self.draw.happens(self.habits.takes) {
            Act::TakePreview
        } else {
            Act::SkipPreview
        };
        self.next = Some((now + self.draw.within(self.habits.looks), act));
    }

    fn talk(&mut self, now: Instant) {
        let length = self.draw.within(self.habits.talk);
        let ends = self.draw.happens(self.habits.hangs_up);
        self.next = ends.then_some((now + length, Act::HangUp));
    }

    fn write_up(&mut self, now: Instant, wall: WallTime, id: String, until: Option<Timestamp>) {
        if self.attempt.id != id {
            // A wrap-up of a talk that was before this client: what it was about is not known.
            self.attempt = Attempt {
                id,
                ..Attempt::default()
            };
        }
        let left = until.map(|until| wall_of(&until).since(wall));
        let latest = left.map_or(Duration::MAX, |left| left.saturating_sub(IN_TIME));
        let at = now + self.draw.within(self.habits.writes).min(latest);
        let attempt = self.attempt.clone();
        let act = if self.draw.happens(self.habits.no_outcome) {
            Act::CloseWithoutOutcome(attempt)
        } else {
            Act::Submit(attempt)
        };
        self.next = Some((at, act));
    }

    /// What came of a talk: one of the dispositions offered, with all that it and the questions ask for.
    pub(crate) fn outcome(
        &mut self,
        wall: WallTime,
        attempt: &Attempt,
        questions: &[Question],
    ) -> Outcome {
        let offered = if attempt.offered.is_empty() {
            standard()
        } else {
            attempt.offered.clone()
        };
        let weight = |code: &str| self.habits.dispositions.get(code).copied().unwrap_or(0);
        let mut weights: Vec<u64> = offered
            .iter()
            .map(|offered| weight(&offered.code).into())
            .collect();
        if weights.iter().sum::<u64>() == 0 {
            weights.fill(1);
        }
        let mut drawn = self.draw.below(weights.iter().sum());
        let chosen = offered.into_iter().zip(weights).find(|(_, weight)| {
            let here = drawn < *weight;
            drawn = drawn.saturating_sub(*weight);
            here
        });
        let Offered {
            code: disposition,
            needs_call_at,
        } = chosen.map(|(offered, _)| offered).unwrap_or_default();
        let noted = self.draw.happens(self.habits.notes);
        let call_at =
            needs_call_at.then(|| timestamp(wall + self.draw.within(self.habits.callback_in)));
        Outcome {
            note: if noted {
                format!("said so on the phone: {disposition}")
            } else {
                String::new()
            },
            disposition,
            answers: questions.iter().map(|q| self.answer(wall, q)).collect(),
            call_phone_id: if call_at.is_some() {
                attempt.phone_id
            } else {
                0
            },
            call_at,
        }
    }

    fn answer(&mut self, wall: WallTime, question: &Question) -> Answer {
        let mut any = || {
            let count = question.choices.len() as u64;
            let at = usize::try_from(self.draw.below(count)).unwrap_or(0);
            question.choices.get(at).cloned().unwrap_or_default()
        };
        let value = match question.kind() {
            QuestionKind::Choice | QuestionKind::Choices => any(),
            QuestionKind::Number => self.draw.below(100).to_string(),
            QuestionKind::Date => wall.utc().date_naive().to_string(),
            QuestionKind::YesNo => ["yes", "no"][usize::from(self.draw.below(2) == 1)].to_owned(),
            QuestionKind::Text | QuestionKind::Unspecified => format!("about {}", question.field),
        };
        Answer {
            field: question.field.clone(),
            value,
        }
    }
}

/// What is offered for an attempt whose screen-pop this client has not seen: the codes that every campaign begins with.
fn standard() -> Vec<Offered> {
    standard_dispositions()
        .iter()
        .map(|d| Offered {
            code: d.code.to_string(),
            needs_call_at: matches!(d.action, DispositionAction::CallBack { .. }),
        })
        .collect()
}

/// An instant of the wire.
pub(crate) fn wall_of(at: &Timestamp) -> WallTime {
    let micros = at.seconds.saturating_mul(1_000_000);
    WallTime::from_unix_micros(micros.saturating_add(i64::from(at.nanos) / 1_000))
}

fn timestamp(at: WallTime) -> Timestamp {
    let micros = at.unix_micros();
    Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos: i32::try_from(micros.rem_euclid(1_000_000)).unwrap_or(0) * 1_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Share;
    use proto::agent::v1::{
        CallConnected, CallEnded, PreviewOffered, Snapshot, WrapUpStarted, WrapUpTimedOut,
    };

    const AT: WallTime = WallTime::from_unix_seconds(1_790_000_000);

    fn worker(habits: Habits) -> (Worker, Instant) {
        (Worker::new(habits, 1), Instant::now())
    }

    fn offer(code: &str, needs_call_at: bool) -> Disposition {
        Disposition {
            code: code.to_owned(),
            needs_call_at,
            ..Disposition::default()
        }
    }

    fn connected() -> Event {
        let pop = ScreenPop {
            attempt_id: "a1".to_owned(),
            dispositions: vec![offer("sale", false)],
            questionnaire_id: 5,
            phone_id: 6,
            ..ScreenPop::default()
        };
        Event::CallConnected(CallConnected {
            pop: Some(pop),
            draft: None,
        })
    }

    fn wrap_up(id: &str, left: Duration) -> WrapUpStarted {
        WrapUpStarted {
            attempt_id: id.to_owned(),
            until: Some(timestamp(AT + left)),
        }
    }

    fn next(worker: &mut Worker) -> Option<(Instant, Act)> {
        let at = worker.due()?;
        assert_eq!(worker.take_act(at - Duration::from_millis(1)), None);
        worker.take_act(at).map(|act| (at, act))
    }

    #[test]
    fn a_talk_is_ended_when_its_time_is_over_and_written_up() {
        let (mut worker, now) = worker(Habits {
            hangs_up: Share::ONE,
            no_outcome: Share::ZERO,
            ..Habits::default()
        });
        let popped = AT + Duration::from_millis(3);
        worker.on_event(now, popped, AT, connected());
        let (at, act) = next(&mut worker).unwrap();
        assert_eq!(act, Act::HangUp);
        assert!((2_000..=7_000).contains(&(at - now).as_millis()));
        let minute = wrap_up("a1", Duration::from_secs(60));
        worker.on_event(at, AT, AT, Event::WrapUpStarted(minute));
        let Some((written, Act::Submit(attempt))) = next(&mut worker) else {
            panic!("nothing is submitted");
        };
        assert!((300..=1_500).contains(&(written - at).as_millis()));
        assert_eq!((attempt.id.as_str(), attempt.questionnaire_id), ("a1", 5));
        assert_eq!(worker.outcome(AT, &attempt, &[]).disposition, "sale");
        assert_eq!(worker.counts.pop_latency, [Duration::from_millis(3)]);
        assert_eq!(worker.counts.pops_without_card, 1);
    }

    #[test]
    fn an_agent_who_waits_for_the_person_does_nothing_until_the_call_is_over() {
        let (mut worker, now) = worker(Habits {
            hangs_up: Share::ZERO,
            ..Habits::default()
        });
        worker.on_event(now, AT, AT, connected());
        assert_eq!(worker.due(), None);
        let ended = CallEnded {
            result: "connected_agent".to_owned(),
            ..CallEnded::default()
        };
        worker.on_event(now, AT, AT, Event::CallEnded(ended));
        assert_eq!(worker.counts.ended.get("connected_agent"), Some(&1));
    }

    #[test]
    fn an_outcome_comes_before_the_wrap_up_is_over_however_short_it_is() {
        let (mut worker, now) = worker(Habits::default());
        let short = wrap_up("a1", Duration::from_millis(700));
        worker.on_event(now, AT, AT, Event::WrapUpStarted(short));
        assert!(worker.due().unwrap() - now <= Duration::from_millis(200));
        let over = WrapUpTimedOut::default();
        worker.on_event(now, AT, AT, Event::WrapUpTimedOut(over));
        assert_eq!((worker.due(), worker.counts.wrap_ups_timed_out), (None, 1));
    }

    #[test]
    fn offers_are_taken_and_skipped_as_often_as_the_habit_says() {
        let (mut worker, now) = worker(Habits {
            takes: Share::from_ppm(750_000),
            ..Habits::default()
        });
        let mut taken = 0;
        for _ in 0..1_000 {
            let offer = Event::PreviewOffered(PreviewOffered::default());
            worker.on_event(now, AT, AT, offer);
            match next(&mut worker) {
                Some((_, Act::TakePreview)) => taken += 1,
                Some((_, Act::SkipPreview)) => {}
                other => panic!("{other:?}"),
            }
        }
        // 1,000 draws lie within 5 standard deviations, 69.
        assert!((681..=819).contains(&taken), "{taken}");
    }

    #[test]
    fn a_snapshot_takes_up_what_was_under_way_and_forgets_what_is_not() {
        let (mut worker, now) = worker(Habits::default());
        let offer = Event::PreviewOffered(PreviewOffered::default());
        worker.on_event(now, AT, AT, offer);
        let nothing = Event::Snapshot(Snapshot::default());
        worker.on_event(now, AT, AT, nothing);
        assert_eq!(worker.due(), None);
        let writing = Snapshot {
            wrap_up: Some(wrap_up("a7", Duration::from_secs(60))),
            ..Snapshot::default()
        };
        worker.on_event(now, AT, AT, Event::Snapshot(writing));
        let (_, act) = next(&mut worker).unwrap();
        assert!(matches!(act, Act::Submit(a) | Act::CloseWithoutOutcome(a) if a.id == "a7"));
    }

    #[test]
    fn only_dispositions_that_are_offered_are_chosen_and_callbacks_have_a_time() {
        let (mut worker, _) = worker(Habits::default());
        let pop = ScreenPop {
            dispositions: vec![
                offer("sale", false),
                offer("callback_public", true),
                offer("unknown_to_habits", false),
            ],
            phone_id: 6,
            ..ScreenPop::default()
        };
        let attempt = Attempt::of(&pop);
        let mut met = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let outcome = worker.outcome(AT, &attempt, &[]);
            let calls_back = outcome.disposition == "callback_public";
            assert_eq!(outcome.call_at.is_some(), calls_back);
            assert_eq!(outcome.call_phone_id, if calls_back { 6 } else { 0 });
            met.insert(outcome.disposition);
        }
        assert_eq!(met.iter().collect::<Vec<_>>(), ["callback_public", "sale"]);
        let without = worker.outcome(AT, &Attempt::default(), &[]);
        let standard = standard_dispositions();
        assert!(standard.iter().any(|d| d.code == without.disposition));
    }

    #[test]
    fn every_question_is_answered_as_its_kind_asks() {
        let (mut worker, _) = worker(Habits::default());
        let ask = |field: &str, kind| Question {
            field: field.to_owned(),
            kind: i32::from(kind),
            choices: vec!["red".to_owned(), "blue".to_owned()],
            ..Question::default()
        };
        let questions = [
            ask("colour", QuestionKind::Choice),
            ask("rooms", QuestionKind::Number),
            ask("on", QuestionKind::Date),
            ask("owner", QuestionKind::YesNo),
            ask("why", QuestionKind::Text),
        ];
        let outcome = worker.outcome(AT, &Attempt::default(), &questions);
        let answers: Vec<_> = outcome.answers.iter().map(|a| a.value.as_str()).collect();
        let [colour, rooms, on, owner, why] = answers[..] else {
            panic!("{answers:?}");
        };
        assert!(["red", "blue"].contains(&colour) && ["yes", "no"].contains(&owner));
        assert!(rooms.parse::<u32>().is_ok());
        assert_eq!((on, why), ("2026-09-21", "about why"));
    }
}
