//! Candidate zones by number, country, place and several pieces of evidence.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

use compliance::{
    Evidence, Whereabouts, join, number_evidence, zones_of_country, zones_of_number, zones_of_place,
};
use model::{E164, ZoneSet};

const RUSSIA: &str = "Asia/Irkutsk,Asia/Kamchatka,Asia/Krasnoyarsk,Asia/Magadan,Asia/Omsk,Asia/Vladivostok,\
                      Asia/Yakutsk,Asia/Yekaterinburg,Europe/Kaliningrad,Europe/Moscow,Europe/Samara";

#[test]
fn a_number_has_the_zones_of_its_area_code() {
    for (text, zones) in [
        ("+74951234567", "Europe/Moscow"),
        ("+78121234567", "Europe/Moscow"),
        ("+74232123456", "Asia/Vladivostok"),
        ("+73832123456", "Asia/Novosibirsk"),
        ("+73432123456", "Asia/Yekaterinburg"),
        ("+74012123456", "Europe/Kaliningrad"),
        ("+78452123456", "Europe/Saratov"),
        (
            "+74112123456",
            "Asia/Srednekolymsk,Asia/Vladivostok,Asia/Yakutsk",
        ),
        ("+12125550100", "America/New_York"),
        ("+16505550100", "America/Los_Angeles"),
        ("+14232651234", "America/New_York"),
        ("+441481712345", "Europe/Guernsey"),
        ("+493012345678", "Europe/Berlin"),
        ("+262262123456", "Indian/Reunion"),
    ] {
        assert_eq!(zones_of_number(number(text)).to_string(), zones, "{text}");
    }
}

#[test]
fn a_number_beside_the_listed_exchanges_has_the_zones_of_all_of_them() {
    // 423: 176 exchanges are Eastern; the map falls back to Central for those it does not list.
    assert_eq!(
        zones_of_number(number("+14235551234")).to_string(),
        "America/Chicago,America/New_York"
    );
    // 850: Pensacola is Central, Tallahassee Eastern.
    assert_eq!(
        zones_of_number(number("+18504321234")).to_string(),
        "America/Chicago"
    );
    assert_eq!(
        zones_of_number(number("+18500001234")).to_string(),
        "America/Chicago,America/New_York"
    );
}

#[test]
fn a_mobile_number_can_be_anywhere_in_its_country() {
    assert_eq!(zones_of_number(number("+79161234567")).to_string(), RUSSIA);
    assert_eq!(zones_of_number(number("+78001234567")).to_string(), RUSSIA);
    for kazakh in [
        "+77011234567",
        "+77471234567",
        "+77771234567",
        "+77272581234",
    ] {
        let zones = zones_of_number(number(kazakh)).to_string();
        assert!(
            zones.starts_with("Asia/A") && !zones.contains("Europe"),
            "{kazakh} {zones}"
        );
    }
    for (text, country) in [
        ("+61412345678", "AU"),
        ("+34612345678", "ES"),
        ("+6281234567890", "ID"),
    ] {
        assert_eq!(
            zones_of_number(number(text)),
            zones_of_country(country),
            "{text}"
        );
        assert!(
            matches!(
                number_evidence(number(text)),
                Some(Evidence::NumberAnywhere(_))
            ),
            "{text}"
        );
    }
    assert!(matches!(
        number_evidence(number("+74951234567")),
        Some(Evidence::NumberGeo(_))
    ));
}

#[test]
fn an_unknown_country_code_has_no_zone() {
    assert_eq!(number_evidence(number("+2101234567")), None);
    assert!(zones_of_number(number("+2101234567")).is_empty());
}

#[test]
fn a_country_has_one_zone_for_each_of_its_clocks() {
    assert_eq!(zones_of_country("ru").to_string(), RUSSIA);
    assert_eq!(zones_of_country("DE").to_string(), "Europe/Berlin");
    assert_eq!(
        zones_of_country("US").to_string(),
        "America/Adak,America/Anchorage,America/Chicago,America/Denver,America/Los_Angeles,America/New_York,\
         America/Phoenix,Pacific/Honolulu"
    );
    assert!(zones_of_country("XX").is_empty());
    assert!(zones_of_country("").is_empty());
}

#[test]
fn a_place_is_found_however_the_list_writes_it() {
    for (text, zones) in [
        ("Москва", "Europe/Moscow"),
        ("г. Москва", "Europe/Moscow"),
        (" МОСКВА г ", "Europe/Moscow"),
        ("Московская обл.", "Europe/Moscow"),
        ("Moscow Oblast", "Europe/Moscow"),
        ("г.Орёл", "Europe/Moscow"),
        ("Свердловская область", "Asia/Yekaterinburg"),
        ("Приморский край", "Asia/Vladivostok"),
        ("респ. Татарстан", "Europe/Moscow"),
        (
            "Республика Саха (Якутия)",
            "Asia/Srednekolymsk,Asia/Vladivostok,Asia/Yakutsk",
        ),
        (
            "Ханты-Мансийский автономный округ - Югра",
            "Asia/Yekaterinburg",
        ),
        (
            "Камчатский край, г. Петропавловск-Камчатский",
            "Asia/Kamchatka",
        ),
        ("Калининградская область", "Europe/Kaliningrad"),
        ("Florida", "America/Chicago,America/New_York"),
        ("FL", "America/Chicago,America/New_York"),
        ("State of Texas", "America/Chicago,America/Denver"),
        ("Houston, TX", "America/Chicago,America/Denver"),
        ("Salt Lake City", "America/Denver"),
        ("Washington", "America/Los_Angeles,America/New_York"),
        ("Washington, D.C.", "America/New_York"),
        ("europe/moscow", "Europe/Moscow"),
        (
            "America/Argentina/Buenos_Aires",
            "America/Argentina/Buenos_Aires",
        ),
    ] {
        let found = zones_of_place(text).map(|zones| zones.to_string());
        assert_eq!(found.as_deref(), Some(zones), "{text}");
    }
}

#[test]
fn what_is_not_a_known_place_is_not_guessed() {
    for text in [
        "",
        "  ",
        "г.",
        "область",
        "Атлантида",
        "in",
        "or",
        "fl",
        "Etc/GMT-3",
        "EST",
        "123456",
        ", ,",
    ] {
        assert_eq!(zones_of_place(text), None, "{text}");
    }
}

#[test]
fn every_federal_subject_and_every_state_is_known() {
    let subjects = "Адыгея, Алтай, Башкортостан, Бурятия, Дагестан, Ингушетия, Кабардино-Балкарская, Калмыкия, \
        Карачаево-Черкесская, Карелия, Коми, Крым, Марий Эл, Мордовия, Северная Осетия - Алания, Татарстан, Тыва, \
        Удмуртская, Хакасия, Чеченская, Чувашская, Алтайский, Забайкальский, Камчатский, Краснодарский, Красноярский, \
        Пермский, Приморский, Ставропольский, Хабаровский, Амурская, Архангельская, Астраханская, Белгородская, \
        Брянская, Владимирская, Волгоградская, Вологодская, Воронежская, Ивановская, Иркутская, Калининградская, \
        Калужская, Кемеровская, Кировская, Костромская, Курганская, Курская, Ленинградская, Липецкая, Магаданская, \
        Московская, Мурманская, Нижегородская, Новгородская, Новосибирская, Омская, Оренбургская, Орловская, \
        Пензенская, Псковская, Ростовская, Рязанская, Самарская, Саратовская, Сахалинская, Свердловская, Смоленская, \
        Тамбовская, Тверская, Томская, Тульская, Тюменская, Ульяновская, Челябинская, Ярославская, Москва, \
        Санкт-Петербург, Севастополь, Еврейская, Ненецкий, Чукотский, Ямало-Ненецкий, Якутия, Югра";
    let codes = "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY \
        NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY";
    assert_eq!(
        (
            subjects.split(", ").count(),
            codes.split(' ').filter(|c| !c.is_empty()).count()
        ),
        (85, 51)
    );
    for name in subjects.split(", ").chain(codes.split_whitespace()) {
        assert!(zones_of_place(name.trim()).is_some(), "{name}");
    }
}

#[test]
fn only_what_the_person_stated_narrows_the_set() {
    let chicago = || ZoneSet::from_names(["America/Chicago"]).unwrap();
    let new_york = || ZoneSet::from_names(["America/New_York"]).unwrap();
    let both = ZoneSet::from_names(["America/Chicago", "America/New_York"]).unwrap();
    let address = Evidence::Address(chicago());
    let number = Evidence::NumberGeo(new_york());
    let country = Evidence::Country(zones_of_country("US"));
    assert_eq!(
        join(&[address.clone(), number.clone(), country.clone()]),
        both
    );
    assert_eq!(
        join(&[address.clone(), number.clone(), Evidence::Stated(chicago())]),
        chicago()
    );
    assert_eq!(join(&[country.clone(), number]), new_york());
    let mobile = Evidence::NumberAnywhere(zones_of_country("RU"));
    assert_eq!(join(&[mobile.clone(), address]), chicago());
    assert_eq!(join(&[mobile, country]), zones_of_country("RU"));
    assert_eq!(
        join(&[
            Evidence::Stated(ZoneSet::default()),
            Evidence::Address(chicago())
        ]),
        chicago()
    );
    assert!(join(&[]).is_empty());
}

#[test]
fn what_a_list_says_of_a_person_is_joined_and_what_is_not_understood_says_nothing() {
    let mobile = [number("+79161234567")];
    let zones = |stated, places: &[&str], numbers: &[E164]| {
        Whereabouts {
            stated,
            places,
            numbers,
            country: Some("RU"),
        }
        .zones()
        .to_string()
    };
    assert_eq!(
        zones(None, &["г. Владивосток"], &mobile),
        "Asia/Vladivostok"
    );
    assert_eq!(
        zones(Some("Europe/Moscow"), &["Владивосток"], &mobile),
        "Europe/Moscow"
    );
    assert_eq!(
        zones(Some("somewhere"), &["Владивосток"], &mobile),
        "Asia/Vladivostok"
    );
    let moscow_landline = [number("+74951234567")];
    assert_eq!(
        zones(None, &["Владивосток"], &moscow_landline),
        "Asia/Vladivostok,Europe/Moscow"
    );
    assert_eq!(
        zones(None, &["no such place"], &[]),
        zones_of_country("RU").to_string()
    );
}

fn number(text: &str) -> E164 {
    text.parse().unwrap()
}
