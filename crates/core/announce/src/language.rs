//! The languages that amounts are spoken in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::en::English;
use crate::grammar::Grammar;
use crate::ru::Russian;

/// A language with its own grammar of amounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Language {
    /// Russian.
    Russian,
    /// English as in North America.
    English,
    /// English as in Britain: "and" inside numbers.
    BritishEnglish,
}

/// No language of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("amounts cannot be spoken in \"{0}\"; use one of ru, en, en-GB")]
pub struct UnknownLanguage(String);

impl Language {
    /// Every language.
    pub const ALL: [Self; 3] = [Self::Russian, Self::English, Self::BritishEnglish];

    /// The BCP 47 tag.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Russian => "ru",
            Self::English => "en",
            Self::BritishEnglish => "en-GB",
        }
    }

    /// Prompt ids and the words to record or synthesise them from, sorted by id: what a voice pack holds.
    pub fn words(self) -> &'static [(&'static str, &'static str)] {
        self.grammar().words()
    }

    pub(crate) const fn grammar(self) -> &'static dyn Grammar {
        match self {
            Self::Russian => &Russian,
            Self::English => &English { and: false },
            Self::BritishEnglish => &English { and: true },
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(tag: &str) -> Result<Self, UnknownLanguage> {
        Self::ALL
            .into_iter()
            .find(|language| language.as_str().eq_ignore_ascii_case(tag))
            .ok_or_else(|| UnknownLanguage(tag.to_owned()))
    }
}

impl TryFrom<String> for Language {
    type Error = UnknownLanguage;

    fn try_from(tag: String) -> Result<Self, UnknownLanguage> {
        tag.parse()
    }
}

impl From<Language> for String {
    fn from(language: Language) -> Self {
        language.as_str().to_owned()
    }
}
