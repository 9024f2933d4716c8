//! What is played to a person who answers: who calls, the question whether it is the right person, the
//! message itself, the last words.

use std::collections::BTreeSet;
use std::time::Duration;

use model::{Currency, Money, Problem};
use serde::{Deserialize, Serialize};

use crate::language::Language;
use crate::speaker::{Options, SpeakError, Speaker};

/// A recorded message with the person's own facts in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// The language of amounts and digits.
    pub language: Language,
    /// The voice pack, by name.
    pub voice: String,
    /// How amounts are said.
    #[serde(default)]
    pub options: Options,
    /// Who calls, for whom, and that it is a recording. Said first and to its end.
    pub identification: Vec<Segment>,
    /// The question whether the right person listens.
    #[serde(default)]
    pub gate: Option<Gate>,
    /// The message.
    pub body: Vec<Segment>,
    /// The last words; also all that is said when nobody answers the gate.
    #[serde(default)]
    pub goodbye: Vec<Segment>,
    /// What the keys mean.
    #[serde(default)]
    pub keys: Keys,
    /// Why the body may tell a person's own facts without a gate: whoever answers is not proven to be the
    /// person. The reason goes to the audit log.
    #[serde(default)]
    pub amount_without_check: Option<String>,
}

/// The question whether the right person listens, answered by a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// "If you are …, press 1."
    pub prompt: Vec<Segment>,
    /// How long to wait for a key, from the beginning of the prompt.
    pub wait: Duration,
}

/// What the keys mean; all different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keys {
    /// The right person listens.
    pub confirm: char,
    /// Somebody else does.
    pub wrong_person: char,
    /// The body once more.
    pub repeat: char,
    /// Never call again; works at any time.
    pub opt_out: char,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            confirm: '1',
            wrong_person: '2',
            repeat: '3',
            opt_out: '9',
        }
    }
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case", deny_unknown_fields)]
pub enum Segment {
    /// A recording of the campaign.
    Recording {
        /// Its name.
        name: String,
    },
    /// Prompts of the voice pack.
    Prompts {
        /// Ids in the order spoken.
        ids: Vec<String>,
    },
    /// The prospect's amount.
    Amount,
    /// One of the prospect's fields, digit by digit.
    Digits {
        /// The field's name.
        field: String,
    },
    /// Nothing for a while.
    Silence {
        /// Milliseconds.
        ms: u32,
    },
}

/// A prospect's facts, as a message may speak them.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The amount.
    pub amount: Option<Money>,
    /// Other fields: name and text.
    pub fields: &'a [(String, String)],
}

/// What is to be played for a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// Prompts of the message's voice.
    Prompts(Vec<String>),
    /// A recording by its name.
    Recording(String),
    /// Nothing for a while.
    Silence(Duration),
}

/// What a campaign has to play with.
#[derive(Clone, Copy, Debug)]
pub struct Available<'a> {
    /// Ids of the voice pack.
    pub prompts: &'a BTreeSet<String>,
    /// Names of recordings.
    pub recordings: &'a BTreeSet<String>,
    /// Currencies of the amounts in the lists.
    pub currencies: &'a [Currency],
}

/// A message must not be played. Each says every fault of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Nobody would know who calls.
    #[error("the message does not say who calls; add a recording or prompts to its identification")]
    NoIdentification,
    /// Nothing to say.
    #[error("the message has no body")]
    NoBody,
    /// Told to whoever answers.
    #[error("{part} speaks the prospect's own facts to whoever answers; move them to the body")]
    Personal {
        /// The part.
        part: &'static str,
    },
    /// The body tells the person's own facts and nobody was asked who listens.
    #[error(
        "the body speaks the prospect's own facts, but no gate asks whether the right person listens; add a gate, or give the reason in amount_without_check"
    )]
    NoGate,
    /// One key means two things, or cannot be pressed.
    #[error("the keys of the message must be four different ones of 0-9, * and #")]
    Keys,
    /// The voice lacks prompts.
    #[error("voice \"{voice}\" lacks {}: {}", count(.ids, "prompt"), .ids.join(", "))]
    MissingPrompts {
        /// The voice.
        voice: String,
        /// Every missing id, sorted.
        ids: Vec<String>,
    },
    /// Recordings are not there.
    #[error("{} not uploaded: {}", count(.names, "recording"), .names.join(", "))]
    MissingRecordings {
        /// Every missing name, sorted.
        names: Vec<String>,
    },
    /// An amount cannot be said.
    #[error("the amount cannot be spoken")]
    Amount {
        /// Why.
        #[source]
        cause: SpeakError,
    },
}

fn count(list: &[String], noun: &str) -> String {
    format!(
        "{} {noun}{}",
        list.len(),
        if list.len() == 1 { "" } else { "s" }
    )
}

impl MessageError {
    /// Whose move it is.
    pub const fn problem(&self) -> Problem {
        match self {
            Self::NoIdentification
            | Self::NoBody
            | Self::Personal { .. }
            | Self::NoGate
            | Self::Keys
            | Self::MissingPrompts { .. }
            | Self::MissingRecordings { .. }
            | Self::Amount { .. } => Problem::Caller,
        }
    }
}

/// Between groups of digits, and before the last group of them.
const BETWEEN_DIGIT_GROUPS: Duration = Duration::from_millis(250);

impl Segment {
    const fn is_personal(&self) -> bool {
        match self {
            Self::Amount | Self::Digits { .. } => true,
            Self::Recording { .. } | Self::Prompts { .. } | Self::Silence { .. } => false,
        }
    }

    const fn is_audible(&self) -> bool {
        match self {
            Self::Prompts { ids } => !ids.is_empty(),
            Self::Recording { .. } | Self::Amount | Self::Digits { .. } => true,
            Self::Silence { .. } => false,
        }
    }
}

impl Message {
    /// What to play for these segments to this prospect.
    ///
    /// # Errors
    /// [`SpeakError`]: the prospect must not be called with a hole in the sentence.
    pub fn speak(
        &self,
        segments: &[Segment],
        facts: &Facts<'_>,
    ) -> Result<Vec<Spoken>, SpeakError> {
        let speaker = self.speaker();
        let owned = |tokens: Vec<&'static str>| {
            Spoken::Prompts(tokens.into_iter().map(str::to_owned).collect())
        };
        let mut spoken = Vec::with_capacity(segments.len());
        for segment in segments {
            match segment {
                Segment::Recording { name } => spoken.push(Spoken::Recording(name.clone())),
                Segment::Prompts { ids } => spoken.push(Spoken::Prompts(ids.clone())),
                Segment::Silence { ms } => {
                    spoken.push(Spoken::Silence(Duration::from_millis(u64::from(*ms))))
                }
                Segment::Amount => {
                    let amount = facts.amount.ok_or_else(|| no_field("amount"))?;
                    spoken.push(owned(speaker.amount(amount)?.tokens));
                }
                Segment::Digits { field } => {
                    let text = facts
                        .fields
                        .iter()
                        .find(|(name, _)| name == field)
                        .map(|(_, text)| text);
                    let groups = speaker.digits(text.ok_or_else(|| no_field(field))?)?;
                    if groups.is_empty() {
                        return Err(no_field(field));
                    }
                    for (i, group) in groups.into_iter().enumerate() {
                        if i > 0 {
                            spoken.push(Spoken::Silence(BETWEEN_DIGIT_GROUPS));
                        }
                        spoken.push(owned(group.tokens));
                    }
                }
            }
        }
        Ok(spoken)
    }

    /// Whether a campaign may start with it.
    ///
    /// # Errors
    /// [`MessageError`]; missing prompts and recordings are all named.
    pub fn validate(&self, available: &Available<'_>) -> Result<(), MessageError> {
        let audible = |segments: &[Segment]| segments.iter().any(Segment::is_audible);
        let personal = |segments: &[Segment]| segments.iter().any(Segment::is_personal);
        let gate_prompt = self.gate.as_ref().map_or(&[] as &[Segment], |g| &g.prompt);
        if !audible(&self.identification) {
            return Err(MessageError::NoIdentification);
        }
        if !audible(&self.body) {
            return Err(MessageError::NoBody);
        }
        for (part, segments) in [
            ("identification", self.identification.as_slice()),
            ("gate", gate_prompt),
            ("goodbye", self.goodbye.as_slice()),
        ] {
            if personal(segments) {
                return Err(MessageError::Personal { part });
            }
        }
        let reason = self
            .amount_without_check
            .as_ref()
            .is_some_and(|reason| !reason.trim().is_empty());
        if personal(&self.body) && !audible(gate_prompt) && !reason {
            return Err(MessageError::NoGate);
        }
        if !self.keys.are_distinct() {
            return Err(MessageError::Keys);
        }
        self.everything_is_there(self.segments(), available)
    }

    /// Whether anything is said that only a voice can say; recordings and silence need none.
    pub fn needs_voice(&self) -> bool {
        self.segments()
            .any(|s| !matches!(s, Segment::Recording { .. } | Segment::Silence { .. }))
    }

    fn segments(&self) -> impl Iterator<Item = &Segment> {
        let gate_prompt = self.gate.iter().flat_map(|g| &g.prompt);
        [&self.identification, &self.body, &self.goodbye]
            .into_iter()
            .flatten()
            .chain(gate_prompt)
    }

    fn everything_is_there<'a>(
        &self,
        segments: impl Iterator<Item = &'a Segment>,
        available: &Available<'_>,
    ) -> Result<(), MessageError> {
        let speaker = self.speaker();
        let mut prompts: BTreeSet<String> = BTreeSet::new();
        let mut recordings: BTreeSet<String> = BTreeSet::new();
        for segment in segments {
            match segment {
                Segment::Recording { name } => recordings.extend([name.clone()]),
                Segment::Prompts { ids } => prompts.extend(ids.iter().cloned()),
                Segment::Digits { .. } => {
                    prompts.extend(speaker.digit_prompts().into_iter().map(str::to_owned))
                }
                Segment::Amount => {
                    for currency in available.currencies {
                        let of_amount = speaker
                            .amount_prompts(*currency)
                            .map_err(|cause| MessageError::Amount { cause })?;
                        prompts.extend(of_amount.into_iter().map(str::to_owned));
                    }
                }
                Segment::Silence { .. } => {}
            }
        }
        let missing = |wanted: BTreeSet<String>, there: &BTreeSet<String>| -> Vec<String> {
            wanted
                .into_iter()
                .filter(|id| !there.contains(id))
                .collect()
        };
        let ids = missing(prompts, available.prompts);
        if !ids.is_empty() {
            return Err(MessageError::MissingPrompts {
                voice: self.voice.clone(),
                ids,
            });
        }
        let names = missing(recordings, available.recordings);
        if !names.is_empty() {
            return Err(MessageError::MissingRecordings { names });
        }
        Ok(())
    }

    const fn speaker(&self) -> Speaker {
        Speaker::new(self.language, self.options)
    }
}

impl Keys {
    fn are_distinct(self) -> bool {
        let keys = [self.confirm, self.wrong_person, self.repeat, self.opt_out];
        let distinct: BTreeSet<char> = keys.into_iter().collect();
        distinct.len() == keys.len()
            && keys
                .iter()
                .all(|k| k.is_ascii_digit() || matches!(k, '*' | '#'))
    }
}

fn no_field(field: &str) -> SpeakError {
    SpeakError::NoField {
        field: field.to_owned(),
    }
}
