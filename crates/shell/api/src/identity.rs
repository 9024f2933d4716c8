//! Who calls.

use store::{Account, AccountId, Role};
use tonic::Request;

use crate::Error;
use crate::convert::role_to_proto;

/// The account behind a request, put there by the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account.
    pub account: AccountId,
    /// Lower case.
    pub login: String,
    /// The name to show.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// How it proved who it is.
    pub by: Proof,
}

/// How a caller proved who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By the access token of a signed-in session.
    Session(i32),
    /// By an API token.
    ApiToken,
}

impl Identity {
    pub(crate) fn new(account: &Account, by: Proof) -> Self {
        Self {
            account: account.id,
            login: account.login.clone(),
            name: account.name.clone(),
            role: account.role,
            by,
        }
    }

    pub(crate) fn to_proto(&self) -> proto::admin::v1::Identity {
        proto::admin::v1::Identity {
            user_id: self.account.0,
            login: self.login.clone(),
            name: self.name.clone(),
            role: role_to_proto(self.role).into(),
        }
    }
}

/// Who sent a request.
///
/// # Errors
/// [`Error::NotSignedIn`] for a public method, which has no caller.
pub(crate) fn caller<T>(request: &Request<T>) -> Result<Identity, Error> {
    request
        .extensions()
        .get::<Identity>()
        .cloned()
        .ok_or(Error::NotSignedIn)
}
