//! Names of pacing policies, as users write them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How a campaign decides the number of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PolicyName {
    /// One call for each ready agent.
    #[default]
    Progressive,
    /// A fixed number of lines per ready agent, 1 to 10.
    Ratio {
        /// Lines per ready agent in thousandths.
        per_mille: u32,
    },
    /// As many calls as there are lines: for messages without agents.
    Lines,
}

/// The text names no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not a pacing policy; use progressive, lines, or ratio:N with N from 1 to 10, for example ratio:1.5"
)]
pub struct UnknownPolicy(String);

impl FromStr for PolicyName {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "progressive" => return Ok(Self::Progressive),
            "lines" => return Ok(Self::Lines),
            _ => {}
        }
        let refused = || UnknownPolicy(text.to_owned());
        let lines: f64 = text
            .strip_prefix("ratio:")
            .and_then(|n| n.parse().ok())
            .ok_or_else(refused)?;
        if !(1.0..=10.0).contains(&lines) {
            return Err(refused());
        }
        Ok(Self::Ratio {
            per_mille: (lines * 1_000.0).round() as u32,
        })
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Progressive => f.write_str("progressive"),
            Self::Lines => f.write_str("lines"),
            Self::Ratio { per_mille } => write!(f, "ratio:{}", f64::from(*per_mille) / 1_000.0),
        }
    }
}

impl TryFrom<String> for PolicyName {
    type Error = UnknownPolicy;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<PolicyName> for String {
    fn from(name: PolicyName) -> Self {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_reads_what_it_writes() {
        for text in ["progressive", "lines", "ratio:2", "ratio:1.5"] {
            assert_eq!(text.parse::<PolicyName>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_ratio_outside_one_to_ten_is_refused() {
        for text in [
            "ratio:0.5",
            "ratio:11",
            "ratio:",
            "ratio:x",
            "ratio:NaN",
            "predictiv",
        ] {
            assert!(text.parse::<PolicyName>().is_err(), "{text}");
        }
    }
}
