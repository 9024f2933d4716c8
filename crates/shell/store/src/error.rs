//! Everything that can go wrong with the rows.

use std::path::PathBuf;

use model::Problem;

/// What failed, where, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No such row.
    #[error("{what} {id} does not exist; check its id")]
    NotFound {
        /// Kind of the row, for example `campaign`.
        what: &'static str,
        /// Its key.
        id: String,
    },
    /// Something else has that name, or refers to the row.
    #[error("{what} {id} {why}")]
    Conflict {
        /// Kind of the row.
        what: &'static str,
        /// Its key or name.
        id: String,
        /// In words, with what to do.
        why: String,
    },
    /// A value that the tables do not take.
    #[error("{what}: {why}")]
    Invalid {
        /// Which value.
        what: &'static str,
        /// In words, with what to do.
        why: String,
    },
    /// The row was changed by somebody else since it was read.
    #[error(
        "{what} {id} was changed meanwhile: it is at version {is}, and the change was made on version {expected}; \
         read it again and repeat the change"
    )]
    Stale {
        /// Kind of the row.
        what: &'static str,
        /// Its key.
        id: String,
        /// The version that the change was made on.
        expected: u32,
        /// The version that it has.
        is: i32,
    },
    /// A row that our own code cannot have written.
    #[error("table {table}, key {key}: {why}")]
    ImpossibleRow {
        /// The table.
        table: &'static str,
        /// The row's key.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// The database does not answer.
    #[error("the database does not answer during {during}: {source}; calls in progress go on")]
    Away {
        /// Name of the transaction.
        during: &'static str,
        /// What was heard.
        source: sqlx::Error,
    },
    /// The database refused a statement of ours.
    #[error("the database refused {during}: {source}")]
    Database {
        /// Name of the transaction.
        during: &'static str,
        /// What was heard.
        source: sqlx::Error,
    },
    /// The tables could not be brought to this version.
    #[error(
        "migrating the database failed: {0}; if a newer Outdial ran on it, start that version again"
    )]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The spool could not be written or read.
    #[error(
        "spool file {path}: {source}; free space on its disk, results are kept there while the database is away"
    )]
    Spool {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// More wishes than the service takes; nothing was lost, the wish was not taken.
    #[error("the store is overloaded: {waiting} wishes wait; try again in a moment")]
    Overloaded {
        /// How many wait.
        waiting: usize,
    },
    /// The service ended.
    #[error("the store has been shut down")]
    Closed,
}

impl Error {
    /// Whose move it is.
    pub fn problem(&self) -> Problem {
        match self {
            Self::NotFound { .. }
            | Self::Conflict { .. }
            | Self::Invalid { .. }
            | Self::Stale { .. } => Problem::Caller,
            Self::Away { .. } | Self::Spool { .. } | Self::Overloaded { .. } | Self::Closed => {
                Problem::Busy
            }
            Self::Migrate(_) | Self::ImpossibleRow { .. } | Self::Database { .. } => Problem::Bug,
        }
    }

    /// Sorts what sqlx reports by whose move it is.
    pub(crate) fn from_sqlx(during: &'static str, source: sqlx::Error) -> Self {
        if is_away(&source) {
            Self::Away { during, source }
        } else {
            Self::Database { during, source }
        }
    }

    /// Whether repeating the whole transaction may succeed at once.
    pub(crate) fn is_transient(&self) -> bool {
        // SQLSTATE 40001 serialization_failure, 40P01 deadlock_detected.
        matches!(self, Self::Database { source, .. }
            if matches!(sql_state(source).as_deref(), Some("40001" | "40P01")))
    }
}

/// The SQLSTATE of an error that came from the server.
pub(crate) fn sql_state(error: &sqlx::Error) -> Option<String> {
    error
        .as_database_error()
        .and_then(|e| e.code())
        .map(|c| c.into_owned())
}

/// The name of the constraint that an error is about.
pub(crate) fn constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error().and_then(|e| e.constraint())
}

/// Whether the error says that the database cannot be reached or used now, by no fault of the statement.
pub(crate) fn is_away(error: &sqlx::Error) -> bool {
    if let Some(state) = sql_state(error) {
        // PostgreSQL appendix A. Class 08 connection, 53 insufficient resources (disk full among them), 57
        // operator intervention (shutdown, starting up, cancelled by statement_timeout), 58 system error;
        // and what a connection is refused with: 28 authorization, 3D no such database, 55000 a database
        // that takes no connections. No statement of ours can be answered with those.
        const AWAY: [&str; 7] = ["08", "28", "3D", "53", "55000", "57", "58"];
        return AWAY.iter().any(|class| state.starts_with(class));
    }
    matches!(
        error,
        sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
    )
}
