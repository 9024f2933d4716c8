//! Calling-rule profiles as files.

use std::path::{Path, PathBuf};

use anyhow::Context;
use compliance::Profile;

use super::exit::{Exit, OrExit};
use crate::config;

/// Where they are in a checkout of the repository.
const CHECKOUT: &str = "config/profiles";

/// Where a command finds them.
#[derive(Debug, clap::Args)]
pub struct From {
    /// Directory of profiles. Absent: that of the configuration, else config/profiles here.
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
    /// The daemon's configuration file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl From {
    /// All profiles of the directory.
    ///
    /// # Errors
    /// When it cannot be read, holds none, or one that is wrong: a rule that is missing must not read as
    /// a rule that allows.
    pub fn load(&self) -> anyhow::Result<Vec<Profile>> {
        load(&self.directory()?).or_exit(Exit::Refused)
    }

    fn directory(&self) -> anyhow::Result<PathBuf> {
        if let Some(directory) = &self.rules {
            return Ok(directory.clone());
        }
        let config =
            config::load(self.config.as_deref(), std::env::vars()).or_exit(Exit::Refused)?;
        let directory = config.rules.directory;
        let here = Path::new(CHECKOUT);
        Ok(
            if directory.is_dir() || self.config.is_some() || !here.is_dir() {
                directory
            } else {
                here.to_owned()
            },
        )
    }
}

/// All profiles of a directory, in the order of file names.
///
/// # Errors
/// When it cannot be read, holds none, or one that is wrong.
pub fn load(directory: &Path) -> anyhow::Result<Vec<Profile>> {
    let read = || format!("could not read the profiles in {}", directory.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).with_context(read)? {
        let path = entry.with_context(read)?.path();
        if path.extension().is_some_and(|e| e == "toml") {
            files.push(path);
        }
    }
    files.sort();
    let mut profiles = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("could not read {}", file.display()))?;
        profiles.extend(
            Profile::load(&text).with_context(|| format!("{} is not a profile", file.display()))?,
        );
    }
    anyhow::ensure!(
        !profiles.is_empty(),
        "{} holds no profile; nobody could be called",
        directory.display()
    );
    Ok(profiles)
}
