//! Where a caller wants to hear us, from its offer: early media and the first word of an answer do not
//! wait for the ACK, with which the user agent reports it.

use std::net::{IpAddr, SocketAddr};

use sip::{Codecs, RemoteMedia};

/// Reads the audio of an offer (RFC 4566). Picks what the user agent will pick: the caller's first codec
/// that is ours too.
pub(crate) fn remote_of(offer: &[u8], codecs: Codecs) -> Option<RemoteMedia> {
    let text = std::str::from_utf8(offer).ok()?;
    let mut session_ip = None;
    let mut audio: Option<Audio> = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("m=") {
            // One stream of telephone audio is all that is spoken here; what follows belongs to others.
            if audio.is_some() {
                break;
            }
            audio = Audio::read(rest);
        } else if let Some(ip) = address(line) {
            match &mut audio {
                Some(audio) => audio.ip = Some(ip),
                None => session_ip = Some(ip),
            }
        } else if let Some(audio) = &mut audio {
            audio.attribute(line);
        }
    }
    let audio = audio?;
    let ours = |payload_type: &u8| {
        let all = codecs.list().iter();
        all.copied().find(|c| c.payload_type() == *payload_type)
    };
    Some(RemoteMedia {
        addr: SocketAddr::new(audio.ip.or(session_ip)?, audio.port),
        codec: audio.payload_types.iter().find_map(ours)?,
        telephone_event: audio.telephone_event,
        we_send: audio.we_send,
        it_sends: true,
    })
}

fn address(line: &str) -> Option<IpAddr> {
    let rest = line.strip_prefix("c=IN IP")?;
    rest.get(1..)?.trim().parse().ok()
}

struct Audio {
    port: u16,
    payload_types: Vec<u8>,
    ip: Option<IpAddr>,
    telephone_event: Option<u8>,
    we_send: bool,
}

impl Audio {
    fn read(rest: &str) -> Option<Self> {
        let mut words = rest.split_whitespace();
        if words.next() != Some("audio") {
            return None;
        }
        Some(Self {
            port: words.next()?.parse().ok()?,
            payload_types: words.skip(1).filter_map(|w| w.parse().ok()).collect(),
            ip: None,
            telephone_event: None,
            we_send: true,
        })
    }

    fn attribute(&mut self, line: &str) {
        if let Some(map) = line.strip_prefix("a=rtpmap:")
            && let Some((payload_type, name)) = map.split_once(' ')
            && name.eq_ignore_ascii_case("telephone-event/8000")
        {
            self.telephone_event = payload_type.parse::<u8>().ok();
        }
        if matches!(line, "a=sendonly" | "a=inactive") {
            self.we_send = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip::Codec;

    const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
        m=audio 4000 RTP/AVP 18 0 8 96\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:96 telephone-event/8000\r\n\
        a=sendrecv\r\n";

    #[test]
    fn the_first_common_codec_and_the_events_of_an_offer_are_found() {
        let media = remote_of(OFFER.as_bytes(), Codecs::AlawUlaw).unwrap();
        assert_eq!(media.addr, "127.0.0.1:4000".parse().unwrap());
        assert_eq!(
            (media.codec, media.telephone_event, media.we_send),
            (Codec::Pcmu, Some(96), true)
        );
        let alaw = remote_of(OFFER.as_bytes(), Codecs::Alaw).unwrap();
        assert_eq!(alaw.codec, Codec::Pcma);
    }

    #[test]
    fn a_streams_own_address_comes_before_that_of_the_session() {
        let offer = OFFER.replace("a=sendrecv", "c=IN IP4 127.0.0.9\r\na=sendonly");
        let media = remote_of(offer.as_bytes(), Codecs::AlawUlaw).unwrap();
        assert_eq!(media.addr, "127.0.0.9:4000".parse().unwrap());
        assert!(!media.we_send);
    }

    #[test]
    fn an_offer_without_common_audio_has_no_far_end() {
        for offer in [
            "",
            "v=0\r\nm=audio 4000 RTP/AVP 8\r\n",
            "v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 18\r\n",
            "v=0\r\nc=IN IP4 127.0.0.1\r\nm=video 4000 RTP/AVP 8\r\n",
        ] {
            assert_eq!(
                remote_of(offer.as_bytes(), Codecs::AlawUlaw),
                None,
                "{offer}"
            );
        }
    }
}
