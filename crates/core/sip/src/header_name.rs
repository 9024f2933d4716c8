//! Header names, long and compact.

/// A header that is read here; every other one is [`HeaderName::Other`] and kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the RFCs' own")]
pub enum HeaderName {
    Via,
    From,
    To,
    CallId,
    CSeq,
    Contact,
    Route,
    RecordRoute,
    MaxForwards,
    ContentLength,
    ContentType,
    ContentEncoding,
    Reason,
    WwwAuthenticate,
    ProxyAuthenticate,
    Authorization,
    ProxyAuthorization,
    Require,
    Supported,
    Expires,
    MinExpires,
    RetryAfter,
    Event,
    Other,
}

impl HeaderName {
    /// Long name, and compact form where RFC 3261 section 7.3.3 or RFC 6665 gives one.
    const NAMED: [(Self, &'static str, Option<u8>); 23] = [
        (Self::Via, "Via", Some(b'v')),
        (Self::From, "From", Some(b'f')),
        (Self::To, "To", Some(b't')),
        (Self::CallId, "Call-ID", Some(b'i')),
        (Self::CSeq, "CSeq", None),
        (Self::Contact, "Contact", Some(b'm')),
        (Self::Route, "Route", None),
        (Self::RecordRoute, "Record-Route", None),
        (Self::MaxForwards, "Max-Forwards", None),
        (Self::ContentLength, "Content-Length", Some(b'l')),
        (Self::ContentType, "Content-Type", Some(b'c')),
        (Self::ContentEncoding, "Content-Encoding", Some(b'e')),
        (Self::Reason, "Reason", None),
        (Self::WwwAuthenticate, "WWW-Authenticate", None),
        (Self::ProxyAuthenticate, "Proxy-Authenticate", None),
        (Self::Authorization, "Authorization", None),
        (Self::ProxyAuthorization, "Proxy-Authorization", None),
        (Self::Require, "Require", None),
        (Self::Supported, "Supported", Some(b'k')),
        (Self::Expires, "Expires", None),
        (Self::MinExpires, "Min-Expires", None),
        (Self::RetryAfter, "Retry-After", None),
        (Self::Event, "Event", Some(b'o')),
    ];

    /// From the bytes before the colon, in any case.
    pub fn from_bytes(name: &[u8]) -> Self {
        if let [letter] = name {
            let letter = letter.to_ascii_lowercase();
            return Self::NAMED
                .iter()
                .find(|(_, _, compact)| *compact == Some(letter))
                .map_or(Self::Other, |(name, _, _)| *name);
        }
        Self::NAMED
            .iter()
            .find(|(_, long, _)| long.as_bytes().eq_ignore_ascii_case(name))
            .map_or(Self::Other, |(name, _, _)| *name)
    }

    /// The long form; empty for [`HeaderName::Other`].
    pub fn as_str(self) -> &'static str {
        Self::NAMED
            .iter()
            .find(|(name, _, _)| *name == self)
            .map_or("", |(_, long, _)| long)
    }
}
