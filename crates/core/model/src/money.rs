//! Amounts in minor units; never a float.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An ISO 4217 currency code, for example `RUB`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// The text is not three capital letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a currency code; write three capital letters, for example RUB")]
pub struct ParseCurrencyError(String);

impl Currency {
    /// The three letters.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Digits of the minor unit (ISO 4217), or `None` for a currency Outdial does not know.
    ///
    /// The forint has two although no fillér circulates: accounting files still carry them.
    pub fn exponent(self) -> Option<u32> {
        match &self.0 {
            b"RUB" | b"USD" | b"EUR" | b"GBP" | b"KZT" | b"UAH" | b"HUF" => Some(2),
            b"JPY" => Some(0),
            b"KWD" | b"BHD" | b"TND" => Some(3),
            _ => None,
        }
    }
}

impl FromStr for Currency {
    type Err = ParseCurrencyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(code) if code.iter().all(u8::is_ascii_uppercase) => Ok(Self(code)),
            _ => Err(ParseCurrencyError(text.to_owned())),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for Currency {
    type Error = ParseCurrencyError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.to_string()
    }
}

/// An amount of one currency in its minor units (kopecks, cents).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// Minor units; negative for a credit.
    pub minor: i64,
    /// The currency; it fixes how many minor units make a major one.
    pub currency: Currency,
}

/// The text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseMoneyError {
    /// Not digits with at most one point.
    #[error("\"{text}\" is not an amount; write digits with a point, for example 1234.05")]
    NotAnAmount {
        /// What was given.
        text: String,
    },
    /// The currency has no known minor unit.
    #[error(
        "currency {currency} is not known; use one of RUB USD EUR GBP KZT UAH HUF JPY KWD BHD TND"
    )]
    UnknownCurrency {
        /// What was given.
        currency: Currency,
    },
    /// Beyond 999,999,999,999.99.
    #[error("amount {text} is too large; the largest is 999999999999.99")]
    TooLarge {
        /// What was given.
        text: String,
    },
}

impl Money {
    /// The largest amount of minor units that can be spoken: 999,999,999,999.99 of a currency with cents.
    pub const MAX_MINOR: i64 = 99_999_999_999_999;

    /// From minor units.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// From decimal text with a point: `1234.5`, `-0.29`, `1000`. More decimals than the currency has
    /// are rounded half away from zero, on the text: 1.005 is 1.01.
    ///
    /// # Errors
    /// [`ParseMoneyError`] by variant.
    pub fn from_decimal(text: &str, currency: Currency) -> Result<Self, ParseMoneyError> {
        let not = || ParseMoneyError::NotAnAmount {
            text: text.to_owned(),
        };
        let exponent = currency
            .exponent()
            .ok_or(ParseMoneyError::UnknownCurrency { currency })? as usize;
        let (negative, digits) = match text.strip_prefix(['-', '\u{2212}']) {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return Err(not());
        }
        let too_large = || ParseMoneyError::TooLarge {
            text: text.to_owned(),
        };
        let kept: String = fraction
            .chars()
            .chain(std::iter::repeat('0'))
            .take(exponent)
            .collect();
        let mut minor: i64 = format!("{whole}{kept}").parse().map_err(|_| too_large())?;
        if fraction
            .as_bytes()
            .get(exponent)
            .is_some_and(|d| *d >= b'5')
        {
            minor = minor.checked_add(1).ok_or_else(too_large)?;
        }
        if minor > Self::MAX_MINOR {
            return Err(too_large());
        }
        Ok(Self {
            minor: if negative { -minor } else { minor },
            currency,
        })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = self.currency.exponent().unwrap_or(0) as usize;
        let sign = if self.minor < 0 { "-" } else { "" };
        let digits = format!(
            "{:0width$}",
            self.minor.unsigned_abs(),
            width = exponent + 1
        );
        let (whole, fraction) = digits.split_at(digits.len() - exponent);
        let point = if exponent == 0 { "" } else { "." };
        write!(f, "{sign}{whole}{point}{fraction} {}", self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rub(text: &str) -> Result<i64, ParseMoneyError> {
        Money::from_decimal(text, "RUB".parse().unwrap()).map(|m| m.minor)
    }

    #[test]
    fn decimal_text_becomes_minor_units_exactly() {
        for (text, minor) in [
            ("0.29", 29),
            ("1.005", 101),
            ("1.004", 100),
            ("1234", 123_400),
            ("-0.5", -50),
            ("\u{2212}1.999", -200),
            ("999999999999.99", Money::MAX_MINOR),
        ] {
            assert_eq!(rub(text), Ok(minor), "{text}");
        }
    }

    #[test]
    fn what_is_not_an_amount_is_refused() {
        for text in [
            "",
            ".",
            ".5",
            "1,5",
            "1.2.3",
            "abc",
            "1e5",
            "--1",
            "9999999999999999999999",
        ] {
            assert!(rub(text).is_err(), "{text}");
        }
    }

    #[test]
    fn money_is_written_with_the_decimals_of_its_currency() {
        let yen = Money::new(1_500, "JPY".parse().unwrap());
        assert_eq!(yen.to_string(), "1500 JPY");
        assert_eq!(
            Money::new(-5, "RUB".parse().unwrap()).to_string(),
            "-0.05 RUB"
        );
    }
}
