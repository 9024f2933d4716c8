//! What can go wrong with a simulated world.

use std::io;
use std::net::SocketAddr;

use model::Problem;

/// Something of the simulated world could not be set up, or an agent of it was refused.
#[derive(Debug, thiserror::Error)]
pub enum TestkitError {
    /// Simulated people and phones must never meet real ones.
    #[error(
        "{addr} is not a loopback address; simulated carriers and phones stay on this machine, for example on 127.0.0.1:0"
    )]
    NotLoopback {
        /// The address asked for.
        addr: SocketAddr,
    },
    /// The system refused a socket.
    #[error("cannot open a UDP socket on {addr}; choose a free port, or 0 for any")]
    Bind {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// The system refused something else.
    #[error("cannot {what}")]
    System {
        /// What was asked of it.
        what: &'static str,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// The thread behind a handle is gone.
    #[error("the thread of the simulated {who} has ended")]
    Stopped {
        /// Whose.
        who: &'static str,
    },
    /// The daemon cannot be reached over gRPC.
    #[error("cannot connect to the daemon at {url}")]
    Connect {
        /// Where.
        url: String,
        /// Why.
        #[source]
        cause: tonic::transport::Error,
    },
    /// The daemon refused a call of a simulated agent.
    #[error("agent \"{login}\": {rpc} was refused")]
    Refused {
        /// Who called.
        login: String,
        /// What.
        rpc: &'static str,
        /// Why.
        #[source]
        cause: Box<tonic::Status>,
    },
    /// An answer that the contract does not allow.
    #[error("agent \"{login}\": {rpc} was answered without {missing}")]
    Incomplete {
        /// Who called.
        login: String,
        /// What.
        rpc: &'static str,
        /// What should be there.
        missing: &'static str,
    },
}

impl TestkitError {
    /// Whose move it is.
    pub const fn problem(&self) -> Problem {
        match self {
            Self::NotLoopback { .. } | Self::Bind { .. } => Problem::Caller,
            Self::System { .. } | Self::Connect { .. } => Problem::Busy,
            Self::Refused { .. } => Problem::Unclear,
            Self::Stopped { .. } | Self::Incomplete { .. } => Problem::Bug,
        }
    }
}

/// Makes an error of a refusal of the system.
pub(crate) fn system(what: &'static str) -> impl FnOnce(io::Error) -> TestkitError {
    move |cause| TestkitError::System { what, cause }
}
