//! URIs and the headers that carry one: From, To, Contact, Route, Record-Route.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::lexis::{Params, cut, find_outside, number, trim};

/// The host of a URI or of a Via.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host<'a> {
    /// An address, also an IPv6 one in brackets.
    Ip(IpAddr),
    /// A name that somebody else has to resolve.
    Name(&'a [u8]),
}

/// A `sip:` or `sips:` URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uri<'a> {
    /// Whether the scheme is `sips`.
    pub secure: bool,
    /// The user part without a password, as written (escapes in place).
    pub user: Option<&'a [u8]>,
    /// The host.
    pub host: Host<'a>,
    /// The port, when one is written.
    pub port: Option<u16>,
    /// `;transport=…;lr`.
    pub params: Params<'a>,
}

impl<'a> Uri<'a> {
    /// Reads a `sip:` or `sips:` URI; `None` for another scheme or a wrong host or port.
    pub fn read(s: &'a [u8]) -> Option<Self> {
        let s = trim(s);
        let (scheme, rest) = cut(s, b':');
        let rest = rest?;
        let secure = scheme.eq_ignore_ascii_case(b"sips");
        if !secure && !scheme.eq_ignore_ascii_case(b"sip") {
            return None;
        }
        // Only the user part may hold an @ … escaped; so the last one ends it (a lenient reading).
        let (user, rest) = match rest.iter().rposition(|b| *b == b'@') {
            Some(at) => (Some(cut(&rest[..at], b':').0), rest.get(at + 1..)?),
            None => (None, rest),
        };
        let rest = cut(rest, b'?').0;
        let end = rest.iter().position(|b| *b == b';').unwrap_or(rest.len());
        let (host, port) = host_port(&rest[..end])?;
        Some(Self {
            secure,
            user,
            host,
            port,
            params: Params(&rest[end..]),
        })
    }

    /// Where to send to, when the host is an address. 5060 unless a port is written.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self.host {
            Host::Ip(ip) => Some(SocketAddr::new(ip, self.port.unwrap_or(5060))),
            Host::Name(_) => None,
        }
    }

    /// Whether the element routes loosely (RFC 3261 section 19.1.1).
    pub fn is_loose(&self) -> bool {
        self.params.get("lr").is_some()
    }
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`; white space around the colon is allowed in a Via.
/// An IPv6 address without brackets is refused: its port could not be told from it (RFC 5118 section 4.2).
pub(crate) fn host_port(s: &[u8]) -> Option<(Host<'_>, Option<u16>)> {
    let s = trim(s);
    if let Some(inner) = s.strip_prefix(b"[") {
        let (v6, after) = cut(inner, b']');
        let ip: Ipv6Addr = std::str::from_utf8(v6).ok()?.parse().ok()?;
        let after = trim(after?);
        let port = match after.strip_prefix(b":") {
            Some(port) => Some(number(trim(port))?),
            None if after.is_empty() => None,
            None => return None,
        };
        return Some((Host::Ip(ip.into()), port));
    }
    let (host, port) = cut(s, b':');
    let host = trim(host);
    let valid = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    if host.is_empty() || !host.iter().all(valid) {
        return None;
    }
    let port = match port {
        Some(port) => Some(number(trim(port))?),
        None => None,
    };
    let ip = std::str::from_utf8(host)
        .ok()
        .and_then(|h| h.parse::<IpAddr>().ok());
    Some((ip.map_or(Host::Name(host), Host::Ip), port))
}

/// A URI with a display name and parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameAddr<'a> {
    /// The display name as written, perhaps in quotes and in any charset; may be empty.
    pub display: &'a [u8],
    /// The URI as written; may be of any scheme.
    pub uri: &'a [u8],
    /// Parameters of the header, not of the URI: `;tag=…`, `;expires=…`.
    pub params: Params<'a>,
}

impl<'a> NameAddr<'a> {
    /// Reads one value of From, To, Contact, Route or Record-Route.
    pub fn read(s: &'a [u8]) -> Option<Self> {
        let s = trim(s);
        if let Some(open) = open_bracket(s) {
            let (uri, after) = cut(s.get(open + 1..)?, b'>');
            return Some(Self {
                display: trim(&s[..open]),
                uri: trim(uri),
                params: Params(after?),
            });
        }
        // RFC 3261 section 20.10: without brackets, parameters belong to the header, not to the URI.
        let end = find_outside(s, b';').unwrap_or(s.len());
        let uri = trim(&s[..end]);
        let is_uri = uri == b"*" || uri.contains(&b':');
        is_uri.then_some(Self {
            display: b"",
            uri,
            params: Params(&s[end..]),
        })
    }

    /// The tag; `None` when absent or empty.
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.params.get("tag").filter(|t| !t.is_empty())
    }
}

fn open_bracket(s: &[u8]) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (i, b) in s.iter().enumerate() {
        match *b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'<' if !quoted => return Some(i),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_read_with_their_parts() {
        let uri = Uri::read(b"sip:+7916:pw@[2001:db8::1]:5070;transport=udp;lr?x=y").unwrap();
        assert_eq!(uri.user, Some(b"+7916".as_slice()));
        assert_eq!(
            uri.socket_addr(),
            Some("[2001:db8::1]:5070".parse().unwrap())
        );
        assert!(uri.is_loose());
        for bad in [
            "tel:+7916",
            "sip:",
            "sip:a@",
            "sip:a@h:99999",
            "sip:a@[::1",
            "sip:a@h h",
        ] {
            assert_eq!(Uri::read(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_display_name_may_hold_brackets_and_any_bytes() {
        let a = NameAddr::read(b"\"\xcf\xf0 <\\\">\" <sip:a@h;x=1>;tag=t1").unwrap();
        assert_eq!(a.uri, b"sip:a@h;x=1");
        assert_eq!(a.tag(), Some(b"t1".as_slice()));
        let bare = NameAddr::read(b"sip:a@h;tag=t2").unwrap();
        assert_eq!(
            (bare.uri, bare.tag()),
            (b"sip:a@h".as_slice(), Some(b"t2".as_slice()))
        );
    }
}
