//! What would be done, found out before anything is: per object, and everything that stands in the way.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::files::{Described, Fault};
use super::kind::Kind;
use super::known::{Known, Services};
use super::ready::{Ready, ready};
use super::send::{How, send};
use crate::cli::client::changes::{Change, changes};
use crate::cli::client::connection::Refusal;

/// What is to be done with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is not there yet.
    Create,
    /// Fields differ.
    Change,
    /// It is as the files say.
    Unchanged,
    /// It is in the database and not in the files.
    LeaveAlone,
    /// The same, and it is to be removed.
    Remove,
}

/// One object.
#[derive(Debug)]
pub struct Step {
    pub kind: Kind,
    pub name: String,
    pub action: Action,
    /// For a change.
    pub changes: Vec<Change>,
    /// What to send; `None` for what is not in the files.
    pub ready: Option<Ready>,
    /// Whether it was carried out.
    pub done: bool,
}

/// Everything that would be done, in order.
///
/// # Errors
/// When the server cannot be asked.
pub async fn plan(
    services: &mut Services,
    known: &mut Known,
    described: Vec<Described>,
    how: How<'_>,
    prune: bool,
    faults: &mut Vec<Fault>,
) -> anyhow::Result<Vec<Step>> {
    let coming: BTreeSet<(Kind, String)> =
        described.iter().map(|d| (d.kind, d.name.clone())).collect();
    let mut steps = Vec::new();
    let mut renewed = BTreeMap::new();
    for one in described {
        let ready = match ready(one, known, &coming) {
            Ok(ready) => ready,
            Err(found) => {
                faults.extend(found);
                continue;
            }
        };
        let before = known.described(ready.described.kind, &ready.described.name)?;
        let check = How {
            only_check: true,
            ..how
        };
        let after = match send(services, known, &ready, check).await {
            Ok(sent) => sent.described,
            Err(error) => {
                if let Some(refusal) = error.downcast_ref::<Refusal>()
                    && refusal.is_about_us()
                {
                    return Err(error);
                }
                faults.extend(faults_of(&ready.described, &error));
                continue;
            }
        };
        let (kind, name) = (ready.described.kind, ready.described.name.clone());
        let (action, mut changes) = match before {
            None => (Action::Create, Vec::new()),
            Some(before) => {
                // What the file does not say is left as it is.
                let said = |fields: serde_json::Map<String, Value>| -> Value {
                    let is_said = |(key, _): &(String, Value)| ready.fields.contains_key(key);
                    Value::Object(fields.into_iter().filter(is_said).collect())
                };
                (Action::Unchanged, changes(&said(before), &said(after)))
            }
        };
        if let Some(version) = known.questionnaire(&name).map(|q| q.version)
            && kind == Kind::Questionnaire
            && !changes.is_empty()
        {
            renewed.insert(name.clone(), version);
        }
        if action != Action::Create {
            changes.extend(besides(&ready, known, how, &renewed));
        }
        let action = match action {
            Action::Unchanged if !changes.is_empty() => Action::Change,
            action => action,
        };
        steps.push(Step {
            kind,
            name,
            action,
            changes,
            ready: Some(ready),
            done: false,
        });
    }
    steps.extend(not_in_the_files(known, &coming, prune));
    if prune {
        faults.extend(still_used(known, &steps));
    }
    Ok(steps)
}

/// Changes that do not show in the object itself.
fn besides(
    ready: &Ready,
    known: &Known,
    how: How<'_>,
    renewed: &BTreeMap<String, i32>,
) -> Vec<Change> {
    let mut found = Vec::new();
    if how.secrets && ready.secret.is_some() {
        let field = if ready.described.kind == Kind::Trunk {
            "connection.password"
        } else {
            "password"
        };
        found.push(Change {
            field: field.to_owned(),
            old: Value::Null,
            new: json!("as the files say where it is"),
        });
    }
    // A campaign that names a questionnaire follows its next version.
    if ready.described.kind == Kind::Campaign
        && let Some(Value::String(name)) = ready.fields.get("questionnaire")
        && let Some(version) = renewed.get(name)
        && known
            .campaign(&ready.described.name)
            .is_some_and(|c| known.is_newest(c))
    {
        found.push(Change {
            field: "questionnaire".to_owned(),
            old: json!(format!("{name} (version {version})")),
            new: json!(format!("{name} (version {})", version + 1)),
        });
    }
    found
}

fn faults_of(described: &Described, error: &anyhow::Error) -> Vec<Fault> {
    if let Some(refusal) = error.downcast_ref::<Refusal>() {
        let problems = refusal.problems();
        if !problems.is_empty() {
            let kind = described.kind.as_str();
            return problems
                .into_iter()
                .map(|(field, text)| {
                    // The server names the request's field, or the object: `campaign.mode`, `campaign 3, mode`.
                    let field = field.rsplit_once(", ").map_or(field.as_str(), |(_, f)| f);
                    let field = field
                        .strip_prefix(kind)
                        .map_or(field, |f| f.trim_start_matches('.'));
                    let field = if field.contains(' ') { "" } else { field };
                    described.fault(field, text)
                })
                .collect();
        }
    }
    let text = format!("{error:#}");
    text.split("\n  ")
        .map(|line| {
            let unknown = line.strip_prefix("unknown field ");
            let field = unknown.and_then(|l| l.split(';').next());
            let mut fault = described.fault(field.unwrap_or_default(), line);
            if field.is_some() {
                fault.text = format!("{} \"{}\": {line}", described.kind.as_str(), described.name);
            }
            fault
        })
        .collect()
}

fn not_in_the_files(known: &Known, coming: &BTreeSet<(Kind, String)>, prune: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    // What names others goes before what it names.
    for kind in Kind::ALL.into_iter().rev() {
        for name in known.names(kind) {
            if coming.contains(&(kind, name.clone())) {
                continue;
            }
            // The past hangs on accounts, campaigns and questionnaires.
            let can_go = matches!(kind, Kind::Group | Kind::Trunk | Kind::TrunkGroup);
            steps.push(Step {
                kind,
                name,
                action: if prune && can_go {
                    Action::Remove
                } else {
                    Action::LeaveAlone
                },
                changes: Vec::new(),
                ready: None,
                done: false,
            });
        }
    }
    steps
}

/// Whatever is to be removed and is named by something that stays.
fn still_used(known: &Known, steps: &[Step]) -> Vec<Fault> {
    let stays: Vec<(&Step, serde_json::Map<String, Value>)> = steps
        .iter()
        .filter(|s| s.action != Action::Remove)
        .map(|s| {
            let mut fields = known
                .described(s.kind, &s.name)
                .ok()
                .flatten()
                .unwrap_or_default();
            if let Some(ready) = &s.ready {
                fields.extend(ready.fields.clone());
            }
            (s, fields)
        })
        .collect();
    let names = |value: Option<&Value>, name: &str| match value {
        Some(Value::Array(items)) => items.iter().any(|i| i == name),
        Some(one) => one == name,
        None => false,
    };
    let mut faults = Vec::new();
    for gone in steps.iter().filter(|s| s.action == Action::Remove) {
        let field = match gone.kind {
            Kind::Group => "groups",
            Kind::TrunkGroup => "trunk_group",
            Kind::Trunk | Kind::User | Kind::Questionnaire | Kind::Campaign => continue,
        };
        for (user, fields) in &stays {
            if names(fields.get(field), &gone.name) {
                faults.push(Fault {
                    place: super::files::Place {
                        file: "--prune".to_owned(),
                        line: 0,
                    },
                    text: format!(
                        "{} \"{}\" is still used by {} \"{}\"",
                        gone.kind.as_str(),
                        gone.name,
                        user.kind.as_str(),
                        user.name
                    ),
                });
            }
        }
    }
    faults
}
