//! The cells of an amount column as money.

use model::{Currency, Money, ParseMoneyError};

use crate::WarningReason;
use crate::cell::{Cell, CellKind, is_invisible};
use crate::decimal_mark::DecimalMark;

/// Signs and words of currencies, lower case, longest first where one begins another.
const CURRENCY_WORDS: &[(&str, &str)] = &[
    ("рублей", "RUB"),
    ("рубля", "RUB"),
    ("рубль", "RUB"),
    ("руб", "RUB"),
    ("rub", "RUB"),
    ("rur", "RUB"),
    ("₽", "RUB"),
    ("р", "RUB"),
    ("usd", "USD"),
    ("us$", "USD"),
    ("$", "USD"),
    ("долларов", "USD"),
    ("доллар", "USD"),
    ("eur", "EUR"),
    ("€", "EUR"),
    ("euro", "EUR"),
    ("евро", "EUR"),
    ("gbp", "GBP"),
    ("£", "GBP"),
    ("kzt", "KZT"),
    ("₸", "KZT"),
    ("тенге", "KZT"),
    ("тг", "KZT"),
    ("uah", "UAH"),
    ("₴", "UAH"),
    ("грн", "UAH"),
    ("гривен", "UAH"),
    ("huf", "HUF"),
    ("ft", "HUF"),
    ("jpy", "JPY"),
    ("¥", "JPY"),
    ("kwd", "KWD"),
    ("bhd", "BHD"),
    ("tnd", "TND"),
];

/// A cell without its currency, spaces and apostrophes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stripped {
    /// Digits, points and commas; empty when something else is in it.
    pub(crate) body: String,
    pub(crate) negative: bool,
    pub(crate) currency: Option<Currency>,
    /// Groups are already set apart by spaces or apostrophes, so that a mark is the decimal one.
    pub(crate) grouped: bool,
}

impl Stripped {
    pub(crate) fn of(text: &str) -> Self {
        let lower: String = text
            .to_lowercase()
            .chars()
            .filter(|c| !is_invisible(*c))
            .collect();
        let mut rest = lower.trim();
        let mut negative = false;
        if let Some(inner) = rest.strip_prefix('(').and_then(|r| r.strip_suffix(')')) {
            // Accountants' way to write a negative amount.
            negative = true;
            rest = inner.trim();
        }
        let mut currency = None;
        // Signs and words stand on either side, the minus before or behind them.
        loop {
            let before = rest;
            for minus in ['-', '\u{2212}', '\u{2013}'] {
                if let Some(r) = rest
                    .strip_prefix(minus)
                    .or_else(|| rest.strip_suffix(minus))
                {
                    negative = true;
                    rest = r.trim();
                }
            }
            if let Some((r, code)) = strip_currency(rest) {
                currency = currency.or_else(|| code.parse().ok());
                rest = r.trim();
            }
            if rest == before {
                break;
            }
        }
        let gap = |c: char| c.is_whitespace() || "'\u{2019}`".contains(c);
        let grouped = rest.contains(gap);
        let body: String = rest.chars().filter(|c| !gap(*c)).collect();
        let plain = body
            .chars()
            .all(|c| c.is_ascii_digit() || c == '.' || c == ',');
        Self {
            body: if plain { body } else { String::new() },
            negative,
            currency,
            grouped,
        }
    }
}

fn strip_currency(text: &str) -> Option<(&str, &'static str)> {
    CURRENCY_WORDS.iter().find_map(|(word, code)| {
        let is_word = word.starts_with(char::is_alphabetic);
        if let Some(rest) = text.strip_prefix(word)
            && !(is_word && rest.starts_with(char::is_alphabetic))
        {
            // "руб. 100": the point belongs to the word.
            let rest = if is_word {
                rest.strip_prefix('.').unwrap_or(rest)
            } else {
                rest
            };
            return Some((rest, *code));
        }
        let bare = if is_word {
            text.strip_suffix('.').unwrap_or(text)
        } else {
            text
        };
        let rest = bare.strip_suffix(word)?;
        (!(is_word && rest.ends_with(char::is_alphabetic))).then_some((rest, *code))
    })
}

/// The currency of a cell of a currency column: a code, a sign or a word.
pub(crate) fn currency_of(text: &str) -> Result<Currency, WarningReason> {
    let unknown = || WarningReason::CurrencyUnknown {
        text: text.to_owned(),
    };
    let lower = text.trim().to_lowercase();
    let named = match strip_currency(&lower) {
        Some(("", code)) => code.parse().map_err(|_| unknown())?,
        _ => text
            .trim()
            .to_uppercase()
            .parse::<Currency>()
            .map_err(|_| unknown())?,
    };
    match named.exponent() {
        Some(_) => Ok(named),
        None => Err(unknown()),
    }
}

/// The currency that a header names, as in `Сумма долга, руб.` or `Debt (USD)`.
pub(crate) fn currency_in_header(header: &str) -> Option<Currency> {
    header
        .split(|c: char| c.is_whitespace() || "(),/".contains(c))
        .filter(|word| !word.is_empty())
        .find_map(|word| currency_of(word).ok())
}

/// Money and, when there is something to know, a warning. Empty cells have no money.
///
/// `column_currency` is that of the row's currency column and wins over the cell's own sign; `default` is used when
/// neither says anything.
pub(crate) fn read_amount(
    cell: &Cell,
    mark: DecimalMark,
    column_currency: Option<Currency>,
    default: Option<Currency>,
) -> (Option<Money>, Option<WarningReason>) {
    if cell.is_empty() {
        return (None, Some(WarningReason::AmountMissing));
    }
    let text = || cell.text.clone();
    let unreadable = || (None, Some(WarningReason::AmountUnreadable { text: text() }));
    let (decimal, negative, own_currency) = if cell.kind == CellKind::Number {
        let unsigned = cell.text.trim_start_matches('-');
        (unsigned.to_owned(), unsigned.len() < cell.text.len(), None)
    } else {
        let stripped = Stripped::of(&cell.text);
        match canonical(&stripped.body, mark) {
            Some(decimal) => (decimal, stripped.negative, stripped.currency),
            None => return unreadable(),
        }
    };
    let currency = match (column_currency, own_currency) {
        (Some(column), Some(own)) if column != own => return unreadable(),
        (Some(known), _) | (None, Some(known)) => known,
        (None, None) => match default {
            Some(currency) => currency,
            None => return (None, Some(WarningReason::CurrencyMissing)),
        },
    };
    let money = match Money::from_decimal(&decimal, currency) {
        Ok(money) => money,
        Err(ParseMoneyError::UnknownCurrency { currency }) => {
            let text = currency.to_string();
            return (None, Some(WarningReason::CurrencyUnknown { text }));
        }
        Err(ParseMoneyError::NotAnAmount { .. } | ParseMoneyError::TooLarge { .. }) => {
            return unreadable();
        }
    };
    if negative || money.minor <= 0 {
        return (
            None,
            Some(WarningReason::AmountNotPositive { text: text() }),
        );
    }
    let decimals = decimal
        .split_once('.')
        .map_or("", |(_, d)| d)
        .trim_end_matches('0')
        .len();
    let rounded = u32::try_from(decimals).is_ok_and(|d| d > currency.exponent().unwrap_or(0));
    let warning = rounded.then(|| WarningReason::AmountRounded {
        text: text(),
        amount: money,
    });
    (Some(money), warning)
}

/// Digits with a point, from digits grouped by the other mark. `None` when the groups are not of three digits,
/// as in 12,34 of a column with a decimal point.
fn canonical(body: &str, mark: DecimalMark) -> Option<String> {
    let (whole, fraction) = match body.rsplit_once(mark.as_char()) {
        Some((whole, fraction)) => (whole, fraction),
        None => (body, ""),
    };
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut groups = whole.split(mark.other().as_char());
    let mut digits = groups
        .next()
        .filter(|g| g.bytes().all(|b| b.is_ascii_digit()))?
        .to_owned();
    let first = digits.len();
    for group in groups {
        if !(1..=3).contains(&first)
            || group.len() != 3
            || !group.bytes().all(|b| b.is_ascii_digit())
        {
            return None;
        }
        digits.push_str(group);
    }
    match (digits.is_empty(), fraction.is_empty()) {
        (true, true) => None,
        (true, false) => Some(format!("0.{fraction}")),
        (false, true) => Some(digits),
        (false, false) => Some(format!("{digits}.{fraction}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str, mark: DecimalMark) -> Result<String, &'static str> {
        let rub = "RUB".parse().ok();
        match read_amount(&Cell::text(text), mark, None, rub) {
            (Some(money), _) => Ok(money.to_string()),
            (None, Some(warning)) => Err(warning.as_str()),
            (None, None) => Err("nothing"),
        }
    }

    #[test]
    fn amounts_are_read_with_any_sign_space_and_currency() {
        use DecimalMark::{Comma, Point};
        for (text, mark, expected) in [
            ("1 234,56", Comma, Ok("1234.56 RUB")),
            ("1\u{a0}234,56\u{a0}₽", Comma, Ok("1234.56 RUB")),
            ("1\u{202f}234,56 руб.", Comma, Ok("1234.56 RUB")),
            ("1234 р.", Comma, Ok("1234.00 RUB")),
            ("руб. 1234,5", Comma, Ok("1234.50 RUB")),
            ("1'234.50", Point, Ok("1234.50 RUB")),
            ("$1,234.50", Point, Ok("1234.50 USD")),
            ("1234.50 EUR", Point, Ok("1234.50 EUR")),
            ("US$ 10", Point, Ok("10.00 USD")),
            ("£10", Point, Ok("10.00 GBP")),
            ("10 000 Ft", Comma, Ok("10000.00 HUF")),
            ("1.005", Point, Ok("1.01 RUB")),
            ("1.234", Comma, Ok("1234.00 RUB")),
            (",5", Comma, Ok("0.50 RUB")),
            ("0", Point, Err("amount_not_positive")),
            ("-5", Point, Err("amount_not_positive")),
            ("\u{2212}5,00 ₽", Comma, Err("amount_not_positive")),
            ("(5.00)", Point, Err("amount_not_positive")),
            ("5-", Point, Err("amount_not_positive")),
            ("12,34", Point, Err("amount_unreadable")),
            ("12 тыс.", Point, Err("amount_unreadable")),
            ("много", Point, Err("amount_unreadable")),
            ("1e5", Point, Err("amount_unreadable")),
            (".", Point, Err("amount_unreadable")),
            ("99999999999999999999", Point, Err("amount_unreadable")),
            ("", Point, Err("amount_missing")),
        ] {
            assert_eq!(amount(text, mark), expected.map(str::to_owned), "{text:?}");
        }
    }

    #[test]
    fn a_number_cell_keeps_its_point_in_a_column_of_commas() {
        let (money, _) = read_amount(
            &Cell::number(1234.05),
            DecimalMark::Comma,
            "RUB".parse().ok(),
            None,
        );
        assert_eq!(money.map(|m| m.minor), Some(123_405));
    }

    #[test]
    fn the_currency_column_wins_over_the_default_and_must_agree_with_the_cell() {
        let usd: Option<Currency> = "USD".parse().ok();
        let rub: Option<Currency> = "RUB".parse().ok();
        let read = |text, column, default| {
            read_amount(&Cell::text(text), DecimalMark::Point, column, default)
        };
        assert_eq!(
            read("5", usd, rub).0.map(|m| m.to_string()).as_deref(),
            Some("5.00 USD")
        );
        assert_eq!(
            read("$5", None, rub).0.map(|m| m.to_string()).as_deref(),
            Some("5.00 USD")
        );
        assert_eq!(read("$5", rub, None).0, None);
        assert_eq!(
            read("5", None, None).1,
            Some(WarningReason::CurrencyMissing)
        );
    }

    #[test]
    fn rounding_is_reported() {
        let rub = "RUB".parse().ok();
        let (money, warning) = read_amount(&Cell::text("1.005"), DecimalMark::Point, rub, None);
        assert_eq!(money.map(|m| m.minor), Some(101));
        assert_eq!(warning.map(|w| w.as_str()), Some("amount_rounded"));
        assert_eq!(
            read_amount(&Cell::text("1.500"), DecimalMark::Point, rub, None).1,
            None
        );
    }

    #[test]
    fn a_currency_is_a_code_a_sign_or_a_word() {
        for (text, code) in [
            ("RUB", "RUB"),
            ("rub", "RUB"),
            ("₽", "RUB"),
            ("руб.", "RUB"),
            ("$", "USD"),
            ("евро", "EUR"),
        ] {
            assert_eq!(
                currency_of(text).map(|c| c.to_string()),
                Ok(code.to_owned()),
                "{text}"
            );
        }
        for text in ["", "XYZ", "рупии", "12"] {
            assert!(currency_of(text).is_err(), "{text}");
        }
        assert_eq!(
            currency_in_header("Сумма долга, руб.")
                .map(|c| c.to_string())
                .as_deref(),
            Some("RUB")
        );
        assert_eq!(
            currency_in_header("Debt (USD)")
                .map(|c| c.to_string())
                .as_deref(),
            Some("USD")
        );
        assert_eq!(currency_in_header("Сумма долга"), None);
    }
}
