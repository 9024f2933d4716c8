//! Between rows and the nouns of `model`. A row that our own code cannot have written is an error that
//! names it, never a default.

use std::fmt::Display;

use model::{AttemptId, E164, Money, WallTime, ZoneSet};
use sqlx::types::Uuid;
use sqlx::types::chrono::{DateTime, Utc};

use crate::Error;

/// A row, for errors about it.
#[derive(Clone, Copy)]
pub(crate) struct Row<K> {
    pub(crate) table: &'static str,
    pub(crate) key: K,
}

impl<K: Display> Row<K> {
    pub(crate) fn impossible(&self, why: impl Display) -> Error {
        Error::ImpossibleRow {
            table: self.table,
            key: self.key.to_string(),
            why: why.to_string(),
        }
    }

    pub(crate) fn number(&self, text: &str) -> Result<E164, Error> {
        text.parse().map_err(|e| self.impossible(e))
    }

    /// A name of an enum, looked up by `parse`.
    pub(crate) fn named<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Error> {
        parse(name).ok_or_else(|| self.impossible(format!("unknown value \"{name}\"")))
    }

    pub(crate) fn zones(&self, names: &[String]) -> Result<ZoneSet, Error> {
        ZoneSet::from_names(names).map_err(|e| self.impossible(e))
    }

    pub(crate) fn money(
        &self,
        minor: Option<i64>,
        currency: Option<&str>,
    ) -> Result<Option<Money>, Error> {
        let Some((minor, currency)) = minor.zip(currency) else {
            return Ok(None);
        };
        let currency = currency.parse().map_err(|e| self.impossible(e))?;
        Ok(Some(Money::new(minor, currency)))
    }

    pub(crate) fn unsigned<T: TryFrom<i64>>(&self, value: impl Into<i64>) -> Result<T, Error> {
        let value = value.into();
        T::try_from(value).map_err(|_| self.impossible(format!("{value} is out of range")))
    }

    pub(crate) fn json<T: serde::de::DeserializeOwned>(
        &self,
        value: serde_json::Value,
    ) -> Result<T, Error> {
        serde_json::from_value(value).map_err(|e| self.impossible(e))
    }
}

/// For a count from `count(*)`, which is never negative.
pub(crate) fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

pub(crate) fn stamp(at: WallTime) -> DateTime<Utc> {
    at.utc()
}

pub(crate) fn stamps(at: Option<WallTime>) -> Option<DateTime<Utc>> {
    at.map(WallTime::utc)
}

pub(crate) fn wall(at: DateTime<Utc>) -> WallTime {
    at.into()
}

pub(crate) fn walls(at: Option<DateTime<Utc>>) -> Option<WallTime> {
    at.map(Into::into)
}

pub(crate) fn uuid(id: AttemptId) -> Uuid {
    Uuid::from_u128(id.bits())
}

pub(crate) fn attempt_id(id: Uuid) -> AttemptId {
    AttemptId::from_bits(id.as_u128())
}

/// As jsonb. Our own plain data always has a JSON form; a failure is a bug and told as one.
pub(crate) fn to_json(
    table: &'static str,
    value: &impl serde::Serialize,
) -> Result<serde_json::Value, Error> {
    serde_json::to_value(value).map_err(|e| Error::ImpossibleRow {
        table,
        key: "(to be written)".to_owned(),
        why: e.to_string(),
    })
}
