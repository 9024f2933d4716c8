//! Copies of the database on disk: made while the daemon works, and put back in place of what was lost.
//!
//! A backup is two files: what `pg_dump` wrote, and a manifest that says what must be in it. The manifest is
//! written last, so a dump without one was never finished.

mod dump;
mod error;
mod manifest;
mod restore;
mod rows;

pub use dump::back_up;
pub use error::BackupError;
pub use manifest::{Manifest, Recording, Recordings};
pub use restore::{Restored, restore};
