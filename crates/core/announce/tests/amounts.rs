//! Amounts against vectors recomputed by a second algorithm, and what must hold for every amount.
#![allow(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::collections::{BTreeMap, BTreeSet};

use announce::{Language, Minor, MinorPolicy, Negative, Options, SpeakError, Speaker, VoicePack};
use model::{Currency, Money};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    words: BTreeMap<String, String>,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    currency: Currency,
    minor_units: i64,
    #[serde(default)]
    options: Options,
    text: String,
    tokens: Vec<String>,
}

fn files() -> [(Language, File); 3] {
    let read = |text| serde_json::from_str::<File>(text).unwrap();
    [
        (Language::Russian, read(include_str!("amounts_ru.json"))),
        (Language::English, read(include_str!("amounts_en.json"))),
        (
            Language::BritishEnglish,
            read(include_str!("amounts_en-GB.json")),
        ),
    ]
}

#[test]
fn every_amount_vector_gives_the_text_and_the_prompts() {
    for (language, file) in files() {
        assert_eq!(file.vectors.len(), 181, "{language}");
        for v in &file.vectors {
            let phrase = Speaker::new(language, v.options)
                .amount(Money::new(v.minor_units, v.currency))
                .unwrap();
            let case = format!("{language} {} {}", v.minor_units, v.currency);
            assert_eq!(
                (phrase.text, phrase.tokens),
                (
                    v.text.clone(),
                    v.tokens.iter().map(String::as_str).collect()
                ),
                "{case}"
            );
        }
    }
}

#[test]
fn the_word_list_of_a_language_is_the_one_packs_are_built_from() {
    for (language, file) in files() {
        let words: Vec<(&str, &str)> = file
            .words
            .iter()
            .map(|(id, word)| (id.as_str(), word.as_str()))
            .collect();
        assert_eq!(
            language.words(),
            words,
            "{language}: sorted by id, as look-up needs it"
        );
    }
}

#[test]
fn distinct_amounts_up_to_two_thousand_have_distinct_prompts() {
    for language in Language::ALL {
        for options in [
            Options::default(),
            Options {
                minor: Minor::Always,
                ..Options::default()
            },
        ] {
            let speaker = Speaker::new(language, options);
            let mut heard = BTreeSet::new();
            for minor in 0..=200_000 {
                let tokens = speaker
                    .amount(Money::new(minor, currency("RUB")))
                    .unwrap()
                    .tokens;
                assert!(heard.insert(tokens), "{language} {minor}");
            }
        }
    }
}

#[test]
fn the_prompts_promised_for_a_currency_are_exactly_those_that_can_be_needed() {
    for language in Language::ALL {
        for code in ["RUB", "USD", "EUR", "GBP", "KZT", "UAH", "HUF"] {
            let speaker = Speaker::new(language, Options::default());
            let promised = speaker.amount_prompts(currency(code)).unwrap();
            let mut needed = BTreeSet::new();
            let scales = [1, 100, 100_000, 100_000_000, 100_000_000_000];
            let scaled = scales
                .into_iter()
                .flat_map(|scale| (-1..1_000).map(move |n| n * scale));
            for minor in scaled {
                needed.extend(
                    speaker
                        .amount(Money::new(minor, currency(code)))
                        .unwrap()
                        .tokens,
                );
            }
            assert_eq!(promised, needed, "{language} {code}");
        }
    }
}

#[test]
fn what_cannot_be_said_is_refused_with_a_reason() {
    let speaker = Speaker::new(Language::English, Options::default());
    let yen = speaker.amount(Money::new(5, currency("JPY"))).unwrap_err();
    assert_eq!(
        yen.to_string(),
        "there are no words for JPY in language en; choose another language or currency"
    );
    let huge = Money::new(Money::MAX_MINOR + 1, currency("USD"));
    assert_eq!(
        speaker.amount(huge),
        Err(SpeakError::TooLarge { money: huge })
    );
    assert!(
        speaker
            .amount(Money::new(i64::MIN, currency("USD")))
            .is_err()
    );
    let credit = Money::new(-1, currency("USD"));
    let strict = Speaker::new(
        Language::English,
        Options {
            negative: Negative::Refuse,
            ..Options::default()
        },
    );
    assert_eq!(
        strict.amount(credit),
        Err(SpeakError::Negative { money: credit })
    );
}

#[test]
fn an_amount_without_its_minor_unit_is_rounded_half_away_from_zero() {
    let speaker = Speaker::new(
        Language::Russian,
        Options {
            minor_policy: MinorPolicy::None,
            ..Options::default()
        },
    );
    for (minor, text) in [
        (149, "один рубль"),
        (150, "два рубля"),
        (-150, "минус два рубля"),
        (-49, "ноль рублей"),
        (99_999_950, "один миллион рублей"),
    ] {
        assert_eq!(
            speaker
                .amount(Money::new(minor, currency("RUB")))
                .unwrap()
                .text,
            text,
            "{minor}"
        );
    }
}

#[test]
fn a_contract_number_is_read_digit_by_digit_in_groups_of_three() {
    let groups = |language, text| -> Vec<String> {
        let speaker = Speaker::new(language, Options::default());
        speaker
            .digits(text)
            .unwrap()
            .into_iter()
            .map(|p| p.text)
            .collect()
    };
    assert_eq!(groups(Language::Russian, "0012"), ["ноль ноль один", "два"]);
    assert_eq!(
        groups(Language::English, "20-1/7 45678"),
        ["two zero", "one", "seven", "four five six", "seven eight"]
    );
    assert_eq!(groups(Language::English, " - "), [""; 0]);
    let letters = Speaker::new(Language::English, Options::default()).digits("12A");
    assert_eq!(
        letters,
        Err(SpeakError::NotADigit {
            sign: 'A',
            text: "12A".to_owned()
        })
    );
}

proptest! {
    #[test]
    fn every_prompt_is_in_the_word_list_and_no_amount_is_longer_than_forty(
        minor in -Money::MAX_MINOR..=Money::MAX_MINOR,
        code in prop::sample::select(vec!["RUB", "USD", "EUR", "GBP", "KZT", "UAH", "HUF"]),
        always in any::<bool>(),
    ) {
        let minor_option = if always { Minor::Always } else { Minor::OmitZero };
        for language in Language::ALL {
            let speaker = Speaker::new(language, Options { minor: minor_option, ..Options::default() });
            let tokens = speaker.amount(Money::new(minor, currency(code))).unwrap().tokens;
            prop_assert!(!tokens.is_empty() && tokens.len() <= 40, "{} prompts", tokens.len());
            for token in tokens {
                prop_assert!(language.words().iter().any(|(id, _)| *id == token), "{token}");
            }
        }
    }

    #[test]
    fn a_pack_with_joined_prompts_says_the_same_words_as_one_without(
        minor in 0..=Money::MAX_MINOR,
        joins in prop::collection::vec((0..Money::MAX_MINOR, 0..6_usize, 2..5_usize), 0..40),
    ) {
        let speaker = Speaker::new(Language::Russian, Options::default());
        let say = |minor: i64| speaker.amount(Money::new(minor, currency("RUB"))).unwrap().tokens;
        let mut ids: BTreeSet<String> = Language::Russian.words().iter().map(|(id, _)| (*id).to_owned()).collect();
        // Pieces of other sums, and of this one, recorded whole.
        for (other, from, length) in joins {
            for tokens in [say(other), say(minor)] {
                ids.extend(tokens.get(from..from + length).map(|piece| piece.join(" ")));
            }
        }
        let prompts: String = ids.iter().map(|id| format!("\"{id}\" = \"{}.wav\"\n", id.replace(' ', "_"))).collect();
        let head = "format = 1\nlang = \"ru\"\nname = \"n\"\nlicence = \"l\"\nattribution = \"a\"\n[prompts]\n";
        let pack = VoicePack::parse(&format!("{head}{prompts}")).unwrap();
        let said: Vec<&str> = pack.join(&say(minor)).unwrap().iter().flat_map(|e| e.ids.split(' ')).collect();
        prop_assert_eq!(said, say(minor));
    }

    #[test]
    fn no_two_large_amounts_sound_the_same(
        a in 0..=Money::MAX_MINOR,
        b in 0..=Money::MAX_MINOR,
        near in -2_000_i64..2_000,
    ) {
        for language in Language::ALL {
            let speaker = Speaker::new(language, Options::default());
            let say = |minor: i64| speaker.amount(Money::new(minor, currency("UAH"))).unwrap().tokens;
            for other in [b, (a + near).clamp(0, Money::MAX_MINOR)] {
                prop_assert_eq!(a == other, say(a) == say(other), "{} {}", a, other);
            }
        }
    }
}

fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}
