//! What a refused statement means to the one who asked: a name that is taken, a row that is missing.

use crate::Error;
use crate::error::{constraint, sql_state};

/// Zero rows changed means that there is no such row.
pub(crate) fn found(rows: u64, what: &'static str, id: impl ToString) -> Result<(), Error> {
    if rows == 0 {
        Err(not_found(what, id))
    } else {
        Ok(())
    }
}

pub(crate) fn not_found(what: &'static str, id: impl ToString) -> Error {
    Error::NotFound {
        what,
        id: id.to_string(),
    }
}

/// For inserts with a name that must be unique, and values that a CHECK looks at.
pub(crate) fn taken(during: &'static str, what: &'static str, name: &str, e: sqlx::Error) -> Error {
    match sql_state(&e).as_deref() {
        // SQLSTATE 23505 unique_violation, 23514 check_violation.
        Some("23505") => Error::Conflict {
            what,
            id: format!("\"{name}\""),
            why: "exists already; choose another name".to_owned(),
        },
        Some("23514") => Error::Invalid {
            what,
            why: format!(
                "a value is not allowed (rule {})",
                constraint(&e).unwrap_or("unknown")
            ),
        },
        Some("23503") => Error::Invalid {
            what,
            why: format!(
                "it names a row that does not exist (rule {})",
                constraint(&e).unwrap_or("unknown")
            ),
        },
        _ => Error::from_sqlx(during, e),
    }
}

/// For inserts that refer to a row which may not exist.
pub(crate) fn refers(
    during: &'static str,
    what: &'static str,
    id: impl ToString,
    e: sqlx::Error,
) -> Error {
    match sql_state(&e).as_deref() {
        // SQLSTATE 23503 foreign_key_violation.
        Some("23503") => not_found(what, id),
        _ => Error::from_sqlx(during, e),
    }
}

/// For deletes of a row which others refer to.
pub(crate) fn in_use(
    during: &'static str,
    what: &'static str,
    id: impl ToString,
    e: sqlx::Error,
) -> Error {
    match sql_state(&e).as_deref() {
        Some("23503") => Error::Conflict {
            what,
            id: id.to_string(),
            why: format!(
                "is still used (rule {}); remove what uses it first",
                constraint(&e).unwrap_or("unknown")
            ),
        },
        _ => Error::from_sqlx(during, e),
    }
}
