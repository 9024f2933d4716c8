//! Everything that an RPC can fail with, and what the client hears of it.

use std::time::Duration;

use model::Problem;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, StatusExt};

/// Something wrong with one field of a request or of a campaign.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldProblem {
    /// The field as the proto file names it, for example `campaign.ring_limit`; empty: the whole.
    pub field: String,
    /// A stable name, for example `out_of_range`.
    pub reason: &'static str,
    /// In words, with what to do.
    pub description: String,
}

impl FieldProblem {
    /// About one field.
    pub fn new(
        field: impl Into<String>,
        reason: &'static str,
        description: impl Into<String>,
    ) -> Self {
        Self {
            field: field.into(),
            reason,
            description: description.into(),
        }
    }
}

/// Why an RPC failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No token, or one that is void.
    #[error("not signed in; sign in and send the access token as `authorization: Bearer TOKEN`")]
    NotSignedIn,
    /// Login and password do not belong together.
    #[error("login or password is wrong")]
    WrongPassword,
    /// The set-up token was used or is another.
    #[error(
        "the set-up token is not valid; it works once, and the newest start of the daemon printed the right one"
    )]
    WrongSetupToken,
    /// Too many failures.
    #[error("too many failed sign-ins; try again in {} s", wait.as_secs().max(1))]
    Throttled {
        /// How long.
        wait: Duration,
    },
    /// The role may not call it.
    #[error("{method} is not for the role {role}")]
    Forbidden {
        /// Path of the method.
        method: String,
        /// The caller's role.
        role: &'static str,
    },
    /// Fields of the request cannot be accepted.
    #[error("{}", describe(.0))]
    Invalid(Vec<FieldProblem>),
    /// Nothing is wrong with the request, but what it is about is not ready for it.
    #[error("{}", describe(.problems))]
    NotReady {
        /// What it is about, for example `campaign 3`.
        subject: String,
        /// Everything that stands in the way.
        problems: Vec<FieldProblem>,
    },
    /// No such thing.
    #[error("{what} {id} does not exist; check its id")]
    NotFound {
        /// Kind of the thing.
        what: &'static str,
        /// Its key.
        id: String,
    },
    /// Another session of the agent is alive.
    #[error("you have another session; end it, or open this one with take_over")]
    SessionOpen,
    /// The session was closed, taken over, or belongs to somebody else.
    #[error("the session is over; open a new one")]
    SessionOver,
    /// A later stream took over.
    #[error("another stream of this session was opened; this one ends")]
    StreamReplaced,
    /// The request id was used for something else.
    #[error("request_id {id} was used for another request; choose a fresh one")]
    RequestIdReused {
        /// The id.
        id: String,
    },
    /// The request with this id is being carried out, or its answer was not kept.
    #[error(
        "request_id {id} is being carried out, or its answer cannot be shown again; read what became of it"
    )]
    RequestOpen {
        /// The id.
        id: String,
    },
    /// The engine refused.
    #[error(transparent)]
    Refused(#[from] engine::Refused),
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The engine has more to do than it can.
    #[error("the dialer has too many requests; try again in a moment")]
    EngineBusy,
    /// The engine ended.
    #[error("the dialer has been shut down; try again when it is back")]
    EngineGone,
    /// The engine answered with something else than was asked for, or our own data cannot be read.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Error {
    /// One field of the request is wrong.
    pub(crate) fn invalid(
        field: impl Into<String>,
        reason: &'static str,
        description: impl Into<String>,
    ) -> Self {
        Self::Invalid(vec![FieldProblem::new(field, reason, description)])
    }

    /// Whose move it is.
    pub fn problem(&self) -> Problem {
        match self {
            Self::NotSignedIn
            | Self::WrongPassword
            | Self::WrongSetupToken
            | Self::Throttled { .. }
            | Self::Forbidden { .. }
            | Self::Invalid(_)
            | Self::NotReady { .. }
            | Self::NotFound { .. }
            | Self::SessionOpen
            | Self::SessionOver
            | Self::StreamReplaced
            | Self::RequestIdReused { .. }
            | Self::RequestOpen { .. } => Problem::Caller,
            Self::Refused(refused) => refused.problem(),
            Self::Store(error) => error.problem(),
            Self::EngineBusy | Self::EngineGone => Problem::Busy,
            Self::Internal(_) => Problem::Bug,
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::NotSignedIn | Self::WrongPassword | Self::WrongSetupToken => {
                Code::Unauthenticated
            }
            Self::Throttled { .. } => Code::ResourceExhausted,
            Self::Forbidden { .. } => Code::PermissionDenied,
            Self::Invalid(_) | Self::RequestIdReused { .. } => Code::InvalidArgument,
            Self::NotFound { .. } => Code::NotFound,
            Self::SessionOpen => Code::AlreadyExists,
            Self::NotReady { .. } | Self::SessionOver => Code::FailedPrecondition,
            Self::StreamReplaced | Self::RequestOpen { .. } => Code::Aborted,
            Self::Refused(refused) => refused_code(refused),
            Self::Store(error) => store_code(error),
            Self::EngineBusy => Code::ResourceExhausted,
            Self::EngineGone => Code::Unavailable,
            Self::Internal(_) => Code::Internal,
        }
    }

    /// The stable name in `google.rpc.ErrorInfo`.
    fn reason(&self) -> &'static str {
        match self {
            Self::NotSignedIn => "NOT_SIGNED_IN",
            Self::WrongPassword => "WRONG_PASSWORD",
            Self::WrongSetupToken => "WRONG_SETUP_TOKEN",
            Self::Throttled { .. } => "THROTTLED",
            Self::Forbidden { .. } => "FORBIDDEN",
            Self::Invalid(_) => "INVALID",
            Self::NotReady { .. } => "NOT_READY",
            Self::NotFound { .. } => "NOT_FOUND",
            Self::SessionOpen => "SESSION_OPEN",
            Self::SessionOver => "SESSION_OVER",
            Self::StreamReplaced => "STREAM_REPLACED",
            Self::RequestIdReused { .. } => "REQUEST_ID_REUSED",
            Self::RequestOpen { .. } => "REQUEST_OPEN",
            Self::Refused(_) => "REFUSED",
            Self::Store(_) => "STORE",
            Self::EngineBusy => "ENGINE_BUSY",
            Self::EngineGone => "ENGINE_GONE",
            Self::Internal(_) => "INTERNAL",
        }
    }
}

fn refused_code(refused: &engine::Refused) -> Code {
    use engine::Refused as R;
    match refused {
        R::NoCampaign(_) => Code::NotFound,
        R::UnknownDisposition { .. } | R::NeedsCallTime { .. } => Code::InvalidArgument,
        R::NotSignedIn(_)
        | R::WrongState { .. }
        | R::NotYourAttempt(_)
        | R::Held { .. }
        | R::NotClaimed { .. }
        | R::NotRunning { .. }
        | R::Stopped { .. }
        | R::NoMoreTime { .. }
        | R::NoPhone => Code::FailedPrecondition,
        R::NoLine { .. } | R::StoreLost | R::Draining => Code::Unavailable,
    }
}

fn store_code(error: &store::Error) -> Code {
    use store::Error as E;
    match error {
        E::NotFound { .. } => Code::NotFound,
        E::Conflict { .. } => Code::FailedPrecondition,
        E::Invalid { .. } => Code::InvalidArgument,
        E::Stale { .. } => Code::Aborted,
        other => match other.problem() {
            Problem::Caller => Code::InvalidArgument,
            Problem::Busy | Problem::Carrier | Problem::Unclear => Code::Unavailable,
            Problem::Bug => Code::Internal,
        },
    }
}

fn describe(problems: &[FieldProblem]) -> String {
    let lines: Vec<String> = problems
        .iter()
        .map(|p| {
            if p.field.is_empty() {
                p.description.clone()
            } else {
                format!("{}: {}", p.field, p.description)
            }
        })
        .collect();
    lines.join("; ")
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let code = error.code();
        let mut details = ErrorDetails::new();
        details.set_error_info(error.reason(), "outdial", std::collections::HashMap::new());
        match &error {
            Error::Invalid(problems) => {
                let violations = problems
                    .iter()
                    .map(|p| FieldViolation::new(&p.field, &p.description))
                    .collect::<Vec<_>>();
                details.set_bad_request(violations);
            }
            Error::NotReady { subject, problems } => {
                let violations = problems
                    .iter()
                    .map(|p| {
                        let about = if p.field.is_empty() {
                            subject.clone()
                        } else {
                            format!("{subject}, {}", p.field)
                        };
                        PreconditionViolation::new(p.reason, about, &p.description)
                    })
                    .collect::<Vec<_>>();
                details.set_precondition_failure(violations);
            }
            Error::Throttled { wait } => {
                details.set_retry_info(Some(*wait));
            }
            _ => {}
        }
        match error.problem() {
            // What a bug looked like inside is for the log; the client learns that it was one.
            Problem::Bug => {
                tracing::error!(error = %chain(&error), problem = "bug", "an RPC failed");
                Status::with_error_details(code, "internal error; see the daemon's log", details)
            }
            Problem::Caller => Status::with_error_details(code, error.to_string(), details),
            problem @ (Problem::Busy | Problem::Carrier | Problem::Unclear) => {
                tracing::warn!(error = %chain(&error), problem = problem.as_str(), "an RPC failed");
                Status::with_error_details(code, error.to_string(), details)
            }
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(e) = cause {
        text.push_str(": ");
        text.push_str(&e.to_string());
        cause = e.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_field_is_named_in_the_details() {
        let status = Status::from(Error::Invalid(vec![
            FieldProblem::new("campaign.name", "missing", "give a name"),
            FieldProblem::new("campaign.caller", "not_a_number", "write +79161234567"),
        ]));
        assert_eq!(status.code(), Code::InvalidArgument);
        let request = status.get_details_bad_request().unwrap();
        let fields: Vec<_> = request
            .field_violations
            .iter()
            .map(|v| v.field.as_str())
            .collect();
        assert_eq!(fields, ["campaign.name", "campaign.caller"]);
    }

    #[test]
    fn what_a_bug_looked_like_stays_in_the_log() {
        let status = Status::from(Error::Internal("row 7 of table x".to_owned()));
        assert_eq!(status.code(), Code::Internal);
        assert!(!status.message().contains("row 7"));
    }

    #[test]
    fn a_throttled_client_is_told_how_long_to_wait() {
        let wait = Duration::from_secs(42);
        let status = Status::from(Error::Throttled { wait });
        assert_eq!(status.code(), Code::ResourceExhausted);
        let info = status.get_details_retry_info().unwrap();
        assert_eq!(info.retry_delay, Some(wait));
    }
}
