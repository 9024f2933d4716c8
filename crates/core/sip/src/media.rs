//! What the two ends of a leg agree upon about audio.

use std::net::SocketAddr;

/// A codec every trunk and phone has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Codec {
    /// G.711 µ-law, static payload type 0 (RFC 3551 section 6).
    Pcmu,
    /// G.711 A-law, static payload type 8 (RFC 3551 section 6).
    Pcma,
}

impl Codec {
    /// The RTP payload type, 0 or 8; both are static, so an answer cannot renumber them.
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
        }
    }

    /// The encoding name of `a=rtpmap`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }
}

/// The codecs offered, the preferred one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Codecs {
    /// A-law, then µ-law: Europe and most of the world.
    #[default]
    AlawUlaw,
    /// µ-law, then A-law: North America and Japan.
    UlawAlaw,
    /// A-law only.
    Alaw,
    /// µ-law only.
    Ulaw,
}

impl Codecs {
    /// The codecs in order of preference; never empty.
    pub const fn list(self) -> &'static [Codec] {
        match self {
            Self::AlawUlaw => &[Codec::Pcma, Codec::Pcmu],
            Self::UlawAlaw => &[Codec::Pcmu, Codec::Pcma],
            Self::Alaw => &[Codec::Pcma],
            Self::Ulaw => &[Codec::Pcmu],
        }
    }
}

/// Our end of a leg's audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalMedia {
    /// Where we receive RTP, as the peer must see it.
    pub addr: SocketAddr,
    /// What we offer or accept.
    pub codecs: Codecs,
}

/// The far end of a leg's audio, as agreed in offer and answer (RFC 3264).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteMedia {
    /// Where it receives RTP.
    pub addr: SocketAddr,
    /// The codec in use, both ways.
    pub codec: Codec,
    /// Payload type of telephone events (RFC 4733), 96 to 127; `None` when the far end has none.
    pub telephone_event: Option<u8>,
    /// Whether we may send to it: false while it holds us (`sendonly` or `inactive` seen from there).
    pub we_send: bool,
    /// Whether it will send to us.
    pub it_sends: bool,
}
