//! From an amount or a row of digits to prompts and text.

use std::collections::BTreeSet;

use model::{Currency, Money, Problem};
use serde::{Deserialize, Serialize};

use crate::grammar::{Gender, Part, Plural};
use crate::language::Language;

/// How amounts are said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Whether "zero kopecks" is said.
    pub minor: Minor,
    /// Whether the minor unit is said at all.
    pub minor_policy: MinorPolicy,
    /// What is done with a credit.
    pub negative: Negative,
}

/// Whether a minor part of zero is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Minor {
    /// "Two roubles"; and "five kopecks" without "zero roubles".
    #[default]
    OmitZero,
    /// "Two roubles zero kopecks".
    Always,
}

/// Whether the minor unit is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MinorPolicy {
    /// Where coins of it circulate; forints are rounded.
    #[default]
    Spoken,
    /// Never: the amount is rounded half away from zero to whole units.
    None,
}

/// What is done with an amount below zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Negative {
    /// Said with "minus" before it.
    #[default]
    Minus,
    /// An error.
    Refuse,
}

/// Words to be said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Phrase {
    /// As written.
    pub text: String,
    /// Prompt ids of a voice pack, in the order spoken.
    pub tokens: Vec<&'static str>,
}

/// Something cannot be said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpeakError {
    /// The language has no word for the currency.
    #[error(
        "there are no words for {currency} in language {language}; choose another language or currency"
    )]
    NoWords {
        /// The currency.
        currency: Currency,
        /// The language.
        language: Language,
    },
    /// Beyond what can be said.
    #[error("{money} is too large to be spoken; the largest is 999999999999.99")]
    TooLarge {
        /// The amount.
        money: Money,
    },
    /// Below zero, and the campaign does not speak credits.
    #[error("{money} is below zero and the campaign does not speak credits")]
    Negative {
        /// The amount.
        money: Money,
    },
    /// A sign that is neither a digit nor a pause.
    #[error(
        "\"{sign}\" in \"{text}\" cannot be read digit by digit; only digits, spaces, hyphens, dots and slashes can"
    )]
    NotADigit {
        /// The sign.
        sign: char,
        /// All of it.
        text: String,
    },
    /// A message names a field that the prospect does not have.
    #[error("the prospect has no \"{field}\", which the message speaks")]
    NoField {
        /// The field.
        field: String,
    },
}

impl SpeakError {
    /// Whose move it is.
    pub const fn problem(&self) -> Problem {
        match self {
            Self::NoWords { .. }
            | Self::TooLarge { .. }
            | Self::Negative { .. }
            | Self::NotADigit { .. }
            | Self::NoField { .. } => Problem::Caller,
        }
    }
}

/// Digits said in one breath; a pause follows.
const DIGITS_IN_A_GROUP: usize = 3;

/// Says amounts and digits in one language.
#[derive(Clone, Copy, Debug)]
pub struct Speaker {
    language: Language,
    options: Options,
}

impl Speaker {
    /// A speaker of the language.
    pub const fn new(language: Language, options: Options) -> Self {
        Self { language, options }
    }

    /// An amount, with its currency.
    ///
    /// # Errors
    /// [`SpeakError::NoWords`], [`SpeakError::TooLarge`], [`SpeakError::Negative`].
    pub fn amount(&self, money: Money) -> Result<Phrase, SpeakError> {
        let grammar = self.language.grammar();
        let no_words = || SpeakError::NoWords {
            currency: money.currency,
            language: self.language,
        };
        if money.minor < 0 && self.options.negative == Negative::Refuse {
            return Err(SpeakError::Negative { money });
        }
        if money.minor.unsigned_abs() > Money::MAX_MINOR.unsigned_abs() {
            return Err(SpeakError::TooLarge { money });
        }
        let unit = 10_u64.pow(money.currency.exponent().ok_or_else(no_words)?);
        let units = money.minor.unsigned_abs();
        let whole_units =
            self.options.minor_policy == MinorPolicy::None || !has_coins(money.currency);
        let (major, minor) = if whole_units || unit == 1 {
            ((units + unit / 2) / unit, None)
        } else {
            (units / unit, Some(units % unit))
        };
        let always = self.options.minor == Minor::Always;
        let say_minor = minor.filter(|minor| always || *minor > 0);
        let say_major = major > 0 || always || say_minor.is_none();

        let mut tokens = Vec::new();
        if money.minor < 0 && (major, minor.unwrap_or(0)) != (0, 0) {
            tokens.push("minus");
        }
        let part = |tokens: &mut Vec<&'static str>, n: u64, part: Part| {
            grammar.cardinal(n, grammar.gender(money.currency, part), tokens);
            let noun = noun(money.currency, part, grammar.plural(n));
            tokens.push(grammar.id(&noun).ok_or_else(no_words)?);
            Ok(())
        };
        if say_major {
            part(&mut tokens, major, Part::Major)?;
        }
        if let Some(minor) = say_minor {
            if say_major {
                tokens.extend(grammar.joint());
            }
            part(&mut tokens, minor, Part::Minor)?;
        }
        Ok(Phrase {
            text: grammar.spell(&tokens),
            tokens,
        })
    }

    /// A contract or account number, digit by digit, one phrase for each group; a pause is due between
    /// groups. Spaces, hyphens, dots and slashes end a group and are not said.
    ///
    /// # Errors
    /// [`SpeakError::NotADigit`].
    pub fn digits(&self, text: &str) -> Result<Vec<Phrase>, SpeakError> {
        let grammar = self.language.grammar();
        let mut groups: Vec<Vec<&'static str>> = Vec::new();
        let mut ended = true;
        for sign in text.chars() {
            if matches!(sign, ' ' | '\u{a0}' | '\u{202f}' | '-' | '.' | '/') {
                ended = true;
                continue;
            }
            let prompt = u8::try_from(sign)
                .ok()
                .and_then(|digit| grammar.digit(digit));
            let prompt = prompt.ok_or_else(|| SpeakError::NotADigit {
                sign,
                text: text.to_owned(),
            })?;
            match groups.last_mut() {
                Some(group) if !ended && group.len() < DIGITS_IN_A_GROUP => group.push(prompt),
                _ => groups.push(vec![prompt]),
            }
            ended = false;
        }
        // Digits are said apart: "twenty" never stands before a unit here, so spelling adds no hyphen.
        Ok(groups
            .into_iter()
            .map(|tokens| Phrase {
                text: grammar.spell(&tokens),
                tokens,
            })
            .collect())
    }

    /// Every prompt that an amount of this currency can need, sorted.
    ///
    /// # Errors
    /// [`SpeakError::NoWords`].
    pub fn amount_prompts(&self, currency: Currency) -> Result<BTreeSet<&'static str>, SpeakError> {
        let grammar = self.language.grammar();
        // Fails when there is no word at all.
        self.amount(Money::new(1, currency))?;
        let whole_units = self.options.minor_policy == MinorPolicy::None || !has_coins(currency);
        let parts: &[Part] = if whole_units {
            &[Part::Major]
        } else {
            &[Part::Major, Part::Minor]
        };
        let mut prompts = BTreeSet::new();
        if !whole_units {
            prompts.extend(grammar.joint());
        }
        if self.options.negative == Negative::Minus {
            prompts.insert("minus");
        }
        let mut tokens = Vec::new();
        for gender in [Gender::Masculine, Gender::Feminine] {
            let used = parts.iter().any(|p| grammar.gender(currency, *p) == gender);
            // Every number below a thousand, and each with every scale word.
            for n in (0..1_000).filter(|_| used) {
                grammar.cardinal(n, gender, &mut tokens);
            }
        }
        for n in 1..1_000 {
            for scale in [1_000, 1_000_000, 1_000_000_000] {
                grammar.cardinal(n * scale, Gender::Masculine, &mut tokens);
                grammar.cardinal(scale + n, Gender::Masculine, &mut tokens);
            }
            prompts.extend(tokens.drain(..));
        }
        for part in parts.iter().copied() {
            let forms = [Plural::One, Plural::Few, Plural::Many];
            prompts.extend(
                forms
                    .iter()
                    .filter_map(|form| grammar.id(&noun(currency, part, *form))),
            );
        }
        Ok(prompts)
    }

    /// Every prompt that digits can need.
    pub fn digit_prompts(&self) -> BTreeSet<&'static str> {
        (b'0'..=b'9')
            .filter_map(|digit| self.language.grammar().digit(digit))
            .collect()
    }
}

/// No fillér has circulated since 1999, though ISO 4217 gives the forint two decimals.
fn has_coins(currency: Currency) -> bool {
    currency.as_str() != "HUF"
}

fn noun(currency: Currency, part: Part, form: Plural) -> String {
    format!("{currency}.{}.{}", part.as_str(), form.as_str())
}
