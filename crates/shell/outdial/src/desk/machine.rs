//! The desk as a pure state machine: events, answers, keys and time go in, wishes come out.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use model::{Now, Timestamp, WallTime};
use proto::agent::v1 as pb;
use proto::supervisor::v1::Question;
use tonic::Code;

use super::mode::{Doubt, Mode};
use super::notes::Notes;
use super::wish::{Ask, End, Input, Refused, Reply, Wish};
use super::work::Work;
use crate::terminal::{Key, Zone, instant};

/// What was typed is sent so long after the last key.
const DRAFT_AFTER: Duration = Duration::from_millis(700);
/// Between two tries to reach the server.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// What was said stays on the screen for so long.
const SAID_FOR: Duration = Duration::from_secs(12);
/// After the screen changed under the hands of one who types, letters are not taken for commands.
const DEAF: Duration = Duration::from_millis(400);
/// Questionnaires remembered; a day has fewer.
const QUESTIONNAIRES: usize = 100;

/// A terminal desk.
#[derive(Debug)]
pub struct Desk {
    pub(super) name: String,
    pub(super) zone: Zone,
    pub(super) link: Link,
    pub(super) is: pb::Snapshot,
    pub(super) is_ending: bool,
    pub(super) notes: Option<Notes>,
    pub(super) reasons: Vec<String>,
    pub(super) work: Work,
    pub(super) mode: Mode,
    pub(super) said: Option<Said>,
    /// Lines of the record that are scrolled away.
    pub(super) scroll: u16,
    pub(super) now: Now,
    session: String,
    seq: i64,
    /// How far the server's calendar is ahead of ours, in microseconds.
    ahead_us: i64,
    /// What was typed about a talk whose time was over, by campaign and prospect.
    left_over: Option<(i32, i64, pb::Outcome)>,
    questionnaires: BTreeMap<i32, Vec<Question>>,
    asked: BTreeMap<u64, Ask>,
    last_ask: u64,
    /// An outcome that the server has not answered for.
    pub(super) unsaved: Option<(u64, Ask)>,
    draft_at: Option<Timestamp>,
    try_at: Option<Timestamp>,
    deaf_until: Timestamp,
    out: VecDeque<Wish>,
}

/// Whether the server is heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// A session is being opened.
    Opening,
    /// Events come.
    Up,
    /// They do not.
    Lost {
        /// Since when.
        since: Timestamp,
        /// Why, in words.
        because: String,
    },
    /// Another session of the agent took over.
    TakenOver,
}

/// Something to read, for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub tone: Tone,
    pub text: String,
    until: Timestamp,
}

/// How something is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Good,
    Plain,
    Warning,
    Bad,
}

impl Desk {
    /// For an agent of this name, who sits in this zone. Wishes for a session at once.
    pub fn new(name: &str, zone: Zone, now: Now) -> Self {
        let mut desk = Self {
            name: name.to_owned(),
            zone,
            link: Link::Opening,
            is: pb::Snapshot::default(),
            is_ending: false,
            notes: None,
            reasons: Vec::new(),
            work: Work::default(),
            mode: Mode::Desk,
            said: None,
            scroll: 0,
            now,
            session: String::new(),
            seq: 0,
            ahead_us: 0,
            left_over: None,
            questionnaires: BTreeMap::new(),
            asked: BTreeMap::new(),
            last_ask: 0,
            unsaved: None,
            draft_at: None,
            try_at: None,
            deaf_until: Timestamp::default(),
            out: VecDeque::new(),
        };
        desk.ask(Ask::Open { take_over: false });
        desk
    }

    /// Takes a fact in.
    pub fn handle(&mut self, now: Now, input: Input) {
        self.now = now;
        match input {
            Input::Key(key) => self.key(key),
            Input::Paste(text) => self.paste(&text),
            Input::Watching => self.connected(),
            Input::Event(event) => self.on_event(*event),
            Input::Lost(refused) => self.lost(refused),
            Input::Answer { id, answer } => {
                if let Some(ask) = self.asked.remove(&id) {
                    self.on_answer(id, ask, answer);
                }
            }
            Input::Tick => {}
        }
        self.on_time();
    }

    /// What to do next; ask until there is nothing.
    pub fn poll_wish(&mut self) -> Option<Wish> {
        self.out.pop_front()
    }

    /// When to tick at the latest: clocks on the screen show seconds.
    pub fn next_wakeup(&self) -> Timestamp {
        let second = Duration::from_secs(1);
        let into = self.server_now().unix_micros().rem_euclid(1_000_000);
        let clock =
            self.now.mono + second.saturating_sub(Duration::from_micros(into.unsigned_abs()));
        let due = [
            self.draft_at,
            self.try_at,
            self.said.as_ref().map(|s| s.until),
        ];
        due.into_iter().flatten().fold(clock, Timestamp::min)
    }

    /// What the server's calendar shows: wrap-ups end and callbacks are agreed by it.
    pub(super) fn server_now(&self) -> WallTime {
        let ours = self.now.wall.unix_micros();
        WallTime::from_unix_micros(ours.saturating_add(self.ahead_us))
    }

    pub(super) fn state(&self) -> pb::AgentState {
        self.is
            .state
            .as_ref()
            .map(pb::StateChanged::state)
            .unwrap_or_default()
    }

    pub(super) fn dispositions(&self) -> &[pb::Disposition] {
        self.is.call.as_ref().map_or(&[], |call| &call.dispositions)
    }

    /// Whether there is a session to ask in, and somebody to answer.
    pub(super) fn is_up(&self) -> bool {
        self.link == Link::Up
    }

    pub(super) fn ask(&mut self, ask: Ask) -> u64 {
        self.last_ask += 1;
        self.ask_as(self.last_ask, ask);
        self.last_ask
    }

    fn ask_as(&mut self, id: u64, ask: Ask) {
        self.asked.insert(id, ask.clone());
        let session = self.session.clone();
        self.out.push_back(Wish::Ask { id, session, ask });
    }

    pub(super) fn wish(&mut self, wish: Wish) {
        self.out.push_back(wish);
    }

    pub(super) fn say(&mut self, tone: Tone, text: impl Into<String>) {
        let text = text.into();
        let until = self.now.mono + SAID_FOR;
        self.said = Some(Said { tone, text, until });
    }

    fn key(&mut self, key: Key) {
        let is_letter = matches!(key, Key::Char(_) | Key::Enter);
        if is_letter && self.mode == Mode::Desk && self.now.mono < self.deaf_until {
            return;
        }
        self.press(key);
    }

    fn paste(&mut self, text: &str) {
        let (now, zone) = (self.server_now(), self.zone);
        match &mut self.mode {
            Mode::Form => {
                if let Some(notes) = &mut self.notes {
                    notes.paste(text);
                }
                self.typed();
            }
            Mode::List => {
                self.work.filter.insert(text);
                self.work.filtered();
            }
            Mode::When(when) => {
                when.field.insert(text);
                when.understood = instant(when.field.text(), now, zone);
            }
            Mode::Desk
            | Mode::Reasons { .. }
            | Mode::Numbers(_)
            | Mode::Confirm(_)
            | Mode::Help(_) => {}
        }
    }

    /// Something about the talk was typed or chosen: a draft is sent when the typing rests.
    pub(super) fn typed(&mut self) {
        if self.notes.as_ref().is_some_and(|n| n.is_dirty) {
            self.draft_at = Some(self.now.mono + DRAFT_AFTER);
        }
    }

    fn on_time(&mut self) {
        let now = self.now.mono;
        if self.said.as_ref().is_some_and(|said| said.until <= now) {
            self.said = None;
        }
        if self.draft_at.is_some_and(|at| at <= now) {
            self.send_draft();
        }
        if self.try_at.is_some_and(|at| at <= now) {
            self.try_at = None;
            self.begin();
        }
    }

    /// Opens a session, or takes up the stream of the one there is.
    fn begin(&mut self) {
        if self.session.is_empty() {
            self.ask(Ask::Open { take_over: false });
        } else {
            let (session, after_seq) = (self.session.clone(), self.seq);
            self.wish(Wish::Watch { session, after_seq });
        }
    }

    pub(super) fn send_draft(&mut self) {
        self.draft_at = None;
        if !self.is_up() {
            return;
        }
        let (now, zone) = (self.server_now(), self.zone);
        let dispositions = self.dispositions().to_vec();
        let Some(notes) = self.notes.as_mut().filter(|n| n.is_dirty) else {
            return;
        };
        notes.is_dirty = false;
        let attempt = notes.attempt.clone();
        let outcome = notes.outcome(&dispositions, true, now, zone);
        self.ask(Ask::Draft { attempt, outcome });
    }

    /// The stream is open.
    fn connected(&mut self) {
        let was = std::mem::replace(&mut self.link, Link::Up);
        self.try_at = None;
        if matches!(was, Link::Lost { .. }) {
            self.say(Tone::Good, "connected again");
        }
        if let Some((id, ask)) = self.unsaved.clone() {
            self.ask_as(id, ask);
        }
        // What was typed while nobody listened.
        self.typed();
    }

    fn lost(&mut self, refused: Refused) {
        if matches!(self.link, Link::TakenOver) {
            return;
        }
        match refused.code {
            Code::Unauthenticated | Code::PermissionDenied => {
                return self.wish(Wish::End(End::Failed(refused)));
            }
            // Closed, forgotten, or from before a restart.
            Code::FailedPrecondition | Code::NotFound | Code::InvalidArgument => {
                self.session.clear();
                self.seq = 0;
            }
            _ => {}
        }
        let since = match &self.link {
            Link::Lost { since, .. } => *since,
            Link::Opening | Link::Up | Link::TakenOver => self.now.mono,
        };
        let because = refused.text;
        self.link = Link::Lost { since, because };
        self.try_at = Some(self.now.mono + TRY_AGAIN);
    }

    fn on_answer(&mut self, id: u64, ask: Ask, answer: Result<Reply, Refused>) {
        let refused = match answer {
            Ok(reply) => return self.done(ask, reply),
            Err(refused) => refused,
        };
        match ask {
            Ask::Open { .. } if refused.code == Code::AlreadyExists => {
                self.mode = Mode::Confirm(Doubt::TakeOver);
            }
            Ask::Open { .. } if refused.is_away() || refused.code == Code::ResourceExhausted => {
                self.lost(refused);
            }
            Ask::Open { .. } => self.wish(Wish::End(End::Failed(refused))),
            Ask::Submit { .. } if refused.is_away() => {
                self.unsaved = Some((id, ask));
                let text =
                    "the outcome is not saved yet; it is sent again as soon as the server answers";
                self.say(Tone::Warning, text);
            }
            Ask::Draft { attempt, .. } => {
                let notes = self.notes.as_mut().filter(|n| n.attempt == attempt);
                if let Some(notes) = notes {
                    notes.is_dirty = true;
                    if !refused.is_away() {
                        let text = format!("what you typed is kept here only: {}", refused.text);
                        self.say(Tone::Warning, text);
                    }
                }
            }
            ask => {
                if matches!(ask, Ask::Submit { .. }) {
                    self.unsaved = None;
                }
                self.say(Tone::Bad, format!("{}: {}", ask.told(), refused.text));
            }
        }
    }

    fn done(&mut self, ask: Ask, reply: Reply) {
        match (ask, reply) {
            (Ask::Open { .. }, Reply::Opened { session, reasons }) => {
                self.session = session;
                self.reasons = reasons;
                // Everything that holds comes with the snapshot.
                self.seq = 0;
                self.mode = Mode::Desk;
                self.begin();
            }
            (Ask::Close, _) => self.wish(Wish::End(End::Closed)),
            // The stream may have said so already.
            (Ask::Submit { attempt, .. }, _) => self.is_saved(&attempt),
            (Ask::Card { campaign, prospect }, Reply::Card(card)) => {
                self.card_came(campaign, prospect, card);
            }
            (Ask::List, Reply::List { items, callbacks }) => self.work.load(items, callbacks),
            (Ask::Move { .. }, _) => {
                self.say(Tone::Good, "the callback is moved");
                self.ask(Ask::List);
            }
            (Ask::Cancel { .. }, _) => {
                self.say(Tone::Good, "the callback is dropped");
                self.ask(Ask::List);
            }
            (Ask::Questionnaire { id }, Reply::Questionnaire(questions)) => {
                if self.questionnaires.len() >= QUESTIONNAIRES {
                    self.questionnaires.clear();
                }
                self.questionnaires.insert(id, questions);
                self.ask_questions();
            }
            // What came of the others is told by the stream.
            _ => {}
        }
    }

    fn on_event(&mut self, came: pb::WatchSessionResponse) {
        use pb::watch_session_response::Event;
        let Some(event) = came.event else { return };
        let is_of_now = matches!(event, Event::Snapshot(_) | Event::Heartbeat(_));
        if let (true, Some(at)) = (is_of_now, came.at) {
            let there = super::wall(at).unix_micros();
            self.ahead_us = there.saturating_sub(self.now.wall.unix_micros());
        }
        if !self.is_up() && self.link != Link::TakenOver {
            self.connected();
        }
        self.seq = came.seq;
        self.apply(event);
        self.follow();
    }

    /// Brings notes and mode in line with the call on the desk.
    fn follow(&mut self) {
        let Some(call) = &self.is.call else {
            if self.notes.take().is_some() {
                self.draft_at = None;
                self.come_up();
            }
            return;
        };
        let attempt = call.attempt_id.clone();
        if attempt.is_empty() || self.notes.as_ref().is_some_and(|n| n.attempt == attempt) {
            return;
        }
        let mut notes = Notes::new(&attempt);
        let whom = (call.campaign_id, call.prospect_id);
        let dispositions = call.dispositions.clone();
        let draft = self.is.draft.clone().or_else(|| {
            let (campaign, prospect, draft) = self.left_over.take()?;
            ((campaign, prospect) == whom).then_some(draft)
        });
        if let Some(draft) = draft {
            notes.load(&draft, &dispositions);
            self.say(Tone::Plain, "what you had typed about this talk is back");
        }
        self.notes = Some(notes);
        self.scroll = 0;
        self.come_up();
        let id = self
            .is
            .call
            .as_ref()
            .map_or(0, |call| call.questionnaire_id);
        if id != 0 && !self.questionnaires.contains_key(&id) {
            self.ask(Ask::Questionnaire { id });
        }
        self.ask_questions();
    }

    /// The desk comes before whatever was open; a key meant for that is not taken for a command.
    pub(super) fn come_up(&mut self) {
        if self.mode != Mode::Desk {
            self.mode = Mode::Desk;
            self.deaf_until = self.now.mono + DEAF;
        }
    }

    fn ask_questions(&mut self) {
        let Some(call) = &self.is.call else { return };
        let questions = self.questionnaires.get(&call.questionnaire_id);
        if let (Some(questions), Some(notes)) = (questions, &mut self.notes) {
            notes.ask(questions, &call.card.clone().unwrap_or_default());
        }
    }

    /// Keeps what was typed for the next talk with the same person.
    pub(super) fn keep_left_over(&mut self) {
        let (now, zone) = (self.server_now(), self.zone);
        let (Some(call), Some(notes)) = (&self.is.call, &self.notes) else {
            return;
        };
        let draft = notes.outcome(&call.dispositions, true, now, zone);
        if draft != pb::Outcome::default() {
            self.left_over = Some((call.campaign_id, call.prospect_id, draft));
        }
    }
}
