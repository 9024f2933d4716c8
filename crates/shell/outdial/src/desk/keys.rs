//! What keys do on the desk: one list that dispatches and explains.

use proto::agent::v1 as pb;

use super::machine::{Desk, Link, Tone};
use super::mode::{Doubt, Mode, Numbers, Purpose, When, Whom};
use super::wish::{Ask, End, Wish};
use super::work::due;
use crate::terminal::{Field, Key, Offer, instant};

/// Keys of outcomes, in the order in which a campaign offers them.
pub const OUTCOMES: &str = "1234567890ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// Keys of reminders.
const REMINDERS: &str = "123456789";
/// Longest date and time.
const WHEN: usize = 60;

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Ready,
    ChooseReason,
    Take,
    Skip,
    ChooseNumber,
    HangUp,
    Hold,
    Unhold,
    /// The outcome, or the reminder, at the place of the key.
    Outcome,
    Remind,
    Give,
    Unchoose,
    Form,
    MoreTime,
    CloseWithoutOutcome,
    List,
    Leave,
    TakeBack,
    Scroll(isize),
    Help,
    /// Within what is open.
    Next,
    Previous,
    Page(isize),
    Confirm,
    Pick,
    Switch,
    MoveCallback,
    DropCallback,
    Reload,
    Back,
}

impl Desk {
    /// Keys that do something now, in the order in which to show them.
    pub fn offers(&self) -> Vec<Offer<Act>> {
        self.offers_of(&self.mode)
    }

    /// The same in another mode.
    pub(super) fn offers_of(&self, mode: &Mode) -> Vec<Offer<Act>> {
        match mode {
            Mode::Desk => self.desk_offers(),
            Mode::Form => form_offers(),
            Mode::List => self.list_offers(),
            Mode::Reasons { .. } => self.reason_offers(),
            Mode::When(when) => when_offers(when),
            Mode::Numbers(numbers) => number_offers(numbers),
            Mode::Confirm(doubt) => doubt_offers(doubt),
            Mode::Help(_) => vec![Offer::key(Key::Esc, "back", Act::Back)],
        }
    }

    /// What typing does besides, in words; empty when letters are commands.
    pub const fn typing(&self) -> &'static str {
        match &self.mode {
            Mode::Form => "letters are typed into the answer",
            Mode::List => "letters filter the list",
            Mode::When(_) => "type a date and time",
            Mode::Desk
            | Mode::Reasons { .. }
            | Mode::Numbers(_)
            | Mode::Confirm(_)
            | Mode::Help(_) => "",
        }
    }

    fn desk_offers(&self) -> Vec<Offer<Act>> {
        use pb::AgentState as S;
        let help = Offer::keys(&[Key::Char('?'), Key::F(1)], "?", "all keys", Act::Help);
        let leave = Offer::key(Key::Char('q'), "leave", Act::Leave);
        if self.link == Link::TakenOver {
            let back = Offer::key(Key::Char('t'), "take the session back", Act::TakeBack);
            return vec![back, leave];
        }
        let letter = |c, what, act| Offer::key(Key::Char(c), what, act);
        let mut offers = Vec::new();
        let pauses = self.is.state.as_ref().is_some_and(|s| s.pause_after_call);
        let ready = || match pauses {
            true => letter('r', "ready after this call", Act::Ready),
            false => letter('n', "not ready", Act::ChooseReason),
        };
        match self.state() {
            S::Unspecified | S::Offline => {}
            S::NotReady => {
                offers.extend(self.reminder_offers());
                offers.push(letter('r', "ready", Act::Ready));
                offers.push(letter('n', "another reason", Act::ChooseReason));
            }
            S::Ready => {
                offers.extend(self.reminder_offers());
                offers.push(letter('n', "not ready", Act::ChooseReason));
            }
            S::Previewing => {
                let keys = [Key::Enter, Key::Char('t')];
                offers.push(Offer::keys(&keys, "Enter", "dial", Act::Take));
                offers.push(letter('s', "skip", Act::Skip));
                offers.push(letter('p', "another number", Act::ChooseNumber));
                offers.push(ready());
            }
            S::Dialling => {
                offers.push(letter('x', "stop the call", Act::HangUp));
                offers.push(ready());
            }
            S::Talking => {
                offers.extend(self.outcome_offers());
                offers.push(letter('h', "hold", Act::Hold));
                offers.push(letter('x', "hang up", Act::HangUp));
                offers.push(ready());
            }
            S::Holding => {
                offers.extend(self.outcome_offers());
                offers.push(letter('h', "go on talking", Act::Unhold));
                offers.push(letter('x', "hang up", Act::HangUp));
                offers.push(ready());
            }
            S::WrapUp => {
                offers.extend(self.outcome_offers());
                offers.push(letter('e', "more time", Act::MoreTime));
                offers.push(letter(
                    'c',
                    "close without outcome",
                    Act::CloseWithoutOutcome,
                ));
                offers.push(ready());
            }
            S::ConnectionLost => offers.extend(self.outcome_offers()),
        }
        offers.push(letter('l', "list", Act::List));
        if self.is.call.is_some() || self.is.preview.is_some() {
            offers.push(Offer::key(Key::PageDown, "scroll", Act::Scroll(5)));
            offers.push(Offer::key(Key::PageUp, "scroll back", Act::Scroll(-5)));
        }
        offers.push(leave);
        offers.push(help);
        offers
    }

    fn outcome_offers(&self) -> Vec<Offer<Act>> {
        if self.notes.is_none() || self.unsaved.is_some() {
            return Vec::new();
        }
        let keys: Vec<Key> = OUTCOMES
            .chars()
            .map(Key::Char)
            .take(self.dispositions().len())
            .collect();
        let shown = shown(&keys);
        let mut offers = Vec::new();
        if self.notes.as_ref().is_some_and(|n| n.chosen.is_some()) {
            offers.push(Offer::key(Key::Enter, "give the outcome", Act::Give));
            offers.push(Offer::key(Key::Esc, "another outcome", Act::Unchoose));
        }
        offers.push(Offer::keys(&keys, &shown, "outcome", Act::Outcome));
        let form = [Key::Tab, Key::Char('f')];
        offers.push(Offer::keys(&form, "Tab", "answers and note", Act::Form));
        offers
    }

    fn reminder_offers(&self) -> Option<Offer<Act>> {
        let keys = REMINDERS.chars().map(Key::Char);
        let keys: Vec<Key> = keys.take(self.is.reminders.len()).collect();
        let shown = shown(&keys);
        (!keys.is_empty()).then(|| Offer::keys(&keys, &shown, "call the promised", Act::Remind))
    }

    fn list_offers(&self) -> Vec<Offer<Act>> {
        let mut offers = vec![
            Offer::keys(&[Key::Up, Key::Down], "↑↓", "choose", Act::Next),
            Offer::key(Key::Enter, "dial", Act::Confirm),
        ];
        if self.work.chosen().is_some_and(|row| row.callback != 0) {
            offers.push(Offer::key(
                Key::Ctrl('t'),
                "another time",
                Act::MoveCallback,
            ));
            offers.push(Offer::key(
                Key::Ctrl('x'),
                "drop the callback",
                Act::DropCallback,
            ));
        }
        offers.push(Offer::key(Key::PageUp, "page up", Act::Page(-10)));
        offers.push(Offer::key(Key::PageDown, "page down", Act::Page(10)));
        offers.push(Offer::key(Key::Ctrl('r'), "load again", Act::Reload));
        offers.push(Offer::key(Key::Esc, "back", Act::Back));
        offers.push(Offer::key(Key::F(1), "all keys", Act::Help));
        offers
    }

    fn reason_offers(&self) -> Vec<Offer<Act>> {
        let digits = REMINDERS.chars().map(Key::Char);
        let digits: Vec<Key> = digits.take(self.reasons.len()).collect();
        let shown = shown(&digits);
        vec![
            Offer::keys(&digits, &shown, "for this reason", Act::Pick),
            Offer::keys(&[Key::Up, Key::Down], "↑↓", "choose", Act::Next),
            Offer::key(Key::Enter, "not ready", Act::Confirm),
            Offer::key(Key::Tab, "after this call / now", Act::Switch),
            Offer::key(Key::Esc, "back", Act::Back),
        ]
    }

    /// Does what a key means now.
    pub(super) fn press(&mut self, key: Key) {
        match key {
            // Raw mode gives Ctrl-C as a key: it ends whatever is open, as everywhere.
            Key::Ctrl('c') => {
                self.send_draft();
                return self.wish(Wish::End(End::Interrupted));
            }
            Key::Ctrl('l') => return self.wish(Wish::Redraw),
            _ => {}
        }
        let offers = self.offers();
        // While typing, letters are text even when a letter of the other layout would be a command.
        let found = match self.typing() {
            "" => Offer::find(&offers, key),
            _ => offers.iter().find_map(|offer| {
                let at = offer.keys.iter().position(|k| *k == key)?;
                Some((offer.act, at))
            }),
        };
        match found {
            Some((act, at)) => self.act(act, at),
            None => self.type_key(key),
        }
    }

    fn type_key(&mut self, key: Key) {
        let (now, zone) = (self.server_now(), self.zone);
        match &mut self.mode {
            Mode::Form => {
                if let Some(notes) = &mut self.notes {
                    notes.key(key);
                }
                self.typed();
            }
            Mode::List => {
                if self.work.filter.key(key) {
                    self.work.filtered();
                }
            }
            Mode::When(when) => {
                when.field.key(key);
                when.understood = instant(when.field.text(), now, zone);
            }
            Mode::Confirm(Doubt::TakeOver) => {}
            // Anything but yes is no.
            Mode::Confirm(doubt) => self.mode = back_from(doubt),
            Mode::Help(under) => self.mode = (**under).clone(),
            Mode::Desk | Mode::Reasons { .. } | Mode::Numbers(_) => {}
        }
    }

    fn act(&mut self, act: Act, at: usize) {
        match act {
            Act::Ready => _ = self.ask(Ask::Ready),
            Act::ChooseReason => {
                self.mode = Mode::Reasons {
                    chosen: 0,
                    now: false,
                }
            }
            Act::Take => _ = self.ask(Ask::Take { phone: 0 }),
            Act::Skip => _ = self.ask(Ask::Skip),
            Act::ChooseNumber => self.choose_offered_number(),
            Act::HangUp => _ = self.ask(Ask::HangUp),
            Act::Hold => _ = self.ask(Ask::Hold),
            Act::Unhold => _ = self.ask(Ask::Unhold),
            Act::Outcome => self.choose_outcome(at),
            Act::Remind => self.dial_reminder(at),
            Act::Give => self.give(),
            Act::Unchoose => self.unchoose(),
            Act::Form => self.mode = Mode::Form,
            Act::MoreTime => _ = self.ask(Ask::Extend),
            Act::CloseWithoutOutcome => self.mode = Mode::Confirm(Doubt::CloseWithoutOutcome),
            Act::List => self.open_list(),
            Act::Leave => self.leave(),
            Act::TakeBack => {
                self.link = Link::Opening;
                self.ask(Ask::Open { take_over: true });
            }
            Act::Scroll(by) => {
                let by = i16::try_from(by).unwrap_or_default();
                self.scroll = self.scroll.saturating_add_signed(by);
            }
            Act::Help => {
                let under = std::mem::replace(&mut self.mode, Mode::Desk);
                self.mode = Mode::Help(Box::new(under));
            }
            Act::Next => self.choose(at),
            Act::Previous => self.go(-1),
            Act::Page(by) => self.work.go(by),
            Act::Confirm => self.confirm(),
            Act::Pick => self.pick(at),
            Act::Switch => self.switch(),
            Act::MoveCallback => self.move_callback(),
            Act::DropCallback => {
                if let Some(row) = self.work.chosen() {
                    let (callback, name) = (row.callback, row.name.clone());
                    self.mode = Mode::Confirm(Doubt::DropCallback { callback, name });
                }
            }
            Act::Reload => _ = self.ask(Ask::List),
            Act::Back => self.back(),
        }
    }

    /// Up is the first of its keys, down the second.
    fn choose(&mut self, at: usize) {
        let is_form = self.mode == Mode::Form;
        self.go(if at == 0 && !is_form { -1 } else { 1 });
    }

    fn go(&mut self, by: isize) {
        let reasons = self.reasons.len();
        let within =
            |at: usize, len: usize| at.saturating_add_signed(by).min(len.saturating_sub(1));
        match &mut self.mode {
            Mode::Form => {
                if let Some(notes) = &mut self.notes {
                    // Enter in the note ends the typing.
                    notes.go(by);
                }
            }
            Mode::List => self.work.go(by),
            Mode::Reasons { chosen, .. } => *chosen = within(*chosen, reasons),
            Mode::Numbers(numbers) => {
                numbers.chosen = within(numbers.chosen, numbers.phones().len());
            }
            Mode::Desk | Mode::When(_) | Mode::Confirm(_) | Mode::Help(_) => {}
        }
    }

    fn confirm(&mut self) {
        match self.mode.clone() {
            Mode::Form => match &self.notes {
                Some(notes) if !notes.is_at_note() => self.go(1),
                _ => self.back(),
            },
            Mode::List => self.dial_chosen(),
            Mode::Reasons { chosen, .. } => self.pick(chosen),
            Mode::When(when) => self.agree(when),
            Mode::Numbers(numbers) => self.dial_number(&numbers),
            Mode::Confirm(doubt) => self.no_doubt(doubt),
            Mode::Desk | Mode::Help(_) => {}
        }
    }

    fn pick(&mut self, at: usize) {
        match self.mode.clone() {
            Mode::Reasons { now, .. } => {
                self.mode = Mode::Desk;
                let reason = self.reasons.get(at).cloned().unwrap_or_default();
                self.ask(Ask::NotReady { reason, now });
            }
            Mode::Numbers(mut numbers) => {
                numbers.chosen = at;
                self.dial_number(&numbers);
            }
            _ => {}
        }
    }

    fn switch(&mut self) {
        match &mut self.mode {
            Mode::Reasons { now, .. } => *now = !*now,
            Mode::When(when) => when.next_phone(),
            _ => {}
        }
    }

    fn back(&mut self) {
        let from = std::mem::replace(&mut self.mode, Mode::Desk);
        match from {
            Mode::Help(under) => self.mode = *under,
            Mode::When(When {
                purpose: Purpose::Callback(_),
                ..
            })
            | Mode::Numbers(Numbers {
                whom: Whom::Listed { .. },
                ..
            }) => self.mode = Mode::List,
            Mode::Confirm(doubt) => self.mode = back_from(&doubt),
            Mode::Desk
            | Mode::Form
            | Mode::List
            | Mode::Reasons { .. }
            | Mode::When(_)
            | Mode::Numbers(_) => {}
        }
    }

    /// Something asked for twice was asked for twice.
    fn no_doubt(&mut self, doubt: Doubt) {
        self.mode = back_from(&doubt);
        match doubt {
            Doubt::TakeOver => _ = self.ask(Ask::Open { take_over: true }),
            Doubt::CloseWithoutOutcome => {
                if let Some(notes) = &self.notes {
                    let attempt = notes.attempt.clone();
                    self.ask(Ask::CloseWithoutOutcome { attempt });
                }
            }
            Doubt::DropCallback { callback, .. } => _ = self.ask(Ask::Cancel { callback }),
            Doubt::Leave => match self.is_up() {
                true => _ = self.ask(Ask::Close),
                false => self.wish(Wish::End(End::Left)),
            },
        }
    }

    fn leave(&mut self) {
        let is_without = self.mode == Mode::Confirm(Doubt::TakeOver);
        if is_without || self.link == Link::TakenOver {
            self.wish(Wish::End(End::Left));
        } else {
            self.mode = Mode::Confirm(Doubt::Leave);
        }
    }

    fn dial_reminder(&mut self, at: usize) {
        let due = due(&self.is.reminders, self.server_now());
        let Some(callback) = due.get(at) else { return };
        let (campaign, prospect) = (callback.campaign_id, callback.prospect_id);
        let phone = callback.phone_id;
        let text = format!("calling {}", callback.name);
        self.say(Tone::Plain, text);
        self.ask(Ask::Dial {
            campaign,
            prospect,
            phone,
        });
    }

    /// Another time for the chosen row of the list.
    fn move_callback(&mut self) {
        let Some(row) = self.work.chosen() else {
            return;
        };
        let (purpose, name) = (Purpose::Callback(row.callback), row.name.clone());
        let phone = row.phone;
        self.ask_when(purpose, name, Vec::new(), phone);
    }

    /// Opens a date and time to type.
    pub(super) fn ask_when(
        &mut self,
        purpose: Purpose,
        name: String,
        phones: Vec<pb::Phone>,
        phone: i64,
    ) {
        let field = Field::new(WHEN);
        let understood = instant("", self.server_now(), self.zone);
        self.mode = Mode::When(When {
            purpose,
            name,
            field,
            understood,
            phones,
            phone,
        });
    }
}

/// `1–5`, `1–0 A–F`.
fn shown(keys: &[Key]) -> String {
    let chars: Vec<char> = keys
        .iter()
        .filter_map(|key| match key {
            Key::Char(c) => Some(*c),
            _ => None,
        })
        .collect();
    let range = |part: Vec<&char>| match part.as_slice() {
        [] => None,
        [one] => Some(one.to_string()),
        [first, .., last] => Some(format!("{first}–{last}")),
    };
    let (digits, letters) = chars.iter().partition(|c| c.is_ascii_digit());
    let parts: Vec<String> = [digits, letters].into_iter().filter_map(range).collect();
    parts.join(" ")
}

fn form_offers() -> Vec<Offer<Act>> {
    let next = [Key::Tab, Key::Down];
    let previous = [Key::BackTab, Key::Up];
    vec![
        Offer::keys(&next, "Tab", "next", Act::Next),
        Offer::keys(&previous, "Shift-Tab", "previous", Act::Previous),
        Offer::key(Key::Enter, "next, from the note done", Act::Confirm),
        Offer::key(Key::Esc, "done", Act::Back),
        Offer::key(Key::F(1), "all keys", Act::Help),
    ]
}

fn when_offers(when: &When) -> Vec<Offer<Act>> {
    let mut offers = Vec::new();
    if when.understood.is_ok() {
        offers.push(Offer::key(Key::Enter, "agreed", Act::Confirm));
    }
    if !when.phones.is_empty() {
        offers.push(Offer::key(Key::Tab, "which number", Act::Switch));
    }
    offers.push(Offer::key(Key::Esc, "back", Act::Back));
    offers
}

fn number_offers(numbers: &Numbers) -> Vec<Offer<Act>> {
    let digits = REMINDERS.chars().map(Key::Char);
    let digits: Vec<Key> = digits.take(numbers.phones().len()).collect();
    let mut offers = Vec::new();
    if !digits.is_empty() {
        let shown = shown(&digits);
        offers.push(Offer::keys(&digits, &shown, "dial this one", Act::Pick));
        let arrows = [Key::Up, Key::Down];
        offers.push(Offer::keys(&arrows, "↑↓", "choose", Act::Next));
    }
    offers.push(Offer::key(Key::Enter, "dial", Act::Confirm));
    offers.push(Offer::key(Key::Esc, "back", Act::Back));
    offers
}

fn doubt_offers(doubt: &Doubt) -> Vec<Offer<Act>> {
    let (key, what) = match doubt {
        Doubt::TakeOver => ('y', "take it over"),
        Doubt::CloseWithoutOutcome => ('c', "close, nothing is applied"),
        Doubt::DropCallback { .. } => ('y', "drop it"),
        Doubt::Leave => ('q', "leave"),
    };
    let mut offers = vec![Offer::key(Key::Char(key), what, Act::Confirm)];
    if *doubt == Doubt::TakeOver {
        let no = [Key::Char('q'), Key::Char('n'), Key::Esc];
        offers.push(Offer::keys(&no, "q", "leave it and go", Act::Leave));
    } else {
        offers.push(Offer::key(Key::Esc, "no", Act::Back));
    }
    offers
}

fn back_from(doubt: &Doubt) -> Mode {
    match doubt {
        Doubt::DropCallback { .. } => Mode::List,
        Doubt::TakeOver | Doubt::CloseWithoutOutcome | Doubt::Leave => Mode::Desk,
    }
}
