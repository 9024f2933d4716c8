//! The people of the workbook, and the many ways in which they are written down.

use super::layout::Of;
use super::{DUPLICATE_EVERY, NO_PHONE_EVERY, SampleSheet, UNUSABLE_PHONE_EVERY};

/// The simulated carrier's Russian numbers: +7 900 555 and four digits.
const RU_NUMBERS: u64 = 10_000;

/// The simulated carrier's American numbers: +1 201 555 01 and two digits (555-01xx is kept for fiction,
/// NANPA 555 guidelines).
const US_NUMBERS: u64 = 100;

/// A prime that does not divide 10,000: steps of it visit every number once.
const STEP: u64 = 7_919;

/// One row in so many lives there, by row number.
const FAR_EAST_EVERY: u32 = 10;
const NEW_YORK_EVERY: u32 = 15;
/// One row in so many has paid.
const NO_AMOUNT_EVERY: u32 = 25;

const SURNAMES: [&str; 12] = [
    "Иванов",
    "Петрова",
    "Сидоров",
    "Кузнецова",
    "Смирнов",
    "Васильева",
    "Фёдоров",
    "Морозова",
    "Волков",
    "Зайцева",
    "Лебедев",
    "Щукина",
];
const GIVEN_NAMES: [&str; 8] = [
    "Алексей Петрович",
    "Мария Ивановна",
    "Сергей Юрьевич",
    "Анна Львовна",
    "Дмитрий Ильич",
    "Ольга Сергеевна",
    "Пётр Андреевич",
    "Елена Викторовна",
];
const ENGLISH_SURNAMES: [&str; 6] = ["Smith", "O'Neil", "Johnson", "Garcia", "Brown", "Davis"];
const ENGLISH_NAMES: [&str; 6] = ["John", "Mary", "Robert", "Linda", "William", "Barbara"];
const COMMENTS: [&str; 6] = [
    "",
    "просил звонить после обеда",
    "",
    "VIP",
    "",
    "call back; prefers e-mail",
];
const PRODUCTS: [&str; 4] = [
    "Ипотека",
    "кредитная карта",
    "Deposit",
    "страховка / insurance",
];
const BETWEEN: [&str; 6] = ["; ", ", ", " / ", "\n", " или ", "  "];
const UNUSABLE: [&str; 5] = [
    "нет",
    "8 900 555",
    "+7 100 555-00-00",
    "7.90056E+10",
    "уточнить",
];

/// Where a prospect lives: what stands in the zone and the city column.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) zone: &'static str,
    city: &'static str,
}

const NEAR: [Place; 4] = [
    Place {
        zone: "Europe/Moscow",
        city: "Москва",
    },
    Place {
        zone: "Europe/Moscow",
        city: "Санкт-Петербург",
    },
    Place {
        zone: "Europe/Samara",
        city: "г. Самара",
    },
    Place {
        zone: "Asia/Yekaterinburg",
        city: "Екатеринбург",
    },
];
const FAR_EAST: Place = Place {
    zone: "Asia/Vladivostok",
    city: "Владивосток",
};
const NEW_YORK: Place = Place {
    zone: "America/New_York",
    city: "Jersey City, NJ",
};

/// What is written into a cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Cell {
    #[default]
    Empty,
    Text(String),
    Number(f64),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        if text.is_empty() {
            Self::Empty
        } else {
            Self::Text(text.to_owned())
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// A row of any sheet.
#[derive(Debug)]
pub(super) struct Row {
    /// Counted from 1.
    n: u32,
    id: String,
    surname: &'static str,
    given_names: &'static str,
    american: bool,
    phones: [Cell; 3],
    /// Usable numbers in them.
    pub(super) numbers: u32,
    /// Whether its identifier stood in the row before.
    pub(super) is_duplicate: bool,
    /// In minor units; 0: nothing is owed.
    pub(super) amount: u64,
    amount_cell: Cell,
    pub(super) place: &'static Place,
    days_overdue: u64,
    comment: &'static str,
    product: &'static str,
}

impl Row {
    /// What stands in the column.
    pub(super) fn cell(&self, of: Of) -> Cell {
        let [phones, more, office] = &self.phones;
        match of {
            Of::Ordinal => Cell::Number(self.n.into()),
            Of::Id => self.id.clone().into(),
            Of::Name => format!("{} {}", self.surname, self.given_names).into(),
            Of::Surname => self.surname.into(),
            Of::GivenNames => self.given_names.into(),
            Of::Phones => phones.clone(),
            Of::MorePhones => more.clone(),
            Of::OfficePhone => office.clone(),
            Of::Amount => self.amount_cell.clone(),
            Of::Currency => if self.american { "USD" } else { "RUB" }.into(),
            Of::City => self.place.city.into(),
            Of::Zone => self.place.zone.into(),
            Of::Language => if self.american { "en" } else { "ru" }.into(),
            Of::DaysOverdue => Cell::Number(self.days_overdue as f64),
            Of::Comment => self.comment.into(),
            Of::Product => self.product.into(),
        }
    }
}

/// Makes rows. Numbers are handed out once over all sheets.
#[derive(Debug)]
pub(super) struct People {
    dice: Dice,
    /// The next numbers, as steps.
    ru: u64,
    us: u64,
}

impl People {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            dice: Dice(seed),
            ru: seed % RU_NUMBERS,
            us: 0,
        }
    }

    /// The row `n` of a sheet, counted from 1.
    pub(super) fn row(&mut self, sheet: SampleSheet, n: u32) -> Row {
        let american = sheet == SampleSheet::UsDebtors || n.is_multiple_of(NEW_YORK_EVERY);
        let place = if american {
            &NEW_YORK
        } else if n.is_multiple_of(FAR_EAST_EVERY) {
            &FAR_EAST
        } else {
            self.dice.pick(&NEAR).unwrap_or(&FAR_EAST)
        };
        let is_duplicate = n.is_multiple_of(DUPLICATE_EVERY);
        let (phones, numbers) = if is_duplicate {
            self.phones(american)
        } else if n.is_multiple_of(UNUSABLE_PHONE_EVERY) {
            let unusable = Cell::from(self.dice.text(&UNUSABLE));
            let cells = match sheet {
                SampleSheet::UsDebtors => [Cell::Empty, unusable, Cell::Empty],
                SampleSheet::Debtors | SampleSheet::Sales | SampleSheet::Vip => {
                    [unusable, Cell::Empty, Cell::Empty]
                }
            };
            (cells, 0)
        } else if n.is_multiple_of(NO_PHONE_EVERY) {
            (Default::default(), 0)
        } else {
            self.phones(american)
        };
        let (surname, given_names) = if american {
            let surname = self.dice.text(&ENGLISH_SURNAMES);
            (surname, self.dice.text(&ENGLISH_NAMES))
        } else {
            (self.dice.text(&SURNAMES), self.dice.text(&GIVEN_NAMES))
        };
        let (amount, amount_cell) = self.amount(sheet, n);
        let id = if is_duplicate { n - 1 } else { n };
        Row {
            n,
            id: match sheet {
                SampleSheet::Debtors => format!("Д-{:06}/26", 100_000 + id),
                SampleSheet::Sales => format!("К{:05}", 20_000 + id),
                SampleSheet::Vip => format!("VIP-{id:03}"),
                SampleSheet::UsDebtors => format!("US{:07}", 5_500_000 + id),
            },
            surname,
            given_names,
            american,
            phones,
            numbers,
            is_duplicate,
            amount,
            amount_cell,
            place,
            days_overdue: self.dice.below(180),
            comment: self.dice.text(&COMMENTS),
            product: self.dice.text(&PRODUCTS),
        }
    }

    /// The three cells of phones, and how many numbers in them can be dialled.
    fn phones(&mut self, american: bool) -> ([Cell; 3], u32) {
        let one = |cell: Cell| [cell, Cell::Empty, Cell::Empty];
        if american {
            let number = self.american();
            return ([Cell::Empty, number.into(), Cell::Empty], 1);
        }
        let first = self.russian();
        match self.dice.below(10) {
            // A number typed as a number.
            0 => {
                let value: f64 = format!("7{first}").parse().unwrap_or_default();
                (one(Cell::Number(value)), 1)
            }
            1 => {
                let mobile = self.written(&first);
                let office = self.russian();
                let extension = 10 + self.dice.below(890);
                let office = format!("{} доб. {extension}", self.written(&office));
                ([Cell::Empty, mobile.into(), office.into()], 2)
            }
            2..=4 => {
                let second = self.russian();
                let between = self.dice.text(&BETWEEN);
                let cell = format!("{}{between}{}", self.written(&first), self.written(&second));
                (one(cell.into()), 2)
            }
            5 | 6 => {
                let second = self.russian();
                let cell = format!(
                    "моб. {}, дом. {}",
                    self.written(&first),
                    self.written(&second)
                );
                // The first one again, in another form: it counts once.
                let again = format!("+7{first}");
                ([cell.into(), again.into(), Cell::Empty], 2)
            }
            // One good number and one that a spreadsheet program has spoilt.
            7 => (
                one(format!("{}; 7.90056E+10", self.written(&first)).into()),
                1,
            ),
            _ => (one(self.written(&first).into()), 1),
        }
    }

    /// One of the ways people write an American number, with a plus: the file's country is Russia.
    fn american(&mut self) -> String {
        let last = 100 + self.us % US_NUMBERS;
        self.us += 1;
        match self.dice.below(3) {
            0 => format!("+1 (201) 555-0{last}"),
            1 => format!("+1-201-555-0{last}"),
            _ => format!("+1 201 555 0{last}"),
        }
    }

    /// The ten national digits of a number not used before (until all are).
    fn russian(&mut self) -> String {
        let last = self.ru * STEP % RU_NUMBERS;
        self.ru += 1;
        format!("900555{last:04}")
    }

    /// One of the ways people write a Russian number.
    fn written(&mut self, national: &str) -> String {
        let part = |from: usize, to: usize| national.get(from..to).unwrap_or_default();
        let (code, a, b, c) = (part(0, 3), part(3, 6), part(6, 8), part(8, 10));
        match self.dice.below(7) {
            0 => format!("+7 ({code}) {a}-{b}-{c}"),
            1 => format!("8 {code} {a} {b} {c}"),
            2 => format!("8{national}"),
            3 => format!("8-{code}-{a}-{b}-{c}"),
            4 => format!("+7{national}"),
            5 => format!("8 ({code}) {a}{b}{c}"),
            _ => format!("+7\u{a0}{code}\u{a0}{a}\u{a0}{b}\u{a0}{c}"),
        }
    }

    /// What is owed in minor units, and how it is written. Debts only.
    fn amount(&mut self, sheet: SampleSheet, n: u32) -> (u64, Cell) {
        if matches!(sheet, SampleSheet::Sales | SampleSheet::Vip) {
            return (0, Cell::Empty);
        }
        let minor = 10_000 + self.dice.below(990_000);
        // Most debts are round.
        let minor = match self.dice.below(3) {
            0 => minor,
            _ => minor / 100 * 100,
        };
        let form = self.dice.below(4);
        if sheet == SampleSheet::UsDebtors {
            return (minor, us_amount(form, minor).into());
        }
        if n.is_multiple_of(NO_AMOUNT_EVERY) {
            return (0, "оплачено".into());
        }
        let (whole, cents) = (minor / 100, minor % 100);
        let grouped = grouped(whole, '\u{a0}');
        let american = n.is_multiple_of(NEW_YORK_EVERY);
        let cell = match form {
            0 => Cell::Number(minor as f64 / 100.0),
            1 if !american => format!("{grouped},{cents:02}\u{202f}₽").into(),
            2 if !american => format!("{whole},{cents:02} руб.").into(),
            _ => format!("{grouped},{cents:02}").into(),
        };
        (minor, cell)
    }
}

fn us_amount(form: u64, minor: u64) -> String {
    let (whole, cents) = (minor / 100, minor % 100);
    match form {
        0 => format!("${whole}.{cents:02}"),
        1 => format!("USD {}.{cents:02}", grouped(whole, ',')),
        _ => format!("${}.{cents:02}", grouped(whole, ',')),
    }
}

/// Below a million.
fn grouped(whole: u64, mark: char) -> String {
    if whole >= 1_000 {
        format!("{}{mark}{:03}", whole / 1_000, whole % 1_000)
    } else {
        whole.to_string()
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): enough to shuffle a demo.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let at = self.below(from.len() as u64);
        usize::try_from(at).ok().and_then(|i| from.get(i))
    }

    fn text(&mut self, from: &[&'static str]) -> &'static str {
        self.pick(from).copied().unwrap_or_default()
    }
}
