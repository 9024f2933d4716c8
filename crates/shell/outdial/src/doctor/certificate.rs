//! How long the API's certificate is valid, and whether the key goes with it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use model::WallTime;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::clock::Clock;
use crate::config::Api;
use crate::finding::Finding;

const CHECK: &str = "certificate";
/// Time enough to have another one made.
const EXPIRES_SOON: Duration = Duration::from_secs(21 * 86_400);

/// The certificate of the API.
pub fn look(api: &Api) -> Finding {
    let (Some(certificate), Some(key)) = (&api.tls_cert, &api.tls_key) else {
        if api.listen.ip().is_loopback() {
            return Finding::ok(CHECK, "none: the API is plain, and on loopback only");
        }
        return Finding::warning(
            CHECK,
            format!(
                "none: passwords and people's data cross the network in the clear at {}",
                api.listen
            ),
            "set api.tls_cert and api.tls_key, or listen on loopback behind a proxy that speaks TLS",
        );
    };
    let chain = match read(certificate) {
        Ok(chain) => chain,
        Err(why) => {
            return Finding::failure(
                CHECK,
                format!("{}: {why}", certificate.display()),
                "give the whole chain in PEM, the server's own certificate first",
            );
        }
    };
    let validity = match chain.first().map(|first| validity(first)) {
        Some(Some(validity)) => validity,
        _ => {
            return Finding::failure(
                CHECK,
                format!("{} holds no X.509 certificate", certificate.display()),
                "give the whole chain in PEM, the server's own certificate first",
            );
        }
    };
    if let Err(why) = goes_with(chain, key) {
        return Finding::failure(
            CHECK,
            format!(
                "{} cannot be served with {}: {why}",
                certificate.display(),
                key.display()
            ),
            "set api.tls_key to the key with which the certificate was asked for (openssl pkey -pubout, openssl x509 \
             -pubkey: both must say the same)",
        );
    }
    judge(certificate, validity, Clock::start(None).now().wall)
}

fn judge(file: &Path, (from, until): (WallTime, WallTime), now: WallTime) -> Finding {
    let file = file.display();
    let renew = "have a new one made, then restart the daemon";
    if now < from {
        Finding::failure(
            CHECK,
            format!("{file} is valid only from {from} on"),
            "see whether the clock is right",
        )
    } else if until < now {
        Finding::failure(CHECK, format!("{file} expired at {until}"), renew)
    } else if until.since(now) < EXPIRES_SOON {
        Finding::warning(CHECK, format!("{file} expires at {until}"), renew)
    } else {
        Finding::ok(CHECK, format!("{file} is valid until {until}"))
    }
}

/// When the first certificate of a file expires; `None` when it cannot be read.
pub fn expires_at(file: &Path) -> Option<WallTime> {
    let chain = read(file).ok()?;
    chain
        .first()
        .and_then(|c| validity(c))
        .map(|(_, until)| until)
}

fn read(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates = CertificateDer::pem_file_iter(file).map_err(|e| e.to_string())?;
    certificates
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| e.to_string())
}

fn goes_with(chain: Vec<CertificateDer<'static>>, key: &Path) -> Result<(), String> {
    let key = PrivateKeyDer::from_pem_file(key).map_err(|e| e.to_string())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map(drop)
        .map_err(|e| e.to_string())
}

/// From when until when. RFC 5280 section 4.1:
/// `Certificate ::= SEQUENCE { TBSCertificate ::= SEQUENCE { [0] version?, serialNumber, signature, issuer,
/// Validity ::= SEQUENCE { notBefore, notAfter }, … }, … }`.
fn validity(certificate: &[u8]) -> Option<(WallTime, WallTime)> {
    const SEQUENCE: u8 = 0x30;
    const VERSION: u8 = 0xa0;
    let (outer, _) = element(certificate, SEQUENCE)?;
    let (mut rest, _) = element(outer, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        rest = after(rest)?;
    }
    for _ in ["serialNumber", "signature", "issuer"] {
        rest = after(rest)?;
    }
    let (validity, _) = element(rest, SEQUENCE)?;
    Some((time(validity)?, time(after(validity)?)?))
}

/// The contents of an element of this tag, and what follows it. ITU-T X.690 section 8.1 (DER: definite lengths).
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = bytes.split_first()?;
    if *first != tag {
        return None;
    }
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            let length = digits.iter().fold(0, |n, d| n << 8 | usize::from(*d));
            (length, rest)
        }
        // 0x80 is of no definite length, which DER forbids; more than four bytes hold no certificate.
        0x80 | 0x85.. => return None,
    };
    rest.split_at_checked(length)
}

/// What follows an element, whatever it is.
fn after(bytes: &[u8]) -> Option<&[u8]> {
    element(bytes, *bytes.first()?).map(|(_, rest)| rest)
}

/// RFC 5280 section 4.1.2.5: UTCTime `YYMMDDHHMMSSZ` through 2049, GeneralizedTime `YYYYMMDDHHMMSSZ` from 2050 on.
fn time(bytes: &[u8]) -> Option<WallTime> {
    const UTC_TIME: u8 = 0x17;
    const GENERALIZED_TIME: u8 = 0x18;
    let text = match element(bytes, UTC_TIME) {
        Some((text, _)) => {
            let text = std::str::from_utf8(text).ok()?;
            let year: u8 = text.get(..2)?.parse().ok()?;
            format!("{}{text}", if year < 50 { "20" } else { "19" })
        }
        None => {
            let (text, _) = element(bytes, GENERALIZED_TIME)?;
            std::str::from_utf8(text).ok()?.to_owned()
        }
    };
    let time = chrono::NaiveDateTime::parse_from_str(&text, "%Y%m%d%H%M%SZ").ok()?;
    Some(time.and_utc().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;

    #[test]
    fn a_certificate_is_judged_by_its_two_instants() {
        let at = |text: &str| -> WallTime { text.parse().unwrap() };
        let validity = (at("2026-01-01T00:00:00Z"), at("2026-12-31T00:00:00Z"));
        for (now, state) in [
            ("2025-12-31T00:00:00Z", State::Failure),
            ("2026-06-01T00:00:00Z", State::Ok),
            ("2026-12-20T00:00:00Z", State::Warning),
            ("2027-01-01T00:00:00Z", State::Failure),
        ] {
            let found = judge(Path::new("api.pem"), validity, at(now));
            assert_eq!(found.state, state, "{now}: {found:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_certificate_have_no_validity() {
        for bytes in [
            &b""[..],
            b"\x30",
            b"\x30\x84\xff\xff\xff\xff",
            b"\x30\x03\x30\x01\x02",
            b"\x30\x80\x00\x00",
        ] {
            assert_eq!(validity(bytes), None, "{bytes:02x?}");
        }
    }
}
