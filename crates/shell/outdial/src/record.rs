//! Recording a run and replaying it: the same inputs must give the same effects, byte for byte.
//!
//! A recording is a directory: `run.json` with the seed, `inputs.jsonl` with one input and its clocks a
//! line, `effects.jsonl` with one effect a line, each with the number of the input that caused it. It
//! holds people's numbers and names in clear text: its files are readable by their owner alone.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use engine::{Effect, Engine, Input};
use model::Now;
use serde::{Deserialize, Serialize};

/// Writes what goes into the engine and what comes out.
#[derive(Debug)]
pub struct Recorder {
    inputs: BufWriter<File>,
    effects: BufWriter<File>,
    number: u64,
    failed: bool,
}

#[derive(Serialize, Deserialize)]
struct Run {
    format: u32,
    seed: u64,
}

#[derive(Serialize, Deserialize)]
struct Line<T> {
    n: u64,
    now: Now,
    input: T,
}

#[derive(Serialize)]
struct EffectLine<'a> {
    n: u64,
    effect: &'a Effect,
}

/// A recording cannot be written or read, or differs.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A file of it.
    #[error("could not use {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// A line that is not what this version writes.
    #[error("{}, line {line}: not a recorded input of this version", path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// Why.
        #[source]
        cause: serde_json::Error,
    },
    /// The replay gave another effect.
    #[error("effect {line} differs\n  recorded: {recorded}\n  replayed: {replayed}")]
    Differs {
        /// Which effect, from 1.
        line: usize,
        /// As recorded.
        recorded: String,
        /// As replayed.
        replayed: String,
    },
}

/// What a replay went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// Inputs handed in.
    pub inputs: u64,
    /// Effects compared.
    pub effects: u64,
}

impl Recorder {
    /// Makes the directory and begins to record.
    ///
    /// # Errors
    /// [`RecordError::File`].
    pub fn create(directory: &Path, seed: u64) -> Result<Self, RecordError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            |cause| RecordError::File { path, cause }
        };
        std::fs::create_dir_all(directory).map_err(failed(directory))?;
        let open = |name: &str| {
            let path = directory.join(name);
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&path);
            file.map(BufWriter::new).map_err(failed(&path))
        };
        let mut run = open("run.json")?;
        let header = serde_json::to_string(&Run { format: 1, seed }).unwrap_or_default();
        run.write_all(header.as_bytes())
            .and_then(|()| run.flush())
            .map_err(failed(directory))?;
        Ok(Self {
            inputs: open("inputs.jsonl")?,
            effects: open("effects.jsonl")?,
            number: 0,
            failed: false,
        })
    }

    /// Writes an input. The first failure is logged and ends the recording, not the dialling.
    pub fn input(&mut self, now: Now, input: &Input) {
        self.number += 1;
        let line = Line {
            n: self.number,
            now,
            input,
        };
        let written = write_line(&mut self.inputs, &line);
        self.note(written);
    }

    /// Writes an effect of the last input.
    pub fn effect(&mut self, effect: &Effect) {
        let line = EffectLine {
            n: self.number,
            effect,
        };
        let written = write_line(&mut self.effects, &line);
        self.note(written);
    }

    fn note(&mut self, written: std::io::Result<()>) {
        if let Err(error) = written
            && !std::mem::replace(&mut self.failed, true)
        {
            tracing::error!(%error, "the recording stops here");
        }
    }
}

fn write_line(to: &mut impl Write, line: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *to, line)?;
    to.write_all(b"\n")
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let flushed = self.inputs.flush().and_then(|()| self.effects.flush());
        self.note(flushed);
    }
}

/// Hands the recorded inputs to an engine of its own and compares every effect with the recorded one.
///
/// # Errors
/// [`RecordError`] by variant; [`RecordError::Differs`] at the first difference.
pub fn replay(directory: &Path) -> Result<Replayed, RecordError> {
    let open = |name: &str| {
        let path = directory.join(name);
        match File::open(&path) {
            Ok(file) => Ok((path, BufReader::new(file))),
            Err(cause) => Err(RecordError::File { path, cause }),
        }
    };
    let (path, run) = open("run.json")?;
    let run: Run = serde_json::from_reader(run).map_err(|cause| RecordError::Line {
        path,
        line: 1,
        cause,
    })?;
    let mut engine = Engine::new(run.seed);
    let (inputs_path, inputs) = open("inputs.jsonl")?;
    let (effects_path, effects) = open("effects.jsonl")?;
    let mut effects = effects.lines();
    let mut replayed = Replayed {
        inputs: 0,
        effects: 0,
    };
    for (i, line) in inputs.lines().enumerate() {
        let line = line.map_err(|cause| RecordError::File {
            path: inputs_path.clone(),
            cause,
        })?;
        let bad = |cause| RecordError::Line {
            path: inputs_path.clone(),
            line: i + 1,
            cause,
        };
        let line: Line<Input> = serde_json::from_str(&line).map_err(bad)?;
        engine.handle(line.now, line.input);
        replayed.inputs += 1;
        while let Some(effect) = engine.poll_effect() {
            let again = EffectLine {
                n: line.n,
                effect: &effect,
            };
            let again = serde_json::to_string(&again).unwrap_or_default();
            let recorded = effects.next().transpose();
            let recorded = recorded.map_err(|cause| RecordError::File {
                path: effects_path.clone(),
                cause,
            })?;
            replayed.effects += 1;
            compare(recorded.as_deref(), Some(&again), replayed.effects)?;
        }
    }
    let left = effects
        .next()
        .transpose()
        .map_err(|cause| RecordError::File {
            path: effects_path,
            cause,
        })?;
    compare(left.as_deref(), None, replayed.effects + 1)?;
    Ok(replayed)
}

fn compare(recorded: Option<&str>, replayed: Option<&str>, line: u64) -> Result<(), RecordError> {
    if recorded == replayed {
        return Ok(());
    }
    let text = |line: Option<&str>| line.unwrap_or("(nothing)").to_owned();
    Err(RecordError::Differs {
        line: usize::try_from(line).unwrap_or(usize::MAX),
        recorded: text(recorded),
        replayed: text(replayed),
    })
}

#[cfg(test)]
mod tests {
    use engine::{Ask, RequestId};
    use model::{Timestamp, WallTime};

    use super::*;

    fn recorded() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::create(dir.path(), 9).unwrap();
        let mut engine = Engine::new(9);
        for n in 1..=5 {
            let now = Now {
                mono: Timestamp::from_millis(n),
                wall: WallTime::from_unix_seconds(n as i64),
            };
            let input = Input::Request {
                request: RequestId(n),
                ask: Ask::Board,
            };
            recorder.input(now, &input);
            engine.handle(now, input);
            while let Some(effect) = engine.poll_effect() {
                recorder.effect(&effect);
            }
        }
        dir
    }

    #[test]
    fn a_recording_replays_to_the_same_effects() {
        let dir = recorded();
        assert_eq!(
            replay(dir.path()).unwrap(),
            Replayed {
                inputs: 5,
                effects: 5
            }
        );
    }

    #[test]
    fn a_recording_whose_effects_were_changed_is_found_out() {
        let dir = recorded();
        let path = dir.path().join("effects.jsonl");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(
            &path,
            text.replacen("\"store_up\":true", "\"store_up\":false", 1),
        )
        .unwrap();
        assert!(matches!(
            replay(dir.path()),
            Err(RecordError::Differs { line: 1, .. })
        ));
        std::fs::write(
            &path,
            text.lines()
                .take(4)
                .map(|l| format!("{l}\n"))
                .collect::<String>(),
        )
        .unwrap();
        assert!(matches!(
            replay(dir.path()),
            Err(RecordError::Differs { line: 5, .. })
        ));
    }
}
