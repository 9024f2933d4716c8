//! The spreadsheet that the demo imports: as messy as real ones, and every number in it a simulated carrier's.

use std::collections::BTreeMap;
use std::path::Path;

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use crate::SheetError;

/// The simulated carrier's Russian numbers: +7 900 555 and four digits.
const RU_NUMBERS: u64 = 10_000;

/// The simulated carrier's American numbers: +1 201 555 01 and two digits (555-01xx is kept for fiction,
/// NANPA 555 guidelines).
const US_NUMBERS: u64 = 100;

/// A prime that does not divide 10,000: steps of it visit every number once.
const STEP: u64 = 7_919;

/// One row in so many is of each kind, by row number.
const DUPLICATE_EVERY: u32 = 40;
const NO_PHONE_EVERY: u32 = 60;
const UNUSABLE_PHONE_EVERY: u32 = 50;
const FAR_EAST_EVERY: u32 = 10;
const NEW_YORK_EVERY: u32 = 15;
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
const NAMES: [&str; 8] = [
    "Алексей Петрович",
    "Мария Ивановна",
    "Сергей Юрьевич",
    "Анна Львовна",
    "Дмитрий Ильич",
    "Ольга Сергеевна",
    "Пётр Андреевич",
    "Елена Викторовна",
];
const ENGLISH_NAMES: [&str; 6] = [
    "John Smith",
    "Mary O'Neil",
    "Robert Johnson",
    "Linda Garcia",
    "William Brown",
    "Barbara Davis",
];
const COMMENTS: [&str; 6] = [
    "",
    "просил звонить после обеда",
    "",
    "VIP",
    "",
    "call back; prefers e-mail",
];
const BETWEEN: [&str; 6] = ["; ", ", ", " / ", "\n", " или ", "  "];
const UNUSABLE: [&str; 5] = [
    "нет",
    "8 900 555",
    "+7 100 555-00-00",
    "7.90056E+10",
    "уточнить",
];

/// What was written, so that whoever imports the file can check the sums.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SampleFacts {
    /// Rows below the header, the row of totals among them.
    pub rows: u32,
    /// Rows that are prospects.
    pub prospects: u32,
    /// Rows that repeat an identifier.
    pub duplicates: u32,
    /// Rows without a usable number, the row of totals among them.
    pub rejected: u32,
    /// Usable numbers of the prospects.
    pub numbers: u32,
    /// Prospects by the zone in their zone column.
    pub zones: BTreeMap<&'static str, u32>,
    /// Prospects with a positive amount.
    pub amounts: u32,
}

/// Writes the workbook: `rows` people, and a row of totals as accountants add it. The same rows and seed give the same file.
///
/// Beyond 10,000 numbers (about 7,000 rows) numbers are used again, so that prospects share them.
///
/// # Errors
/// [`SheetError::Write`].
pub fn write_demo_workbook(path: &Path, rows: u32, seed: u64) -> Result<SampleFacts, SheetError> {
    let mut sample = Sample {
        facts: SampleFacts::default(),
        dice: Dice(seed),
        ru: seed % RU_NUMBERS,
        us: 0,
    };
    sample
        .write(path, rows)
        .map_err(|e| SheetError::write(path, e))?;
    Ok(sample.facts)
}

/// SplitMix64 (Steele, Lea, Flood 2014): enough to shuffle a demo.
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

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        let at = self.below(from.len() as u64);
        usize::try_from(at)
            .ok()
            .and_then(|i| from.get(i))
            .copied()
            .unwrap_or("")
    }
}

struct Sample {
    facts: SampleFacts,
    dice: Dice,
    /// The next numbers, as steps.
    ru: u64,
    us: u64,
}

/// Where a prospect lives: what stands in the zone and the city column.
struct Place {
    zone: &'static str,
    zone_text: &'static str,
    city: &'static str,
}

const NEAR: [Place; 4] = [
    Place {
        zone: "Europe/Moscow",
        zone_text: "Europe/Moscow",
        city: "Москва",
    },
    Place {
        zone: "Europe/Moscow",
        zone_text: "Europe/Moscow",
        city: "Санкт-Петербург",
    },
    Place {
        zone: "Europe/Samara",
        zone_text: "Europe/Samara",
        city: "г. Самара",
    },
    Place {
        zone: "Asia/Yekaterinburg",
        zone_text: "Asia/Yekaterinburg",
        city: "Екатеринбург",
    },
];
const FAR_EAST: Place = Place {
    zone: "Asia/Vladivostok",
    zone_text: "Asia/Vladivostok",
    city: "Владивосток",
};
const NEW_YORK: Place = Place {
    zone: "America/New_York",
    zone_text: "America/New_York",
    city: "Jersey City, NJ",
};

impl Sample {
    fn write(&mut self, path: &Path, rows: u32) -> Result<(), XlsxError> {
        let mut workbook = Workbook::new();
        // A fixed date, so that the same seed gives the same bytes.
        let written_on = ExcelDateTime::from_ymd(2026, 3, 1)?;
        workbook.set_properties(&DocProperties::new().set_creation_datetime(&written_on));
        let sheet = workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name("Реестр")?;
        let title = Format::new().set_bold().set_font_size(14);
        let bold = Format::new().set_bold().set_text_wrap();
        for (column, width) in [
            (0, 6),
            (1, 14),
            (2, 30),
            (3, 34),
            (4, 20),
            (5, 26),
            (6, 16),
            (7, 8),
            (8, 20),
            (9, 20),
            (10, 10),
            (11, 10),
            (12, 30),
        ] {
            sheet.set_column_width(column, width)?;
        }
        sheet.merge_range(
            0,
            0,
            0,
            12,
            "Реестр должников на 01.03.2026 / Debtors' list",
            &title,
        )?;
        sheet.write_string(1, 0, "Взыскатель: ООО «Ромашка Финанс»")?;
        let headers = [
            "№ п/п",
            "№ договора",
            "ФИО / Name",
            "Телефон",
            "Mobile",
            "Тел. раб.",
            "Сумма\u{a0}долга",
            "Валюта",
            "Город / City",
            "Часовой пояс",
            "Language",
            "Дней просрочки",
            "Комментарий",
        ];
        for (column, header) in (0_u16..).zip(headers) {
            sheet.write_string_with_format(3, column, header, &bold)?;
        }
        for n in 1..=rows {
            self.row(sheet, n)?;
        }
        let last = 4 + rows;
        sheet.write_string(last, 2, "Итого:")?;
        sheet.write_number(last, 6, f64::from(rows) * 1_000.0)?;
        self.facts.rows = rows + 1;
        self.facts.rejected += 1;
        workbook.save(path)
    }

    fn row(&mut self, sheet: &mut Worksheet, n: u32) -> Result<(), XlsxError> {
        let at = 3 + n;
        let contract = |n: u32| format!("Д-{:06}/26", 100_000 + n);
        let duplicate = n.is_multiple_of(DUPLICATE_EVERY);
        let unusable = !duplicate && n.is_multiple_of(UNUSABLE_PHONE_EVERY);
        let phoneless = !duplicate && !unusable && n.is_multiple_of(NO_PHONE_EVERY);
        let american = n.is_multiple_of(NEW_YORK_EVERY);
        let place = if american {
            &NEW_YORK
        } else if n.is_multiple_of(FAR_EAST_EVERY) {
            &FAR_EAST
        } else {
            let near = self.dice.below(NEAR.len() as u64);
            usize::try_from(near)
                .ok()
                .and_then(|i| NEAR.get(i))
                .unwrap_or(&FAR_EAST)
        };
        sheet.write_number(at, 0, n)?;
        sheet.write_string(at, 1, contract(if duplicate { n - 1 } else { n }))?;
        let name = if american {
            self.dice.pick(&ENGLISH_NAMES).to_owned()
        } else {
            format!("{} {}", self.dice.pick(&SURNAMES), self.dice.pick(&NAMES))
        };
        sheet.write_string(at, 2, name)?;
        let mut numbers = 0;
        if unusable {
            sheet.write_string(at, 3, self.dice.pick(&UNUSABLE))?;
        } else if !phoneless {
            numbers = self.phones(sheet, at, american)?;
        }
        let has_amount = self.amount(sheet, at, n, american)?;
        sheet.write_string(at, 8, place.city)?;
        sheet.write_string(at, 9, place.zone_text)?;
        sheet.write_string(at, 10, if american { "en" } else { "ru" })?;
        sheet.write_number(at, 11, self.dice.below(180) as f64)?;
        match self.dice.pick(&COMMENTS) {
            "" => {}
            comment => {
                sheet.write_string(at, 12, comment)?;
            }
        }
        let facts = &mut self.facts;
        if unusable || phoneless {
            facts.rejected += 1;
        } else if duplicate {
            facts.duplicates += 1;
        } else {
            facts.prospects += 1;
            facts.numbers += numbers;
            *facts.zones.entry(place.zone).or_default() += 1;
            facts.amounts += u32::from(has_amount);
        }
        Ok(())
    }

    /// Writes the three phone columns; returns how many numbers can be dialled.
    fn phones(&mut self, sheet: &mut Worksheet, at: u32, american: bool) -> Result<u32, XlsxError> {
        if american {
            let last = 100 + self.us % US_NUMBERS;
            self.us += 1;
            let written = match self.dice.below(3) {
                0 => format!("+1 (201) 555-0{last}"),
                1 => format!("+1-201-555-0{last}"),
                _ => format!("001 201 555 0{last}").replacen("001", "+1", 1),
            };
            sheet.write_string(at, 4, written)?;
            return Ok(1);
        }
        let first = self.russian();
        match self.dice.below(10) {
            // A number typed as a number.
            0 => {
                let value: f64 = format!("7{first}").parse().unwrap_or_default();
                sheet.write_number(at, 3, value)?;
                Ok(1)
            }
            1 => {
                sheet.write_string(at, 4, self.written(&first))?;
                let office = self.russian();
                let written = format!(
                    "{} доб. {}",
                    self.written(&office),
                    10 + self.dice.below(890)
                );
                sheet.write_string(at, 5, written)?;
                Ok(2)
            }
            2 | 3 => {
                let second = self.russian();
                let between = self.dice.pick(&BETWEEN);
                let cell = format!("{}{between}{}", self.written(&first), self.written(&second));
                sheet.write_string(at, 3, cell)?;
                Ok(2)
            }
            4 => {
                let second = self.russian();
                let cell = format!(
                    "моб. {}, дом. {}",
                    self.written(&first),
                    self.written(&second)
                );
                sheet.write_string(at, 3, cell)?;
                // The first one again, in another form: it counts once.
                sheet.write_string(at, 4, format!("+7{first}"))?;
                Ok(2)
            }
            5 => {
                // One good number and one that a spreadsheet program has spoilt.
                sheet.write_string(at, 3, format!("{}; 7.90056E+10", self.written(&first)))?;
                Ok(1)
            }
            _ => {
                sheet.write_string(at, 3, self.written(&first))?;
                Ok(1)
            }
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

    /// Writes amount and currency; returns whether it is an amount above zero.
    fn amount(
        &mut self,
        sheet: &mut Worksheet,
        at: u32,
        n: u32,
        american: bool,
    ) -> Result<bool, XlsxError> {
        let minor = 10_000 + self.dice.below(9_990_000);
        let (whole, cents) = (minor / 100, minor % 100);
        sheet.write_string(at, 7, if american { "USD" } else { "RUB" })?;
        if n.is_multiple_of(NO_AMOUNT_EVERY) {
            sheet.write_string(at, 6, "оплачено")?;
            return Ok(false);
        }
        let grouped = if whole >= 1_000 {
            format!("{}\u{a0}{:03}", whole / 1_000, whole % 1_000)
        } else {
            whole.to_string()
        };
        match self.dice.below(4) {
            0 => sheet.write_number(at, 6, minor as f64 / 100.0)?,
            1 if !american => {
                sheet.write_string(at, 6, format!("{grouped},{cents:02}\u{202f}₽"))?
            }
            2 if !american => sheet.write_string(at, 6, format!("{whole},{cents:02} руб."))?,
            _ => sheet.write_string(at, 6, format!("{grouped},{cents:02}"))?,
        };
        Ok(true)
    }
}
