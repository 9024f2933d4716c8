//! Whole files: read, written, and made to hurt.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot make its file has failed"
)]

mod causes;
mod files;
mod hostile;
mod imports;
mod results;
