//! What is in the database, written as the files that would bring it about.

use std::path::Path;

use anyhow::Context;
use serde_json::{Map, Value};

use super::kind::Kind;
use super::known::Known;
use crate::cli::exit::{Exit, OrExit};

/// Writes one file for each kind of which there is something, and returns their names.
///
/// # Errors
/// When a file of that name is there already, or cannot be written.
pub fn export(known: &Known, directory: &Path) -> anyhow::Result<Vec<String>> {
    std::fs::create_dir_all(directory)
        .with_context(|| format!("could not make {}", directory.display()))?;
    let mut written = Vec::new();
    for kind in Kind::ALL {
        let objects = known
            .names(kind)
            .into_iter()
            .map(|name| object(known, kind, &name))
            .collect::<anyhow::Result<Vec<_>>>()?;
        if objects.is_empty() {
            continue;
        }
        let file = format!("{}s.toml", kind.as_str());
        let path = directory.join(&file);
        let text = text_of(kind, objects)?;
        let mut options = std::fs::OpenOptions::new();
        let mut out = options
            .write(true)
            .create_new(true)
            .open(&path)
            .with_context(|| {
                format!(
                    "could not make {}; name a directory without it",
                    path.display()
                )
            })
            .or_exit(Exit::Refused)?;
        std::io::Write::write_all(&mut out, text.as_bytes())
            .with_context(|| format!("could not write {}", path.display()))?;
        written.push(file);
    }
    Ok(written)
}

fn object(known: &Known, kind: Kind, name: &str) -> anyhow::Result<Map<String, Value>> {
    let mut fields = known.described(kind, name)?.unwrap_or_default();
    if kind == Kind::Campaign
        && let Some(campaign) = known.campaign(name)
        && !known.is_newest(campaign)
    {
        // A name means the newest version; what is not said stays.
        fields.remove("questionnaire");
    }
    if kind == Kind::Trunk
        && let Some(Value::Object(connection)) = fields.get_mut("connection")
        && connection.get("user").is_some_and(|u| u != "")
    {
        connection.insert("password_env".to_owned(), variable(name).into());
    }
    Ok(fields)
}

/// `carrier 1` → `OUTDIAL_TRUNK_CARRIER_1`.
fn variable(trunk: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    format!(
        "OUTDIAL_TRUNK_{}",
        trunk.chars().map(plain).collect::<String>()
    )
}

fn text_of(kind: Kind, objects: Vec<Map<String, Value>>) -> anyhow::Result<String> {
    let tables = objects
        .into_iter()
        .map(|fields| {
            // What says nothing is left out at the top, where nothing means "as it is"; further inside it means itself.
            let says = |value: &Value| match value {
                Value::Null => false,
                Value::String(text) => !text.is_empty(),
                Value::Array(items) => !items.is_empty(),
                Value::Bool(_) | Value::Number(_) | Value::Object(_) => true,
            };
            let said = fields.into_iter().filter(|(_, value)| says(value));
            toml_of(Value::Object(said.collect()))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let tables = tables.into_iter().flatten().collect();
    let file = toml::Table::from_iter([(kind.as_str().to_owned(), toml::Value::Array(tables))]);
    toml::to_string(&file).context("could not write TOML")
}

/// TOML has no null: what is null is not said.
fn toml_of(value: Value) -> anyhow::Result<Option<toml::Value>> {
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::Bool(b) => b.into(),
        Value::String(text) => text.into(),
        Value::Number(n) => match (n.as_i64(), n.as_f64()) {
            (Some(n), _) => n.into(),
            (None, Some(n)) => n.into(),
            (None, None) => anyhow::bail!("{n} is no number of TOML"),
        },
        Value::Array(items) => {
            let items = items
                .into_iter()
                .map(toml_of)
                .collect::<anyhow::Result<Vec<_>>>()?;
            toml::Value::Array(items.into_iter().flatten().collect())
        }
        Value::Object(fields) => {
            let mut table = toml::Table::new();
            for (key, value) in fields {
                if let Some(value) = toml_of(value)? {
                    table.insert(key, value);
                }
            }
            toml::Value::Table(table)
        }
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_says_the_same_when_it_is_read() {
        let Value::Object(fields) = json!({
            "name": "spring", "subject": "", "starts_at": null, "groups": [], "ring_limit": "25s",
            "machine_message_is_success": false,
            "retry": {"rules": {"busy": {"after": [], "hunt": true}}, "tries_per_day": 3},
            "message": {"body": [{"amount": {}}, {"silence": "1s"}], "gate": null}
        }) else {
            panic!("no object")
        };
        let text = text_of(Kind::Campaign, vec![fields]).unwrap();
        let read: toml::Table = text.parse().unwrap();
        assert_eq!(
            serde_json::to_value(&read["campaign"][0]).unwrap(),
            json!({
                "name": "spring", "ring_limit": "25s", "machine_message_is_success": false,
                "retry": {"rules": {"busy": {"after": [], "hunt": true}}, "tries_per_day": 3},
                "message": {"body": [{"amount": {}}, {"silence": "1s"}]}
            })
        );
    }

    #[test]
    fn a_variable_s_name_is_plain() {
        assert_eq!(variable("Carrier 1/б"), "OUTDIAL_TRUNK_CARRIER_1__");
    }
}
