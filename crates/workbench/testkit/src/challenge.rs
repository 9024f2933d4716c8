//! A carrier that wants to know who calls: digest for INVITE (RFC 3261 section 22.3).
//!
//! Computed here and not with the `sip` crate, so that the daemon's digest has a second opinion.

use std::net::SocketAddr;

use md5::{Digest as _, Md5};
use model::SipStatus;
use sip::{HeaderName, Message, Writer};

use crate::draw::Draw;

const REALM: &str = "carrier.test";

/// Who may call.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Digest user name.
    pub user: String,
    /// Password.
    pub password: String,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Asks for credentials and checks them.
#[derive(Debug)]
pub(crate) struct Challenge {
    account: Account,
    nonce: String,
}

impl Challenge {
    pub(crate) fn new(account: Account, draw: &mut Draw) -> Self {
        Self {
            account,
            nonce: hex(&draw.bytes32()),
        }
    }

    /// Whether the INVITE carries the right credentials.
    pub(crate) fn admits(&self, invite: &Message<'_>) -> bool {
        let values = invite.list(HeaderName::ProxyAuthorization);
        // The header is one value that has commas in it; its pieces come apart.
        let joined = values.collect::<Vec<_>>().join(b",".as_slice());
        let text = String::from_utf8_lossy(&joined);
        let Some(params) = text.trim().strip_prefix("Digest ") else {
            return false;
        };
        let get = |name: &str| {
            params.split(',').find_map(|pair| {
                let (n, value) = pair.trim().split_once('=')?;
                let unquoted = value.trim().trim_matches('"');
                n.trim().eq_ignore_ascii_case(name).then_some(unquoted)
            })
        };
        let (Some(uri), Some(response)) = (get("uri"), get("response")) else {
            return false;
        };
        if get("username") != Some(&self.account.user) || get("nonce") != Some(&self.nonce) {
            return false;
        }
        let nc = get("nc").unwrap_or_default();
        let cnonce = get("cnonce").unwrap_or_default();
        // RFC 7616 section 3.4.1, with qop=auth and MD5.
        let secret = md5(&[&self.account.user, REALM, &self.account.password]);
        let request = md5(&["INVITE", uri]);
        let expected = md5(&[&secret, &self.nonce, nc, cnonce, "auth", &request]);
        response.eq_ignore_ascii_case(&expected)
    }

    /// The 407 to an INVITE, without memory of it.
    pub(crate) fn refusal(&self, invite: &Message<'_>, from: SocketAddr) -> Vec<u8> {
        let status = SipStatus(407);
        let mut w = Writer::response_to(invite, from, status, Some("challenge"));
        w.header(
            "Proxy-Authenticate",
            format!(
                "Digest realm=\"{REALM}\", nonce=\"{}\", algorithm=MD5, qop=\"auth\"",
                self.nonce
            ),
        );
        w.end()
    }
}

fn md5(parts: &[&str]) -> String {
    hex(&Md5::digest(parts.join(":")))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_is_computed() {
        // RFC 7616 section 3.9.1.
        let secret = md5(&["Mufasa", "http-auth@example.org", "Circle of Life"]);
        let request = md5(&["GET", "/dir/index.html"]);
        let response = md5(&[
            &secret,
            "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            "00000001",
            "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            "auth",
            &request,
        ]);
        assert_eq!(response, "8ca523f5e9506fed4657c9700eebdbec");
    }
}
