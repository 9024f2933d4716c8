//! The business end of a talk: what the agent says came of it.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Kind of a disposition; fixes its default colour and what must be given with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DispositionKind {
    /// A call agreed for a date and time.
    CallBack,
    /// A refusal or a number that does not lead to the person.
    Negative,
    /// Closed on the line.
    Sale,
    /// A visit agreed.
    Appointment,
    /// Open: a next action has a date.
    FollowUp,
    /// Data or a survey.
    Information,
    /// The agent corrects what the machine thought.
    Technical,
}

impl DispositionKind {
    /// Default colour, `#rrggbb`. Every disposition also has a text: colour alone says nothing to some.
    pub const fn colour(self) -> &'static str {
        match self {
            Self::CallBack => "#F5A623",
            Self::Negative => "#D0021B",
            Self::Sale => "#2E7D32",
            Self::Appointment => "#1565C0",
            Self::FollowUp => "#FBC02D",
            Self::Information => "#00838F",
            Self::Technical => "#757575",
        }
    }

    /// The name in rows and APIs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CallBack => "call_back",
            Self::Negative => "negative",
            Self::Sale => "sale",
            Self::Appointment => "appointment",
            Self::FollowUp => "follow_up",
            Self::Information => "information",
            Self::Technical => "technical",
        }
    }
}

/// What a disposition does to the prospect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum DispositionAction {
    /// The prospect is done.
    CloseProspect,
    /// This number is done; the next one of the prospect follows.
    ClosePhone,
    /// The number and the person are never called again for the seller.
    SuppressPerson,
    /// A callback is made for the instant given with the outcome.
    CallBack {
        /// Only the agent who agreed it, else anyone of the group.
        private: bool,
    },
    /// The prospect is tried again after a delay, or at the instant given with the outcome.
    TryAgain {
        /// The delay when no instant is given.
        after: Duration,
    },
}

/// A disposition as a campaign offers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disposition {
    /// The code in rows, files and APIs.
    pub code: Cow<'static, str>,
    /// What the agent reads.
    pub label: Cow<'static, str>,
    /// Its kind.
    pub kind: DispositionKind,
    /// What follows.
    pub action: DispositionAction,
    /// Whether it means the person was reached and the campaign's goal met.
    pub success: bool,
}

impl Disposition {
    /// Whether the person refused what was offered, or further calls. A number that leads to somebody else
    /// says nothing of the person's will.
    pub fn is_refusal(&self) -> bool {
        match self.action {
            DispositionAction::SuppressPerson => true,
            DispositionAction::ClosePhone => false,
            DispositionAction::CloseProspect
            | DispositionAction::CallBack { .. }
            | DispositionAction::TryAgain { .. } => self.kind == DispositionKind::Negative,
        }
    }
}

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3_600);

/// The dispositions that a campaign offers unless it names its own.
///
/// `no_outcome` is not among them: it is what an attempt has when the agent gave none.
pub fn standard_dispositions() -> Vec<Disposition> {
    use DispositionAction::{CallBack, ClosePhone, CloseProspect, SuppressPerson, TryAgain};
    use DispositionKind as K;
    let row = |code: &'static str, label: &'static str, kind, action, success| Disposition {
        code: Cow::Borrowed(code),
        label: Cow::Borrowed(label),
        kind,
        action,
        success,
    };
    vec![
        row("sale", "Sale", K::Sale, CloseProspect, true),
        row(
            "promise_to_pay",
            "Promise to pay",
            K::FollowUp,
            TryAgain { after: DAY * 3 },
            true,
        ),
        row(
            "already_paid",
            "Says it is paid",
            K::Information,
            TryAgain { after: DAY * 5 },
            true,
        ),
        row(
            "refusal_to_pay",
            "Refuses to pay",
            K::Negative,
            CloseProspect,
            true,
        ),
        row(
            "dispute",
            "Disputes the debt",
            K::Negative,
            CloseProspect,
            true,
        ),
        row("declined", "Declined", K::Negative, CloseProspect, true),
        row(
            "do_not_call",
            "Do not call",
            K::Negative,
            SuppressPerson,
            false,
        ),
        row(
            "wrong_number",
            "Wrong number",
            K::Negative,
            ClosePhone,
            false,
        ),
        row(
            "wrong_person",
            "Not there, call later",
            K::FollowUp,
            TryAgain { after: HOUR * 4 },
            false,
        ),
        row(
            "callback_private",
            "Call back, me",
            K::CallBack,
            CallBack { private: true },
            false,
        ),
        row(
            "callback_public",
            "Call back, anyone",
            K::CallBack,
            CallBack { private: false },
            false,
        ),
        row(
            "appointment",
            "Appointment",
            K::Appointment,
            CloseProspect,
            true,
        ),
        row(
            "survey_done",
            "Survey done",
            K::Information,
            CloseProspect,
            true,
        ),
        row(
            "machine_seen_by_agent",
            "Answering machine",
            K::Technical,
            TryAgain { after: HOUR * 6 },
            false,
        ),
        row(
            "line_bad",
            "Bad line",
            K::Technical,
            TryAgain { after: HOUR },
            false,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_codes_are_unique_and_fit_the_column() {
        let mut codes: Vec<_> = standard_dispositions()
            .into_iter()
            .map(|d| d.code)
            .collect();
        assert!(
            codes
                .iter()
                .all(|c| c.len() <= 40 && c.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        );
        let n = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), n);
    }

    #[test]
    fn who_says_no_refuses_and_who_is_not_there_does_not() {
        let refusals: Vec<_> = standard_dispositions()
            .into_iter()
            .filter(Disposition::is_refusal)
            .map(|d| d.code)
            .collect();
        assert_eq!(
            refusals,
            ["refusal_to_pay", "dispute", "declined", "do_not_call"]
        );
    }
}
