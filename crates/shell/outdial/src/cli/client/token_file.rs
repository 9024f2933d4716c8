//! Tokens of the person signed in, kept between commands in a file that only its owner can read.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use proto::admin::v1::TokenPair;
use serde::{Deserialize, Serialize};

/// A token this near its end is exchanged before it is used.
const SOON: Duration = Duration::from_secs(30);

/// What is kept.
#[derive(Clone, Deserialize, PartialEq, Eq, Serialize)]
pub struct Tokens {
    /// The server that gave them; they are sent to no other.
    pub server: String,
    /// Sent with every call.
    pub access: String,
    /// Seconds since 1970.
    pub access_expires_at: i64,
    /// Sent to Refresh only.
    pub refresh: String,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl Tokens {
    /// From an answer of the server.
    pub fn of(server: &str, pair: &TokenPair) -> Self {
        Self {
            server: server.to_owned(),
            access: pair.access_token.clone(),
            access_expires_at: pair.access_expires_at.as_ref().map_or(0, |at| at.seconds),
            refresh: pair.refresh_token.clone(),
        }
    }

    /// Whether the access token is to be exchanged first.
    pub fn is_stale(&self, now: SystemTime) -> bool {
        let soon = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .saturating_add(SOON);
        self.access_expires_at <= i64::try_from(soon.as_secs()).unwrap_or(i64::MAX)
    }
}

/// The file, locked against other commands as long as this lives: of two that exchange the same refresh token
/// only one would be signed in afterwards.
pub struct TokenFile {
    path: PathBuf,
    file: File,
}

impl TokenFile {
    /// `OUTDIAL_TOKEN_FILE`, else in the user's state directory (XDG Base Directory Specification).
    pub fn default_path() -> Option<PathBuf> {
        let set = |name| {
            std::env::var_os(name)
                .filter(|v| !v.is_empty())
                .map(PathBuf::from)
        };
        set("OUTDIAL_TOKEN_FILE").or_else(|| {
            let state = set("XDG_STATE_HOME")
                .or_else(|| set("HOME").map(|home| home.join(".local/state")))?;
            Some(state.join("outdial/token.json"))
        })
    }

    /// Opens it, made when it is missing.
    ///
    /// # Errors
    /// When it cannot be made, or others may read it.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("could not open the token file {}", path.display());
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).with_context(cannot)?;
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .with_context(cannot)?;
        let mode = file.metadata().with_context(cannot)?.permissions().mode();
        anyhow::ensure!(
            mode & 0o077 == 0,
            "others may read the token file {}; run chmod 600 on it",
            path.display()
        );
        file.lock().with_context(cannot)?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// What it holds; `None` when it is new.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&mut self) -> anyhow::Result<Option<Tokens>> {
        let cannot = || format!("could not read the token file {}", self.path.display());
        let mut text = String::new();
        self.file.rewind().with_context(cannot)?;
        self.file.read_to_string(&mut text).with_context(cannot)?;
        if text.trim().is_empty() {
            return Ok(None);
        }
        serde_json::from_str(&text).map(Some).with_context(cannot)
    }

    /// Replaces what it holds; `None` forgets.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, tokens: Option<&Tokens>) -> anyhow::Result<()> {
        let cannot = || format!("could not write the token file {}", self.path.display());
        let text = match tokens {
            Some(tokens) => serde_json::to_string(tokens)?,
            None => String::new(),
        };
        self.file.rewind().with_context(cannot)?;
        self.file.set_len(0).with_context(cannot)?;
        self.file.write_all(text.as_bytes()).with_context(cannot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(expires: i64) -> Tokens {
        Tokens {
            server: "http://127.0.0.1:7070".to_owned(),
            access: "a".to_owned(),
            access_expires_at: expires,
            refresh: "r".to_owned(),
        }
    }

    #[test]
    fn tokens_are_kept_where_only_their_owner_can_read_them() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/token.json");
        let mut file = TokenFile::open(&path).unwrap();
        assert_eq!(file.read().unwrap(), None);
        file.write(Some(&tokens(1))).unwrap();
        assert_eq!(file.read().unwrap(), Some(tokens(1)));
        drop(file);
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let mut again = TokenFile::open(&path).unwrap();
        again.write(None).unwrap();
        assert_eq!(again.read().unwrap(), None);
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token.json");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let refused = TokenFile::open(&path).err().unwrap().to_string();
        assert!(refused.contains("chmod 600"), "{refused}");
    }

    #[test]
    fn a_token_is_stale_shortly_before_its_end() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert!(!tokens(1_000).is_stale(at(900)));
        assert!(tokens(1_000).is_stale(at(970)));
    }

    #[test]
    fn tokens_are_not_shown_in_logs() {
        let shown = format!("{:?}", tokens(1));
        assert!(
            !shown.contains("access") && shown.contains("127.0.0.1"),
            "{shown}"
        );
    }
}
