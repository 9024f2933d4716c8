//! The manifest of a voice pack (`pack.toml`), and which of its files say a row of prompts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::Problem;
use serde::Deserialize;

/// The only format so far.
const FORMAT: u32 = 1;

/// More silence between prompts is a slip of the unit.
const LONGEST_GAP_MS: u32 = 2_000;

/// A voice: files by prompt id, or by several ids joined with spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoicePack {
    /// BCP 47.
    pub lang: String,
    /// Its name.
    pub name: String,
    /// The licence of the recordings; to be shown.
    pub licence: String,
    /// Who must be named; to be shown.
    pub attribution: String,
    /// Sample rate of the files in hertz, for information.
    pub rate: Option<u32>,
    /// Silence between prompts.
    pub gap: Duration,
    prompts: BTreeMap<String, String>,
    longest: usize,
}

/// One file of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The ids it says, joined with spaces.
    pub ids: &'a str,
    /// The file, relative to the manifest.
    pub file: &'a str,
}

/// The manifest cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// Not TOML, or keys are missing or unknown.
    #[error("pack.toml cannot be read: {cause}")]
    Syntax {
        /// What the parser says, with line and column.
        cause: String,
    },
    /// Written for another version.
    #[error("pack.toml has format {format}; this version reads format {FORMAT}")]
    Format {
        /// The format given.
        format: u32,
    },
    /// Something that must be shown is empty.
    #[error("{key} in pack.toml is empty; it is shown to whoever chooses a voice")]
    Empty {
        /// The key.
        key: &'static str,
    },
    /// More than two seconds between prompts.
    #[error("gap_ms in pack.toml is {gap_ms}; at most {LONGEST_GAP_MS}")]
    Gap {
        /// The gap given.
        gap_ms: u32,
    },
    /// A file outside the pack.
    #[error("prompt \"{ids}\" in pack.toml names \"{file}\", which is not a file in the pack")]
    Outside {
        /// The prompt.
        ids: String,
        /// The file.
        file: String,
    },
    /// No prompt at all, or one without an id.
    #[error("pack.toml has a prompt without an id, or none at all")]
    NoPrompt,
}

impl PackError {
    /// Whose move it is.
    pub const fn problem(&self) -> Problem {
        match self {
            Self::Syntax { .. }
            | Self::Format { .. }
            | Self::Empty { .. }
            | Self::Gap { .. }
            | Self::Outside { .. }
            | Self::NoPrompt => Problem::Caller,
        }
    }
}

/// A voice lacks prompts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("voice \"{voice}\" lacks {}", .ids.join(", "))]
pub struct MissingPrompts {
    /// The voice.
    pub voice: String,
    /// Every id that no entry says, sorted.
    pub ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u32,
    lang: String,
    name: String,
    licence: String,
    attribution: String,
    rate: Option<u32>,
    #[serde(default)]
    gap_ms: u32,
    prompts: BTreeMap<String, String>,
}

impl VoicePack {
    /// Reads `pack.toml`.
    ///
    /// # Errors
    /// [`PackError`] by variant.
    pub fn parse(text: &str) -> Result<Self, PackError> {
        let manifest: Manifest = toml::from_str(text).map_err(|cause| PackError::Syntax {
            cause: cause.to_string(),
        })?;
        if manifest.format != FORMAT {
            return Err(PackError::Format {
                format: manifest.format,
            });
        }
        for (key, value) in [
            ("lang", &manifest.lang),
            ("name", &manifest.name),
            ("licence", &manifest.licence),
            ("attribution", &manifest.attribution),
        ] {
            if value.trim().is_empty() {
                return Err(PackError::Empty { key });
            }
        }
        if manifest.gap_ms > LONGEST_GAP_MS {
            return Err(PackError::Gap {
                gap_ms: manifest.gap_ms,
            });
        }
        let mut prompts = BTreeMap::new();
        for (ids, file) in manifest.prompts {
            // A pack comes from elsewhere: it must not name files outside its own directory.
            let inside = |part: &str| {
                !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', ':'])
            };
            if !file.split('/').all(inside) {
                return Err(PackError::Outside { ids, file });
            }
            prompts.insert(ids.split_whitespace().collect::<Vec<_>>().join(" "), file);
        }
        let longest = prompts
            .keys()
            .map(|ids| ids.split(' ').count())
            .max()
            .unwrap_or(0);
        if prompts.is_empty() || prompts.contains_key("") {
            return Err(PackError::NoPrompt);
        }
        Ok(Self {
            lang: manifest.lang,
            name: manifest.name,
            licence: manifest.licence,
            attribution: manifest.attribution,
            rate: manifest.rate,
            gap: Duration::from_millis(u64::from(manifest.gap_ms)),
            prompts,
            longest,
        })
    }

    /// Every entry, sorted by its ids.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.prompts.iter().map(|(ids, file)| Entry { ids, file })
    }

    /// Ids that have an entry of their own.
    pub fn ids(&self) -> BTreeSet<String> {
        self.prompts
            .keys()
            .filter(|ids| !ids.contains(' '))
            .cloned()
            .collect()
    }

    /// The entries that say these ids: at each place the longest that matches. So a pack of single words
    /// and one with whole phrases serve the same grammar.
    ///
    /// # Errors
    /// [`MissingPrompts`] with every id at which no entry begins.
    pub fn join<S: AsRef<str>>(&self, ids: &[S]) -> Result<Vec<Entry<'_>>, MissingPrompts> {
        let mut found = Vec::new();
        let mut missing = BTreeSet::new();
        let mut rest = ids;
        while let Some((first, after)) = rest.split_first() {
            match self.longest_match(rest) {
                Some((entry, used)) => {
                    found.push(entry);
                    rest = rest.get(used..).unwrap_or_default();
                }
                None => {
                    missing.insert(first.as_ref().to_owned());
                    rest = after;
                }
            }
        }
        if missing.is_empty() {
            Ok(found)
        } else {
            Err(MissingPrompts {
                voice: self.name.clone(),
                ids: missing.into_iter().collect(),
            })
        }
    }

    fn longest_match<S: AsRef<str>>(&self, ids: &[S]) -> Option<(Entry<'_>, usize)> {
        (1..=self.longest.min(ids.len())).rev().find_map(|count| {
            let joined = ids
                .get(..count)?
                .iter()
                .map(AsRef::as_ref)
                .collect::<Vec<_>>()
                .join(" ");
            let (ids, file) = self.prompts.get_key_value(&joined)?;
            Some((Entry { ids, file }, count))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "format = 1\nlang = \"ru\"\nname = \"anna\"\nlicence = \"CC0-1.0\"\nattribution = \"nobody\"\n";

    fn pack(prompts: &str) -> Result<VoicePack, PackError> {
        VoicePack::parse(&format!("{HEAD}[prompts]\n{prompts}"))
    }

    #[test]
    fn at_each_place_the_longest_entry_is_taken() {
        let pack = pack(
            "\"20\" = \"20.wav\"\n\"1m\" = \"1m.wav\"\n\"RUB.major.one\" = \"r.wav\"\n\"20  1m RUB.major.one\" = \"21r.wav\"",
        )
        .unwrap();
        let files = |ids: &[&str]| -> Vec<String> {
            pack.join(ids)
                .unwrap()
                .iter()
                .map(|e| e.file.to_owned())
                .collect()
        };
        assert_eq!(files(&["20", "1m", "RUB.major.one"]), ["21r.wav"]);
        assert_eq!(
            files(&["20", "1m", "20", "1m", "RUB.major.one"]),
            ["20.wav", "1m.wav", "21r.wav"]
        );
        assert_eq!(files(&[]), [""; 0]);
    }

    #[test]
    fn every_missing_id_is_named_once() {
        let refused = pack("\"20\" = \"20.wav\"")
            .unwrap()
            .join(&["30", "20", "1f", "30"])
            .unwrap_err();
        assert_eq!(refused.to_string(), "voice \"anna\" lacks 1f, 30");
    }

    #[test]
    fn a_manifest_that_hides_something_or_leaves_its_directory_is_refused() {
        for prompts in [
            "\"1\" = \"../1.wav\"",
            "\"1\" = \"/1.wav\"",
            "\"1\" = \"a\\\\1.wav\"",
            "\"1\" = \"\"",
        ] {
            assert!(
                matches!(pack(prompts), Err(PackError::Outside { .. })),
                "{prompts}"
            );
        }
        assert!(matches!(pack(""), Err(PackError::NoPrompt)));
        assert!(matches!(
            pack("\" \" = \"1.wav\""),
            Err(PackError::NoPrompt)
        ));
        let with = |change: (&str, &str)| {
            VoicePack::parse(&format!(
                "{}[prompts]\n\"1\" = \"1.wav\"",
                HEAD.replace(change.0, change.1)
            ))
        };
        assert!(matches!(
            with(("CC0-1.0", " ")),
            Err(PackError::Empty { key: "licence" })
        ));
        assert!(matches!(
            with(("format = 1", "format = 2")),
            Err(PackError::Format { format: 2 })
        ));
        assert!(matches!(
            with(("lang", "tongue")),
            Err(PackError::Syntax { .. })
        ));
        assert!(matches!(
            with(("format = 1", "format = 1\ngap_ms = 9000")),
            Err(PackError::Gap { gap_ms: 9000 })
        ));
        assert!(with(("", "")).is_ok());
    }
}
