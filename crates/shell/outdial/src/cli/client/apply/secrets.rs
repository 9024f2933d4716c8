//! Passwords that files name but do not hold.

use std::path::Path;

use anyhow::Context;
use serde_json::{Map, Value};

/// Takes the fields about a password out of an object, and returns where it comes from.
///
/// # Errors
/// In words, when the password itself stands there, or it comes from two places.
pub fn take(fields: &mut Map<String, Value>) -> Result<Option<Secret>, String> {
    if fields.contains_key("password") {
        return Err(
            "a password does not belong into a file that is kept and copied; write password_env = \"VARIABLE\" or \
             password_file = \"PATH\""
                .to_owned(),
        );
    }
    let mut text = |name: &str| match fields.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(other) => Err(format!("{name} is {other}; write a name")),
    };
    match (text("password_env")?, text("password_file")?) {
        (None, None) => Ok(None),
        (Some(variable), None) => Ok(Some(Secret::Variable(variable))),
        (None, Some(path)) => Ok(Some(Secret::File(path))),
        (Some(_), Some(_)) => Err("has password_env and password_file; leave one".to_owned()),
    }
}

/// Where a password comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// An environment variable.
    Variable(String),
    /// The first line of a file, seen from the directory of the descriptions.
    File(String),
}

impl Secret {
    /// The password.
    ///
    /// # Errors
    /// When it is not there.
    pub fn read(&self, directory: &Path) -> anyhow::Result<String> {
        let text = match self {
            Self::Variable(name) => std::env::var(name)
                .with_context(|| format!("the environment has no variable {name}"))?,
            Self::File(path) => {
                let path = directory.join(path);
                std::fs::read_to_string(&path)
                    .with_context(|| format!("could not read {}", path.display()))?
            }
        };
        let password = text.lines().next().unwrap_or_default().to_owned();
        anyhow::ensure!(!password.is_empty(), "the password is empty");
        Ok(password)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn taken(value: Value) -> Result<Option<Secret>, String> {
        let Value::Object(mut fields) = value else {
            panic!("no object")
        };
        let secret = take(&mut fields)?;
        assert!(
            fields.keys().all(|k| !k.starts_with("password")),
            "{fields:?}"
        );
        Ok(secret)
    }

    #[test]
    fn a_password_is_named_and_not_written() {
        assert_eq!(taken(json!({"host": "x"})), Ok(None));
        assert_eq!(
            taken(json!({"password_env": "P"})),
            Ok(Some(Secret::Variable("P".to_owned())))
        );
        assert!(
            taken(json!({"password": "x"}))
                .unwrap_err()
                .contains("password_env")
        );
        assert!(taken(json!({"password_env": "P", "password_file": "f"})).is_err());
        assert!(taken(json!({"password_env": 1})).is_err());
    }

    #[test]
    fn a_file_s_first_line_is_the_password() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("p"), "secret\nrest\n").unwrap();
        let read = |name: &str| Secret::File(name.to_owned()).read(directory.path());
        assert_eq!(read("p").unwrap(), "secret");
        std::fs::write(directory.path().join("empty"), "\n").unwrap();
        assert!(read("empty").is_err());
        assert!(read("none").is_err());
    }
}
