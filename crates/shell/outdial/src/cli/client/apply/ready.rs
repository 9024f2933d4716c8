//! A description made ready to be sent: names resolved to keys, secrets taken out.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::files::{Described, Fault};
use super::kind::Kind;
use super::known::{Known, NOT_DESCRIBED};
use super::secrets::{self, Secret};

/// What may be sent.
#[derive(Clone, Debug)]
pub struct Ready {
    /// As the file says it.
    pub described: Described,
    /// Its fields without secrets.
    pub fields: Map<String, Value>,
    /// Where its password comes from.
    pub secret: Option<Secret>,
    /// An account that signs in by API token only.
    pub no_password: bool,
}

/// Fields that name other objects: the field of the file, that of the contract, and what it names.
const BY_NAME: [(Kind, &str, &str, Kind); 5] = [
    (
        Kind::Trunk,
        "trunk_group",
        "trunk_group_id",
        Kind::TrunkGroup,
    ),
    (Kind::User, "groups", "group_ids", Kind::Group),
    (Kind::Campaign, "groups", "group_ids", Kind::Group),
    (
        Kind::Campaign,
        "trunk_group",
        "trunk_group_id",
        Kind::TrunkGroup,
    ),
    (
        Kind::Campaign,
        "questionnaire",
        "questionnaire_id",
        Kind::Questionnaire,
    ),
];

/// Looks at a description by itself and at what it names.
///
/// # Errors
/// Everything that is wrong.
pub fn ready(
    described: Described,
    known: &Known,
    coming: &BTreeSet<(Kind, String)>,
) -> Result<Ready, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut fields = described.fields.clone();
    let secret = match described.kind {
        Kind::User => secrets::take(&mut fields),
        Kind::Trunk => match fields.get_mut("connection") {
            Some(Value::Object(connection)) => secrets::take(connection),
            _ => Ok(None),
        },
        Kind::TrunkGroup | Kind::Group | Kind::Questionnaire | Kind::Campaign => Ok(None),
    };
    let secret = secret.unwrap_or_else(|text| {
        let field = if described.kind == Kind::Trunk {
            "connection.password"
        } else {
            "password"
        };
        faults.push(described.fault(field, text));
        None
    });
    let no_password = match (described.kind, fields.remove("no_password")) {
        (_, None) => false,
        (Kind::User, Some(Value::Bool(yes))) => yes,
        (_, Some(other)) => {
            faults.push(described.fault("no_password", format!("{other} means nothing here")));
            false
        }
    };
    if described.kind == Kind::User {
        fields.insert("login".to_owned(), described.name.clone().into());
    }
    forbidden(&described, &mut faults);
    for (kind, field, _, names) in BY_NAME {
        if kind == described.kind
            && let Some(value) = fields.get(field)
        {
            for name in names_in(value) {
                match name {
                    Ok(name) => {
                        let is_there = known.names(names).contains(&name)
                            || coming.contains(&(names, name.clone()));
                        if !is_there && !name.is_empty() {
                            let what = names.as_str();
                            let text = format!(
                                "there is no {what} \"{name}\", neither in the database nor in the files"
                            );
                            faults.push(described.fault(field, text));
                        }
                    }
                    Err(other) => {
                        faults.push(described.fault(field, format!("{other} is no name")));
                    }
                }
            }
        }
    }
    if faults.is_empty() {
        Ok(Ready {
            described,
            fields,
            secret,
            no_password,
        })
    } else {
        Err(faults)
    }
}

fn forbidden(described: &Described, faults: &mut Vec<Fault>) {
    for field in described.fields.keys() {
        let by_name = BY_NAME
            .iter()
            .find(|(kind, _, key, _)| *kind == described.kind && key == field);
        if let Some((_, name, _, _)) = by_name {
            let text = format!("keys are those of one database; write {name}, by name");
            faults.push(described.fault(field, text));
        } else if described.kind == Kind::Campaign && NOT_DESCRIBED.contains(&field.as_str()) {
            let text = "is no part of a description: commands change it";
            faults.push(described.fault(field, text));
        } else if matches!(described.kind, Kind::Group | Kind::TrunkGroup) && field != "name" {
            faults.push(described.fault(field, "it has a name and nothing else"));
        }
    }
}

fn names_in(value: &Value) -> Vec<Result<String, &Value>> {
    match value {
        Value::Array(items) => items.iter().map(name_in).collect(),
        one => vec![name_in(one)],
    }
}

fn name_in(value: &Value) -> Result<String, &Value> {
    match value {
        Value::String(name) => Ok(name.clone()),
        other => Err(other),
    }
}

impl Ready {
    /// The fields with keys instead of names. What is not there yet is left out, or 0.
    pub fn with_keys(&self, known: &Known) -> Map<String, Value> {
        let mut fields = self.fields.clone();
        for (kind, field, key, names) in BY_NAME {
            if kind != self.described.kind {
                continue;
            }
            let Some(value) = fields.remove(field) else {
                continue;
            };
            let ids: Vec<i32> = names_in(&value)
                .into_iter()
                .flatten()
                .filter_map(|name| key_of(known, names, &name))
                .collect();
            let value = if key.ends_with("_ids") {
                ids.into()
            } else {
                ids.first().copied().unwrap_or_default().into()
            };
            fields.insert(key.to_owned(), value);
        }
        fields
    }

    /// Names of the contract's fields that the file has.
    pub fn paths(&self) -> Vec<String> {
        let of = |field: &String| {
            let by_name = BY_NAME
                .iter()
                .find(|(kind, name, _, _)| *kind == self.described.kind && name == field);
            by_name.map_or_else(|| field.clone(), |(_, _, key, _)| (*key).to_owned())
        };
        self.fields.keys().map(of).collect()
    }

    /// Whether a field names something that is not there yet.
    pub fn names_what_comes(&self, field: &str, known: &Known) -> bool {
        BY_NAME
            .iter()
            .filter(|(kind, name, _, _)| *kind == self.described.kind && *name == field)
            .any(|(_, _, _, names)| {
                let named = self.fields.get(field).map(names_in).unwrap_or_default();
                named
                    .into_iter()
                    .flatten()
                    .any(|name| !name.is_empty() && key_of(known, *names, &name).is_none())
            })
    }
}

fn key_of(known: &Known, kind: Kind, name: &str) -> Option<i32> {
    match kind {
        Kind::TrunkGroup => known.trunk_group_id(name),
        Kind::Group => known.group_id(name),
        Kind::Questionnaire => known.questionnaire(name).map(|q| q.questionnaire_id),
        Kind::Trunk | Kind::User | Kind::Campaign => None,
    }
}
