//! Agents' phones as configured.

use model::AgentId;
use sip::{Secret, User};

/// A phone that may register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneUser {
    /// Whose it is.
    pub agent: AgentId,
    /// User name: of the address of record and for the digest.
    pub username: String,
    /// Password, or its hash for our realm.
    pub secret: Secret,
}

impl From<PhoneUser> for User {
    fn from(phone: PhoneUser) -> Self {
        Self {
            agent: phone.agent,
            name: phone.username,
            secret: phone.secret,
        }
    }
}
