//! Telephone numbers in the one form that is dialled, counted and suppressed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A number in international form (ITU-T E.164): a plus and 7 to 15 digits, the first not zero.
///
/// `Display` writes it whole, for rows and the wire; `Debug` masks all but the last three digits,
/// for logs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct E164(u64);

/// The text is not an international number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{text}\" is not an international number; write a plus and 7 to 15 digits, for example +79161234567"
)]
pub struct ParseNumberError {
    text: String,
}

impl E164 {
    /// The digits as one number, without the plus.
    pub const fn digits(self) -> u64 {
        self.0
    }

    /// From the digits without the plus; `None` when there are not 7 to 15 of them.
    pub const fn from_digits(digits: u64) -> Option<Self> {
        // ITU-T E.164 section 6: at most 15 digits; shorter than 7 there is no subscriber to reach.
        if digits >= 1_000_000 && digits <= 999_999_999_999_999 {
            Some(Self(digits))
        } else {
            None
        }
    }
}

impl FromStr for E164 {
    type Err = ParseNumberError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || ParseNumberError {
            text: text.to_owned(),
        };
        let digits = text.strip_prefix('+').ok_or_else(refused)?;
        if digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(refused());
        }
        digits
            .parse()
            .ok()
            .and_then(Self::from_digits)
            .ok_or_else(refused)
    }
}

impl fmt::Display for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}

impl fmt::Debug for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let masked = digits.len().saturating_sub(3);
        f.write_str("+")?;
        for (i, c) in digits.chars().enumerate() {
            write!(f, "{}", if i < masked { '*' } else { c })?;
        }
        Ok(())
    }
}

impl TryFrom<String> for E164 {
    type Error = ParseNumberError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<E164> for String {
    fn from(number: E164) -> Self {
        number.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plus_and_seven_to_fifteen_digits_is_a_number() {
        for (text, good) in [
            ("+79161234567", true),
            ("+1234567", true),
            ("+123456789012345", true),
            ("+123456", false),
            ("+1234567890123456", false),
            ("79161234567", false),
            ("+0123456789", false),
            ("+7 916 123 45 67", false),
            ("", false),
            ("+", false),
        ] {
            assert_eq!(text.parse::<E164>().is_ok(), good, "{text}");
        }
    }

    #[test]
    fn debug_shows_three_digits_and_display_all() -> Result<(), ParseNumberError> {
        let n: E164 = "+79161234567".parse()?;
        assert_eq!(format!("{n:?}"), "+********567");
        assert_eq!(n.to_string(), "+79161234567");
        Ok(())
    }
}
