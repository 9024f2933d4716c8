//! Whose move is it when something fails?

use serde::{Deserialize, Serialize};

/// Decides the gRPC code, the log level, whether to retry, and the metric label of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// The request cannot be accepted as sent. INVALID_ARGUMENT or FAILED_PRECONDITION; not logged above INFO.
    Caller,
    /// A trunk or the far end refused. Another trunk or a later attempt may work.
    Carrier,
    /// A limit or a dependency on our side. UNAVAILABLE or RESOURCE_EXHAUSTED; retry later.
    Busy,
    /// Our bug. INTERNAL; ERROR with all causes; never hidden behind a retry.
    Bug,
    /// Cannot be attributed from here: silence after INVITE, media timeout. Counted per trunk.
    Unclear,
}

impl Problem {
    /// The label in metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Carrier => "carrier",
            Self::Busy => "busy",
            Self::Bug => "bug",
            Self::Unclear => "unclear",
        }
    }
}
