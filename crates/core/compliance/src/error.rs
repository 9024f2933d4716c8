//! What can be wrong with a profile file.

use model::Problem;

use crate::hours::HoursError;

/// A profile file cannot be used. Every variant names the key from the top of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// Not TOML.
    #[error("the profile file is not valid TOML: {cause}")]
    Syntax {
        /// What the parser says, with line and column.
        cause: String,
    },
    /// Nobody reads this key.
    #[error("{path} is not a key of a profile{}", .nearest.as_ref().map_or(String::new(), |n| format!("; did you mean {n}?")))]
    UnknownKey {
        /// The key.
        path: String,
        /// The known key of the same group that is written most like it.
        nearest: Option<String>,
    },
    /// A key that must be there is not.
    #[error("{path} is missing")]
    Missing {
        /// The key.
        path: String,
    },
    /// A value of the wrong kind or out of its range.
    #[error("{path} is {found}; it must be {expected}")]
    Wrong {
        /// The key.
        path: String,
        /// What stands there.
        found: String,
        /// What may stand there.
        expected: String,
    },
    /// A window's hours are impossible.
    #[error("{path}: {cause}")]
    Hours {
        /// The key.
        path: String,
        /// Why.
        cause: HoursError,
    },
    /// A profile with an open question calls itself confirmed.
    #[error(
        "{path} is \"confirmed\" but {group} has confidence \"check\"; write \"unconfirmed\" until a person has read the source"
    )]
    NotConfirmed {
        /// The status key.
        path: String,
        /// The group that must still be read.
        group: &'static str,
    },
}

impl ProfileError {
    /// Whose move it is.
    pub const fn problem(&self) -> Problem {
        match self {
            Self::Syntax { .. }
            | Self::UnknownKey { .. }
            | Self::Missing { .. }
            | Self::Wrong { .. }
            | Self::Hours { .. }
            | Self::NotConfirmed { .. } => Problem::Caller,
        }
    }
}
