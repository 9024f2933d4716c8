//! Identifiers. Each is its own type: swapping two is a compile error.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

id!(/// A campaign; key of every row that belongs to one.
    CampaignId(i32));
id!(/// An imported list of prospects.
    ListId(i32));
id!(/// A person or firm to call, in one list.
    ProspectId(i64));
id!(/// One number of one prospect.
    PhoneId(i64));
id!(/// A SIP connection to a carrier.
    TrunkId(i32));
id!(/// Several trunks used as one.
    TrunkGroupId(i32));
id!(/// A person who takes calls.
    AgentId(i32));
id!(/// Agents who serve the same campaigns.
    AgentGroupId(i32));
id!(/// A questionnaire, one version of it.
    QuestionnaireId(i32));
id!(/// A promise to call.
    CallbackId(i64));
id!(/// One daemon of those that share a database.
    NodeId(i32));
id!(/// One SIP dialog between us and one party. Unique within one run of the daemon.
    LegId(u64));
id!(/// One playing of sounds on a leg. Unique within one run of the daemon.
    PlayId(u64));

/// One try to reach one prospect on one number: a UUID version 7 (RFC 9562 section 5.7), so that
/// keys of one day lie together in the index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AttemptId(u128);

impl AttemptId {
    /// From the 128 bits of any UUID.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The 128 bits, most significant first.
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// A version 7 UUID: `unix_ms` (48 bits) and 74 bits taken from `random`.
    pub const fn v7(unix_ms: u64, random: u128) -> Self {
        let time = (unix_ms as u128 & 0xffff_ffff_ffff) << 80;
        let rand_a = (random >> 64 & 0xfff) << 64;
        let rand_b = random & 0x3fff_ffff_ffff_ffff;
        Self(time | 0x7 << 76 | rand_a | 0b10 << 62 | rand_b)
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let b = self.0;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            b >> 96,
            b >> 80 & 0xffff,
            b >> 64 & 0xffff,
            b >> 48 & 0xffff,
            b & 0xffff_ffff_ffff
        )
    }
}

impl fmt::Debug for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AttemptId({self})")
    }
}

/// The text is not a UUID of 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an attempt id; write it as 8-4-4-4-12 hexadecimal digits")]
pub struct ParseAttemptIdError(String);

impl std::str::FromStr for AttemptId {
    type Err = ParseAttemptIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hex: String = text.chars().filter(|c| *c != '-').collect();
        if hex.len() != 32 {
            return Err(ParseAttemptIdError(text.to_owned()));
        }
        u128::from_str_radix(&hex, 16)
            .map(Self)
            .map_err(|_| ParseAttemptIdError(text.to_owned()))
    }
}

impl TryFrom<String> for AttemptId {
    type Error = ParseAttemptIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<AttemptId> for String {
    fn from(id: AttemptId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_v7_id_carries_its_time_version_and_variant() {
        let id = AttemptId::v7(0x0191_2345_6789, u128::MAX);
        assert_eq!(id.to_string(), "01912345-6789-7fff-bfff-ffffffffffff");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn an_id_of_the_wrong_length_is_refused() {
        assert!("0191".parse::<AttemptId>().is_err());
    }
}
