//! What is known of earlier tries: the facts that caps, lockouts and the ledger are computed from.

use serde::{Deserialize, Serialize};

use crate::{CallResult, CampaignId, E164, WallTime};

/// Class of an answered call in the abandon ledger. Each answered call falls in exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LedgerClass {
    /// Connected: an agent within the threshold after the greeting.
    C,
    /// Late: an agent came, but after the threshold; counts as abandoned.
    L,
    /// Abandoned: no agent; released by us, or by the person after the threshold.
    A,
    /// Early hang-up: the person left within the threshold, before an agent could come.
    H,
    /// Machine: answering machine, fax, network announcement.
    M,
    /// Silent: answered, no audio at all.
    S,
}

impl LedgerClass {
    /// Every class.
    pub const ALL: [Self; 6] = [Self::C, Self::L, Self::A, Self::H, Self::M, Self::S];

    /// The letter in rows and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::C => "C",
            Self::L => "L",
            Self::A => "A",
            Self::H => "H",
            Self::M => "M",
            Self::S => "S",
        }
    }

    /// From its letter.
    pub fn parse(letter: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == letter)
    }
}

/// One earlier try of a number, over all campaigns, as far as caps look back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastTry {
    /// When its INVITE was committed.
    pub at: WallTime,
    /// The number dialled.
    pub number: E164,
    /// The campaign that made it.
    pub campaign: CampaignId,
    /// For whom it was made; caps count per seller.
    pub seller: String,
    /// The debt, contract or matter it was about, when the list says so.
    pub subject: Option<String>,
    /// Its result; `None` while it is in flight.
    pub result: Option<CallResult>,
    /// Whether the line was reached. A try in flight counts as one that rang.
    pub rang: bool,
    /// Whether a person was talked to (by an agent, or by a robot in a dialogue).
    pub talked: bool,
    /// Whether a recorded message was played to a person or a machine.
    pub message: bool,
    /// Whether the person refused further calls in that talk.
    pub refused: bool,
}
