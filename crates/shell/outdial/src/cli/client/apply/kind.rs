//! What files can describe, in the order in which it can be made: each kind names only kinds before it.

use serde::Serialize;

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Trunks used as one.
    TrunkGroup,
    /// A SIP connection to a carrier.
    Trunk,
    /// Agents who serve the same campaigns.
    Group,
    /// An account.
    User,
    /// What an agent asks and fills in.
    Questionnaire,
    /// A campaign.
    Campaign,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: [Self; 6] = [
        Self::TrunkGroup,
        Self::Trunk,
        Self::Group,
        Self::User,
        Self::Questionnaire,
        Self::Campaign,
    ];

    /// The name of its tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TrunkGroup => "trunk_group",
            Self::Trunk => "trunk",
            Self::Group => "group",
            Self::User => "user",
            Self::Questionnaire => "questionnaire",
            Self::Campaign => "campaign",
        }
    }

    /// From its name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == name)
    }

    /// The field by which one is known.
    pub const fn key(self) -> &'static str {
        match self {
            Self::User => "login",
            Self::TrunkGroup | Self::Trunk | Self::Group | Self::Questionnaire | Self::Campaign => {
                "name"
            }
        }
    }
}
