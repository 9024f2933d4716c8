//! Session descriptions (RFC 8866) as far as an offer or answer of telephone audio needs them.

use std::net::IpAddr;

use crate::lexis::{cut, number, trim};

/// Longest description read; telephone audio needs a few hundred bytes.
const SDP_BYTES_MAX: usize = 8_192;
/// Most lines looked at.
const LINES_MAX: usize = 256;
/// Most media sections looked at; an answer must name each.
const SECTIONS_MAX: usize = 8;

/// Who sends, seen from the writer of the description (RFC 8866 section 6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Direction {
    #[default]
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    pub(crate) const fn from_flags(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    pub(crate) const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    pub(crate) const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    fn from_bytes(s: &[u8]) -> Option<Self> {
        [
            Self::SendRecv,
            Self::SendOnly,
            Self::RecvOnly,
            Self::Inactive,
        ]
        .into_iter()
        .find(|d| d.as_str().as_bytes() == s)
    }
}

/// `a=rtpmap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RtpMap<'a> {
    pub(crate) payload_type: u8,
    pub(crate) name: &'a [u8],
    pub(crate) clock: u32,
}

/// One `m=` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Section<'a> {
    /// The whole value of the `m=` line, to be echoed when the section is refused.
    pub(crate) kind: &'a [u8],
    pub(crate) port: u16,
    pub(crate) protocol: &'a [u8],
    pub(crate) formats: &'a [u8],
    pub(crate) address: Option<IpAddr>,
    pub(crate) direction: Option<Direction>,
    pub(crate) maps: Vec<RtpMap<'a>>,
}

impl<'a> Section<'a> {
    /// Whether it is audio that we could take part in.
    pub(crate) fn is_audio(&self) -> bool {
        self.kind == b"audio" && self.protocol == b"RTP/AVP" && self.port != 0
    }

    /// Payload types in the order of preference; those of other protocols are left out.
    pub(crate) fn payload_types(&self) -> impl Iterator<Item = u8> + use<'a> {
        self.formats
            .split(|b| *b == b' ')
            .filter_map(number::<u8>)
            .filter(|pt| *pt < 128)
    }

    pub(crate) fn map(&self, payload_type: u8) -> Option<&RtpMap<'a>> {
        self.maps.iter().find(|m| m.payload_type == payload_type)
    }
}

/// A description, read as far as needed.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Sdp<'a> {
    pub(crate) address: Option<IpAddr>,
    pub(crate) direction: Option<Direction>,
    pub(crate) sections: Vec<Section<'a>>,
}

impl<'a> Sdp<'a> {
    /// `None` when the body is no description or beyond the limits.
    pub(crate) fn read(body: &'a [u8]) -> Option<Self> {
        if body.len() > SDP_BYTES_MAX || !body.starts_with(b"v=0") {
            return None;
        }
        let mut sdp = Self::default();
        for line in body.split(|b| *b == b'\n').take(LINES_MAX) {
            let line = trim(line);
            let [letter, b'=', value @ ..] = line else {
                continue;
            };
            match letter {
                b'm' => {
                    if sdp.sections.len() == SECTIONS_MAX {
                        return None;
                    }
                    sdp.sections.push(section(value)?);
                }
                b'c' => {
                    let address = connection(value)?;
                    match sdp.sections.last_mut() {
                        Some(section) => section.address = address,
                        None => sdp.address = address,
                    }
                }
                b'a' => sdp.attribute(value),
                _ => {}
            }
        }
        Some(sdp)
    }

    fn attribute(&mut self, value: &'a [u8]) {
        if let Some(direction) = Direction::from_bytes(value) {
            match self.sections.last_mut() {
                Some(section) => section.direction = Some(direction),
                None => self.direction = Some(direction),
            }
        }
        if let Some(map) = value.strip_prefix(b"rtpmap:").and_then(rtp_map)
            && let Some(section) = self.sections.last_mut()
        {
            section.maps.push(map);
        }
    }
}

fn section(value: &[u8]) -> Option<Section<'_>> {
    let mut words = value.splitn(4, |b| *b == b' ');
    let (kind, port, protocol) = (words.next()?, words.next()?, words.next()?);
    let (port, _count) = cut(port, b'/');
    Some(Section {
        kind,
        port: number(port)?,
        protocol,
        formats: words.next().unwrap_or_default(),
        address: None,
        direction: None,
        maps: Vec::new(),
    })
}

/// `IN IP4 192.0.2.1`; a name instead of an address gives `None` inside.
fn connection(value: &[u8]) -> Option<Option<IpAddr>> {
    let mut words = value.split(|b| *b == b' ').filter(|w| !w.is_empty());
    let (net, _family, address) = (words.next()?, words.next()?, words.next()?);
    if net != b"IN" {
        return None;
    }
    // RFC 8866 section 5.7: a multicast address carries /ttl.
    let (address, _) = cut(address, b'/');
    Some(std::str::from_utf8(address).ok()?.parse().ok())
}

fn rtp_map(value: &[u8]) -> Option<RtpMap<'_>> {
    let (payload_type, rest) = cut(value, b' ');
    let mut parts = trim(rest?).split(|b| *b == b'/');
    Some(RtpMap {
        payload_type: number(payload_type)?,
        name: parts.next()?,
        clock: number(parts.next()?)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_read_with_its_session_level_defaults() {
        let sdp = Sdp::read(
            b"v=0\r\no=- 1 1 IN IP6 ::1\r\ns=-\r\nc=IN IP6 2001:db8::9\r\nt=0 0\r\na=sendonly\r\n\
              m=audio 4000/2 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n\
              m=video 0 RTP/AVP 99\r\nc=IN IP4 192.0.2.1/127\r\n",
        )
        .unwrap();
        assert_eq!(sdp.address, Some("2001:db8::9".parse().unwrap()));
        assert_eq!(sdp.direction, Some(Direction::SendOnly));
        let [audio, video] = sdp.sections.as_slice() else {
            panic!("two sections")
        };
        assert!(audio.is_audio() && !video.is_audio());
        assert_eq!(audio.payload_types().collect::<Vec<_>>(), [8, 0, 101]);
        assert_eq!(audio.map(101).unwrap().name, b"telephone-event");
        assert_eq!(video.address, Some("192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_description_is_refused() {
        for bad in [
            "",
            "v=1",
            "hello",
            "v=0\r\nm=audio\r\n",
            "v=0\r\nm=audio 70000 RTP/AVP 0\r\n",
        ] {
            assert_eq!(Sdp::read(bad.as_bytes()), None, "{bad}");
        }
        let many = format!("v=0\r\n{}", "m=audio 1 RTP/AVP 0\r\n".repeat(9));
        assert_eq!(Sdp::read(many.as_bytes()), None);
    }
}
