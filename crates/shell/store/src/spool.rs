//! What is to be written while the database is away, on disk: nothing that was acknowledged is lost.
//!
//! A file of frames, each the length of its text, the text's CRC-32 and the text (JSON), appended and
//! synced before anything is acknowledged. It is replayed in order and then emptied; a crash in the middle
//! of that replays all of it again, which every write bears.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use engine::{AgentLog, FinishedAttempt, Launch, OutcomeRecord, ReturnedClaim};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::node::Run;
use crate::progress::Progress;

/// Something to be written, and by which run: ends are fenced by it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) run: Run,
    pub(crate) write: Write,
}

/// What is written without anybody waiting for an answer with data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Write {
    Return(Vec<ReturnedClaim>),
    Progress(Progress),
    Finish(Box<FinishedAttempt>),
    SaveOutcome(Box<OutcomeRecord>),
    LogAgent(AgentLog),
    /// Launches whose commit was not answered, and which were never sent.
    Undo(Vec<Launch>),
}

/// Length and CRC-32, each little-endian.
const HEADER_BYTES: usize = 8;
/// No entry is near this; a length above it is no length.
const ENTRY_MAX_BYTES: usize = 16 * 1024 * 1024;

/// The file.
#[derive(Debug)]
pub(crate) struct Spool {
    path: PathBuf,
    file: File,
    /// Where the last whole frame ends.
    end: u64,
}

impl Spool {
    /// Opens or makes the file. A tail that a crash cut off in the middle of a frame was never
    /// acknowledged and is removed.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Spool {
            path: path.to_owned(),
            source,
        };
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).map_err(failed)?;
        }
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed)?;
        let mut spool = Self {
            path: path.to_owned(),
            file,
            end: 0,
        };
        spool.end = spool.scan(|_| Ok(()))?;
        let length = spool.file.metadata().map_err(failed)?.len();
        if length > spool.end {
            tracing::warn!(
                file = %path.display(), bytes = length - spool.end,
                "the spool ends in the middle of an entry that was never acknowledged; removing that"
            );
            spool.file.set_len(spool.end).map_err(failed)?;
        }
        Ok(spool)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.end == 0
    }

    /// Appends, and returns when the disk has it. On failure nothing was appended.
    pub(crate) fn append(&mut self, entries: &[Entry]) -> Result<(), Error> {
        let mut bytes = Vec::new();
        for entry in entries {
            let text = serde_json::to_vec(entry).map_err(|e| self.failed(e.into()))?;
            let length =
                u32::try_from(text.len()).map_err(|e| self.failed(std::io::Error::other(e)))?;
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&crc32fast::hash(&text).to_le_bytes());
            bytes.extend_from_slice(&text);
        }
        // At the last whole frame: what a failed write left behind it is overwritten.
        let written = self
            .file
            .seek(SeekFrom::Start(self.end))
            .and_then(|_| self.file.write_all(&bytes))
            .and_then(|()| self.file.sync_data());
        written.map_err(|e| self.failed(e))?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// Every entry, oldest first.
    pub(crate) fn entries(&mut self) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        self.scan(|entry| {
            entries.push(entry);
            Ok(())
        })?;
        Ok(entries)
    }

    /// Forgets everything, once it is written elsewhere.
    pub(crate) fn clear(&mut self) -> Result<(), Error> {
        self.file
            .set_len(0)
            .and_then(|()| self.file.sync_data())
            .map_err(|e| self.failed(e))?;
        self.end = 0;
        Ok(())
    }

    /// Reads whole frames from the start; returns where they end.
    fn scan(&mut self, mut each: impl FnMut(Entry) -> Result<(), Error>) -> Result<u64, Error> {
        self.file
            .seek(SeekFrom::Start(0))
            .map_err(|e| self.failed(e))?;
        let mut reader = BufReader::new(&self.file);
        let mut end = 0;
        while let Some(text) = frame(&mut reader) {
            // Our own text of another version of the program: the crash is not the cause, so that it must
            // not be cut off.
            let entry = serde_json::from_slice(&text).map_err(|e| self.failed(e.into()))?;
            each(entry)?;
            end += (HEADER_BYTES + text.len()) as u64;
        }
        Ok(end)
    }

    fn failed(&self, source: std::io::Error) -> Error {
        Error::Spool {
            path: self.path.clone(),
            source,
        }
    }
}

/// The next frame's text; `None` at the end or where the bytes are no whole frame.
fn frame(reader: &mut impl Read) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    let mut sum = [0; 4];
    reader.read_exact(&mut length).ok()?;
    reader.read_exact(&mut sum).ok()?;
    let length = usize::try_from(u32::from_le_bytes(length))
        .ok()
        .filter(|n| *n <= ENTRY_MAX_BYTES)?;
    let mut text = vec![0; length];
    reader.read_exact(&mut text).ok()?;
    (crc32fast::hash(&text) == u32::from_le_bytes(sum)).then_some(text)
}

#[cfg(test)]
mod tests {
    use model::{AgentId, NodeId, WallTime};

    use super::*;

    #[test]
    fn a_spool_gives_back_in_order_what_it_was_given_also_after_opening_it_again() {
        let path = path("order");
        let mut spool = Spool::open(&path).unwrap();
        spool.append(&[entry(1), entry(2)]).unwrap();
        spool.append(&[entry(3)]).unwrap();
        drop(spool);
        let mut spool = Spool::open(&path).unwrap();
        assert_eq!(spool.entries().unwrap(), [entry(1), entry(2), entry(3)]);
        spool.clear().unwrap();
        assert!(Spool::open(&path).unwrap().is_empty());
    }

    #[test]
    fn wherever_a_crash_cuts_the_file_the_whole_entries_before_it_stay() {
        let path = path("cut");
        let mut spool = Spool::open(&path).unwrap();
        spool.append(&[entry(1)]).unwrap();
        let first = spool.end;
        spool.append(&[entry(2)]).unwrap();
        drop(spool);
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() as u64 {
            std::fs::write(&path, &whole[..usize::try_from(cut).unwrap()]).unwrap();
            let mut spool = Spool::open(&path).unwrap();
            let left = spool.entries().unwrap();
            assert_eq!(left.len(), usize::from(cut >= first), "cut at {cut}");
            spool.append(&[entry(9)]).unwrap();
            assert_eq!(
                spool.entries().unwrap().last(),
                Some(&entry(9)),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn a_flipped_bit_ends_the_reading_before_it() {
        let path = path("flip");
        let mut spool = Spool::open(&path).unwrap();
        spool.append(&[entry(1)]).unwrap();
        let first = usize::try_from(spool.end).unwrap();
        spool.append(&[entry(2)]).unwrap();
        drop(spool);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[first + HEADER_BYTES + 3] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(Spool::open(&path).unwrap().entries().unwrap(), [entry(1)]);
    }

    fn path(name: &str) -> PathBuf {
        let path =
            std::env::temp_dir().join(format!("outdial-spool-{}-{name}", std::process::id()));
        if path.exists() {
            std::fs::remove_file(&path).unwrap();
        }
        path
    }

    fn entry(n: i32) -> Entry {
        let log = AgentLog {
            agent: AgentId(n),
            state: engine::AgentState::Ready,
            reason: String::new(),
            campaign: None,
            attempt: None,
            at: WallTime::from_unix_seconds(i64::from(n)),
        };
        Entry {
            run: Run {
                node: NodeId(1),
                epoch: 7,
            },
            write: Write::LogAgent(log),
        }
    }
}
