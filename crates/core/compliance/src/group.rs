//! A group of keys that remembers what was asked of it, so that what nobody asked for is found.

use std::time::Duration;

use chrono::NaiveDate;
use model::Share;
use toml::{Table, Value};

use crate::error::ProfileError;

/// One TOML table under its path.
pub(crate) struct Group {
    path: String,
    rest: Table,
    known: Vec<String>,
}

impl Group {
    pub(crate) fn new(path: &str, table: Table) -> Self {
        Self {
            path: path.to_owned(),
            rest: table,
            known: Vec::new(),
        }
    }

    /// The full name of a key of this group.
    pub(crate) fn path(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// An error about the value of a key.
    pub(crate) fn wrong(&self, key: &str, found: &str, expected: &str) -> ProfileError {
        ProfileError::Wrong {
            path: self.path(key),
            found: found.to_owned(),
            expected: expected.to_owned(),
        }
    }

    /// Refuses what nobody asked for. To be called when all keys were read.
    pub(crate) fn finish(self) -> Result<(), ProfileError> {
        let Some(key) = self.rest.keys().next() else {
            return Ok(());
        };
        let nearest = self
            .known
            .iter()
            .min_by_key(|known| strsim::damerau_levenshtein(key, known))
            .map(|known| self.path(known));
        Err(ProfileError::UnknownKey {
            path: self.path(key),
            nearest,
        })
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        self.known.push(key.to_owned());
        self.rest.remove(key)
    }

    fn take_as<T>(
        &mut self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, ProfileError> {
        match self.take(key) {
            None => Ok(None),
            Some(value) => match read(&value) {
                Some(read) => Ok(Some(read)),
                None => Err(self.wrong(key, &shown(&value), expected)),
            },
        }
    }

    fn required<T>(&self, key: &str, value: Option<T>) -> Result<T, ProfileError> {
        value.ok_or_else(|| ProfileError::Missing {
            path: self.path(key),
        })
    }

    pub(crate) fn optional_string(&mut self, key: &str) -> Result<Option<String>, ProfileError> {
        let text = |v: &Value| {
            v.as_str()
                .filter(|s| !s.trim().is_empty())
                .map(str::to_owned)
        };
        self.take_as(key, "text", text)
    }

    pub(crate) fn string(&mut self, key: &str) -> Result<String, ProfileError> {
        let text = self.optional_string(key)?;
        self.required(key, text)
    }

    pub(crate) fn optional_number<N: TryFrom<i64>>(
        &mut self,
        key: &str,
    ) -> Result<Option<N>, ProfileError> {
        self.take_as(key, "a whole number, not negative", |v| {
            v.as_integer()
                .filter(|n| *n >= 0)
                .and_then(|n| N::try_from(n).ok())
        })
    }

    pub(crate) fn number<N: TryFrom<i64>>(&mut self, key: &str) -> Result<N, ProfileError> {
        let number = self.optional_number(key)?;
        self.required(key, number)
    }

    pub(crate) fn optional_share(&mut self, key: &str) -> Result<Option<Share>, ProfileError> {
        self.take_as(key, "a share from 0 to 1", |v| {
            as_float(v)
                .and_then(Share::from_fraction)
                .filter(|s| *s <= Share::ONE)
        })
    }

    pub(crate) fn share(&mut self, key: &str) -> Result<Share, ProfileError> {
        let share = self.optional_share(key)?;
        self.required(key, share)
    }

    pub(crate) fn seconds(&mut self, key: &str) -> Result<Option<Duration>, ProfileError> {
        self.take_as(key, "seconds, not negative", |v| {
            as_float(v).and_then(|s| Duration::try_from_secs_f64(s).ok())
        })
    }

    pub(crate) fn flag(&mut self, key: &str, unless_given: bool) -> Result<bool, ProfileError> {
        Ok(self
            .take_as(key, "true or false", Value::as_bool)?
            .unwrap_or(unless_given))
    }

    pub(crate) fn optional_date(&mut self, key: &str) -> Result<Option<NaiveDate>, ProfileError> {
        self.take_as(key, "a day, such as 2026-08-11", date)
    }

    pub(crate) fn optional_choice<T: Copy>(
        &mut self,
        key: &str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, ProfileError> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        self.take_as(key, &format!("one of {}", names.join(", ")), |v| {
            let text = v.as_str()?;
            choices
                .iter()
                .find(|(name, _)| *name == text)
                .map(|(_, choice)| *choice)
        })
    }

    pub(crate) fn choice<T: Copy>(
        &mut self,
        key: &str,
        choices: &[(&str, T)],
    ) -> Result<T, ProfileError> {
        let choice = self.optional_choice(key, choices)?;
        self.required(key, choice)
    }

    /// A list whose items all are of one kind.
    pub(crate) fn optional_list_of<T>(
        &mut self,
        key: &str,
        expected: &str,
        item: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<Vec<T>>, ProfileError> {
        self.take_as(key, expected, |v| v.as_array()?.iter().map(item).collect())
    }

    pub(crate) fn optional_strings(&mut self, key: &str) -> Result<Vec<String>, ProfileError> {
        let list =
            self.optional_list_of(key, "a list of texts", |v| v.as_str().map(str::to_owned))?;
        Ok(list.unwrap_or_default())
    }

    pub(crate) fn strings(&mut self, key: &str) -> Result<Vec<String>, ProfileError> {
        let list = self.optional_strings(key)?;
        if list.is_empty() {
            Err(ProfileError::Missing {
                path: self.path(key),
            })
        } else {
            Ok(list)
        }
    }

    pub(crate) fn years(&mut self, key: &str) -> Result<Vec<i32>, ProfileError> {
        let year = |v: &Value| v.as_integer().and_then(|n| i32::try_from(n).ok());
        let list = self.optional_list_of(key, "a list of years", year)?;
        self.required(key, list)
    }

    pub(crate) fn dates(&mut self, key: &str) -> Result<Vec<NaiveDate>, ProfileError> {
        let list = self.optional_list_of(key, "a list of days, such as 2026-08-11", date)?;
        self.required(key, list)
    }

    pub(crate) fn optional_group(&mut self, key: &str) -> Result<Option<Self>, ProfileError> {
        let table = self.take_as(key, "a group of keys", |v| v.as_table().cloned())?;
        Ok(table.map(|table| Self::new(&self.path(key), table)))
    }

    pub(crate) fn group(&mut self, key: &str) -> Result<Self, ProfileError> {
        let group = self.optional_group(key)?;
        self.required(key, group)
    }

    /// `[[key]]` groups; none when the key is absent. The path says which, counting from 1.
    pub(crate) fn list(&mut self, key: &str) -> Result<Vec<Self>, ProfileError> {
        let tables = self.optional_list_of(key, "a list of groups", |v| v.as_table().cloned())?;
        let path = self.path(key);
        let numbered = tables.unwrap_or_default().into_iter().enumerate();
        Ok(numbered
            .map(|(i, table)| Self::new(&format!("{path}[{}]", i + 1), table))
            .collect())
    }

    /// `[key.name]` groups by name; none when the key is absent.
    pub(crate) fn optional_groups(
        &mut self,
        key: &str,
    ) -> Result<Vec<(String, Self)>, ProfileError> {
        let Some(mut all) = self.optional_group(key)? else {
            return Ok(Vec::new());
        };
        let names: Vec<String> = all.rest.keys().cloned().collect();
        names
            .into_iter()
            .map(|name| Ok((name.clone(), all.group(&name)?)))
            .collect()
    }

    /// `[key.name]` or `[[key.name]]` groups by name; there must be one.
    pub(crate) fn groups_or_lists(
        &mut self,
        key: &str,
    ) -> Result<Vec<(String, Vec<Self>)>, ProfileError> {
        let mut all = self.group(key)?;
        let names: Vec<String> = all.rest.keys().cloned().collect();
        let versions = |name: String| {
            let listed = all.rest.get(&name).is_some_and(Value::is_array);
            let groups = if listed {
                all.list(&name)?
            } else {
                vec![all.group(&name)?]
            };
            Ok((name, groups))
        };
        names.into_iter().map(versions).collect()
    }
}

fn as_float(value: &Value) -> Option<f64> {
    value
        .as_float()
        .or_else(|| value.as_integer().map(|n| n as f64))
}

fn date(value: &Value) -> Option<NaiveDate> {
    let at = value.as_datetime().filter(|at| at.time.is_none())?.date?;
    NaiveDate::from_ymd_opt(i32::from(at.year), u32::from(at.month), u32::from(at.day))
}

/// A value as it stands in an error.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("\"{text}\""),
        Value::Integer(n) => n.to_string(),
        Value::Float(n) => n.to_string(),
        Value::Boolean(b) => b.to_string(),
        Value::Datetime(at) => at.to_string(),
        Value::Array(_) => "a list".to_owned(),
        Value::Table(_) => "a group".to_owned(),
    }
}
