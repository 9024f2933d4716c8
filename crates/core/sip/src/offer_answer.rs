//! Offer and answer (RFC 3264) for one stream of telephone audio.

use std::net::IpAddr;

use crate::lexis::trim;
use crate::media::{Codec, LocalMedia, RemoteMedia};
use crate::sdp::{Direction, Sdp, Section};

/// Payload type under which we offer telephone events; the usual one.
const TELEPHONE_EVENT: u8 = 101;

/// The content type of a description.
pub(crate) const SDP_TYPE: &str = "application/sdp";

/// Our side of a session: what identifies its descriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) id: u32,
    /// RFC 3264 section 8: rises by one with each changed description.
    pub(crate) version: u32,
    pub(crate) local: LocalMedia,
}

/// An offer that we can take part in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Agreed {
    pub(crate) remote: RemoteMedia,
    /// The refused sections around ours, to be named in the answer: kind, protocol, formats; ours is empty.
    sections: Vec<Option<Box<[u8]>>>,
}

impl Session {
    /// A description that offers all our codecs, both ways.
    pub(crate) fn offer(&self) -> Vec<u8> {
        let mut out = self.head();
        let codecs = self.local.codecs.list();
        media_lines(
            &mut out,
            self.local.addr.port(),
            codecs,
            Some(TELEPHONE_EVENT),
            Direction::SendRecv,
        );
        out
    }

    /// Reads an offer. `None`: no common codec, or nothing that can be read: 488.
    pub(crate) fn accept(&self, offer: &[u8]) -> Option<Agreed> {
        let sdp = Sdp::read(offer)?;
        let (ours, remote) = sdp
            .sections
            .iter()
            .enumerate()
            .find_map(|(i, section)| self.agree(&sdp, section).map(|remote| (i, remote)))?;
        let sections = sdp.sections.iter().enumerate().map(|(i, s)| {
            (i != ours).then(|| {
                [s.kind, b" 0 ", s.protocol, b" ", s.formats]
                    .concat()
                    .into()
            })
        });
        Some(Agreed {
            remote,
            sections: sections.collect(),
        })
    }

    /// The answer to an offer accepted.
    pub(crate) fn answer(&self, agreed: &Agreed) -> Vec<u8> {
        let mut out = self.head();
        for section in &agreed.sections {
            match section {
                // RFC 3264 section 6: each section of the offer is answered, a refused one with port 0.
                Some(refused) => {
                    out.extend_from_slice(b"m=");
                    out.extend_from_slice(refused);
                    out.extend_from_slice(b"\r\n");
                }
                None => {
                    let r = &agreed.remote;
                    // RFC 3264 section 6.1: sendonly is answered by recvonly, inactive by inactive.
                    let direction = Direction::from_flags(r.we_send, r.it_sends);
                    media_lines(
                        &mut out,
                        self.local.addr.port(),
                        &[r.codec],
                        r.telephone_event,
                        direction,
                    );
                }
            }
        }
        out
    }

    /// Reads the answer to our offer. `None`: the stream was refused, or cannot be read.
    pub(crate) fn read_answer(&self, answer: &[u8]) -> Option<RemoteMedia> {
        let sdp = Sdp::read(answer)?;
        // RFC 3264 section 6: the answer has the sections of the offer, in its order; ours had one.
        self.agree(&sdp, sdp.sections.first()?)
    }

    fn agree(&self, sdp: &Sdp<'_>, section: &Section<'_>) -> Option<RemoteMedia> {
        if !section.is_audio() {
            return None;
        }
        let ip = section.address.or(sdp.address)?;
        // The first codec of theirs that we have: their order is their wish.
        let codec = section.payload_types().find_map(|pt| {
            let named = section.map(pt).map(|m| (m.name, m.clock));
            self.local.codecs.list().iter().copied().find(|c| {
                c.payload_type() == pt
                    && named.is_none_or(|(name, clock)| {
                        name.eq_ignore_ascii_case(c.name().as_bytes()) && clock == 8_000
                    })
            })
        })?;
        let telephone_event = section.payload_types().find(|pt| {
            section.map(*pt).is_some_and(|m| {
                m.name.eq_ignore_ascii_case(b"telephone-event") && m.clock == 8_000
            })
        });
        let direction = section.direction.or(sdp.direction).unwrap_or_default();
        // RFC 2543 hold: an address of zero means that nothing is to be sent.
        let reachable = !ip.is_unspecified();
        Some(RemoteMedia {
            addr: (ip, section.port).into(),
            codec,
            telephone_event,
            we_send: direction.receives() && reachable,
            it_sends: direction.sends(),
        })
    }

    fn head(&self) -> Vec<u8> {
        let ip = self.local.addr.ip();
        let family = match ip {
            IpAddr::V4(_) => "IP4",
            IpAddr::V6(_) => "IP6",
        };
        format!(
            "v=0\r\no=- {} {} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n",
            self.id, self.version
        )
        .into_bytes()
    }
}

fn media_lines(
    out: &mut Vec<u8>,
    port: u16,
    codecs: &[Codec],
    telephone_event: Option<u8>,
    direction: Direction,
) {
    let mut formats = String::new();
    let mut attributes = String::new();
    for codec in codecs {
        let pt = codec.payload_type();
        formats += &format!(" {pt}");
        attributes += &format!("a=rtpmap:{pt} {}/8000\r\n", codec.name());
    }
    if let Some(pt) = telephone_event {
        formats += &format!(" {pt}");
        attributes += &format!("a=rtpmap:{pt} telephone-event/8000\r\na=fmtp:{pt} 0-15\r\n");
    }
    out.extend_from_slice(
        format!(
            "m=audio {port} RTP/AVP{formats}\r\n{attributes}a=ptime:20\r\na={}\r\n",
            direction.as_str()
        )
        .as_bytes(),
    );
}

/// Whether a body of this content type is a description.
pub(crate) fn is_sdp(content_type: Option<&[u8]>) -> bool {
    content_type.is_some_and(|t| {
        trim(crate::lexis::cut(t, b';').0).eq_ignore_ascii_case(SDP_TYPE.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Codecs;

    fn session(addr: &str, codecs: Codecs) -> Session {
        let local = LocalMedia {
            addr: addr.parse().unwrap(),
            codecs,
        };
        Session {
            id: 7,
            version: 1,
            local,
        }
    }

    #[test]
    fn an_offer_of_ours_is_accepted_by_ourselves_and_the_answer_read() {
        for addr in ["192.0.2.1:4000", "[2001:db8::1]:4000"] {
            let caller = session(addr, Codecs::AlawUlaw);
            let callee = session("192.0.2.2:5000", Codecs::Ulaw);
            let agreed = callee.accept(&caller.offer()).unwrap();
            assert_eq!(agreed.remote.addr, addr.parse().unwrap());
            assert_eq!(agreed.remote.codec, Codec::Pcmu);
            let remote = caller.read_answer(&callee.answer(&agreed)).unwrap();
            assert_eq!(remote.addr, "192.0.2.2:5000".parse().unwrap());
            assert_eq!(remote.telephone_event, Some(101));
            assert!(remote.we_send && remote.it_sends);
        }
    }

    #[test]
    fn each_way_of_holding_is_answered_with_its_mirror() {
        let us = session("192.0.2.1:4000", Codecs::AlawUlaw);
        for (theirs, ours, we_send, it_sends) in [
            ("sendrecv", "sendrecv", true, true),
            ("sendonly", "recvonly", false, true),
            ("recvonly", "sendonly", true, false),
            ("inactive", "inactive", false, false),
        ] {
            let offer =
                format!("v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 9 RTP/AVP 0\r\na={theirs}\r\n");
            let agreed = us.accept(offer.as_bytes()).unwrap();
            let answer = String::from_utf8(us.answer(&agreed)).unwrap();
            assert!(
                answer.contains(&format!("a={ours}\r\n")),
                "{theirs}: {answer}"
            );
            assert_eq!(
                (agreed.remote.we_send, agreed.remote.it_sends),
                (we_send, it_sends)
            );
        }
    }

    #[test]
    fn video_beside_audio_is_refused_in_its_place() {
        let us = session("192.0.2.1:4000", Codecs::AlawUlaw);
        let offer =
            b"v=0\r\nc=IN IP4 192.0.2.9\r\nm=video 9 RTP/AVP 99\r\nm=audio 9 RTP/AVP 18 8\r\n";
        let answer = String::from_utf8(us.answer(&us.accept(offer).unwrap())).unwrap();
        let sections: Vec<_> = answer.lines().filter(|l| l.starts_with("m=")).collect();
        assert_eq!(sections, ["m=video 0 RTP/AVP 99", "m=audio 4000 RTP/AVP 8"]);
    }

    #[test]
    fn without_a_common_codec_there_is_no_agreement() {
        let us = session("192.0.2.1:4000", Codecs::Alaw);
        for formats in ["18", "0", "101", "8 x"] {
            let map = if formats == "8 x" {
                "a=rtpmap:8 G722/8000\r\n"
            } else {
                ""
            };
            let offer =
                format!("v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 9 RTP/AVP {formats}\r\n{map}");
            assert_eq!(us.accept(offer.as_bytes()), None, "{formats}");
        }
    }
}
