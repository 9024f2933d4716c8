//! Commands that need no daemon.

pub mod import;
pub mod rules;
pub mod speak;

use std::path::Path;

use anyhow::Context;
use compliance::Profile;

/// All profiles of a directory.
pub fn profiles(directory: &Path) -> anyhow::Result<Vec<Profile>> {
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
