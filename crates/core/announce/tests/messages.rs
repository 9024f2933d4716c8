//! When a message may be played, and what is then played.
#![allow(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use announce::{Available, Facts, Message, MessageError, Segment, SpeakError, Spoken};
use model::Money;

const MESSAGE: &str = r#"{
    "language": "ru",
    "voice": "anna",
    "identification": [{"say": "recording", "name": "who_calls"}],
    "gate": {"prompt": [{"say": "recording", "name": "is_it_you"}], "wait": {"secs": 10, "nanos": 0}},
    "body": [
        {"say": "prompts", "ids": ["your_debt_is"]},
        {"say": "amount"},
        {"say": "silence", "ms": 300},
        {"say": "digits", "field": "contract"}
    ],
    "goodbye": [{"say": "recording", "name": "bye"}]
}"#;

#[test]
fn a_message_speaks_the_prospects_own_facts() {
    let message = message();
    let fields = [("contract".to_owned(), "1234".to_owned())];
    let facts = Facts {
        amount: Some(Money::new(205, "RUB".parse().unwrap())),
        fields: &fields,
    };
    let prompts = |ids: &[&str]| Spoken::Prompts(ids.iter().map(|id| (*id).to_owned()).collect());
    assert_eq!(
        message.speak(&message.body, &facts).unwrap(),
        [
            prompts(&["your_debt_is"]),
            prompts(&["2m", "RUB.major.few", "5", "RUB.minor.many"]),
            Spoken::Silence(Duration::from_millis(300)),
            prompts(&["1m", "2m", "3"]),
            Spoken::Silence(Duration::from_millis(250)),
            prompts(&["4"]),
        ]
    );
}

#[test]
fn no_message_has_a_hole_where_a_fact_is_missing() {
    let message = message();
    let no_amount = message.speak(
        &message.body,
        &Facts {
            amount: None,
            fields: &[],
        },
    );
    assert_eq!(
        no_amount,
        Err(SpeakError::NoField {
            field: "amount".to_owned()
        })
    );
    let amount = Some(Money::new(205, "RUB".parse().unwrap()));
    let empty = [("contract".to_owned(), " ".to_owned())];
    for fields in [&[] as &[_], &empty] {
        let no_contract = message.speak(&message.body, &Facts { amount, fields });
        assert_eq!(
            no_contract,
            Err(SpeakError::NoField {
                field: "contract".to_owned()
            })
        );
    }
}

#[test]
fn a_message_whose_every_prompt_is_there_may_be_played() {
    assert_eq!(check(&message(), &prompts(), &recordings()), Ok(()));
}

#[test]
fn every_missing_prompt_and_recording_is_named() {
    let mut some = prompts();
    for id in ["your_debt_is", "million.one", "RUB.minor.few"] {
        some.remove(id);
    }
    assert_eq!(
        check(&message(), &some, &recordings())
            .unwrap_err()
            .to_string(),
        "voice \"anna\" lacks 3 prompts: RUB.minor.few, million.one, your_debt_is"
    );
    assert_eq!(
        check(&message(), &prompts(), &BTreeSet::new())
            .unwrap_err()
            .to_string(),
        "3 recordings not uploaded: bye, is_it_you, who_calls"
    );
}

#[test]
fn a_message_that_does_not_say_who_calls_is_refused() {
    let mut silent = message();
    for identification in [
        vec![],
        vec![Segment::Silence { ms: 500 }],
        vec![Segment::Prompts { ids: vec![] }],
    ] {
        silent.identification = identification;
        assert_eq!(
            check(&silent, &prompts(), &recordings()),
            Err(MessageError::NoIdentification)
        );
    }
}

#[test]
fn personal_facts_are_only_told_behind_a_gate_or_for_a_stated_reason() {
    let mut open = message();
    open.gate = None;
    assert_eq!(
        check(&open, &prompts(), &recordings()),
        Err(MessageError::NoGate)
    );
    open.amount_without_check = Some("  ".to_owned());
    assert_eq!(
        check(&open, &prompts(), &recordings()),
        Err(MessageError::NoGate)
    );
    open.amount_without_check = Some("contract, clause 7".to_owned());
    assert_eq!(check(&open, &prompts(), &recordings()), Ok(()));

    let mut told = message();
    told.goodbye.push(Segment::Amount);
    assert_eq!(
        check(&told, &prompts(), &recordings()),
        Err(MessageError::Personal { part: "goodbye" })
    );
}

#[test]
fn one_key_means_one_thing() {
    let mut message = message();
    message.keys.repeat = message.keys.opt_out;
    assert_eq!(
        check(&message, &prompts(), &recordings()),
        Err(MessageError::Keys)
    );
    message.keys.repeat = 'A';
    assert_eq!(
        check(&message, &prompts(), &recordings()),
        Err(MessageError::Keys)
    );
}

#[test]
fn a_message_survives_a_recorded_input_and_an_unknown_key_is_refused() {
    let text = serde_json::to_string(&message()).unwrap();
    assert_eq!(serde_json::from_str::<Message>(&text).unwrap(), message());
    let slip = MESSAGE.replacen("goodbye", "good_bye", 1);
    assert!(
        serde_json::from_str::<Message>(&slip)
            .unwrap_err()
            .to_string()
            .contains("good_bye")
    );
}

fn message() -> Message {
    serde_json::from_str(MESSAGE).unwrap()
}

fn check(
    message: &Message,
    prompts: &BTreeSet<String>,
    recordings: &BTreeSet<String>,
) -> Result<(), MessageError> {
    message.validate(&Available {
        prompts,
        recordings,
        currencies: &["RUB".parse().unwrap()],
    })
}

fn prompts() -> BTreeSet<String> {
    let words = announce::Language::Russian
        .words()
        .iter()
        .map(|(id, _)| (*id).to_owned());
    words.chain(["your_debt_is".to_owned()]).collect()
}

fn recordings() -> BTreeSet<String> {
    ["who_calls", "is_it_you", "bye"]
        .into_iter()
        .map(str::to_owned)
        .collect()
}
