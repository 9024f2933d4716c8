//! Files that live as long as a request.

use std::path::{Path, PathBuf};

use crate::{Error, secret};

/// A file's place, removed when dropped.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// A place that nobody else has. The file is not made.
    pub(crate) fn new(directory: &Path, extension: &str) -> Result<Self, Error> {
        let name = format!("{}.{extension}", secret::uuid()?);
        Ok(Self(directory.join(name)))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.0.display(), %error, "a file of a request was left behind");
        }
    }
}

/// What the system said about a file of a request.
pub(crate) fn failed(doing: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::Internal(format!(
        "{doing} {} failed: {error}; look at its disk",
        path.display()
    ))
}
