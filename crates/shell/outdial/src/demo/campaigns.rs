//! The campaigns of the demo: whom each calls, how, and with what rules.

use std::collections::HashMap;

use chrono_tz::Tz;
use model::WallTime;
use proto::supervisor::v1::segment::Say;
use proto::supervisor::v1::{
    Amount, Campaign, IdentityCheck, Message, Mode, Prompts, RetryRule, RetryTable, Segment,
};
use sheets::sample::SampleSheet;

use super::hours::Hours;

/// Everything in it is open at all hours, for the simulated carrier's numbers alone.
pub const PROFILE: &str = "demo";

/// A campaign of the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// More calls than agents.
    Sales,
    /// Agents see each prospect first.
    Vip,
    /// A spoken amount, in Russian.
    DebtsRu,
    /// The same in English.
    DebtsEn,
}

impl Part {
    /// In the order shown.
    pub const ALL: [Self; 4] = [Self::Sales, Self::Vip, Self::DebtsRu, Self::DebtsEn];

    /// Its name, and that of its list.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sales => "sales",
            Self::Vip => "vip",
            Self::DebtsRu => "debts-ru",
            Self::DebtsEn => "debts-en",
        }
    }

    /// Whom it calls.
    pub const fn sheet(self) -> SampleSheet {
        match self {
            Self::Sales => SampleSheet::Sales,
            Self::Vip => SampleSheet::Vip,
            Self::DebtsRu => SampleSheet::Debtors,
            Self::DebtsEn => SampleSheet::UsDebtors,
        }
    }

    /// The number that people see: the carrier's log tells campaigns apart by it.
    pub const fn caller(self) -> &'static str {
        match self {
            Self::Sales => "+74955550101",
            Self::Vip => "+74955550102",
            Self::DebtsRu => "+74955550103",
            Self::DebtsEn => "+12015550199",
        }
    }

    const fn mode(self) -> Mode {
        match self {
            Self::Sales => Mode::Predictive,
            Self::Vip => Mode::Preview,
            Self::DebtsRu | Self::DebtsEn => Mode::Notification,
        }
    }

    /// Where most of its people live.
    const fn home(self) -> Tz {
        match self {
            Self::Sales | Self::Vip | Self::DebtsRu => Tz::Europe__Moscow,
            Self::DebtsEn => Tz::America__New_York,
        }
    }

    /// Its own hours: open now where most of its people live, whenever now is.
    pub fn hours(self, at: WallTime) -> Hours {
        Hours::around(at, self.home())
    }
}

/// What campaigns name by key.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    /// Agents of the predictive campaign.
    pub sellers: i32,
    /// Agents of the preview campaign.
    pub advisers: i32,
    /// Lines for agents.
    pub lines: i32,
    /// Lines for messages in Russian.
    pub lines_ru: i32,
    /// Lines for messages in English.
    pub lines_en: i32,
    /// What sellers ask.
    pub questionnaire: i32,
}

/// The campaign as a supervisor would set it up at that instant.
pub fn campaign(part: Part, keys: &Keys, at: WallTime) -> Campaign {
    let common = Campaign {
        name: part.name().to_owned(),
        // The profile takes no other purpose, so that it can serve nothing else.
        purpose: "demo".to_owned(),
        mode: part.mode().into(),
        caller: part.caller().to_owned(),
        // The least that the profile takes; people of the carrier answer sooner or not at all.
        ring_limit: seconds(15),
        hours: vec![part.hours(at).daily()],
        profiles: vec![PROFILE.to_owned()],
        retry: Some(retry()),
        ..Campaign::default()
    };
    match part {
        Part::Sales => Campaign {
            seller: "Ромашка Банк".to_owned(),
            subject: "spring cards".to_owned(),
            // Half of the carrier's people answer: two lines an agent would leave many of them waiting.
            policy: "ratio:1.5".to_owned(),
            group_ids: vec![keys.sellers],
            trunk_group_id: keys.lines,
            questionnaire_id: keys.questionnaire,
            greeting: "Здравствуйте! Вы оставляли заявку на нашем сайте.".to_owned(),
            wrap_up_limit: seconds(30),
            // Nobody is left without a word when all agents talk.
            abandoned_message: vec![prompts(&["phrase.no_agent"])],
            abandoned_voice: "ru-espeak".to_owned(),
            ..common
        },
        Part::Vip => Campaign {
            seller: "Ромашка Банк".to_owned(),
            subject: "yearly review".to_owned(),
            group_ids: vec![keys.advisers],
            trunk_group_id: keys.lines,
            greeting: "Good day, this is your personal adviser.".to_owned(),
            preview_limit: seconds(30),
            wrap_up_limit: seconds(30),
            ..common
        },
        Part::DebtsRu => Campaign {
            seller: "Ромашка Финанс".to_owned(),
            trunk_group_id: keys.lines_ru,
            message: Some(debt_message("ru")),
            ..common
        },
        Part::DebtsEn => Campaign {
            seller: "Daisy Finance Inc.".to_owned(),
            trunk_group_id: keys.lines_en,
            message: Some(debt_message("en")),
            ..common
        },
    }
}

/// Who calls; whether the right person listens; and only then what is owed.
fn debt_message(language: &str) -> Message {
    Message {
        language: language.to_owned(),
        identification: vec![prompts(&["phrase.identification"])],
        gate: Some(IdentityCheck {
            prompt: vec![prompts(&["phrase.press_one_to_hear"])],
            wait: seconds(8),
        }),
        body: vec![
            prompts(&["phrase.your_debt_is"]),
            Segment {
                say: Some(Say::Amount(Amount {})),
            },
            prompts(&["phrase.please_pay"]),
        ],
        goodbye: vec![prompts(&["phrase.goodbye"])],
        ..Message::default()
    }
}

fn prompts(ids: &[&str]) -> Segment {
    let ids = ids.iter().map(|id| (*id).to_owned()).collect();
    Segment {
        say: Some(Say::Prompts(Prompts { ids })),
    }
}

/// The standard table, but in seconds, so that a minute shows second numbers and second tries.
fn retry() -> RetryTable {
    let rule = |after: &[i64]| RetryRule {
        after: after.iter().filter_map(|s| seconds(*s)).collect(),
        hunt: true,
        reserved_agent: false,
    };
    let rules = HashMap::from([
        ("busy".to_owned(), rule(&[10, 20])),
        ("no_answer".to_owned(), rule(&[20])),
        ("rejected".to_owned(), rule(&[86_400])),
        ("subscriber_absent".to_owned(), rule(&[15, 30])),
        ("network_congestion".to_owned(), rule(&[10, 20])),
    ]);
    RetryTable {
        rules,
        tries_per_day: 6,
        ..RetryTable::default()
    }
}

fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn campaigns_differ_in_name_list_and_caller() {
        let names: BTreeSet<_> = Part::ALL.map(Part::name).into();
        let sheets: BTreeSet<_> = Part::ALL.map(Part::sheet).into();
        let callers: BTreeSet<_> = Part::ALL.map(Part::caller).into();
        assert_eq!((names.len(), sheets.len(), callers.len()), (4, 4, 4));
    }

    #[test]
    fn nothing_personal_is_said_before_the_right_person_has_pressed_a_key() {
        for language in ["ru", "en"] {
            let message = debt_message(language);
            let personal =
                |s: &Segment| matches!(s.say, Some(Say::Amount(_) | Say::DigitsField(_)));
            assert!(!message.identification.iter().any(personal));
            assert!(!message.gate.unwrap().prompt.iter().any(personal));
            assert!(message.body.iter().any(personal));
            assert!(message.amount_without_check.is_empty());
        }
    }
}
