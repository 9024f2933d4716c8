//! A voice in memory: the sounds that a pack's manifest names, encoded.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use media::{Piece, Timeline};

use super::error::{LibraryError, MissingSound};

/// A loaded voice. Files named by several ids are held once.
#[derive(Debug)]
pub(super) struct LoadedVoice {
    manifest: announce::VoicePack,
    /// By file, as the manifest names it.
    pieces: BTreeMap<String, Arc<Piece>>,
}

impl LoadedVoice {
    /// Loads `directory/pack.toml` and all its sounds, encoded for every codec.
    pub(super) fn load(directory: &Path) -> Result<Self, LibraryError> {
        let path = directory.join("pack.toml");
        let text = fs::read_to_string(&path).map_err(|source| LibraryError::Read {
            path: path.clone(),
            source,
        })?;
        let manifest = announce::VoicePack::parse(&text)
            .map_err(|source| LibraryError::Manifest { path, source })?;
        let mut pieces = BTreeMap::new();
        for entry in manifest.entries() {
            if !pieces.contains_key(entry.file) {
                let piece = load_piece(&directory.join(entry.file))?;
                pieces.insert(entry.file.to_owned(), piece);
            }
        }
        Ok(Self { manifest, pieces })
    }

    pub(super) fn manifest(&self) -> &announce::VoicePack {
        &self.manifest
    }

    /// The sounds that say `ids`, with the pack's pause between them.
    pub(super) fn timeline(&self, ids: &[String]) -> Result<Timeline, MissingSound> {
        let mut timeline = Timeline::default();
        for entry in self.manifest.join(ids)? {
            if !timeline.is_empty() {
                timeline.push_silence(self.manifest.gap);
            }
            // `load` read the file of every entry.
            if let Some(piece) = self.pieces.get(entry.file) {
                timeline.push(Arc::clone(piece));
            }
        }
        Ok(timeline)
    }
}

/// Loads and encodes one WAV file.
pub(super) fn load_piece(path: &Path) -> Result<Arc<Piece>, LibraryError> {
    let bytes = fs::read(path).map_err(|source| LibraryError::Read {
        path: path.to_owned(),
        source,
    })?;
    let samples = media::read_wav(&bytes[..]).map_err(|source| LibraryError::Sound {
        path: path.to_owned(),
        source,
    })?;
    Ok(Arc::new(Piece::new(samples)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::library::tests::write_wav;

    const HEAD: &str =
        "format = 1\nlang = \"en\"\nname = \"v\"\nlicence = \"CC0-1.0\"\nattribution = \"us\"\n";

    #[test]
    fn the_longest_joined_prompt_wins_at_each_place() {
        let directory = tempfile::tempdir().unwrap();
        for (file, samples) in [("a.wav", 100), ("b.wav", 200), ("ab.wav", 1_000)] {
            write_wav(&directory.path().join(file), &vec![0; samples]);
        }
        let prompts =
            "[prompts]\na = \"a.wav\"\nb = \"b.wav\"\n\"a b\" = \"ab.wav\"\nsame = \"a.wav\"\n";
        fs::write(
            directory.path().join("pack.toml"),
            format!("{HEAD}gap_ms = 10\n{prompts}"),
        )
        .unwrap();
        let voice = LoadedVoice::load(directory.path()).unwrap();
        let samples = |ids: &[&str]| {
            let ids: Vec<String> = ids.iter().map(|s| (*s).to_owned()).collect();
            voice
                .timeline(&ids)
                .map(|t| media::samples_in(t.duration()))
        };
        assert_eq!(samples(&["a", "b"]), Ok(1_000));
        assert_eq!(samples(&["b", "a"]), Ok(200 + 80 + 100));
        assert_eq!(
            samples(&["a", "a", "b", "same"]),
            Ok(100 + 80 + 1_000 + 80 + 100)
        );
        assert_eq!(samples(&[]), Ok(0));
        let missing = samples(&["d", "a", "c"]).unwrap_err().to_string();
        assert!(missing.contains("\"v\" lacks c, d"), "{missing}");
    }

    #[test]
    fn a_manifest_that_is_wrong_and_a_sound_that_is_not_there_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pack.toml");
        for (prompts, named) in [
            ("x = \"../secret.wav\"", "pack.toml"),
            ("x = \"gone.wav\"", "gone.wav"),
        ] {
            fs::write(&path, format!("{HEAD}[prompts]\n{prompts}\n")).unwrap();
            let refused = LoadedVoice::load(directory.path()).unwrap_err().to_string();
            assert!(refused.contains(named), "{refused}");
        }
    }
}
