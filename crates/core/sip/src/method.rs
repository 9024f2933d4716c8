//! Request methods.

use std::fmt;

/// A request method. Methods are case-sensitive (RFC 3261 section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the RFCs' own")]
pub enum Method {
    Invite,
    Ack,
    Bye,
    Cancel,
    Options,
    Register,
    Prack,
    Update,
    Info,
    Refer,
    Notify,
    Subscribe,
    Message,
    Publish,
    /// Any method that is not known here.
    Other,
}

impl Method {
    const NAMED: [(Self, &'static str); 14] = [
        (Self::Invite, "INVITE"),
        (Self::Ack, "ACK"),
        (Self::Bye, "BYE"),
        (Self::Cancel, "CANCEL"),
        (Self::Options, "OPTIONS"),
        (Self::Register, "REGISTER"),
        (Self::Prack, "PRACK"),
        (Self::Update, "UPDATE"),
        (Self::Info, "INFO"),
        (Self::Refer, "REFER"),
        (Self::Notify, "NOTIFY"),
        (Self::Subscribe, "SUBSCRIBE"),
        (Self::Message, "MESSAGE"),
        (Self::Publish, "PUBLISH"),
    ];

    /// From the bytes of a request line or CSeq.
    pub fn from_bytes(name: &[u8]) -> Self {
        Self::NAMED
            .iter()
            .find(|(_, text)| text.as_bytes() == name)
            .map_or(Self::Other, |(method, _)| *method)
    }

    /// As on the wire; `OTHER` for a method not known here.
    pub fn as_str(self) -> &'static str {
        Self::NAMED
            .iter()
            .find(|(method, _)| *method == self)
            .map_or("OTHER", |(_, text)| text)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
