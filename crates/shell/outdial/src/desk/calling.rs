//! Giving outcomes, agreeing times, choosing whom to call and at which number.

use proto::agent::v1 as pb;

use super::machine::{Desk, Tone};
use super::mode::{Mode, Numbers, Purpose, When, Whom};
use super::wish::Ask;
use super::work::Work;

/// Kinds of dispositions for which required answers must be there. The others say that the talk did not come to
/// its questions.
const NEED_ANSWERS: [&str; 4] = ["sale", "appointment", "follow_up", "information"];

impl Desk {
    /// An outcome's key. In wrap-up it is given at once when nothing is missing; during a talk, which it would
    /// end, it is chosen, and the same key or Enter gives it.
    pub(super) fn choose_outcome(&mut self, at: usize) {
        let Some(disposition) = self.dispositions().get(at).cloned() else {
            return;
        };
        let is_over = self.state() == pb::AgentState::WrapUp;
        let Some(notes) = &mut self.notes else { return };
        let again = notes.chosen.replace(at) == Some(at);
        notes.is_dirty |= !again;
        let phone = notes.call_phone;
        if disposition.needs_call_at {
            let card = self.is.call.as_ref().and_then(|call| call.card.clone());
            let card = card.unwrap_or_default();
            return self.ask_when(Purpose::Outcome(at), card.name, card.phones, phone);
        }
        // A time agreed for another outcome does not belong to this one.
        if !again && let Some(notes) = &mut self.notes {
            notes.call_at = None;
            notes.call_phone = 0;
        }
        if is_over || again {
            self.give();
        } else {
            let label = disposition.label;
            self.say(
                Tone::Plain,
                format!("{label}: Enter gives it and ends the call"),
            );
            self.typed();
        }
    }

    /// No outcome is chosen.
    pub(super) fn unchoose(&mut self) {
        if let Some(notes) = &mut self.notes {
            notes.chosen = None;
            notes.call_at = None;
            notes.is_dirty = true;
        }
        self.typed();
    }

    /// Gives the chosen outcome, or goes to the answer that it lacks.
    pub(super) fn give(&mut self) {
        let (now, zone) = (self.server_now(), self.zone);
        let dispositions = self.dispositions().to_vec();
        let Some(notes) = &mut self.notes else { return };
        let Some(disposition) = notes.chosen.and_then(|at| dispositions.get(at)) else {
            return;
        };
        let needs_answers = NEED_ANSWERS.contains(&disposition.kind.as_str());
        if let Some((at, told)) = notes.fault(needs_answers, now, zone) {
            notes.focus = at;
            self.mode = Mode::Form;
            return self.say(Tone::Bad, told);
        }
        let attempt = notes.attempt.clone();
        let outcome = notes.outcome(&dispositions, false, now, zone);
        let ask = Ask::Submit { attempt, outcome };
        let id = self.ask(ask.clone());
        self.unsaved = Some((id, ask));
        self.say(Tone::Plain, "the outcome is being saved");
    }

    /// The stream says that an outcome is safe; its request may be answered later, or never.
    pub(super) fn is_saved(&mut self, saved: &str) {
        let ours =
            |(_, ask): &(u64, Ask)| matches!(ask, Ask::Submit { attempt, .. } if attempt == saved);
        if self.unsaved.as_ref().is_some_and(ours) {
            self.unsaved = None;
            self.say(Tone::Good, "the outcome is saved");
        }
    }

    /// A date and time was confirmed.
    pub(super) fn agree(&mut self, when: When) {
        let Ok(understood) = when.understood else {
            return;
        };
        match when.purpose {
            Purpose::Outcome(at) => {
                self.mode = Mode::Desk;
                if let Some(notes) = &mut self.notes {
                    notes.chosen = Some(at);
                    notes.call_at = Some(understood.at);
                    notes.call_phone = when.phone;
                    notes.is_dirty = true;
                }
                self.give();
            }
            Purpose::Callback(callback) => {
                self.mode = Mode::List;
                self.ask(Ask::Move {
                    callback,
                    at: understood.at,
                    phone: when.phone,
                });
            }
        }
    }

    pub(super) fn open_list(&mut self) {
        self.work = Work::default();
        self.said = None;
        self.mode = Mode::List;
        self.ask(Ask::List);
    }

    /// Shows the numbers of the chosen row; its record is asked for.
    pub(super) fn dial_chosen(&mut self) {
        let Some(row) = self.work.chosen() else {
            return;
        };
        let (campaign, prospect) = (row.campaign, row.prospect);
        self.mode = Mode::Numbers(Numbers {
            whom: Whom::Listed { campaign, prospect },
            name: row.name.clone(),
            card: None,
            chosen: 0,
            wanted: row.phone,
        });
        self.ask(Ask::Card { campaign, prospect });
    }

    pub(super) fn choose_offered_number(&mut self) {
        let Some(pop) = self.is.preview.as_ref().and_then(|p| p.pop.as_ref()) else {
            return;
        };
        let card = pop.card.clone().unwrap_or_default();
        let mut numbers = Numbers {
            whom: Whom::Offered,
            name: card.name.clone(),
            card: None,
            chosen: 0,
            wanted: pop.phone_id,
        };
        numbers.know(Box::new(card));
        self.mode = Mode::Numbers(numbers);
    }

    pub(super) fn card_came(&mut self, campaign: i32, prospect: i64, card: Box<pb::Card>) {
        if let Mode::Numbers(numbers) = &mut self.mode
            && numbers.whom == (Whom::Listed { campaign, prospect })
        {
            numbers.know(card);
        }
    }

    pub(super) fn dial_number(&mut self, numbers: &Numbers) {
        let phone = numbers.phone();
        self.mode = Mode::Desk;
        match numbers.whom {
            Whom::Offered => _ = self.ask(Ask::Take { phone }),
            Whom::Listed { campaign, prospect } => {
                self.say(Tone::Plain, format!("calling {}", numbers.name));
                self.ask(Ask::Dial {
                    campaign,
                    prospect,
                    phone,
                });
            }
        }
    }
}
