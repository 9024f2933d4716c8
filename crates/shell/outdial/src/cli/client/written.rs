//! What a person writes to describe a campaign or a questionnaire: a TOML or JSON file, and single fields on
//! the command line that lie over it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use serde_json::{Map, Value};

use super::document::{Named, from_json};
use crate::cli::exit::{Exit, OrExit};

/// A file and what lies over it.
#[derive(Debug, Args)]
pub struct Written {
    /// TOML or JSON with the fields of the message as the API's reference names them.
    file: Option<PathBuf>,
    /// One field, its value in TOML: mode="predictive", ring_limit="25s", profiles=["us_federal"]. A word needs
    /// no quotes. May be given several times.
    #[arg(long = "set", value_name = "FIELD=VALUE")]
    set: Vec<String>,
}

impl Written {
    /// Everything as one object.
    ///
    /// # Errors
    /// When a file cannot be read, or neither file nor field was given.
    pub fn object(&self) -> anyhow::Result<Map<String, Value>> {
        let mut object = match &self.file {
            Some(path) => read(path)?,
            None => Map::new(),
        };
        for field in &self.set {
            let (name, value) = field
                .split_once('=')
                .with_context(|| format!("\"{field}\" sets nothing; write FIELD=VALUE"))
                .or_exit(Exit::Usage)?;
            object.insert(name.trim().to_owned(), value_of(value.trim()));
        }
        if object.is_empty() {
            return Err(anyhow::anyhow!(
                "nothing is described; name a file or use --set"
            ))
            .or_exit(Exit::Usage);
        }
        Ok(object)
    }
}

/// The message that an object describes.
///
/// # Errors
/// With everything that it cannot mean.
pub fn message<M: Named>(object: Map<String, Value>) -> anyhow::Result<M> {
    from_json(Value::Object(object)).or_exit(Exit::Refused)
}

fn read(path: &Path) -> anyhow::Result<Map<String, Value>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("could not read {}", path.display()))
        .or_exit(Exit::NotFound)?;
    let is_json = path
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("json"));
    let kind = if is_json { "JSON" } else { "TOML" };
    let value = if is_json {
        serde_json::from_str(&text).map_err(anyhow::Error::from)
    } else {
        text.parse()
            .map(|t: toml::Table| json_of(t.into()))
            .map_err(anyhow::Error::from)
    };
    let value = value
        .with_context(|| format!("{} is not {kind}", path.display()))
        .or_exit(Exit::Refused)?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(anyhow::anyhow!("{} holds no object", path.display())).or_exit(Exit::Refused),
    }
}

/// A value on the command line: TOML, else a word.
fn value_of(text: &str) -> Value {
    let parsed = format!("v = {text}").parse::<toml::Table>();
    match parsed.ok().and_then(|mut t| t.remove("v")) {
        Some(value) => json_of(value),
        None => Value::String(text.to_owned()),
    }
}

/// TOML knows instants, JSON their text.
pub fn json_of(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(n) => n.into(),
        toml::Value::Float(n) => n.into(),
        toml::Value::Boolean(b) => b.into(),
        toml::Value::Datetime(at) => at.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(json_of).collect(),
        toml::Value::Table(table) => {
            let pairs = table.into_iter().map(|(key, value)| (key, json_of(value)));
            Value::Object(pairs.collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use proto::supervisor::v1::{Campaign, Mode};
    use serde_json::json;

    use super::*;

    fn written(name: &str, text: &str, set: &[&str]) -> anyhow::Result<Map<String, Value>> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        Written {
            file: Some(path),
            set: set.iter().map(|s| (*s).to_owned()).collect(),
        }
        .object()
    }

    #[test]
    fn toml_and_json_describe_the_same_campaign() {
        let toml = "name = \"a\"\nmode = \"preview\"\nstarts_at = 2026-06-01T00:00:00Z\n[retry]\ntries_per_day = 2\n";
        let json = r#"{"name":"a","mode":"preview","starts_at":"2026-06-01T00:00:00Z","retry":{"tries_per_day":2}}"#;
        let a: Campaign = message(written("a.toml", toml, &[]).unwrap()).unwrap();
        let b: Campaign = message(written("a.json", json, &[]).unwrap()).unwrap();
        assert_eq!(a, b);
        assert_eq!(
            (a.mode(), a.starts_at.unwrap().seconds),
            (Mode::Preview, 1_780_272_000)
        );
    }

    #[test]
    fn fields_of_the_command_line_lie_over_the_file() {
        let set = [
            "mode=predictive",
            "group_ids=[1, 2]",
            "name = \"b c\"",
            "subject=x = y",
        ];
        let object = written("a.toml", "name = \"a\"\n", &set).unwrap();
        assert_eq!(
            Value::Object(object),
            json!({"name": "b c", "mode": "predictive", "group_ids": [1, 2], "subject": "x = y"})
        );
    }

    #[test]
    fn what_is_no_file_of_its_kind_is_told_by_name() {
        let error = written("a.toml", "name = ", &[]).unwrap_err();
        assert!(error.to_string().contains("a.toml is not TOML"), "{error}");
        let error = written("a.json", "[]", &[]).unwrap_err();
        assert!(error.to_string().contains("holds no object"), "{error}");
    }
}
