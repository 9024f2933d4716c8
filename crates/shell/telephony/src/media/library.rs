//! Everything that can be played: voices, recordings, and tones that we make ourselves.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use announce::VoicePack;
use engine::{Sound, Tone};
use media::{Piece, Timeline, connected_tone, fault_tone, hold_beep};

use super::error::{LibraryError, MissingSound};
use super::loaded_voice::{LoadedVoice, load_piece};

/// Sounds by name, loaded and encoded once and shared by all calls. Ask [`PromptLibrary::resolve`]
/// before a call for what it will play, so that nothing is missing in the middle of a sentence.
#[derive(Debug)]
pub struct PromptLibrary {
    /// In the order of their directories.
    voices: Vec<LoadedVoice>,
    recordings: RwLock<BTreeMap<String, Arc<Piece>>>,
    connected: Arc<Piece>,
    hold: Arc<Piece>,
    fault: Arc<Piece>,
}

impl Default for PromptLibrary {
    /// Tones only.
    fn default() -> Self {
        Self {
            voices: Vec::new(),
            recordings: RwLock::default(),
            connected: Arc::new(Piece::new(connected_tone())),
            hold: Arc::new(Piece::new(hold_beep())),
            fault: Arc::new(Piece::new(fault_tone())),
        }
    }
}

impl PromptLibrary {
    /// Loads every directory in `voices` that has a `pack.toml`, and every WAV file in `recordings`, by
    /// its name without `.wav`. Reads and encodes all files: seconds for large voices, not for the media
    /// thread to do.
    ///
    /// # Errors
    /// At the first thing that cannot be loaded: a voice with holes is worse than a start refused.
    pub fn load(voices: Option<&Path>, recordings: Option<&Path>) -> Result<Self, LibraryError> {
        let mut library = Self::default();
        for directory in entries(voices)? {
            let manifest = directory.join("pack.toml");
            if !manifest.is_file() {
                continue;
            }
            let voice = LoadedVoice::load(&directory)?;
            let name = &voice.manifest().name;
            if library.voice(name).is_some() {
                return Err(LibraryError::SameName {
                    path: manifest,
                    name: name.clone(),
                });
            }
            library.voices.push(voice);
        }
        for path in entries(recordings)? {
            let name = path.file_stem().and_then(OsStr::to_str);
            if let Some(name) = name.filter(|_| path.extension() == Some(OsStr::new("wav"))) {
                library.add(name, load_piece(&path)?);
            }
        }
        Ok(library)
    }

    /// Adds a recording while calls go on, or replaces it for the plays to come.
    ///
    /// # Errors
    /// When `wav` is no sound that can be read.
    pub fn add_recording(&self, name: &str, wav: &[u8]) -> Result<(), media::MediaError> {
        let piece = Piece::new(media::read_wav(wav)?);
        self.add(name, Arc::new(piece));
        Ok(())
    }

    /// What is known of the voices, in the order of their directories.
    pub fn voices(&self) -> impl Iterator<Item = &VoicePack> {
        self.voices.iter().map(LoadedVoice::manifest)
    }

    /// The names of the recordings.
    pub fn recordings(&self) -> BTreeSet<String> {
        let recordings = self
            .recordings
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        recordings.keys().cloned().collect()
    }

    /// Joins sounds into what will be played.
    ///
    /// # Errors
    /// When a sound is missing, by its name.
    pub fn resolve(&self, sounds: &[Sound]) -> Result<Timeline, MissingSound> {
        let mut timeline = Timeline::default();
        for sound in sounds {
            match sound {
                Sound::Prompts { voice, ids } => {
                    let loaded = self.voice(voice).ok_or_else(|| MissingSound::Voice {
                        voice: voice.clone(),
                    })?;
                    timeline.append(loaded.timeline(ids)?);
                }
                Sound::Recording { name } => timeline.push(self.recording(name)?),
                Sound::Silence { length } => timeline.push_silence(*length),
                Sound::Tone { tone } => timeline.push(self.tone(*tone)),
            }
        }
        Ok(timeline)
    }

    fn voice(&self, name: &str) -> Option<&LoadedVoice> {
        self.voices.iter().find(|v| v.manifest().name == name)
    }

    fn recording(&self, name: &str) -> Result<Arc<Piece>, MissingSound> {
        // The map is whole even if a thread died while it held the lock: one insert is all that is done.
        let recordings = self
            .recordings
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let piece = recordings
            .get(name)
            .ok_or_else(|| MissingSound::Recording {
                name: name.to_owned(),
            })?;
        Ok(Arc::clone(piece))
    }

    fn tone(&self, tone: Tone) -> Arc<Piece> {
        Arc::clone(match tone {
            Tone::Connected => &self.connected,
            Tone::Hold => &self.hold,
            Tone::Fault => &self.fault,
        })
    }

    fn add(&self, name: &str, piece: Arc<Piece>) {
        let mut recordings = self
            .recordings
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        recordings.insert(name.to_owned(), piece);
    }
}

/// What lies in a directory, sorted; nothing for no directory.
fn entries(directory: Option<&Path>) -> Result<Vec<PathBuf>, LibraryError> {
    let Some(directory) = directory else {
        return Ok(Vec::new());
    };
    let unreadable = |source| LibraryError::Read {
        path: directory.to_owned(),
        source,
    };
    let mut paths = fs::read_dir(directory)
        .map_err(unreadable)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn sounds_of_all_kinds_join_in_their_order() {
        let directory = tempfile::tempdir().unwrap();
        write_wav(&directory.path().join("greeting.wav"), &[1_000; 80]);
        fs::write(directory.path().join("notes.txt"), "not a sound").unwrap();
        let library = PromptLibrary::load(None, Some(directory.path())).unwrap();
        let timeline = library
            .resolve(&[
                Sound::Silence {
                    length: Duration::from_millis(200),
                },
                Sound::Recording {
                    name: "greeting".into(),
                },
                Sound::Tone {
                    tone: Tone::Connected,
                },
            ])
            .unwrap();
        assert_eq!(timeline.duration(), Duration::from_millis(200 + 10 + 150));
    }

    #[test]
    fn what_is_missing_is_named_before_the_call() {
        let library = PromptLibrary::default();
        let missing = |sound| library.resolve(&[sound]).unwrap_err().to_string();
        let recording = missing(Sound::Recording {
            name: "promo".into(),
        });
        assert!(recording.contains("\"promo\""), "{recording}");
        let voice = missing(Sound::Prompts {
            voice: "ru".into(),
            ids: vec!["0".into()],
        });
        assert!(voice.contains("\"ru\""), "{voice}");
    }

    #[test]
    fn a_recording_can_be_added_while_the_library_is_in_use() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("late.wav");
        write_wav(&path, &[7; 800]);
        let library = Arc::new(PromptLibrary::default());
        let sound = [Sound::Recording {
            name: "late".into(),
        }];
        assert!(library.resolve(&sound).is_err());
        library
            .add_recording("late", &fs::read(&path).unwrap())
            .unwrap();
        assert_eq!(
            library.resolve(&sound).unwrap().duration(),
            Duration::from_millis(100)
        );
        assert!(library.add_recording("bad", b"RIFF").is_err());
    }

    #[test]
    fn a_damaged_recording_and_a_directory_that_is_not_there_are_named() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("bad.wav"), "RIFF").unwrap();
        let error = PromptLibrary::load(None, Some(directory.path()))
            .unwrap_err()
            .to_string();
        assert!(error.contains("bad.wav"), "{error}");
        let gone = directory.path().join("gone");
        let error = PromptLibrary::load(Some(&gone), None)
            .unwrap_err()
            .to_string();
        assert!(error.contains("gone"), "{error}");
    }

    /// Writes 16 bits at 8 kHz.
    pub(in crate::media) fn write_wav(path: &Path, samples: &[i16]) {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: media::SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(path, spec).unwrap();
        samples
            .iter()
            .for_each(|s| writer.write_sample(*s).unwrap());
        writer.finalize().unwrap();
    }
}
