//! English: two plural classes, no gender; British English says "and" inside a number.

use model::Currency;

use crate::grammar::{Gender, Grammar, Part, Plural};

/// The English grammar.
pub(crate) struct English {
    /// One hundred **and** one.
    pub(crate) and: bool,
}

const UNITS: [&str; 20] = [
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16",
    "17", "18", "19",
];
const TENS: [&str; 8] = ["20", "30", "40", "50", "60", "70", "80", "90"];
const SCALES: [(u64, &str); 3] = [
    (1_000_000_000, "billion"),
    (1_000_000, "million"),
    (1_000, "thousand"),
];

impl Grammar for English {
    fn words(&self) -> &'static [(&'static str, &'static str)] {
        WORDS
    }

    fn cardinal(&self, n: u64, _: Gender, out: &mut Vec<&'static str>) {
        let mut rest = n;
        for (size, name) in SCALES {
            let group = rest / size;
            rest %= size;
            if group > 0 {
                self.below_thousand(group, out);
                out.push(name);
            }
        }
        if rest == 0 && n > 0 {
            return;
        }
        // Two thousand and one: the last one to ninety-nine after a scale word.
        if self.and && n >= 1_000 && rest < 100 {
            out.push("and");
        }
        self.below_thousand(rest, out);
    }

    fn plural(&self, n: u64) -> Plural {
        if n == 1 { Plural::One } else { Plural::Many }
    }

    fn gender(&self, _: Currency, _: Part) -> Gender {
        Gender::Masculine
    }

    fn joint(&self) -> Option<&'static str> {
        Some("and.money")
    }

    fn digit(&self, digit: u8) -> Option<&'static str> {
        UNITS
            .get(usize::from(digit.checked_sub(b'0').filter(|d| *d < 10)?))
            .copied()
    }

    fn spell(&self, tokens: &[&str]) -> String {
        let mut text = String::new();
        let mut before = "";
        for token in tokens {
            let hyphen = TENS.contains(&before)
                && UNITS.get(1..10).is_some_and(|units| units.contains(token));
            text.push_str(if hyphen {
                "-"
            } else if text.is_empty() {
                ""
            } else {
                " "
            });
            text.push_str(self.word(token).unwrap_or(token));
            before = token;
        }
        text
    }
}

impl English {
    fn below_thousand(&self, n: u64, out: &mut Vec<&'static str>) {
        let unit = |i: u64| usize::try_from(i).ok().and_then(|i| UNITS.get(i)).copied();
        if n >= 100 {
            out.extend(unit(n / 100));
            out.push("hundred");
            if n.is_multiple_of(100) {
                return;
            }
            if self.and {
                out.push("and");
            }
        }
        let rest = n % 100;
        if rest >= 20 {
            out.extend(
                usize::try_from(rest / 10 - 2)
                    .ok()
                    .and_then(|i| TENS.get(i)),
            );
            out.extend(unit(rest % 10).filter(|_| !rest.is_multiple_of(10)));
        } else {
            out.extend(unit(rest));
        }
    }
}

/// Prompt ids and the words they are recorded from, sorted by id.
const WORDS: &[(&str, &str)] = &[
    ("0", "zero"),
    ("1", "one"),
    ("10", "ten"),
    ("11", "eleven"),
    ("12", "twelve"),
    ("13", "thirteen"),
    ("14", "fourteen"),
    ("15", "fifteen"),
    ("16", "sixteen"),
    ("17", "seventeen"),
    ("18", "eighteen"),
    ("19", "nineteen"),
    ("2", "two"),
    ("20", "twenty"),
    ("3", "three"),
    ("30", "thirty"),
    ("4", "four"),
    ("40", "forty"),
    ("5", "five"),
    ("50", "fifty"),
    ("6", "six"),
    ("60", "sixty"),
    ("7", "seven"),
    ("70", "seventy"),
    ("8", "eight"),
    ("80", "eighty"),
    ("9", "nine"),
    ("90", "ninety"),
    ("EUR.major.many", "euros"),
    ("EUR.major.one", "euro"),
    ("EUR.minor.many", "cents"),
    ("EUR.minor.one", "cent"),
    ("GBP.major.many", "pounds"),
    ("GBP.major.one", "pound"),
    ("GBP.minor.many", "pence"),
    ("GBP.minor.one", "penny"),
    ("HUF.major.many", "forints"),
    ("HUF.major.one", "forint"),
    ("KZT.major.many", "tenge"),
    ("KZT.major.one", "tenge"),
    ("KZT.minor.many", "tiyn"),
    ("KZT.minor.one", "tiyn"),
    ("RUB.major.many", "rubles"),
    ("RUB.major.one", "ruble"),
    ("RUB.minor.many", "kopecks"),
    ("RUB.minor.one", "kopeck"),
    ("UAH.major.many", "hryvnias"),
    ("UAH.major.one", "hryvnia"),
    ("UAH.minor.many", "kopiykas"),
    ("UAH.minor.one", "kopiyka"),
    ("USD.major.many", "dollars"),
    ("USD.major.one", "dollar"),
    ("USD.minor.many", "cents"),
    ("USD.minor.one", "cent"),
    ("and", "and"),
    ("and.money", "and"),
    ("billion", "billion"),
    ("hundred", "hundred"),
    ("million", "million"),
    ("minus", "minus"),
    ("thousand", "thousand"),
];
