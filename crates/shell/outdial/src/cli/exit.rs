//! Exit codes, the same for every command.

use std::process::ExitCode;

use tonic::Code;

use super::client::Refusal;

/// How a command ended, for scripts. 0 is kept for "the thing asked for holds".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It did not hold, or did not work.
    Failure = 1,
    /// The command line cannot be understood.
    Usage = 2,
    /// What it names does not exist.
    NotFound = 3,
    /// What was given cannot be accepted, or not in this state.
    Refused = 4,
    /// Not signed in, or not allowed to.
    SignIn = 5,
    /// The daemon or a peer cannot be reached, or was too slow.
    Unavailable = 6,
    /// Done, but a part was left out: an import with rejected rows.
    Partial = 7,
    /// Ended by Ctrl-C (128 + SIGINT).
    Interrupted = 130,
}

/// Shown by `outdial --help`.
pub const HELP: &str = "Exit codes:
  0    the thing asked for holds
  1    it does not hold, or did not work
  2    the command line cannot be understood
  3    what it names does not exist
  4    what was given cannot be accepted, or not in this state
  5    not signed in, or not allowed to
  6    the daemon or a peer cannot be reached, or was too slow
  7    done, but a part was left out (an import with rejected rows)
  130  ended by Ctrl-C";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error that knows its exit code. Says what the error itself says.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
struct Coded {
    exit: Exit,
    error: anyhow::Error,
    #[source]
    cause: Option<Told>,
}

/// A cause, kept as the words it has.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Told {
    text: String,
    #[source]
    cause: Option<Box<Told>>,
}

fn told(error: Option<&(dyn std::error::Error + 'static)>) -> Option<Told> {
    error.map(|e| Told {
        text: e.to_string(),
        cause: told(e.source()).map(Box::new),
    })
}

/// Gives errors an exit code.
pub trait OrExit<T> {
    /// Ends with this code when it is an error.
    ///
    /// # Errors
    /// The error, with its code.
    fn or_exit(self, exit: Exit) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, exit: Exit) -> anyhow::Result<T> {
        self.map_err(|error| {
            let error = error.into();
            let cause = told(error.source());
            Coded { exit, error, cause }.into()
        })
    }
}

/// The code for an error: its own, else that of the RPC that failed, else 1.
pub fn code_of(error: &anyhow::Error) -> Exit {
    for cause in error.chain() {
        if let Some(coded) = cause.downcast_ref::<Coded>() {
            return coded.exit;
        }
        if let Some(refusal) = cause.downcast_ref::<Refusal>() {
            return Exit::of_rpc(refusal.code());
        }
    }
    Exit::Failure
}

impl Exit {
    /// The code for a refused RPC.
    pub const fn of_rpc(code: Code) -> Self {
        match code {
            Code::NotFound => Exit::NotFound,
            Code::InvalidArgument
            | Code::FailedPrecondition
            | Code::AlreadyExists
            | Code::Aborted
            | Code::OutOfRange => Exit::Refused,
            Code::Unauthenticated | Code::PermissionDenied => Exit::SignIn,
            Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted => {
                Exit::Unavailable
            }
            Code::Ok
            | Code::Cancelled
            | Code::Unknown
            | Code::Unimplemented
            | Code::Internal
            | Code::DataLoss => Exit::Failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_code_under_any_context() {
        let error = Err::<(), _>(anyhow::anyhow!("no such profile"))
            .or_exit(Exit::NotFound)
            .map_err(|e| e.context("could not judge"))
            .unwrap_err();
        assert_eq!(code_of(&error), Exit::NotFound);
        assert_eq!(error.root_cause().to_string(), "no such profile");
    }

    #[test]
    fn a_refused_rpc_has_the_code_of_its_status() {
        for (code, exit) in [
            (Code::NotFound, Exit::NotFound),
            (Code::InvalidArgument, Exit::Refused),
            (Code::FailedPrecondition, Exit::Refused),
            (Code::Unauthenticated, Exit::SignIn),
            (Code::PermissionDenied, Exit::SignIn),
            (Code::Unavailable, Exit::Unavailable),
            (Code::Internal, Exit::Failure),
        ] {
            let error = anyhow::Error::from(Refusal::from(tonic::Status::new(code, "because")));
            assert_eq!(code_of(&error), exit, "{code:?}");
        }
    }

    #[test]
    fn the_help_names_every_code() {
        use Exit as E;
        for exit in [
            E::Failure,
            E::Usage,
            E::NotFound,
            E::Refused,
            E::SignIn,
            E::Unavailable,
            E::Partial,
            E::Interrupted,
        ] {
            let code = exit as u8;
            assert!(
                HELP.lines()
                    .any(|l| l.split_whitespace().next() == Some(&code.to_string())),
                "{code}"
            );
        }
    }
}
