//! What a campaign may name that does not live in the database.

use std::collections::BTreeSet;
use std::sync::Arc;

use announce::Language;
use compliance::Profile;

/// Profiles, voices and recordings as installed. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Catalogue(Arc<Contents>);

/// What is installed.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// Every version of every calling-rule profile.
    pub profiles: Vec<Profile>,
    /// Voice packs, the preferred first.
    pub voices: Vec<Voice>,
    /// Names of recordings.
    pub recordings: BTreeSet<String>,
}

/// A voice pack, as far as a campaign is checked against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voice {
    /// Its name.
    pub name: String,
    /// BCP 47.
    pub language: String,
    /// Ids of its prompts.
    pub prompts: BTreeSet<String>,
}

impl Catalogue {
    /// Of these contents.
    pub fn new(contents: Contents) -> Self {
        Self(Arc::new(contents))
    }

    /// Every version of a profile.
    pub(crate) fn profile(&self, id: &str) -> impl Iterator<Item = &Profile> {
        self.0.profiles.iter().filter(move |p| p.id == id)
    }

    /// Ids of the profiles, sorted.
    pub fn profile_ids(&self) -> BTreeSet<&str> {
        self.0.profiles.iter().map(|p| p.id.as_str()).collect()
    }

    /// The voice of that name; of the empty name, the first that speaks the language, or any at all.
    pub(crate) fn voice(&self, name: &str, language: Option<Language>) -> Option<&Voice> {
        self.0.voices.iter().find(|v| {
            if name.is_empty() {
                language.is_none_or(|l| v.language.parse() == Ok(l))
            } else {
                v.name == name
            }
        })
    }

    /// Names of the voices.
    pub(crate) fn voice_names(&self) -> impl Iterator<Item = &str> {
        self.0.voices.iter().map(|v| v.name.as_str())
    }

    pub(crate) fn recordings(&self) -> &BTreeSet<String> {
        &self.0.recordings
    }
}
