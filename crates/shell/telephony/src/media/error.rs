//! What can go wrong with sounds and with the media thread.

use std::io;
use std::path::PathBuf;

use model::Problem;

/// A voice pack or recording cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// A file or directory cannot be read.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// `pack.toml` does not say what it must.
    #[error("{path}: {source}")]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong, with the line where there is one.
        source: announce::PackError,
    },
    /// A sound file is damaged or of a kind that is not read.
    #[error("{path}: {source}")]
    Sound {
        /// The file.
        path: PathBuf,
        /// Why.
        source: media::MediaError,
    },
    /// Two packs have one name.
    #[error("{path}: a voice pack called \"{name}\" was loaded already; rename one of them")]
    SameName {
        /// The manifest of the second.
        path: PathBuf,
        /// The name.
        name: String,
    },
}

impl LibraryError {
    /// Whose move it is.
    pub const fn problem(&self) -> Problem {
        match self {
            Self::Read { .. }
            | Self::Manifest { .. }
            | Self::Sound { .. }
            | Self::SameName { .. } => Problem::Caller,
        }
    }
}

/// Something is to be played that is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MissingSound {
    /// No voice pack of that name.
    #[error("there is no voice pack \"{voice}\"; install it or choose another voice")]
    Voice {
        /// The name asked for.
        voice: String,
    },
    /// The pack has neither these prompts nor joined prompts that hold them.
    #[error("{0}; record them or choose another voice")]
    Prompts(#[from] announce::MissingPrompts),
    /// No recording of that name.
    #[error("there is no recording \"{name}\"; upload it first")]
    Recording {
        /// The name asked for.
        name: String,
    },
}

impl MissingSound {
    /// Whose move it is.
    pub const fn problem(&self) -> Problem {
        match self {
            Self::Voice { .. } | Self::Prompts(_) | Self::Recording { .. } => Problem::Caller,
        }
    }
}

/// The media thread cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The port range holds no even port.
    #[error("RTP ports {first} to {last}: the range needs an even port of at least 1024")]
    PortRange {
        /// First port given.
        first: u16,
        /// Last port given.
        last: u16,
    },
    /// The system refused something the thread cannot do without.
    #[error("the media thread cannot {what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl MediaError {
    /// Whose move it is.
    pub const fn problem(&self) -> Problem {
        match self {
            Self::PortRange { .. } => Problem::Caller,
            Self::System { .. } => Problem::Busy,
        }
    }
}
