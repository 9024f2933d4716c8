//! What can go wrong when a shard is set up or spoken to.

use std::net::SocketAddr;

use model::Problem;

/// Errors of the SIP half.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// The socket could not be had.
    #[error("SIP address {addr} cannot be bound; choose another port or stop what uses it")]
    Bind {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The poller, the waker or the thread could not be had.
    #[error("the SIP shard cannot be set up")]
    SetUp(#[source] std::io::Error),
    /// The system gave no random bytes, without which tags could be guessed.
    #[error("the system gives no random bytes")]
    Random(#[source] getrandom::Error),
    /// Bound to every address, so peers cannot be told which one to answer to.
    #[error("SIP is bound to {addr}, which is no address to answer to; set the advertised address")]
    NoAdvertisedAddress {
        /// The address asked for.
        addr: SocketAddr,
    },
    /// The file for calls in progress cannot be used.
    #[error("{} cannot be used; check its owner and the free space", path.display())]
    Keepsake {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The shard's thread has ended.
    #[error("the SIP shard has stopped")]
    Stopped,
}

impl ShardError {
    /// Whose move it is.
    pub const fn problem(&self) -> Problem {
        match self {
            Self::Bind { .. } | Self::NoAdvertisedAddress { .. } | Self::Keepsake { .. } => {
                Problem::Caller
            }
            Self::SetUp(_) | Self::Random(_) | Self::Stopped => Problem::Busy,
        }
    }
}
