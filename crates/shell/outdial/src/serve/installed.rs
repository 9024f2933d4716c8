//! What is installed beside the binary: calling-rule profiles, voices, recordings.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use api::{Catalogue, Contents, Voice};
use telephony::PromptLibrary;

use crate::cli::profiles;
use crate::config::Config;

/// Everything that campaigns may name and that does not live in the database.
pub struct Installed {
    /// As campaigns are checked against it.
    pub catalogue: Catalogue,
    /// As it is played.
    pub library: Arc<PromptLibrary>,
}

/// Reads all of it. A file that cannot be used stops the start: a rule or a prompt that is missing later would
/// be found by a person's call.
///
/// # Errors
/// Names the file.
pub fn load(config: &Config) -> anyhow::Result<Installed> {
    let profiles = profiles::load(&config.rules.directory).context("set rules.directory")?;
    let there = |path: &Path| path.is_dir().then(|| path.to_owned());
    let voices = there(&config.voices.directory);
    let recordings = there(&config.voices.recordings);
    let library = PromptLibrary::load(voices.as_deref(), recordings.as_deref())?;
    let voices = library.voices().map(|pack| Voice {
        name: pack.name.clone(),
        language: pack.lang.clone(),
        prompts: pack.ids(),
    });
    let contents = Contents {
        profiles,
        voices: voices.collect(),
        recordings: library.recordings(),
    };
    tracing::info!(
        profiles = contents.profiles.len(),
        voices = contents.voices.len(),
        recordings = contents.recordings.len(),
        "read what is installed"
    );
    Ok(Installed {
        catalogue: Catalogue::new(contents),
        library: Arc::new(library),
    })
}
