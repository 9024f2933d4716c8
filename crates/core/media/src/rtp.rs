//! RTP packets (RFC 3550 section 5.1), read without copying and written into a buffer of the caller.

/// The fixed header; we never send contributing sources or extensions.
pub const RTP_HEADER_BYTES: usize = 12;

/// The part of the header that carries meaning for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpHeader {
    /// RFC 3551 section 4.1: the first packet of a talk spurt.
    pub marker: bool,
    /// 0 to 127.
    pub payload_type: u8,
    /// Counts packets, wraps.
    pub sequence: u16,
    /// The sampling instant of the first sample, in samples, wraps.
    pub timestamp: u32,
    /// The synchronization source.
    pub ssrc: u32,
}

/// A packet as it lies in a receive buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpPacket<'a> {
    /// The header.
    pub header: RtpHeader,
    /// Without header, extension and padding; may be empty.
    pub payload: &'a [u8],
}

/// The datagram is no RTP packet. Counted, never logged one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedRtp {
    /// Shorter than its headers say.
    #[error("the datagram ends within the RTP header")]
    Truncated,
    /// RFC 3550 section 5.1: this is version 2.
    #[error("version {0} where RTP has 2")]
    Version(u8),
    /// RFC 5761 section 4: payload types 64 to 95 with the marker bit are RTCP packet types.
    #[error("an RTCP packet on the RTP port")]
    Rtcp,
    /// RFC 3550 section 5.1: the last byte counts the padding, itself included.
    #[error("padding of {0} bytes does not fit the packet")]
    Padding(u8),
}

impl<'a> RtpPacket<'a> {
    /// Reads a datagram.
    ///
    /// # Errors
    /// When lengths contradict each other, or it is something else.
    pub fn read(datagram: &'a [u8]) -> Result<Self, MalformedRtp> {
        let (fixed, rest) = datagram
            .split_first_chunk::<RTP_HEADER_BYTES>()
            .ok_or(MalformedRtp::Truncated)?;
        let [flags, kind, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *fixed;
        if flags >> 6 != 2 {
            return Err(MalformedRtp::Version(flags >> 6));
        }
        if (192..=223).contains(&kind) {
            return Err(MalformedRtp::Rtcp);
        }
        let contributing_bytes = usize::from(flags & 0x0f) * 4;
        let mut payload = rest
            .get(contributing_bytes..)
            .ok_or(MalformedRtp::Truncated)?;
        if flags & 0x10 != 0 {
            payload = after_extension(payload)?;
        }
        if flags & 0x20 != 0 {
            payload = before_padding(payload)?;
        }
        Ok(Self {
            header: RtpHeader {
                marker: kind & 0x80 != 0,
                payload_type: kind & 0x7f,
                sequence: u16::from_be_bytes([s0, s1]),
                timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
                ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
            },
            payload,
        })
    }
}

/// RFC 3550 section 5.3.1: 16 bits for a profile, then a length in 32-bit words.
fn after_extension(bytes: &[u8]) -> Result<&[u8], MalformedRtp> {
    let (&[_, _, l0, l1], rest) = bytes.split_first_chunk().ok_or(MalformedRtp::Truncated)?;
    let extension_bytes = usize::from(u16::from_be_bytes([l0, l1])) * 4;
    rest.get(extension_bytes..).ok_or(MalformedRtp::Truncated)
}

fn before_padding(bytes: &[u8]) -> Result<&[u8], MalformedRtp> {
    let &padding = bytes.last().ok_or(MalformedRtp::Truncated)?;
    match bytes.len().checked_sub(usize::from(padding)) {
        Some(kept) if padding > 0 => Ok(&bytes[..kept]),
        _ => Err(MalformedRtp::Padding(padding)),
    }
}

impl RtpHeader {
    /// The header's bytes; a payload follows them.
    pub const fn to_bytes(self) -> [u8; RTP_HEADER_BYTES] {
        let [s0, s1] = self.sequence.to_be_bytes();
        let [t0, t1, t2, t3] = self.timestamp.to_be_bytes();
        let [c0, c1, c2, c3] = self.ssrc.to_be_bytes();
        let kind = (self.payload_type & 0x7f) | if self.marker { 0x80 } else { 0 };
        [0x80, kind, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3]
    }

    /// Replaces the contents of `packet` by this header and `payload`.
    pub fn write(self, payload: &[u8], packet: &mut Vec<u8>) {
        packet.clear();
        packet.extend_from_slice(&self.to_bytes());
        packet.extend_from_slice(payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEADER: RtpHeader = RtpHeader {
        marker: true,
        payload_type: 8,
        sequence: 0xfffe,
        timestamp: 0x0102_0304,
        ssrc: 0xdead_beef,
    };

    #[test]
    fn a_packet_reads_as_it_was_written() {
        let mut bytes = vec![9; 3];
        HEADER.write(&[1, 2, 3], &mut bytes);
        let packet = RtpPacket::read(&bytes).unwrap();
        assert_eq!((packet.header, packet.payload), (HEADER, &[1, 2, 3][..]));
    }

    #[test]
    fn contributing_sources_extension_and_padding_are_no_payload() {
        let mut bytes = HEADER.to_bytes().to_vec();
        bytes[0] |= 0x20 | 0x10 | 2;
        bytes.extend([0; 8]); // two contributing sources
        bytes.extend([0xbe, 0xde, 0, 1, 7, 7, 7, 7]); // an extension of one word
        bytes.extend([42, 43, 0, 0, 3]); // two bytes of payload, three of padding
        assert_eq!(RtpPacket::read(&bytes).unwrap().payload, [42, 43]);
    }

    #[test]
    fn lengths_that_contradict_the_datagram_are_refused() {
        let with = |flags: u8, rest: &[u8]| {
            let mut bytes = HEADER.to_bytes().to_vec();
            bytes[0] = flags;
            bytes.extend(rest);
            RtpPacket::read(&bytes).map(|p| p.payload.to_vec())
        };
        assert_eq!(RtpPacket::read(&[0x80; 11]), Err(MalformedRtp::Truncated));
        assert_eq!(with(0x40, &[]), Err(MalformedRtp::Version(1)));
        assert_eq!(with(0x8f, &[0; 59]), Err(MalformedRtp::Truncated));
        assert_eq!(with(0x90, &[0, 0, 0]), Err(MalformedRtp::Truncated));
        assert_eq!(with(0x90, &[0, 0, 0, 1, 0]), Err(MalformedRtp::Truncated));
        assert_eq!(with(0xa0, &[]), Err(MalformedRtp::Truncated));
        assert_eq!(with(0xa0, &[1, 0]), Err(MalformedRtp::Padding(0)));
        assert_eq!(with(0xa0, &[1, 3]), Err(MalformedRtp::Padding(3)));
    }

    #[test]
    fn a_sender_report_on_the_wrong_port_is_not_taken_for_audio() {
        let mut bytes = HEADER.to_bytes();
        bytes[1] = 200;
        assert_eq!(RtpPacket::read(&bytes), Err(MalformedRtp::Rtcp));
    }

    proptest! {
        #[test]
        fn any_datagram_is_read_or_refused_but_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(packet) = RtpPacket::read(&bytes) {
                prop_assert!(packet.payload.len() + RTP_HEADER_BYTES <= bytes.len());
            }
        }

        #[test]
        fn a_mutated_packet_never_panics(flags in any::<u8>(), rest in prop::collection::vec(any::<u8>(), 11..200)) {
            let mut bytes = vec![0x80 | (flags & 0x3f)];
            bytes.extend(rest);
            if let Ok(packet) = RtpPacket::read(&bytes) {
                prop_assert!(packet.payload.len() + RTP_HEADER_BYTES <= bytes.len());
            }
        }
    }
}
