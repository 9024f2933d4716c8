//! Where keys go: the desk itself, or something opened over it.

use proto::agent::v1 as pb;

use crate::terminal::{Field, Understood};

/// What keys mean now.
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    /// Letters are commands.
    Desk,
    /// Letters are typed into answers and the note.
    Form,
    /// Letters filter the list.
    List,
    /// A reason for a pause is chosen.
    Reasons {
        /// Place among the reasons.
        chosen: usize,
        /// At once, else after the present call.
        now: bool,
    },
    /// A date and time is typed.
    When(When),
    /// A number is chosen.
    Numbers(Numbers),
    /// Something is asked for twice.
    Confirm(Doubt),
    /// All keys are shown.
    Help(Box<Mode>),
}

/// A date and time that is typed.
#[derive(Clone, Debug, PartialEq)]
pub struct When {
    /// What for.
    pub purpose: Purpose,
    /// Whom it is about.
    pub name: String,
    /// As typed.
    pub field: Field,
    /// What was understood, or what is wrong.
    pub understood: Result<Understood, String>,
    /// Numbers that can be promised.
    pub phones: Vec<pb::Phone>,
    /// Which one; 0: any.
    pub phone: i64,
}

/// What a date and time is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The outcome at this place.
    Outcome(usize),
    /// Another time for this callback.
    Callback(i64),
}

/// A number that is chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers {
    /// What for.
    pub whom: Whom,
    /// The name to show.
    pub name: String,
    /// The record, once it has come.
    pub card: Option<Box<pb::Card>>,
    /// Place among its numbers.
    pub chosen: usize,
    /// The number to begin with; 0: the first that may be called.
    pub wanted: i64,
}

/// Who is dialled by a chosen number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// The prospect on offer.
    Offered,
    /// One of the list.
    Listed {
        /// In which campaign.
        campaign: i32,
        /// Who.
        prospect: i64,
    },
}

/// Something that is asked for twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Another session of the agent is open.
    TakeOver,
    /// The wrap-up ends and nothing is applied.
    CloseWithoutOutcome,
    /// A promise is dropped.
    DropCallback {
        /// Which.
        callback: i64,
        /// To whom.
        name: String,
    },
    /// The session ends.
    Leave,
}

impl Numbers {
    /// The record has come.
    pub fn know(&mut self, card: Box<pb::Card>) {
        let open = |p: &pb::Phone| !p.closed && !p.suppressed;
        let wanted = card.phones.iter().position(|p| p.phone_id == self.wanted);
        let first = card.phones.iter().position(open);
        self.chosen = wanted.filter(|_| self.wanted != 0).or(first).unwrap_or(0);
        self.card = Some(card);
    }

    /// What can be chosen.
    pub fn phones(&self) -> &[pb::Phone] {
        self.card.as_ref().map_or(&[], |card| &card.phones)
    }

    /// The chosen number's key; 0: whichever comes first.
    pub fn phone(&self) -> i64 {
        self.phones().get(self.chosen).map_or(0, |p| p.phone_id)
    }
}

impl When {
    /// The next number that can be promised, after the last one any.
    pub fn next_phone(&mut self) {
        let at = self.phones.iter().position(|p| p.phone_id == self.phone);
        let next = at.map_or(0, |at| at + 1);
        self.phone = self.phones.get(next).map_or(0, |p| p.phone_id);
    }
}
