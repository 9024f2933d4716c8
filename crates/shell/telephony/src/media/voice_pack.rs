//! A voice: prompts by id, in one language and by one speaker, from a directory with `pack.toml`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use media::{Piece, Timeline};
use serde::Deserialize;

use super::error::{LibraryError, MissingSound};

/// The only format of `pack.toml` so far.
const FORMAT: u32 = 1;

/// The longest pause between prompts that a pack may ask for: more is a slip of the unit.
const LONGEST_GAP_MS: u32 = 2_000;

/// `pack.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u32,
    /// BCP 47; shown to whoever chooses a voice.
    #[serde(rename = "lang")]
    _lang: String,
    name: String,
    /// Both must be shown, so they must be there.
    licence: String,
    attribution: String,
    /// The rate of the files, for information: each file says its own.
    #[serde(rename = "rate")]
    _rate: Option<u32>,
    #[serde(default)]
    gap_ms: u32,
    /// Id, or ids joined by spaces, to file.
    prompts: BTreeMap<String, PathBuf>,
}

/// A loaded voice. Files named by several ids are held once.
#[derive(Debug)]
pub(super) struct VoicePack {
    name: String,
    gap: Duration,
    prompts: BTreeMap<String, Arc<Piece>>,
    /// Ids in the longest joined prompt.
    longest: usize,
}

impl VoicePack {
    /// Loads `directory/pack.toml` and all its sounds, encoded for every codec.
    pub(super) fn load(directory: &Path) -> Result<Self, LibraryError> {
        let path = directory.join("pack.toml");
        let text = fs::read_to_string(&path).map_err(|source| LibraryError::Read {
            path: path.clone(),
            source,
        })?;
        let manifest = Manifest::read(&text).map_err(|reason| LibraryError::Manifest {
            path: path.clone(),
            reason,
        })?;
        let mut pieces: BTreeMap<PathBuf, Arc<Piece>> = BTreeMap::new();
        let mut prompts = BTreeMap::new();
        for (ids, file) in manifest.prompts {
            let piece = match pieces.get(&file) {
                Some(piece) => Arc::clone(piece),
                None => {
                    let piece = load_piece(&directory.join(&file))?;
                    pieces.insert(file, Arc::clone(&piece));
                    piece
                }
            };
            prompts.insert(ids.split_whitespace().collect::<Vec<_>>().join(" "), piece);
        }
        let longest = prompts.keys().map(|ids| ids.split(' ').count()).max();
        Ok(Self {
            name: manifest.name,
            gap: Duration::from_millis(manifest.gap_ms.into()),
            longest: longest.unwrap_or(0),
            prompts,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The prompts for `ids`: at each place the longest one that matches. A pack of single words and
    /// one with whole phrases serve the same grammar.
    pub(super) fn timeline(&self, ids: &[String]) -> Result<Timeline, MissingSound> {
        let mut timeline = Timeline::default();
        let mut rest = ids;
        while let Some(first) = rest.first() {
            let (piece, used) = self
                .longest_match(rest)
                .ok_or_else(|| MissingSound::Prompt {
                    voice: self.name.clone(),
                    id: first.clone(),
                })?;
            if !timeline.is_empty() {
                timeline.push_silence(self.gap);
            }
            timeline.push(piece);
            rest = rest.get(used..).unwrap_or_default();
        }
        Ok(timeline)
    }

    fn longest_match(&self, ids: &[String]) -> Option<(Arc<Piece>, usize)> {
        let longest = self.longest.min(ids.len());
        (1..=longest).rev().find_map(|count| {
            let joined = ids.get(..count)?.join(" ");
            Some((Arc::clone(self.prompts.get(&joined)?), count))
        })
    }
}

impl Manifest {
    fn read(text: &str) -> Result<Self, String> {
        let manifest: Self = toml::from_str(text).map_err(|e| e.to_string())?;
        if manifest.format != FORMAT {
            return Err(format!(
                "format {} is not known; this daemon reads format {FORMAT}",
                manifest.format
            ));
        }
        for (key, value) in [
            ("name", &manifest.name),
            ("licence", &manifest.licence),
            ("attribution", &manifest.attribution),
        ] {
            if value.trim().is_empty() {
                return Err(format!(
                    "`{key}` is empty; it is shown to whoever chooses a voice"
                ));
            }
        }
        if manifest.gap_ms > LONGEST_GAP_MS {
            return Err(format!(
                "gap_ms = {}: at most {LONGEST_GAP_MS}",
                manifest.gap_ms
            ));
        }
        for (ids, file) in &manifest.prompts {
            // A pack comes from elsewhere: it must not name files outside its own directory.
            let inside = file
                .components()
                .all(|part| matches!(part, Component::Normal(_)));
            if !inside || file.as_os_str().is_empty() {
                let file = file.display();
                return Err(format!(
                    "prompt \"{ids}\": \"{file}\" is not a file in the pack"
                ));
            }
        }
        Ok(manifest)
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
        let pack = VoicePack::load(directory.path()).unwrap();
        let samples = |ids: &[&str]| {
            let ids: Vec<String> = ids.iter().map(|s| (*s).to_owned()).collect();
            pack.timeline(&ids).map(|t| media::samples_in(t.duration()))
        };
        assert_eq!(samples(&["a", "b"]), Ok(1_000));
        assert_eq!(samples(&["b", "a"]), Ok(200 + 80 + 100));
        assert_eq!(
            samples(&["a", "a", "b", "same"]),
            Ok(100 + 80 + 1_000 + 80 + 100)
        );
        assert_eq!(samples(&[]), Ok(0));
        let missing = MissingSound::Prompt {
            voice: "v".into(),
            id: "c".into(),
        };
        assert_eq!(samples(&["a", "c"]), Err(missing));
    }

    #[test]
    fn a_manifest_that_is_wrong_is_refused_with_what_is_wrong() {
        for (text, expected) in [
            (HEAD.replace("format = 1", "format = 2"), "format 2"),
            (HEAD.replace("CC0-1.0", " "), "`licence`"),
            (HEAD.replace("licence", "license"), "license"),
            (format!("{HEAD}gap_ms = 60000\n"), "gap_ms = 60000"),
        ] {
            let reason = Manifest::read(&format!("{text}[prompts]\n")).unwrap_err();
            assert!(reason.contains(expected), "{reason}");
        }
        for file in ["../secret.wav", "/etc/passwd", "", "a/../../b.wav"] {
            let reason = Manifest::read(&format!("{HEAD}[prompts]\nx = \"{file}\"\n")).unwrap_err();
            assert!(reason.contains("prompt \"x\""), "{file}: {reason}");
        }
    }
}
