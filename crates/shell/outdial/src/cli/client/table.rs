//! Aligned columns for people.

use serde_json::Value;

/// A column: its head, and the key of the value in each row.
pub type Column = (&'static str, &'static str);

/// Rows of objects as a table; numbers to the right.
pub fn rows(rows: &Value, columns: &[Column]) -> String {
    let empty = Vec::new();
    let rows = rows.as_array().unwrap_or(&empty);
    let mut cells = vec![
        columns
            .iter()
            .map(|(head, _)| (*head).to_owned())
            .collect::<Vec<_>>(),
    ];
    for row in rows {
        cells.push(columns.iter().map(|(_, key)| cell(&row[*key])).collect());
    }
    let width = |column: usize| {
        let of = |row: &Vec<String>| row.get(column).map_or(0, |c| c.chars().count());
        cells.iter().map(of).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let is_number = |key: &str| !rows.is_empty() && rows.iter().all(|r| r[key].is_number());
    let right: Vec<bool> = columns.iter().map(|(_, key)| is_number(key)).collect();
    let mut text = String::new();
    for row in &cells {
        let padded = row
            .iter()
            .zip(&widths)
            .zip(&right)
            .map(|((cell, width), right)| {
                let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
                if *right {
                    pad + cell
                } else {
                    format!("{cell}{pad}")
                }
            });
        text.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// The fields of an object that say something, one a line.
pub fn fields(object: &Value) -> String {
    let Some(object) = object.as_object() else {
        return String::new();
    };
    let shown: Vec<_> = object
        .iter()
        .map(|(key, value)| (key, cell(value)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let width = shown.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    let line = |(key, value): &(&String, String)| format!("{key:width$}  {value}\n");
    shown.iter().map(line).collect()
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.replace(['\n', '\r', '\t'], " "),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(n) => n.to_string(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        Value::Object(entries) => {
            let pair = |(key, value): (&String, &Value)| format!("{key} {}", cell(value));
            entries.iter().map(pair).collect::<Vec<_>>().join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_numbers_stand_right() {
        let value = json!([
            {"id": 7, "name": "весна", "on": true},
            {"id": 12, "name": "a", "on": false}
        ]);
        assert_eq!(
            rows(&value, &[("ID", "id"), ("NAME", "name"), ("ON", "on")]),
            "ID  NAME   ON\n 7  весна  yes\n12  a      no\n"
        );
    }

    #[test]
    fn an_empty_table_is_its_head() {
        assert_eq!(
            rows(&json!([]), &[("ID", "id"), ("NAME", "name")]),
            "ID  NAME\n"
        );
    }

    #[test]
    fn fields_that_say_nothing_are_left_out() {
        let object = json!({"name": "x", "note": "", "results": {"busy": 2}, "ids": [1, 2]});
        assert_eq!(
            fields(&object),
            "ids      1, 2\nname     x\nresults  busy 2\n"
        );
    }
}
