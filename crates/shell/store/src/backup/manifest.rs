//! What must be in a dump.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::BackupError;

/// Stands beside the dump, as `NAME.json` beside `NAME.dump`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Of this description.
    pub format: u32,
    /// Program and version.
    pub made_by: String,
    /// The instant of the snapshot, RFC 3339, by the database's clock.
    pub at: String,
    /// Version of the tables: the newest migration.
    pub schema: i64,
    /// Version of the server.
    pub postgres: String,
    /// Length of the dump.
    pub bytes: u64,
    /// Of the dump, in hexadecimal.
    pub sha256: String,
    /// Rows of each table in the snapshot.
    pub rows: BTreeMap<String, i64>,
    /// Recordings lie outside the database and are copied by other means; this is what they should be.
    pub recordings: Recordings,
}

/// A directory of recordings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recordings {
    /// Where it was.
    pub directory: PathBuf,
    /// Its files, by name. Empty also when there was no such directory.
    pub files: Vec<Recording>,
}

/// A recording.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Recording {
    /// Within the directory.
    pub name: PathBuf,
    /// Its length.
    pub bytes: u64,
}

/// Of the manifests that this version writes and reads.
pub(super) const FORMAT: u32 = 1;

impl Manifest {
    /// Where the manifest of a dump is.
    pub fn path_of(dump: &Path) -> PathBuf {
        dump.with_extension("json")
    }

    /// Reads the manifest of a dump and compares the dump with it.
    ///
    /// # Errors
    /// [`BackupError::Damaged`] when either is not whole, [`BackupError::File`] when one cannot be read.
    pub fn verified(dump: &Path) -> Result<Self, BackupError> {
        let path = Self::path_of(dump);
        let damaged = |path: &Path, why: String| BackupError::Damaged {
            path: path.to_owned(),
            why,
        };
        let bytes = std::fs::metadata(dump)
            .map_err(BackupError::file(dump))?
            .len();
        let text = match std::fs::read_to_string(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let why = format!("its manifest {} is missing", path.display());
                return Err(damaged(dump, why));
            }
            read => read.map_err(BackupError::file(&path))?,
        };
        let manifest: Self = serde_json::from_str(&text)
            .map_err(|e| damaged(&path, format!("it cannot be read: {e}")))?;
        if manifest.format != FORMAT {
            let why = format!("its format is {}, known is {FORMAT}", manifest.format);
            return Err(damaged(&path, why));
        }
        if bytes != manifest.bytes {
            let why = format!("it has {bytes} bytes, {} were written", manifest.bytes);
            return Err(damaged(dump, why));
        }
        if sha256_of(dump)? != manifest.sha256 {
            let why = "its contents were changed (the checksum differs)".to_owned();
            return Err(damaged(dump, why));
        }
        Ok(manifest)
    }

    /// Puts the manifest beside its dump.
    pub(super) fn write(&self, dump: &Path) -> Result<(), BackupError> {
        let path = Self::path_of(dump);
        let half = path.with_extension("json.part");
        let written = || {
            let mut file = private(&half)?;
            serde_json::to_writer_pretty(&mut file, self)?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            std::fs::rename(&half, &path)
        };
        written().map_err(BackupError::file(&path))
    }

    /// Recordings that are not where the backup found them, or of another length.
    pub fn recordings_missing(&self) -> Vec<&Recording> {
        let missing = |r: &&Recording| {
            let file = self.recordings.directory.join(&r.name);
            !std::fs::metadata(file).is_ok_and(|m| m.len() == r.bytes)
        };
        self.recordings.files.iter().filter(missing).collect()
    }
}

impl Recordings {
    /// What a directory holds now, folders included.
    ///
    /// # Errors
    /// [`BackupError::File`] when it cannot be read; one that is not there is empty.
    pub fn list(directory: &Path) -> Result<Self, BackupError> {
        let mut files = Vec::new();
        let mut folders = vec![directory.to_owned()];
        while let Some(folder) = folders.pop() {
            let entries = match std::fs::read_dir(&folder) {
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
                read => read.map_err(BackupError::file(&folder))?,
            };
            for entry in entries {
                let entry = entry.map_err(BackupError::file(&folder))?;
                let kind = entry.file_type().map_err(BackupError::file(&folder))?;
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() {
                    let path = entry.path();
                    let bytes = entry.metadata().map_err(BackupError::file(&path))?.len();
                    let name = path.strip_prefix(directory).unwrap_or(&path).to_owned();
                    files.push(Recording { name, bytes });
                }
            }
        }
        files.sort();
        Ok(Self {
            directory: directory.to_owned(),
            files,
        })
    }
}

/// A new file that only its owner may read: it holds people's data.
pub(super) fn private(path: &Path) -> std::io::Result<File> {
    File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

pub(super) fn sha256_of(path: &Path) -> Result<String, BackupError> {
    let hashed = || {
        let mut file = File::open(path)?;
        let mut hash = Sha256::new();
        let mut block = vec![0; 1 << 16];
        loop {
            let n = file.read(&mut block)?;
            if n == 0 {
                return Ok(hash.finalize());
            }
            hash.update(block.get(..n).unwrap_or_default());
        }
    };
    let hash = hashed().map_err(BackupError::file(path))?;
    Ok(hash.iter().map(|byte| format!("{byte:02x}")).collect())
}
