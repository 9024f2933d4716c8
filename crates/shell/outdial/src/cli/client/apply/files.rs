//! Objects as the files of a directory describe them, each with the lines where it stands.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

use super::kind::Kind;
use crate::cli::client::written::json_of;
use crate::cli::exit::{Exit, OrExit};

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, without its directory.
    pub file: String,
    /// From 1.
    pub line: usize,
}

/// Something wrong in the files.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// In words.
    pub text: String,
}

/// An object as a file describes it.
#[derive(Clone, Debug)]
pub struct Described {
    /// What it is.
    pub kind: Kind,
    /// By what it is known: its name, or a user's login.
    pub name: String,
    /// Its fields.
    pub fields: Map<String, Value>,
    /// Where it begins.
    pub place: Place,
    /// Lines of its fields, by path without indexes: `retry.rules.busy.after`.
    lines: BTreeMap<String, usize>,
}

impl Described {
    /// A fault of a field, at its line or that of the nearest field around it.
    pub fn fault(&self, field: &str, text: impl Into<String>) -> Fault {
        let plain = without_indexes(field);
        let mut path = plain.as_str();
        let line = loop {
            if let Some(line) = self.lines.get(path) {
                break *line;
            }
            match path.rsplit_once('.') {
                Some((outer, _)) => path = outer,
                None => break self.place.line,
            }
        };
        let text = text.into();
        Fault {
            place: Place {
                line,
                ..self.place.clone()
            },
            text: if field.is_empty() {
                format!("{} \"{}\": {text}", self.kind.as_str(), self.name)
            } else {
                format!("{} \"{}\": {field}: {text}", self.kind.as_str(), self.name)
            },
        }
    }
}

/// `dispositions[2].code` → `dispositions.code`.
fn without_indexes(path: &str) -> String {
    let mut plain = String::new();
    let mut inside = false;
    for c in path.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            c if !inside => plain.push(c),
            _ => {}
        }
    }
    plain
}

/// Everything that the TOML files of a directory describe, in the order in which it can be made, and everything that is
/// wrong in them by themselves.
///
/// # Errors
/// When the directory or a file cannot be read.
pub fn read(directory: &Path) -> anyhow::Result<(Vec<Described>, Vec<Fault>)> {
    let (mut all, mut faults) = (Vec::new(), Vec::new());
    for path in toml_files(directory)? {
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("could not read {}", path.display()))
            .or_exit(Exit::NotFound)?;
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        read_file(&file, &text, &mut all, &mut faults);
    }
    let mut first: BTreeMap<(Kind, String), Place> = BTreeMap::new();
    for one in &all {
        let key = (one.kind, one.name.clone());
        match first.get(&key) {
            None => drop(first.insert(key, one.place.clone())),
            Some(place) => {
                let text = format!("stands already in {} line {}", place.file, place.line);
                faults.push(one.fault("", text));
            }
        }
    }
    all.sort_by_key(|one| one.kind);
    Ok((all, faults))
}

/// By name, so that a run says the same as the one before.
fn toml_files(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let cannot = || format!("could not read the directory {}", directory.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)
        .with_context(cannot)
        .or_exit(Exit::NotFound)?
    {
        let path = entry.with_context(cannot)?.path();
        if path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("toml"))
        {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(anyhow::anyhow!(
            "{} holds no .toml file",
            directory.display()
        ))
        .or_exit(Exit::NotFound);
    }
    Ok(files)
}

fn read_file(file: &str, text: &str, all: &mut Vec<Described>, faults: &mut Vec<Fault>) {
    let at = |offset: usize| Place {
        file: file.to_owned(),
        line: line_of(text, offset),
    };
    let table = match DeTable::parse(text) {
        Ok(table) => table.into_inner(),
        Err(error) => {
            faults.push(Fault {
                place: at(error.span().map_or(0, |s| s.start)),
                text: error.message().to_owned(),
            });
            return;
        }
    };
    for (key, value) in &table {
        let place = at(key.span().start);
        let Some(kind) = Kind::parse(key.get_ref()) else {
            let text = format!(
                "\"{}\" is nothing that can be described; write {}",
                key.get_ref(),
                Kind::ALL.map(Kind::as_str).join(", ")
            );
            faults.push(Fault { place, text });
            continue;
        };
        let tables: Vec<(usize, &DeTable<'_>)> = match value.get_ref() {
            DeValue::Table(one) => vec![(key.span().start, one)],
            DeValue::Array(items)
                if items
                    .iter()
                    .all(|i| matches!(i.get_ref(), DeValue::Table(_))) =>
            {
                items
                    .iter()
                    .filter_map(|item| match item.get_ref() {
                        DeValue::Table(one) => Some((item.span().start, one)),
                        _ => None,
                    })
                    .collect()
            }
            _ => {
                let name = kind.as_str();
                let text = format!("write [[{name}]] and its fields below it");
                faults.push(Fault { place, text });
                continue;
            }
        };
        for (start, one) in tables {
            match describe(kind, one, at(start), text) {
                Ok(described) => all.push(described),
                Err(fault) => faults.push(fault),
            }
        }
    }
}

fn describe(kind: Kind, table: &DeTable<'_>, place: Place, text: &str) -> Result<Described, Fault> {
    let mut lines = BTreeMap::new();
    let fields = walk(table, "", text, &mut lines);
    // Where it begins is where its first field stands, which a person finds.
    let place = Place {
        line: lines.values().min().copied().unwrap_or(place.line),
        ..place
    };
    let name = match fields.get(kind.key()) {
        Some(Value::String(name)) if !name.trim().is_empty() => name.trim().to_owned(),
        _ => {
            let text = format!("a {} without its {}", kind.as_str(), kind.key());
            return Err(Fault { place, text });
        }
    };
    let name = match kind {
        // As the server keeps it.
        Kind::User => name.to_lowercase(),
        _ => name,
    };
    Ok(Described {
        kind,
        name,
        fields,
        place,
        lines,
    })
}

/// The table as JSON, and the lines of its fields.
fn walk(
    table: &DeTable<'_>,
    path: &str,
    text: &str,
    lines: &mut BTreeMap<String, usize>,
) -> Map<String, Value> {
    let mut fields = Map::new();
    for (key, value) in table {
        let name = key.get_ref().to_string();
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        let line = line_of(text, key.span().start);
        lines.entry(path.clone()).or_insert(line);
        fields.insert(name, value_of(value.get_ref(), &path, text, lines));
    }
    fields
}

fn value_of(
    value: &DeValue<'_>,
    path: &str,
    text: &str,
    lines: &mut BTreeMap<String, usize>,
) -> Value {
    match value {
        DeValue::Table(table) => Value::Object(walk(table, path, text, lines)),
        DeValue::Array(items) => items
            .iter()
            .map(|item| value_of(item.get_ref(), path, text, lines))
            .collect(),
        DeValue::String(text) => json_of(toml::Value::String(text.to_string())),
        DeValue::Integer(n) => i64::from_str_radix(n.as_str(), n.radix())
            .map_or_else(|_| Value::String(n.to_string()), Value::from),
        DeValue::Float(n) => n
            .as_str()
            .parse::<f64>()
            .map_or_else(|_| Value::String(n.to_string()), Value::from),
        DeValue::Boolean(b) => Value::Bool(*b),
        DeValue::Datetime(at) => Value::String(at.to_string()),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or(text);
    before.bytes().filter(|b| *b == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (Vec<Described>, Vec<Fault>) {
        let (mut all, mut faults) = (Vec::new(), Vec::new());
        read_file("a.toml", text, &mut all, &mut faults);
        (all, faults)
    }

    #[test]
    fn objects_are_read_with_the_lines_of_their_fields() {
        let (all, faults) = read_text(
            "# groups\n[[group]]\nname = \"day\"\n\n[campaign]\nname = \"spring\"\nchannels = 1_000\n[campaign.retry]\ntries_per_day = 2\n",
        );
        assert!(faults.is_empty(), "{faults:?}");
        let named: Vec<_> = all
            .iter()
            .map(|o| (o.kind, o.name.as_str(), o.place.line))
            .collect();
        assert_eq!(
            named,
            [(Kind::Campaign, "spring", 6), (Kind::Group, "day", 3)]
        );
        let spring = all.iter().find(|o| o.name == "spring").unwrap();
        assert_eq!(spring.fields["channels"], 1_000);
        assert_eq!(spring.fault("retry.tries_per_day", "x").place.line, 9);
        assert_eq!(spring.fault("retry.rules[0].busy", "x").place.line, 8);
        assert_eq!(spring.fault("mode", "x").place.line, 6);
    }

    #[test]
    fn what_is_no_description_is_told_with_its_line() {
        for (text, line, part) in [
            ("[[group]]\nname = \n", 2, ""),
            (
                "\n[[grup]]\nname = \"x\"\n",
                2,
                "write trunk_group, trunk, group",
            ),
            ("[[group]]\nnome = \"x\"\n", 2, "without its name"),
            ("[[user]]\nname = \"x\"\n", 2, "without its login"),
            ("group = 1\n", 1, "[[group]]"),
        ] {
            let (_, faults) = read_text(text);
            assert_eq!(faults.len(), 1, "{text}: {faults:?}");
            assert_eq!(faults[0].place.line, line, "{text}: {faults:?}");
            assert!(faults[0].text.contains(part), "{faults:?}");
        }
    }

    #[test]
    fn an_object_that_stands_twice_is_told_with_both_places() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(
            directory.path().join("a.toml"),
            "[[group]]\nname = \"day\"\n",
        )
        .unwrap();
        std::fs::write(
            directory.path().join("b.toml"),
            "\n[[group]]\nname = \"day\"\n",
        )
        .unwrap();
        let (_, faults) = read(directory.path()).unwrap();
        assert_eq!(faults.len(), 1);
        assert_eq!(
            (faults[0].place.file.as_str(), faults[0].place.line),
            ("b.toml", 3)
        );
        assert!(faults[0].text.contains("a.toml line 2"), "{faults:?}");
    }
}
