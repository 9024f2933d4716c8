//! Random secrets and what is kept of them.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use store::SecretHash;

use crate::Error;

/// What a token is for; its first letters say so, so that a leaked one can be told by eye and by scanners,
/// and one kind is never taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Sent with every call, 15 minutes.
    Access,
    /// Exchanged for a fresh pair.
    Refresh,
    /// For a program.
    Api,
    /// Printed by the first start.
    Setup,
}

impl Kind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Access => "oda_",
            Self::Refresh => "odr_",
            Self::Api => "odk_",
            Self::Setup => "ods_",
        }
    }

    pub(crate) fn of(token: &str) -> Option<Self> {
        [Self::Access, Self::Refresh, Self::Api, Self::Setup]
            .into_iter()
            .find(|kind| token.starts_with(kind.prefix()))
    }
}

/// A token of 256 random bits, as shown once.
///
/// # Errors
/// When the system has no randomness.
pub(crate) fn token(kind: Kind) -> Result<String, Error> {
    let mut bits = [0_u8; 32];
    fill(&mut bits)?;
    Ok(kind.prefix().to_owned() + &hex(&bits))
}

/// A random UUID version 4 (RFC 9562 section 5.4).
pub(crate) fn uuid() -> Result<String, Error> {
    let mut bits = [0_u8; 16];
    fill(&mut bits)?;
    let bits = u128::from_be_bytes(bits);
    let bits = bits & !(0xf << 76) & !(0b11 << 62) | 0x4 << 76 | 0b10 << 62;
    // The same 8-4-4-4-12 form as attempts have.
    Ok(model::AttemptId::from_bits(bits).to_string())
}

/// A password that people type into a phone: 20 letters and digits without look-alikes, 100 bits.
pub(crate) fn sip_password() -> Result<String, Error> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bits = [0_u8; 20];
    fill(&mut bits)?;
    Ok(bits
        .iter()
        .filter_map(|b| LETTERS.get(usize::from(b & 31)))
        .map(|letter| char::from(*letter))
        .collect())
}

/// The digest secret of a phone: H(user:realm:password) of RFC 2617 section 3.2.2.2, in hexadecimal. MD5
/// because it is what every phone knows; the registrar's challenge asks for the same.
pub(crate) fn sip_ha1(user: &str, realm: &str, password: &str) -> String {
    use md5::Digest as _;
    hex(&md5::Md5::digest(
        format!("{user}:{realm}:{password}").as_bytes(),
    ))
}

/// What is kept of a token. Tokens are random, so no slow hash is needed.
pub(crate) fn hash(token: &str) -> SecretHash {
    Sha256::digest(token.as_bytes()).into()
}

/// The digest of a request's method and bytes.
pub(crate) fn digest(method: &str, body: &[u8]) -> SecretHash {
    let mut sha = Sha256::new();
    sha.update(method.as_bytes());
    sha.update([0]);
    sha.update(body);
    sha.finalize().into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing into a String does not fail.
            if write!(text, "{byte:02x}").is_err() {
                debug_assert!(false);
            }
            text
        })
}

fn fill(bits: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bits)
        .map_err(|e| Error::Internal(format!("the system gives no randomness: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_its_kind_and_no_two_are_alike() {
        let first = token(Kind::Refresh).unwrap();
        assert_eq!(Kind::of(&first), Some(Kind::Refresh));
        assert_eq!(first.len(), 4 + 64);
        assert_ne!(first, token(Kind::Refresh).unwrap());
        assert_eq!(Kind::of("whatever"), None);
    }

    #[test]
    fn the_digest_secret_is_that_of_the_example_in_rfc_2617() {
        // RFC 2617 section 3.5; A1 of the example, hashed.
        let ha1 = sip_ha1("Mufasa", "testrealm@host.com", "Circle Of Life");
        assert_eq!(ha1, "939e7578ed9e3c518a452acee763bce9");
    }

    #[test]
    fn a_uuid_carries_version_and_variant() {
        let id = uuid().unwrap();
        assert_eq!(id.len(), 36);
        assert_eq!(id.chars().nth(14), Some('4'));
        assert!(matches!(id.chars().nth(19), Some('8' | '9' | 'a' | 'b')));
    }
}
