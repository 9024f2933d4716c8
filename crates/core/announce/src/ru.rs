//! Russian: gender of one and two, three plural classes, nominative throughout.

use model::Currency;

use crate::grammar::{Gender, Grammar, Part, Plural};

/// The Russian grammar.
pub(crate) struct Russian;

const UNITS_FROM_THREE: [&str; 17] = [
    "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19",
];
const TENS: [&str; 8] = ["20", "30", "40", "50", "60", "70", "80", "90"];
const HUNDREDS: [&str; 9] = [
    "100", "200", "300", "400", "500", "600", "700", "800", "900",
];

/// A scale word: its size, its gender, its forms for one, few and many.
type Scale = (u64, Gender, [&'static str; 3]);

const SCALES: [Scale; 3] = [
    (
        1_000_000_000,
        Gender::Masculine,
        ["billion.one", "billion.few", "billion.many"],
    ),
    (
        1_000_000,
        Gender::Masculine,
        ["million.one", "million.few", "million.many"],
    ),
    // тысяча is feminine: одна тысяча, двадцать две тысячи.
    (
        1_000,
        Gender::Feminine,
        ["thousand.one", "thousand.few", "thousand.many"],
    ),
];

impl Grammar for Russian {
    fn words(&self) -> &'static [(&'static str, &'static str)] {
        WORDS
    }

    fn cardinal(&self, n: u64, gender: Gender, out: &mut Vec<&'static str>) {
        if n == 0 {
            out.push("0");
            return;
        }
        let mut rest = n;
        for (size, scale_gender, forms) in SCALES {
            let group = rest / size;
            rest %= size;
            if group > 0 {
                below_thousand(group, scale_gender, out);
                let [one, few, many] = forms;
                out.push(match self.plural(group) {
                    Plural::One => one,
                    Plural::Few => few,
                    Plural::Many => many,
                });
            }
        }
        below_thousand(rest, gender, out);
    }

    fn plural(&self, n: u64) -> Plural {
        match (n % 100, n % 10) {
            (11..=14, _) => Plural::Many,
            (_, 1) => Plural::One,
            (_, 2..=4) => Plural::Few,
            _ => Plural::Many,
        }
    }

    fn gender(&self, currency: Currency, part: Part) -> Gender {
        match (currency.as_str(), part) {
            ("UAH", Part::Major) | ("RUB" | "UAH", Part::Minor) => Gender::Feminine,
            _ => Gender::Masculine,
        }
    }

    fn joint(&self) -> Option<&'static str> {
        None
    }

    fn digit(&self, digit: u8) -> Option<&'static str> {
        match digit {
            b'0' => Some("0"),
            b'1' => Some("1m"),
            b'2' => Some("2m"),
            b'3'..=b'9' => UNITS_FROM_THREE.get(usize::from(digit - b'3')).copied(),
            _ => None,
        }
    }
}

/// 0 says nothing.
fn below_thousand(n: u64, gender: Gender, out: &mut Vec<&'static str>) {
    let pick = |table: &'static [&'static str], one_based: u64| {
        one_based
            .checked_sub(1)
            .and_then(|i| table.get(usize::try_from(i).ok()?))
            .copied()
    };
    out.extend(pick(&HUNDREDS, n / 100 % 10));
    let mut rest = n % 100;
    if rest >= 20 {
        out.extend(pick(&TENS, rest / 10 - 1));
        rest %= 10;
    }
    out.extend(match (rest, gender) {
        (0, _) => None,
        (1, Gender::Masculine) => Some("1m"),
        (1, Gender::Feminine) => Some("1f"),
        (2, Gender::Masculine) => Some("2m"),
        (2, Gender::Feminine) => Some("2f"),
        (from_three, _) => pick(&UNITS_FROM_THREE, from_three - 2),
    });
}

/// Prompt ids and the words they are recorded from, sorted by id.
const WORDS: &[(&str, &str)] = &[
    ("0", "ноль"),
    ("10", "десять"),
    ("100", "сто"),
    ("11", "одиннадцать"),
    ("12", "двенадцать"),
    ("13", "тринадцать"),
    ("14", "четырнадцать"),
    ("15", "пятнадцать"),
    ("16", "шестнадцать"),
    ("17", "семнадцать"),
    ("18", "восемнадцать"),
    ("19", "девятнадцать"),
    ("1f", "одна"),
    ("1m", "один"),
    ("20", "двадцать"),
    ("200", "двести"),
    ("2f", "две"),
    ("2m", "два"),
    ("3", "три"),
    ("30", "тридцать"),
    ("300", "триста"),
    ("4", "четыре"),
    ("40", "сорок"),
    ("400", "четыреста"),
    ("5", "пять"),
    ("50", "пятьдесят"),
    ("500", "пятьсот"),
    ("6", "шесть"),
    ("60", "шестьдесят"),
    ("600", "шестьсот"),
    ("7", "семь"),
    ("70", "семьдесят"),
    ("700", "семьсот"),
    ("8", "восемь"),
    ("80", "восемьдесят"),
    ("800", "восемьсот"),
    ("9", "девять"),
    ("90", "девяносто"),
    ("900", "девятьсот"),
    ("EUR.major.few", "евро"),
    ("EUR.major.many", "евро"),
    ("EUR.major.one", "евро"),
    ("EUR.minor.few", "цента"),
    ("EUR.minor.many", "центов"),
    ("EUR.minor.one", "цент"),
    ("GBP.major.few", "фунта стерлингов"),
    ("GBP.major.many", "фунтов стерлингов"),
    ("GBP.major.one", "фунт стерлингов"),
    ("GBP.minor.few", "пенса"),
    ("GBP.minor.many", "пенсов"),
    ("GBP.minor.one", "пенс"),
    ("HUF.major.few", "форинта"),
    ("HUF.major.many", "форинтов"),
    ("HUF.major.one", "форинт"),
    ("KZT.major.few", "тенге"),
    ("KZT.major.many", "тенге"),
    ("KZT.major.one", "тенге"),
    ("KZT.minor.few", "тиына"),
    ("KZT.minor.many", "тиынов"),
    ("KZT.minor.one", "тиын"),
    ("RUB.major.few", "рубля"),
    ("RUB.major.many", "рублей"),
    ("RUB.major.one", "рубль"),
    ("RUB.minor.few", "копейки"),
    ("RUB.minor.many", "копеек"),
    ("RUB.minor.one", "копейка"),
    ("UAH.major.few", "гривны"),
    ("UAH.major.many", "гривен"),
    ("UAH.major.one", "гривна"),
    ("UAH.minor.few", "копейки"),
    ("UAH.minor.many", "копеек"),
    ("UAH.minor.one", "копейка"),
    ("USD.major.few", "доллара"),
    ("USD.major.many", "долларов"),
    ("USD.major.one", "доллар"),
    ("USD.minor.few", "цента"),
    ("USD.minor.many", "центов"),
    ("USD.minor.one", "цент"),
    ("billion.few", "миллиарда"),
    ("billion.many", "миллиардов"),
    ("billion.one", "миллиард"),
    ("million.few", "миллиона"),
    ("million.many", "миллионов"),
    ("million.one", "миллион"),
    ("minus", "минус"),
    ("thousand.few", "тысячи"),
    ("thousand.many", "тысяч"),
    ("thousand.one", "тысяча"),
];
