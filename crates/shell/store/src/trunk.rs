//! Trunks and their groups, as configured.

use model::{TrunkGroupId, TrunkId};

use crate::convert::Row;
use crate::refusal::{found, in_use, taken};
use crate::{Error, Store};

/// A SIP connection to a carrier, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trunk {
    /// The key.
    pub id: TrunkId,
    /// What it is.
    pub settings: TrunkSettings,
}

/// What is configured of a trunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkSettings {
    /// The group it belongs to.
    pub group: TrunkGroupId,
    /// Unique.
    pub name: String,
    /// Lower is tried first.
    pub priority: u16,
    /// Share of the calls among trunks of the same priority. Not zero.
    pub weight: u16,
    /// Calls it carries at once. Not zero.
    pub channels: u32,
    /// New calls per second it accepts. Not zero.
    pub calls_per_second: u32,
    /// In service.
    pub enabled: bool,
    /// Addresses, transport and secrets: known to telephony alone. A JSON object.
    pub connection: serde_json::Value,
}

/// Several trunks used as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkGroup {
    /// The key.
    pub id: TrunkGroupId,
    /// Unique.
    pub name: String,
}

impl Store {
    /// Makes a group.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the name is taken.
    pub async fn create_trunk_group(&self, name: &str) -> Result<TrunkGroupId, Error> {
        sqlx::query_scalar!(
            "INSERT INTO trunk_group (name) VALUES ($1) RETURNING id",
            name
        )
        .fetch_one(&self.api)
        .await
        .map(TrunkGroupId)
        .map_err(|e| taken("create_trunk_group", "trunk group", name, e))
    }

    /// Removes a group that no trunk and no campaign uses.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] while it is used.
    pub async fn delete_trunk_group(&self, id: TrunkGroupId) -> Result<(), Error> {
        let done = sqlx::query!("DELETE FROM trunk_group WHERE id = $1", id.0)
            .execute(&self.api)
            .await
            .map_err(|e| in_use("delete_trunk_group", "trunk group", id, e))?;
        found(done.rows_affected(), "trunk group", id)
    }

    /// Every group, by key.
    ///
    /// # Errors
    /// As the database.
    pub async fn trunk_groups(&self) -> Result<Vec<TrunkGroup>, Error> {
        let rows = sqlx::query!("SELECT id, name FROM trunk_group ORDER BY id")
            .fetch_all(&self.api)
            .await
            .map_err(|e| Error::from_sqlx("trunk_groups", e))?;
        Ok(rows
            .into_iter()
            .map(|r| TrunkGroup {
                id: TrunkGroupId(r.id),
                name: r.name,
            })
            .collect())
    }

    /// Makes a trunk.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the name is taken, [`Error::Invalid`] when a value is out of range or the
    /// group does not exist.
    pub async fn create_trunk(&self, new: &TrunkSettings) -> Result<TrunkId, Error> {
        sqlx::query_scalar!(
            "INSERT INTO trunk (group_id, name, priority, weight, channels, calls_per_second, enabled, connection)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
            new.group.0,
            new.name,
            i32::from(new.priority),
            i32::from(new.weight),
            clipped(new.channels),
            clipped(new.calls_per_second),
            new.enabled,
            new.connection
        )
        .fetch_one(&self.api)
        .await
        .map(TrunkId)
        .map_err(|e| taken("create_trunk", "trunk", &new.name, e))
    }

    /// Changes a trunk.
    ///
    /// # Errors
    /// As [`Store::create_trunk`], and [`Error::NotFound`].
    pub async fn update_trunk(&self, id: TrunkId, to: &TrunkSettings) -> Result<(), Error> {
        let done = sqlx::query!(
            "UPDATE trunk SET group_id = $2, name = $3, priority = $4, weight = $5, channels = $6,
                    calls_per_second = $7, enabled = $8, connection = $9
             WHERE id = $1",
            id.0,
            to.group.0,
            to.name,
            i32::from(to.priority),
            i32::from(to.weight),
            clipped(to.channels),
            clipped(to.calls_per_second),
            to.enabled,
            to.connection
        )
        .execute(&self.api)
        .await
        .map_err(|e| taken("update_trunk", "trunk", &to.name, e))?;
        found(done.rows_affected(), "trunk", id)
    }

    /// Removes a trunk that never carried a call; others are disabled instead.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] when attempts name it.
    pub async fn delete_trunk(&self, id: TrunkId) -> Result<(), Error> {
        let done = sqlx::query!("DELETE FROM trunk WHERE id = $1", id.0)
            .execute(&self.api)
            .await
            .map_err(|e| in_use("delete_trunk", "trunk", id, e))?;
        found(done.rows_affected(), "trunk", id)
    }

    /// Every trunk, by key.
    ///
    /// # Errors
    /// As the database.
    pub async fn trunks(&self) -> Result<Vec<Trunk>, Error> {
        let rows = sqlx::query!(
            "SELECT id, group_id, name, priority, weight, channels, calls_per_second, enabled, connection
             FROM trunk ORDER BY id"
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("trunks", e))?;
        rows.into_iter()
            .map(|r| {
                let row = Row {
                    table: "trunk",
                    key: r.id,
                };
                Ok(Trunk {
                    id: TrunkId(r.id),
                    settings: TrunkSettings {
                        group: TrunkGroupId(r.group_id),
                        priority: row.unsigned(r.priority)?,
                        weight: row.unsigned(r.weight)?,
                        channels: row.unsigned(r.channels)?,
                        calls_per_second: row.unsigned(r.calls_per_second)?,
                        name: r.name,
                        enabled: r.enabled,
                        connection: r.connection,
                    },
                })
            })
            .collect()
    }
}

/// Two thousand million channels are as good as more.
fn clipped(n: u32) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}
