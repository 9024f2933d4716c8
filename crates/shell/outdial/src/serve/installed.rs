//! What is installed beside the binary: calling-rule profiles, voices, recordings.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use announce::VoicePack;
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
    let voices_dir = there(&config.voices.directory);
    let recordings_dir = there(&config.voices.recordings);
    let library = PromptLibrary::load(voices_dir.as_deref(), recordings_dir.as_deref())?;
    let contents = Contents {
        profiles,
        voices: voices(voices_dir.as_deref())?,
        recordings: recordings(recordings_dir.as_deref())?,
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

fn voices(directory: Option<&Path>) -> anyhow::Result<Vec<Voice>> {
    let mut voices = Vec::new();
    for folder in entries(directory)? {
        let manifest = folder.join("pack.toml");
        if !manifest.is_file() {
            continue;
        }
        let text = std::fs::read_to_string(&manifest)
            .with_context(|| format!("could not read {}", manifest.display()))?;
        let pack = VoicePack::parse(&text)
            .with_context(|| format!("{} is not a voice pack", manifest.display()))?;
        let prompts = pack.ids();
        voices.push(Voice {
            name: pack.name,
            language: pack.lang,
            prompts,
        });
    }
    Ok(voices)
}

fn recordings(directory: Option<&Path>) -> anyhow::Result<BTreeSet<String>> {
    let names = entries(directory)?.into_iter().filter_map(|path| {
        path.extension().filter(|e| *e == "wav")?;
        path.file_stem()?.to_str().map(str::to_owned)
    });
    Ok(names.collect())
}

fn entries(directory: Option<&Path>) -> anyhow::Result<Vec<PathBuf>> {
    let Some(directory) = directory else {
        return Ok(Vec::new());
    };
    let read = || format!("could not read {}", directory.display());
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(directory).with_context(read)? {
        entries.push(entry.with_context(read)?.path());
    }
    entries.sort();
    Ok(entries)
}
