//! Via: the way back of a response.

use std::net::{IpAddr, SocketAddr};

use crate::address::{Host, host_port};
use crate::lexis::{Params, split, trim};

/// RFC 3261 section 8.1.1.7: a branch that begins so is unique for its transaction.
pub(crate) const MAGIC_COOKIE: &[u8] = b"z9hG4bK";

/// One Via value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Via<'a> {
    /// `UDP`, `TCP`, `TLS`…
    pub transport: &'a [u8],
    /// Who sent the request.
    pub host: Host<'a>,
    /// Its port, when written.
    pub port: Option<u16>,
    /// `;branch=…;rport;received=…`.
    pub params: Params<'a>,
}

impl<'a> Via<'a> {
    /// Reads one value, for example `SIP/2.0/UDP host:5060;branch=z9hG4bKx`.
    pub fn read(s: &'a [u8]) -> Option<Self> {
        let s = trim(s);
        let end = s.iter().position(|b| *b == b';').unwrap_or(s.len());
        let (head, params) = s.split_at(end);
        // RFC 4475 section 3.1.1.1: white space may stand around the slashes.
        let mut parts = head.splitn(3, |b| *b == b'/').map(trim);
        let (protocol, version, rest) = (parts.next()?, parts.next()?, parts.next()?);
        if !protocol.eq_ignore_ascii_case(b"SIP") || version != b"2.0" {
            return None;
        }
        let gap = rest.iter().position(|b| crate::lexis::is_lws(*b))?;
        let (transport, sent_by) = rest.split_at(gap);
        let (host, port) = host_port(sent_by)?;
        Some(Self {
            transport,
            host,
            port,
            params: Params(params),
        })
    }

    /// The branch; `None` when absent or empty.
    pub fn branch(&self) -> Option<&'a [u8]> {
        self.params.get("branch").filter(|b| !b.is_empty())
    }

    /// Where the response to a request that came from `source` goes. RFC 3581 section 4: to the source
    /// when `rport` asks for it; RFC 3261 section 18.2.2: else to the source's address and the sent-by port.
    ///
    /// The sent-by *host* is never believed, so a response cannot be aimed at a third party.
    pub fn response_to(&self, source: SocketAddr) -> SocketAddr {
        if self.params.get("rport").is_some() {
            return source;
        }
        SocketAddr::new(source.ip(), self.port.unwrap_or(5060))
    }

    /// Whether the host is not the address the request came from: then `received` must be added
    /// (RFC 3261 section 18.2.1).
    pub fn is_from_elsewhere(&self, source: IpAddr) -> bool {
        self.host != Host::Ip(source)
    }
}

/// A Via line as it stands in the response: its first value gets `received` and a filled `rport`.
pub(crate) fn completed_via(line: &[u8], source: SocketAddr) -> Vec<u8> {
    let mut values = split(line, b',');
    let mut out = Vec::with_capacity(line.len() + 48);
    let Some(first) = values.next() else {
        return out;
    };
    let via = Via::read(first);
    let wants_port = via.is_some_and(|v| v.params.get("rport").is_some());
    let end = first.iter().position(|b| *b == b';').unwrap_or(first.len());
    out.extend_from_slice(&first[..end]);
    for (name, value) in Params(&first[end..]).iter() {
        if name.eq_ignore_ascii_case(b"received") || name.eq_ignore_ascii_case(b"rport") {
            continue;
        }
        out.push(b';');
        out.extend_from_slice(name);
        if !value.is_empty() {
            out.push(b'=');
            out.extend_from_slice(value);
        }
    }
    // RFC 3581 section 4: with rport, `received` is added even when it says nothing new.
    if wants_port || via.is_none_or(|v| v.is_from_elsewhere(source.ip())) {
        out.extend_from_slice(format!(";received={}", source.ip()).as_bytes());
    }
    if wants_port {
        out.extend_from_slice(format!(";rport={}", source.port()).as_bytes());
    }
    for value in values {
        out.extend_from_slice(b", ");
        out.extend_from_slice(value);
    }
    out
}

/// The transaction key in a branch of ours: 16 hexadecimal digits behind the cookie.
pub(crate) fn key_of_branch(branch: &[u8]) -> Option<u64> {
    key_of_hex(branch.strip_prefix(MAGIC_COOKIE)?)
}

/// Exactly 16 lower-case hexadecimal digits as a number: how our branches and tags name their owner.
pub(crate) fn key_of_hex(hex: &[u8]) -> Option<u64> {
    if hex.len() != 16 || !hex.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_goes_to_the_source_and_never_to_the_host_that_a_request_claims() {
        let source: SocketAddr = "192.0.2.7:40000".parse().unwrap();
        for (via, to) in [
            (
                "SIP/2.0/UDP 10.0.0.1:5080;branch=z9hG4bK1",
                "192.0.2.7:5080",
            ),
            ("SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1", "192.0.2.7:5060"),
            (
                "SIP / 2.0 / UDP  [::1]:5080 ;rport;branch=z9hG4bK1",
                "192.0.2.7:40000",
            ),
        ] {
            let via = Via::read(via.as_bytes()).unwrap();
            assert_eq!(via.response_to(source), to.parse().unwrap());
        }
    }

    #[test]
    fn the_via_of_a_response_tells_the_sender_how_it_was_seen() {
        let source: SocketAddr = "192.0.2.7:40000".parse().unwrap();
        assert_eq!(
            completed_via(
                b"SIP/2.0/UDP h:5080;rport;branch=z9hG4bK1, SIP/2.0/UDP i",
                source
            ),
            b"SIP/2.0/UDP h:5080;branch=z9hG4bK1;received=192.0.2.7;rport=40000, SIP/2.0/UDP i"
        );
        assert_eq!(
            completed_via(b"SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1", source),
            b"SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1"
        );
    }
}
