//! Why a backup was not made or not put back.

use std::io;
use std::path::{Path, PathBuf};

use model::Problem;

use crate::{ClusterError, Error};

/// What failed, where, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The private cluster.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The database.
    #[error(transparent)]
    Store(#[from] Error),
    /// A file cannot be read or written.
    #[error(
        "{path}: {source}; check that it exists, who may use it, and the free space of its disk"
    )]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is such a file already.
    #[error("{path} exists; name another file")]
    Taken {
        /// Which.
        path: PathBuf,
    },
    /// A program of Postgres failed.
    #[error("{program} failed: {why}")]
    Program {
        /// Which.
        program: &'static str,
        /// Its last words.
        why: String,
    },
    /// The files are no whole backup.
    #[error("{path} is not a whole backup: {why}; take another one")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// In words.
        why: String,
    },
    /// Made by a version that knows more.
    #[error(
        "{path} has tables of version {found}, this Outdial knows {known}; restore it with the version that \
         made it ({made_by}), or a newer one"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Version of its tables.
        found: i64,
        /// The newest that is known here.
        known: i64,
        /// Who made it.
        made_by: String,
    },
    /// There is a database already.
    #[error(
        "there is a database in {dir}; to put the backup in its place, say so with --yes: the old data is kept beside it"
    )]
    Exists {
        /// Where.
        dir: PathBuf,
    },
    /// What came out is not what went in.
    #[error(
        "table {table} has {restored} rows after restoring, {dumped} were backed up; nothing was replaced"
    )]
    Differs {
        /// The table.
        table: String,
        /// By the manifest.
        dumped: i64,
        /// Counted.
        restored: i64,
    },
}

impl BackupError {
    /// Whose move it is.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Cluster(error) => error.problem(),
            Self::Store(error) => error.problem(),
            Self::File { .. }
            | Self::Taken { .. }
            | Self::Damaged { .. }
            | Self::Newer { .. }
            | Self::Exists { .. } => Problem::Caller,
            Self::Program { .. } => Problem::Busy,
            Self::Differs { .. } => Problem::Bug,
        }
    }

    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::File {
            path: path.to_owned(),
            source,
        }
    }
}
