//! `docs/reference/configuration.md` says what the configuration is: it is written from the schema, and only so.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

mod support;

use std::fmt::Write;

use serde_json::Value;
use support::json;

const PAGE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../docs/reference/configuration.md"
);

const HEAD: &str = "\
# Configuration

Written from `outdial config schema` by a test of `crates/shell/outdial`; change the types in `src/config.rs`, then run
`UPDATE=1 cargo test -p outdial --test configuration_page`.

One TOML file holds what is of the machine; what is of the business (people, trunks, campaigns) lives in the database.
Every key has a default, so an empty file and no file are the same. [outdial.example.toml](../../config/outdial.example.toml)
holds every key. `outdial config check --config FILE` says whether a file can be used, and what holds with it.

An environment variable `OUTDIAL__SECTION__KEY` lies over the file: `OUTDIAL__SIP__LISTEN=192.0.2.1:5062`. What reads as
a number or a truth value is one, everything else is text, without quotes. A key or variable that means nothing is
refused, and the nearest right one named; so is a value outside its range.
";

#[test]
fn the_page_of_the_configuration_is_the_schema() {
    let page = page(&json(&["config", "schema"]));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(PAGE, page).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        kept == page,
        "docs/reference/configuration.md is not what the schema says; \
         run UPDATE=1 cargo test -p outdial --test configuration_page"
    );
}

fn page(schema: &Value) -> String {
    let mut page = HEAD.to_owned();
    for (section, value) in properties(schema) {
        let keys = definition(schema, value);
        write!(page, "\n## [{section}]\n\n{}\n\n", described(value)).unwrap();
        page.push_str("| Key | Type | Default | Environment | Meaning |\n|---|---|---|---|---|\n");
        for (key, value) in properties(keys) {
            let variable = format!("OUTDIAL__{section}__{key}").to_ascii_uppercase();
            writeln!(
                page,
                "| `{key}` | {} | {} | `{variable}` | {} |",
                kind(schema, value),
                default(value),
                meaning(schema, value),
            )
            .unwrap();
        }
    }
    page
}

/// Type and range in words.
fn kind(schema: &Value, value: &Value) -> String {
    let choices = choices(schema, value);
    if !choices.is_empty() {
        let names = choices.iter().map(|c| format!("`{}`", text(&c["const"])));
        return names.collect::<Vec<_>>().join(", ");
    }
    // `["string", "null"]`: may be left out, which the default says.
    let kind = match &value["type"] {
        Value::Array(kinds) => text(&kinds[0]),
        one => text(one),
    };
    match (kind, value["format"].as_str()) {
        ("integer", _) => match (value["minimum"].as_i64(), value["maximum"].as_i64()) {
            (Some(min), Some(max)) => format!("integer, {min} to {max}"),
            (Some(min), None) => format!("integer, {min} or more"),
            (None, _) => "integer".to_owned(),
        },
        ("string", None) => "text".to_owned(),
        ("string", Some("ip")) => "address".to_owned(),
        ("string", Some(format)) => format.to_owned(),
        ("boolean", _) => "`true`, `false`".to_owned(),
        _ => panic!("the page has no words for {value}"),
    }
}

fn default(value: &Value) -> String {
    match &value["default"] {
        Value::Null => "absent".to_owned(),
        Value::String(text) => format!("`\"{text}\"`"),
        other => format!("`{other}`"),
    }
}

fn meaning(schema: &Value, value: &Value) -> String {
    let choices = choices(schema, value);
    let choices = choices
        .iter()
        .map(|c| format!(" `{}`: {}", text(&c["const"]), described(c)));
    described(value) + &choices.collect::<String>()
}

fn choices<'a>(schema: &'a Value, value: &'a Value) -> &'a [Value] {
    let choices = definition(schema, value)["oneOf"].as_array();
    choices.map(Vec::as_slice).unwrap_or_default()
}

fn definition<'a>(schema: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => schema.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

fn properties(of: &Value) -> impl Iterator<Item = (&String, &Value)> {
    of["properties"].as_object().unwrap().iter()
}

/// The comment of the type in one line. Whoever adds a key says what it means.
fn described(value: &Value) -> String {
    let said = text(&value["description"]).replace('\n', " ");
    assert!(!said.contains('|'), "a table cannot hold: {said}");
    said
}

fn text(value: &Value) -> &str {
    let text = value.as_str();
    text.unwrap_or_else(|| panic!("the schema says nothing where text is expected: {value}"))
}
