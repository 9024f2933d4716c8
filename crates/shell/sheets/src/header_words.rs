//! What headers say, in Russian and English (and the commonest words of the other announcement languages).

use crate::{Field, PhoneKind};

/// How surely a header means a field; the surest column gets the field. From 1 to 9.
pub(crate) type Sureness = u8;

/// One way to say a field: each part must begin a word of the header (or be one whole word, after `=`).
struct Saying {
    field: Field,
    sureness: Sureness,
    words: &'static [&'static str],
}

const fn say(field: Field, sureness: Sureness, words: &'static [&'static str]) -> Saying {
    Saying {
        field,
        sureness,
        words,
    }
}

#[rustfmt::skip]
const SAYINGS: &[Saying] = &[
    say(Field::Phone, 9, &["телефон"]), say(Field::Phone, 9, &["phone"]), say(Field::Phone, 9, &["telephone"]),
    say(Field::Phone, 8, &["=тел"]), say(Field::Phone, 8, &["=tel"]), say(Field::Phone, 8, &["telefon"]),
    say(Field::Phone, 7, &["моб"]), say(Field::Phone, 7, &["сотов"]), say(Field::Phone, 7, &["mobil"]),
    say(Field::Phone, 7, &["=cell"]), say(Field::Phone, 7, &["cellphone"]), say(Field::Phone, 7, &["cellulare"]),
    say(Field::Phone, 7, &["rufnummer"]), say(Field::Phone, 7, &["=handy"]), say(Field::Phone, 7, &["msisdn"]),
    say(Field::Phone, 7, &["=teléfono"]), say(Field::Phone, 7, &["téléphone"]), say(Field::Phone, 6, &["landline"]),

    say(Field::Amount, 9, &["сумма", "долг"]), say(Field::Amount, 9, &["сумма", "задолж"]),
    say(Field::Amount, 9, &["amount", "due"]), say(Field::Amount, 9, &["debt", "amount"]),
    say(Field::Amount, 9, &["total", "debt"]), say(Field::Amount, 9, &["amount", "owed"]),
    say(Field::Amount, 8, &["=долг"]), say(Field::Amount, 8, &["задолженность"]), say(Field::Amount, 8, &["=debt"]),
    say(Field::Amount, 8, &["outstanding"]), say(Field::Amount, 8, &["=к", "оплате"]),
    say(Field::Amount, 7, &["сумма"]), say(Field::Amount, 7, &["=amount"]), say(Field::Amount, 6, &["balance"]),
    say(Field::Amount, 6, &["остаток"]), say(Field::Amount, 5, &["=total"]), say(Field::Amount, 5, &["итого"]),

    say(Field::Currency, 9, &["валюта"]), say(Field::Currency, 9, &["currency"]), say(Field::Currency, 8, &["=ccy"]),

    say(Field::Zone, 9, &["часовой", "пояс"]), say(Field::Zone, 9, &["timezone"]), say(Field::Zone, 9, &["time", "zone"]),
    say(Field::Zone, 9, &["часовая", "зона"]), say(Field::Zone, 8, &["таймзона"]), say(Field::Zone, 8, &["=tz"]),
    say(Field::Zone, 6, &["=utc"]), say(Field::Zone, 6, &["=gmt"]), say(Field::Zone, 5, &["=мск"]),
    say(Field::Zone, 4, &["=zone"]),

    say(Field::Region, 9, &["регион"]), say(Field::Region, 9, &["region"]), say(Field::Region, 8, &["область"]),
    say(Field::Region, 8, &["=субъект"]), say(Field::Region, 8, &["=state"]), say(Field::Region, 8, &["province"]),
    say(Field::Region, 6, &["=край"]), say(Field::Region, 6, &["county"]),

    say(Field::City, 9, &["город"]), say(Field::City, 9, &["=city"]), say(Field::City, 8, &["нас", "пункт"]),
    say(Field::City, 8, &["населенный", "пункт"]), say(Field::City, 8, &["=town"]),

    say(Field::Language, 9, &["язык"]), say(Field::Language, 9, &["language"]), say(Field::Language, 8, &["=lang"]),
    say(Field::Language, 7, &["locale"]),

    say(Field::Name, 9, &["=фио"]), say(Field::Name, 9, &["=ф", "=и", "=о"]), say(Field::Name, 9, &["full", "name"]),
    say(Field::Name, 8, &["=name"]), say(Field::Name, 7, &["клиент"]), say(Field::Name, 7, &["должник"]),
    say(Field::Name, 7, &["заемщик"]), say(Field::Name, 7, &["абонент"]), say(Field::Name, 7, &["наименование"]),
    say(Field::Name, 7, &["=customer"]), say(Field::Name, 7, &["=client"]), say(Field::Name, 7, &["debtor"]),
    say(Field::Name, 7, &["borrower"]), say(Field::Name, 6, &["контактное", "лицо"]),
    say(Field::Name, 5, &["организация"]), say(Field::Name, 5, &["компания"]), say(Field::Name, 5, &["company"]),

    say(Field::Id, 9, &["=id"]), say(Field::Id, 9, &["=ид"]), say(Field::Id, 9, &["external", "id"]),
    say(Field::Id, 9, &["код", "клиент"]), say(Field::Id, 9, &["номер", "клиент"]), say(Field::Id, 9, &["идентификатор"]),
    say(Field::Id, 9, &["customer", "no"]), say(Field::Id, 9, &["client", "no"]),
    say(Field::Id, 8, &["лицевой", "счет"]), say(Field::Id, 8, &["=л", "=с"]), say(Field::Id, 8, &["=лс"]),
    say(Field::Id, 7, &["договор"]), say(Field::Id, 7, &["contract"]), say(Field::Id, 7, &["account"]),
    say(Field::Id, 6, &["=ref"]), say(Field::Id, 6, &["reference"]), say(Field::Id, 6, &["=case"]),

    say(Field::Subject, 9, &["предмет"]), say(Field::Subject, 9, &["=subject"]), say(Field::Subject, 8, &["договор"]),
    say(Field::Subject, 8, &["contract"]), say(Field::Subject, 7, &["loan"]), say(Field::Subject, 7, &["account"]),

    say(Field::Consent, 9, &["согласие"]), say(Field::Consent, 9, &["consent"]), say(Field::Consent, 8, &["opt", "in"]),
];

/// Words that turn a header into something else: the date of a contract, the type of a phone, days overdue. A
/// fax answers with a whistle, and a relative has not borrowed anything: whoever wants to call those maps them.
#[rustfmt::skip]
const OTHER_THINGS: &[&str] = &[
    "дата", "date", "дней", "дни", "days", "тип", "type", "статус", "status", "комментар", "comment", "note",
    "примечан", "процент", "ставка", "rate", "лимит", "limit", "кол", "=count", "оператор", "email", "=mail", "почта",
    "адрес", "address", "менеджер", "manager", "факс", "fax", "родств", "relative", "поручит", "guarantor", "супруг",
    "spouse", "третьи",
];

/// Parts of a name; with one of them a header is a name column to be joined with the others.
const NAME_PARTS: &[&[&str]] = &[
    &["=фамилия"],
    &["=имя"],
    &["=отчество"],
    &["first", "name"],
    &["last", "name"],
    &["middle", "name"],
    &["=surname"],
    &["=firstname"],
    &["=lastname"],
    &["given", "name"],
    &["family", "name"],
];

/// A header as words: lower case, ё as е, everything else than letters, digits and № a gap.
pub(crate) fn words(header: &str) -> Vec<String> {
    let plain: String = header
        .to_lowercase()
        .chars()
        .map(|c| match c {
            'ё' => 'е',
            c if c.is_alphanumeric() || c == '№' => c,
            _ => ' ',
        })
        .collect();
    // "№договора" is two words.
    plain
        .replace('№', " № ")
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

fn says(words: &[String], parts: &[&str]) -> bool {
    parts.iter().all(|part| match part.strip_prefix('=') {
        Some(whole) => words.iter().any(|w| w == whole),
        None => words.iter().any(|w| w.starts_with(part)),
    })
}

/// How surely the header means the field; 0 for not at all.
pub(crate) fn sureness(header: &str, field: Field) -> Sureness {
    let words = words(header);
    if says_other_thing(&words) {
        return 0;
    }
    if field == Field::Name && is_name_part_in(&words) {
        return 9;
    }
    // "Код клиента" and "Телефон клиента" are no names, "Phone name" is no phone.
    let best = |wanted: Field| {
        SAYINGS
            .iter()
            .filter(|s| s.field == wanted && says(&words, s.words))
            .map(|s| s.sureness)
            .max()
            .unwrap_or(0)
    };
    let here = best(field);
    if field == Field::Name
        && here < 9
        && (best(Field::Id) > here || best(Field::Phone) > 0 || best(Field::Amount) > 0)
    {
        return 0;
    }
    here
}

/// Whether the header says anything known at all.
pub(crate) fn is_known(header: &str) -> bool {
    Field::ALL.into_iter().any(|f| sureness(header, f) > 0)
}

/// Фамилия, имя, first name and so on: joined with its like.
pub(crate) fn is_name_part(header: &str) -> bool {
    is_name_part_in(&words(header))
}

fn is_name_part_in(words: &[String]) -> bool {
    NAME_PARTS.iter().any(|parts| says(words, parts))
}

fn says_other_thing(words: &[String]) -> bool {
    OTHER_THINGS.iter().any(|part| says(words, &[part]))
}

/// A header that only counts the rows: №, № п/п, No.
pub(crate) fn is_ordinal(header: &str) -> bool {
    let words = words(header);
    !words.is_empty()
        && words
            .iter()
            .all(|w| ["№", "п", "пп", "n", "no", "nr"].contains(&w.as_str()))
}

/// Headers that may or may not be phones, so that the cells decide.
pub(crate) fn may_be_phone(header: &str) -> bool {
    let words = words(header);
    words.is_empty()
        || (words.len() <= 2
            && [
                "номер",
                "контакт",
                "contact",
                "number",
                "связь",
                "column",
                "столбец",
            ]
            .iter()
            .any(|part| words.iter().any(|w| w.starts_with(part)))
            && !is_known(header))
}

/// Mobile, home or work, as the header (or a word in the cell) says.
pub(crate) fn phone_kind(header: &str) -> PhoneKind {
    let words = words(header);
    let any = |parts: &[&str]| parts.iter().any(|p| words.iter().any(|w| w.starts_with(p)));
    if any(&["моб", "сот", "mobil", "cell", "handy"]) {
        PhoneKind::Mobile
    } else if any(&["раб", "служ", "офис", "work", "office", "business"]) {
        PhoneKind::Work
    } else if any(&["дом", "home", "landline"]) {
        PhoneKind::Home
    } else {
        PhoneKind::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_real_files_are_understood() {
        for (header, field) in [
            ("ФИО", Field::Name),
            ("Ф.И.О.", Field::Name),
            ("Ф. И. О. заёмщика", Field::Name),
            ("Фамилия", Field::Name),
            ("Full name", Field::Name),
            ("Клиент", Field::Name),
            ("Телефон", Field::Phone),
            ("Телефоны клиента", Field::Phone),
            ("моб.", Field::Phone),
            ("Моб. тел.", Field::Phone),
            ("тел. раб.", Field::Phone),
            ("Сотовый", Field::Phone),
            ("Phone", Field::Phone),
            ("Mobile", Field::Phone),
            ("Cell", Field::Phone),
            ("Номер телефона", Field::Phone),
            ("Сумма долга", Field::Amount),
            ("Сумма долга, руб.", Field::Amount),
            ("Долг", Field::Amount),
            ("Задолженность", Field::Amount),
            ("Debt", Field::Amount),
            ("Amount due", Field::Amount),
            ("Balance", Field::Amount),
            ("Валюта", Field::Currency),
            ("Currency", Field::Currency),
            ("Часовой пояс", Field::Zone),
            ("Time zone", Field::Zone),
            ("TZ", Field::Zone),
            ("Регион", Field::Region),
            ("State", Field::Region),
            ("Город", Field::City),
            ("City", Field::City),
            ("Язык", Field::Language),
            ("Language", Field::Language),
            ("№ договора", Field::Id),
            ("Номер договора", Field::Id),
            ("№договора", Field::Id),
            ("ID", Field::Id),
            ("Customer ID", Field::Id),
            ("Contract No.", Field::Id),
            ("Лицевой счёт", Field::Id),
            ("Код клиента", Field::Id),
            ("Предмет", Field::Subject),
            ("Согласие на звонки", Field::Consent),
        ] {
            let best = Field::ALL
                .into_iter()
                .filter(|f| *f != Field::Subject || field == Field::Subject)
                .max_by_key(|f| (sureness(header, *f), std::cmp::Reverse(*f)));
            assert!(sureness(header, field) > 0, "{header}");
            assert_eq!(best, Some(field), "{header}");
        }
    }

    #[test]
    fn headers_about_other_things_are_left_alone() {
        for header in [
            "Дата договора",
            "Дней просрочки",
            "Тип телефона",
            "Комментарий",
            "Ставка, %",
            "Кредитный лимит",
            "Email",
            "Due date",
            "Должность",
            "Факс",
            "Телефон родственника",
            "Guarantor phone",
        ] {
            assert!(!is_known(header), "{header}");
        }
    }

    #[test]
    fn the_kind_of_a_phone_comes_from_its_header() {
        for (header, kind) in [
            ("Моб. телефон", PhoneKind::Mobile),
            ("тел. раб.", PhoneKind::Work),
            ("Домашний", PhoneKind::Home),
            ("Work phone", PhoneKind::Work),
            ("Phone", PhoneKind::Unknown),
        ] {
            assert_eq!(phone_kind(header), kind, "{header}");
        }
    }
}
