//! The set of time zones in which a prospect may be.

use std::fmt;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// Candidate zones of a prospect: sorted, without repeats. Empty means that nothing is known, and
/// nothing known is never called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct ZoneSet(Vec<Tz>);

/// No zone of that name in the tz database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a time zone; use a name of the tz database, for example Europe/Moscow")]
pub struct UnknownZone(String);

impl ZoneSet {
    /// From names of the tz database.
    ///
    /// # Errors
    /// [`UnknownZone`] for the first name that is not one.
    pub fn from_names<S: AsRef<str>>(
        names: impl IntoIterator<Item = S>,
    ) -> Result<Self, UnknownZone> {
        names
            .into_iter()
            .map(|name| {
                name.as_ref()
                    .parse::<Tz>()
                    .map_err(|_| UnknownZone(name.as_ref().to_owned()))
            })
            .collect()
    }

    /// The zones, sorted.
    pub fn zones(&self) -> &[Tz] {
        &self.0
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names, sorted as the zones are.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|z| z.name())
    }
}

impl FromIterator<Tz> for ZoneSet {
    fn from_iter<I: IntoIterator<Item = Tz>>(zones: I) -> Self {
        let mut zones: Vec<Tz> = zones.into_iter().collect();
        zones.sort_by_key(|z| z.name());
        zones.dedup();
        Self(zones)
    }
}

impl fmt::Display for ZoneSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.names().enumerate() {
            write!(f, "{}{name}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl TryFrom<Vec<String>> for ZoneSet {
    type Error = UnknownZone;

    fn try_from(names: Vec<String>) -> Result<Self, Self::Error> {
        Self::from_names(names)
    }
}

impl From<ZoneSet> for Vec<String> {
    fn from(zones: ZoneSet) -> Self {
        zones.names().map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_zones_in_any_order_are_the_same_set() -> Result<(), UnknownZone> {
        let a = ZoneSet::from_names(["Europe/Moscow", "Asia/Omsk", "Europe/Moscow"])?;
        let b = ZoneSet::from_names(["Asia/Omsk", "Europe/Moscow"])?;
        assert_eq!(a, b);
        assert_eq!(a.to_string(), "Asia/Omsk,Europe/Moscow");
        Ok(())
    }

    #[test]
    fn an_unknown_zone_is_named() {
        let refused = ZoneSet::from_names(["Europe/Atlantis"]);
        assert_eq!(refused, Err(UnknownZone("Europe/Atlantis".to_owned())));
    }
}
