//! What differs between two messages shown as JSON: field, old value, new value.

use serde::Serialize;
use serde_json::Value;

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Its path, for example `retry.rules.busy.after`.
    pub field: String,
    /// What it was; null when it was not there.
    pub old: Value,
    /// What it is; null when it is not there any more.
    pub new: Value,
}

/// Fields in which `new` differs from `old`, in the order of `new`. Objects are compared field by field, lists as
/// wholes: what moved in a list is seen at a glance, a path with an index is not.
pub fn changes(old: &Value, new: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    compare("", old, new, &mut found);
    found
}

fn compare(path: &str, old: &Value, new: &Value, found: &mut Vec<Change>) {
    let (Value::Object(before), Value::Object(after)) = (old, new) else {
        if old != new {
            found.push(Change {
                field: path.to_owned(),
                old: old.clone(),
                new: new.clone(),
            });
        }
        return;
    };
    let gone = before.keys().filter(|key| !after.contains_key(*key));
    for key in after.keys().chain(gone) {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        let of = |object: &serde_json::Map<String, Value>| {
            object.get(key).cloned().unwrap_or(Value::Null)
        };
        compare(&path, &of(before), &of(after), found);
    }
}

/// For people, one a line: `  ring_limit: 25s → 30s`.
pub fn text(changes: &[Change]) -> String {
    let line = |c: &Change| format!("  {}: {} → {}\n", c.field, word(&c.old), word(&c.new));
    changes.iter().map(line).collect()
}

/// A value as it would be written on the command line.
fn word(value: &Value) -> String {
    match value {
        Value::Null => "(none)".to_owned(),
        Value::String(text) if text.is_empty() => "(empty)".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "(empty)".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_are_compared_by_field_and_lists_as_wholes() {
        let old = json!({"name": "a", "retry": {"rules": {"busy": {"after": ["300s"]}}, "n": 1}, "x": null, "gone": 1});
        let new = json!({"name": "b", "retry": {"rules": {"busy": {"after": ["60s", "300s"]}}, "n": 1}, "x": "y"});
        assert_eq!(
            text(&changes(&old, &new)),
            "  name: a → b\n  retry.rules.busy.after: [\"300s\"] → [\"60s\",\"300s\"]\n  x: (none) → y\n  gone: 1 → (none)\n"
        );
    }

    #[test]
    fn what_is_the_same_is_no_change() {
        let same = json!({"a": [1, {"b": ""}], "c": {}});
        assert_eq!(changes(&same, &same), []);
        assert_eq!(text(&[]), "");
    }
}
