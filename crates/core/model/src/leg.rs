//! How a leg ended, as heard on the wire. What it means is said once, by the engine.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A final SIP status, 200 to 699.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SipStatus(pub u16);

impl fmt::Display for SipStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who or what ended a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The far end: a final response of 300 or above before the answer, or a BYE after it.
    Remote,
    /// We: our CANCEL took effect, or our BYE.
    Local,
    /// No response at all in time (RFC 3261 section 17.1.1.2, Timer B), or only 100 until the set-up limit.
    Timeout,
    /// The packet could not be sent, or the peer's name not be found.
    Transport,
    /// The peer went away during the talk: no media and no answer to signalling.
    Lost,
    /// Nothing was sent: the shell refused the leg (no port, no codec in common with ourselves, overload).
    Refused,
}

/// Everything known of a leg when it is over. Exactly one is reported per leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegEnd {
    /// Who ended it.
    pub by: Ended,
    /// The final status, when one came.
    pub status: Option<SipStatus>,
    /// ITU-T Q.850 cause from the Reason header (RFC 3326), of the final response or of the BYE.
    pub q850: Option<u8>,
    /// Text of the reason: the Reason header's `text`, else the reason phrase. At most 128 bytes.
    pub text: Option<String>,
    /// Whether 180, or 183 with ringing, was seen.
    pub rang: bool,
    /// Whether audio came before the answer.
    pub early_media: bool,
}

impl LegEnd {
    /// An end of which nothing is known but who caused it.
    pub const fn bare(by: Ended) -> Self {
        Self {
            by,
            status: None,
            q850: None,
            text: None,
            rang: false,
            early_media: false,
        }
    }
}
