//! Digest authentication (RFC 3261 section 22, RFC 7616, RFC 8760), both sides of the computation.

use std::fmt::Write as _;

use md5::Md5;
use sha2::{Digest as _, Sha256};

use crate::lexis::{cut, split, trim, unquote};
use crate::method::Method;

/// A digest algorithm. `-sess` variants are not supported: no carrier or phone was seen to ask for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// RFC 3261; what nearly every carrier still asks for.
    Md5,
    /// RFC 8760.
    Sha256,
}

impl Algorithm {
    /// The token of the `algorithm` parameter.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    fn from_bytes(s: &[u8]) -> Option<Self> {
        [Self::Md5, Self::Sha256]
            .into_iter()
            .find(|a| a.as_str().as_bytes().eq_ignore_ascii_case(s))
    }

    fn hash(self, parts: &[&[u8]]) -> String {
        match self {
            Self::Md5 => hex(&joined(Md5::new(), parts)),
            Self::Sha256 => hex(&joined(Sha256::new(), parts)),
        }
    }
}

fn joined<D: sha2::Digest>(mut d: D, parts: &[&[u8]]) -> Vec<u8> {
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            d.update(b":");
        }
        d.update(part);
    }
    d.finalize().to_vec()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
            // Writing to a String cannot fail.
            write!(out, "{b:02x}").unwrap_or_default();
            out
        })
}

/// What proves a user: a password, or its hash with user and realm. `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// The password itself.
    Password(String),
    /// H(user:realm:password) in lower-case hexadecimal, for one algorithm; bound to its realm.
    Ha1 {
        /// The algorithm it was made with.
        algorithm: Algorithm,
        /// 32 or 64 hexadecimal digits.
        hex: String,
    },
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    fn ha1(&self, algorithm: Algorithm, user: &[u8], realm: &[u8]) -> Option<String> {
        match self {
            Self::Password(p) => Some(algorithm.hash(&[user, realm, p.as_bytes()])),
            Self::Ha1 { algorithm: a, hex } => (*a == algorithm).then(|| hex.to_ascii_lowercase()),
        }
    }
}

/// A user name with what proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The digest user name.
    pub user: String,
    /// The proof.
    pub secret: Secret,
}

/// A challenge that we can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    pub(crate) algorithm: Algorithm,
    realm: Box<[u8]>,
    nonce: Box<[u8]>,
    opaque: Option<Box<[u8]>>,
    /// qop=auth is offered; without any qop the older RFC 2069 form is used.
    auth: bool,
    pub(crate) stale: bool,
}

/// The parameters of a challenge or of credentials, at most this many.
const PARAMS_MAX: usize = 32;

/// `Digest name=value, name="value"` as pairs; `None` for another scheme.
fn digest_params(value: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let value = trim(value);
    let scheme = value.get(..6)?;
    if !scheme.eq_ignore_ascii_case(b"Digest")
        || !value.get(6).is_some_and(|b| crate::lexis::is_lws(*b))
    {
        return None;
    }
    let params = split(value.get(7..)?, b',').take(PARAMS_MAX).map(|p| {
        let (name, value) = cut(p, b'=');
        (trim(name), trim(value.unwrap_or_default()))
    });
    Some(params.collect())
}

fn param<'a>(params: &[(&'a [u8], &'a [u8])], name: &str) -> Option<std::borrow::Cow<'a, [u8]>> {
    params
        .iter()
        .find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, v)| unquote(v))
}

impl Challenge {
    /// Reads one WWW- or Proxy-Authenticate line; `None` when we cannot answer it.
    pub(crate) fn read(value: &[u8]) -> Option<Self> {
        let params = digest_params(value)?;
        let algorithm = match param(&params, "algorithm") {
            Some(name) => Algorithm::from_bytes(&name)?,
            None => Algorithm::Md5,
        };
        let auth = match param(&params, "qop") {
            Some(qop) => {
                let offered = split(&qop, b',').any(|q| q.eq_ignore_ascii_case(b"auth"));
                if !offered {
                    return None;
                }
                true
            }
            None => false,
        };
        Some(Self {
            algorithm,
            realm: param(&params, "realm")?.into_owned().into(),
            nonce: param(&params, "nonce")?.into_owned().into(),
            opaque: param(&params, "opaque").map(|o| o.into_owned().into()),
            auth,
            stale: param(&params, "stale").is_some_and(|s| s.eq_ignore_ascii_case(b"true")),
        })
    }

    /// The value of an Authorization header. `nc` counts the uses of this nonce from 1.
    /// `None` when the secret is a hash of another algorithm.
    pub(crate) fn answer(
        &self,
        who: &Credentials,
        method: Method,
        uri: &[u8],
        nc: u32,
        cnonce: &str,
    ) -> Option<Vec<u8>> {
        let ha1 = who
            .secret
            .ha1(self.algorithm, who.user.as_bytes(), &self.realm)?;
        let nc = format!("{nc:08x}");
        let qop = self.auth.then_some(Qop {
            nc: nc.as_bytes(),
            cnonce: cnonce.as_bytes(),
        });
        let response = response(
            self.algorithm,
            &ha1,
            method.as_str().as_bytes(),
            uri,
            &self.nonce,
            qop,
        );
        let mut out = b"Digest ".to_vec();
        quoted(&mut out, "username", who.user.as_bytes());
        quoted(&mut out, "realm", &self.realm);
        quoted(&mut out, "nonce", &self.nonce);
        quoted(&mut out, "uri", uri);
        quoted(&mut out, "response", response.as_bytes());
        out.extend_from_slice(format!("algorithm={}", self.algorithm.as_str()).as_bytes());
        if self.auth {
            out.extend_from_slice(format!(", qop=auth, nc={nc}, ").as_bytes());
            quoted(&mut out, "cnonce", cnonce.as_bytes());
            out.truncate(out.len() - 2);
        }
        if let Some(opaque) = &self.opaque {
            out.extend_from_slice(b", ");
            quoted(&mut out, "opaque", opaque);
            out.truncate(out.len() - 2);
        }
        Some(out)
    }

    /// Of several challenges the one to answer: the strongest that the secret can answer
    /// (RFC 8760 section 2.4 takes the topmost; servers list the strongest first).
    pub(crate) fn choose<'a>(
        values: impl Iterator<Item = &'a [u8]>,
        who: &Credentials,
    ) -> Option<Self> {
        values
            .filter_map(Self::read)
            .find(|c| who.secret.ha1(c.algorithm, b"", b"").is_some())
    }
}

/// Appends `name="value", `.
fn quoted(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    for b in value {
        if matches!(b, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*b);
    }
    out.extend_from_slice(b"\", ");
}

struct Qop<'a> {
    nc: &'a [u8],
    cnonce: &'a [u8],
}

/// RFC 7616 section 3.4.1.
fn response(
    a: Algorithm,
    ha1: &str,
    method: &[u8],
    uri: &[u8],
    nonce: &[u8],
    qop: Option<Qop<'_>>,
) -> String {
    let ha2 = a.hash(&[method, uri]);
    let (ha1, ha2) = (ha1.as_bytes(), ha2.as_bytes());
    match qop {
        Some(q) => a.hash(&[ha1, nonce, q.nc, q.cnonce, b"auth", ha2]),
        None => a.hash(&[ha1, nonce, ha2]),
    }
}

/// An Authorization header as a server reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authorization {
    pub(crate) algorithm: Algorithm,
    pub(crate) user: Vec<u8>,
    pub(crate) realm: Vec<u8>,
    pub(crate) nonce: Vec<u8>,
    uri: Vec<u8>,
    response: Vec<u8>,
    qop: Option<(Vec<u8>, Vec<u8>)>,
}

impl Authorization {
    /// `None` when it is not a digest that can be checked.
    pub(crate) fn read(value: &[u8]) -> Option<Self> {
        let params = digest_params(value)?;
        let field = |name| param(&params, name).map(std::borrow::Cow::into_owned);
        let algorithm = match field("algorithm") {
            Some(name) => Algorithm::from_bytes(&name)?,
            None => Algorithm::Md5,
        };
        let qop = match field("qop") {
            Some(q) if q.eq_ignore_ascii_case(b"auth") => Some((field("nc")?, field("cnonce")?)),
            Some(_) => return None,
            None => None,
        };
        Some(Self {
            algorithm,
            user: field("username")?,
            realm: field("realm")?,
            nonce: field("nonce")?,
            uri: field("uri")?,
            response: field("response")?,
            qop,
        })
    }

    /// Whether the response proves the secret. The caller has checked realm and nonce.
    pub(crate) fn proves(&self, secret: &Secret, method: &[u8]) -> bool {
        let Some(ha1) = secret.ha1(self.algorithm, &self.user, &self.realm) else {
            return false;
        };
        let qop = self.qop.as_ref().map(|(nc, cnonce)| Qop { nc, cnonce });
        let expected = response(self.algorithm, &ha1, method, &self.uri, &self.nonce, qop);
        same(expected.as_bytes(), &self.response.to_ascii_lowercase())
    }
}

/// Compares without telling by its duration where the difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |d, (x, y)| d | (x ^ y)) == 0
}

/// Nonces that need no table: the time of issue and its keyed hash (RFC 7616 section 3.3 suggests the form).
///
/// A captured Authorization can be replayed for the same method and URI while its nonce lives;
/// the life is short, and a replayed REGISTER binds the contact that it names to its own source.
#[derive(Clone)]
pub(crate) struct Nonces {
    key: [u8; 32],
}

/// What a nonce that came back is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NonceIs {
    Good,
    /// Ours, but too old: challenge again with `stale=true`, the password need not be asked for.
    Stale,
    Foreign,
}

impl Nonces {
    pub(crate) const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    pub(crate) fn issue(&self, at_s: u64) -> String {
        let time = format!("{at_s:016x}");
        let seal = self.seal(time.as_bytes());
        time + &seal
    }

    pub(crate) fn check(&self, nonce: &[u8], now_s: u64, life_s: u64) -> NonceIs {
        let Some((time, seal)) = nonce.split_at_checked(16) else {
            return NonceIs::Foreign;
        };
        if !same(self.seal(time).as_bytes(), seal) {
            return NonceIs::Foreign;
        }
        match crate::via::key_of_hex(time) {
            Some(at) if at <= now_s && now_s - at <= life_s => NonceIs::Good,
            _ => NonceIs::Stale,
        }
    }

    /// The first 128 bits of HMAC-SHA-256 (RFC 2104).
    fn seal(&self, message: &[u8]) -> String {
        let mut pad = [0x36_u8; 64];
        pad.iter_mut().zip(self.key).for_each(|(p, k)| *p ^= k);
        let inner = Sha256::new()
            .chain_update(pad)
            .chain_update(message)
            .finalize();
        // 0x36 ^ 0x5c: turns the inner pad into the outer one.
        pad.iter_mut().for_each(|p| *p ^= 0x36 ^ 0x5c);
        let outer = Sha256::new()
            .chain_update(pad)
            .chain_update(inner)
            .finalize();
        hex(outer.get(..16).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mufasa() -> Credentials {
        Credentials {
            user: "Mufasa".into(),
            secret: Secret::Password("Circle of Life".into()),
        }
    }

    /// RFC 7616 section 3.9.1, whose method is GET.
    #[test]
    fn the_examples_of_rfc_7616_are_computed() {
        for (algorithm, expected) in [
            (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (
                Algorithm::Sha256,
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
        ] {
            let nonce = b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
            let ha1 = mufasa()
                .secret
                .ha1(algorithm, b"Mufasa", b"http-auth@example.org")
                .unwrap();
            let qop = Qop {
                nc: b"00000001",
                cnonce: b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            };
            let got = response(
                algorithm,
                &ha1,
                b"GET",
                b"/dir/index.html",
                nonce,
                Some(qop),
            );
            assert_eq!(got, expected);
        }
    }

    #[test]
    fn an_answer_to_a_challenge_proves_the_password_and_no_other() {
        for challenge in [
            "Digest realm=\"r \\\"x\", nonce=\"n\", qop=\"auth,auth-int\", opaque=\"o\"",
            "digest realm=r,nonce=n,algorithm=SHA-256,qop=auth",
            "Digest realm=\"r\", nonce=\"n\"",
        ] {
            let c = Challenge::read(challenge.as_bytes()).unwrap();
            let value = c
                .answer(&mufasa(), Method::Bye, b"sip:x@h", 1, "c")
                .unwrap();
            let a = Authorization::read(&value).unwrap();
            assert!(a.proves(&mufasa().secret, b"BYE"), "{challenge}");
            assert!(
                !a.proves(&Secret::Password("x".into()), b"BYE"),
                "{challenge}"
            );
            assert!(!a.proves(&mufasa().secret, b"INVITE"), "{challenge}");
        }
    }

    #[test]
    fn challenges_that_cannot_be_answered_are_passed_over() {
        let lines = [
            "Basic realm=\"r\"",
            "Digest realm=\"r\", nonce=\"n\", algorithm=MD5-sess",
            "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"",
            "Digest realm=\"r\", nonce=\"n2\", algorithm=MD5, stale=TRUE",
        ];
        let c = Challenge::choose(lines.iter().map(|l| l.as_bytes()), &mufasa()).unwrap();
        assert_eq!(&*c.nonce, b"n2");
        assert!(c.stale);
    }

    #[test]
    fn a_nonce_is_good_for_its_life_then_stale_and_a_forged_one_is_foreign() {
        let nonces = Nonces::new([7; 32]);
        let nonce = nonces.issue(100);
        assert_eq!(nonces.check(nonce.as_bytes(), 160, 60), NonceIs::Good);
        assert_eq!(nonces.check(nonce.as_bytes(), 161, 60), NonceIs::Stale);
        assert_eq!(nonces.check(nonce.as_bytes(), 99, 60), NonceIs::Stale);
        assert_eq!(
            Nonces::new([8; 32]).check(nonce.as_bytes(), 100, 60),
            NonceIs::Foreign
        );
        assert_eq!(nonces.check(b"short", 100, 60), NonceIs::Foreign);
    }
}
