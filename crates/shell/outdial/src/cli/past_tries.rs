//! Earlier tries of a number, as a file.

use std::path::Path;

use anyhow::Context;
use model::{CallResult, CampaignId, E164, PastTry, WallTime};
use serde::Deserialize;

/// What `--attempts` names: the tries alone, or with what else is known of the person.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum File {
    Tries(Vec<Try>),
    Facts(Facts),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    attempts: Vec<Try>,
    /// On a suppression list.
    #[serde(default)]
    suppressed: bool,
    /// Consent to be called is on file.
    #[serde(default = "yes")]
    consent: bool,
}

const fn yes() -> bool {
    true
}

/// One try. All but the instant may be left out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Try {
    #[serde(deserialize_with = "instant")]
    at: WallTime,
    /// Absent: the number asked about.
    number: Option<E164>,
    campaign: Option<i32>,
    /// Absent: the seller asked about.
    seller: Option<String>,
    /// Absent: the subject asked about.
    subject: Option<String>,
    /// Absent: it is in flight.
    result: Option<CallResult>,
    /// Absent: what the result says; a try in flight counts as one that rang.
    rang: Option<bool>,
    /// Absent: what the result says.
    talked: Option<bool>,
    /// Absent: what the result says.
    message: Option<bool>,
    #[serde(default)]
    refused: bool,
}

/// `2026-06-19T06:30:00Z`, or microseconds since 1970 as recordings have them.
fn instant<'de, D: serde::Deserializer<'de>>(from: D) -> Result<WallTime, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Micros(i64),
    }
    match Written::deserialize(from)? {
        Written::Micros(micros) => Ok(WallTime::from_unix_micros(micros)),
        Written::Text(text) => text.parse().map_err(|_| {
            serde::de::Error::custom(format!(
                "\"{text}\" is no instant like 2026-06-19T06:30:00Z"
            ))
        }),
    }
}

/// Everything known of earlier tries.
#[derive(Debug, PartialEq, Eq)]
pub struct Past {
    /// The newest last.
    pub tries: Vec<PastTry>,
    /// On a suppression list.
    pub suppressed: bool,
    /// Consent to be called is on file.
    pub consent: bool,
}

/// What stands in for what a try leaves out.
#[derive(Clone, Copy, Debug)]
pub struct AskedFor<'a> {
    /// The number.
    pub number: E164,
    /// The seller.
    pub seller: &'a str,
    /// The debt or contract.
    pub subject: Option<&'a str>,
}

/// Reads a file of tries.
pub fn read(path: &Path, asked: AskedFor<'_>) -> anyhow::Result<Past> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("could not read {}", path.display()))?;
    parse(&text, asked).with_context(|| {
        format!(
            "{} is no list of earlier tries; write [{{\"at\": \"2026-06-19T06:30:00Z\", \"result\": \"busy\"}}, …]",
            path.display()
        )
    })
}

fn parse(text: &str, asked: AskedFor<'_>) -> serde_json::Result<Past> {
    // Not by the untagged enum alone: its error would not say which field is wrong.
    let value: serde_json::Value = serde_json::from_str(text)?;
    let facts = match value {
        serde_json::Value::Array(_) => File::Tries(serde_json::from_value(value)?),
        other => File::Facts(serde_json::from_value(other)?),
    };
    let (tries, suppressed, consent) = match facts {
        File::Tries(tries) => (tries, false, true),
        File::Facts(facts) => (facts.attempts, facts.suppressed, facts.consent),
    };
    let mut tries: Vec<PastTry> = tries.into_iter().map(|t| t.complete(asked)).collect();
    tries.sort_by_key(|t| t.at);
    Ok(Past {
        tries,
        suppressed,
        consent,
    })
}

impl Try {
    fn complete(self, asked: AskedFor<'_>) -> PastTry {
        let is = |results: &[CallResult]| self.result.is_some_and(|r| results.contains(&r));
        PastTry {
            at: self.at,
            number: self.number.unwrap_or(asked.number),
            campaign: CampaignId(self.campaign.unwrap_or(1)),
            seller: self.seller.unwrap_or_else(|| asked.seller.to_owned()),
            subject: self.subject.or_else(|| asked.subject.map(str::to_owned)),
            rang: self
                .rang
                .unwrap_or_else(|| self.result.is_none_or(CallResult::rang_by_default)),
            talked: self
                .talked
                .unwrap_or_else(|| is(&[CallResult::ConnectedAgent])),
            message: self.message.unwrap_or_else(|| {
                is(&[
                    CallResult::MessageDelivered,
                    CallResult::MessagePartial,
                    CallResult::MachineMessageLeft,
                ])
            }),
            refused: self.refused,
            result: self.result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> AskedFor<'static> {
        AskedFor {
            number: "+79161234567".parse().unwrap(),
            seller: "bank",
            subject: Some("contract 7"),
        }
    }

    #[test]
    fn what_a_try_leaves_out_is_what_was_asked_about_or_what_its_result_says() {
        let past = parse(
            r#"[{"at":"2026-06-19T08:00:00Z","result":"connected_agent"},{"at":"2026-06-18T08:00:00Z"}]"#,
            asked(),
        )
        .unwrap();
        let [older, newer] = past.tries.as_slice() else {
            panic!("{past:?}")
        };
        assert!(older.at < newer.at, "the newest is last");
        assert!(older.rang && !older.talked, "in flight");
        assert!(newer.talked && !newer.message);
        assert_eq!(newer.seller, "bank");
        assert_eq!(newer.subject.as_deref(), Some("contract 7"));
        assert_eq!(newer.number, asked().number);
        assert!(past.consent && !past.suppressed);
    }

    #[test]
    fn an_object_says_what_else_is_known() {
        let past = parse(
            r#"{"attempts":[],"suppressed":true,"consent":false}"#,
            asked(),
        )
        .unwrap();
        assert!(past.suppressed && !past.consent);
    }

    #[test]
    fn a_field_or_result_that_means_nothing_is_named() {
        for (text, named) in [
            (
                r#"[{"at":"2026-06-19T08:00:00Z","resalt":"busy"}]"#,
                "resalt",
            ),
            (
                r#"[{"at":"2026-06-19T08:00:00Z","result":"bussy"}]"#,
                "bussy",
            ),
            (r#"{"attempts":[],"supressed":true}"#, "supressed"),
            (r#"[{"result":"busy"}]"#, "at"),
        ] {
            let error = parse(text, asked()).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
