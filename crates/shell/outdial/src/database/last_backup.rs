//! When the last backup was made: kept in the data directory, for metrics and checks.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use model::WallTime;
use serde::{Deserialize, Serialize};

/// The last backup of a daemon's database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastBackup {
    /// The instant of its snapshot, RFC 3339.
    pub at: String,
    /// Where it was written.
    pub file: PathBuf,
    /// Its length.
    pub bytes: u64,
}

/// In the data directory.
const NAME: &str = "last-backup.json";

impl LastBackup {
    /// Of the daemon with this data directory; `None` when there is none, or what is said of it cannot be read.
    pub fn read(data_dir: &Path) -> Option<Self> {
        let text = std::fs::read(data_dir.join(NAME)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Remembers it. A backup that is older than the one remembered changes nothing.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn write(&self, data_dir: &Path) -> anyhow::Result<()> {
        if Self::read(data_dir).is_some_and(|old| old.instant() > self.instant()) {
            return Ok(());
        }
        let path = data_dir.join(NAME);
        let half = data_dir.join("last-backup.json.part");
        let written = || {
            std::fs::create_dir_all(data_dir)?;
            std::fs::write(&half, serde_json::to_vec(self)?)?;
            std::fs::rename(&half, &path)
        };
        written().with_context(|| {
            format!(
                "the backup is made, but {} cannot be written: its age would be told wrongly",
                path.display()
            )
        })
    }

    /// How old it is; `None` when its instant cannot be read.
    pub fn age(&self, now: WallTime) -> Option<Duration> {
        self.instant().map(|at| now.since(at))
    }

    fn instant(&self) -> Option<WallTime> {
        self.at.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_backup_does_not_hide_a_newer_one() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(LastBackup::read(dir.path()), None);
        let backup = |at: &str| LastBackup {
            at: at.to_owned(),
            file: PathBuf::from("a.dump"),
            bytes: 1,
        };
        let (old, new) = (
            backup("2026-03-01T00:00:00Z"),
            backup("2026-03-02T00:00:00Z"),
        );
        new.write(dir.path()).unwrap();
        old.write(dir.path()).unwrap();
        let read = LastBackup::read(dir.path()).unwrap();
        assert_eq!(read, new);
        let later = "2026-03-02T01:00:00Z".parse().unwrap();
        assert_eq!(read.age(later), Some(Duration::from_secs(3_600)));
    }
}
