//! G.711: 64 kbit/s, A-law in most of the world, µ-law in North America and Japan.
//!
//! The tables are computed at compile time from the recommendation's rules: 256 entries to decode;
//! to encode, one entry per value of the 12 bits (A-law) or 14 bits (µ-law) that decide.

use std::fmt;

/// How samples become bytes on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Codec {
    /// G.711 A-law: PCMA.
    Alaw,
    /// G.711 µ-law: PCMU.
    Ulaw,
}

impl Codec {
    /// Both, in the order we offer them.
    pub const ALL: [Self; 2] = [Self::Alaw, Self::Ulaw];

    /// RFC 3551 section 6: the static payload type.
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::Alaw => 8,
            Self::Ulaw => 0,
        }
    }

    /// The codec of a static payload type.
    pub const fn of_payload_type(payload_type: u8) -> Option<Self> {
        match payload_type {
            8 => Some(Self::Alaw),
            0 => Some(Self::Ulaw),
            _ => None,
        }
    }

    /// The encoding name in SDP (RFC 3551 section 6).
    pub const fn sdp_name(self) -> &'static str {
        match self {
            Self::Alaw => "PCMA",
            Self::Ulaw => "PCMU",
        }
    }

    /// The byte of a zero sample.
    pub const fn silence(self) -> u8 {
        match self {
            Self::Alaw => 0xd5,
            Self::Ulaw => 0xff,
        }
    }

    /// One sample to one byte.
    pub const fn encode(self, sample: i16) -> u8 {
        match self {
            Self::Alaw => ALAW_ENCODE[(sample >> ALAW_SHIFT) as u16 as usize & (ALAW_VALUES - 1)],
            Self::Ulaw => ULAW_ENCODE[(sample >> ULAW_SHIFT) as u16 as usize & (ULAW_VALUES - 1)],
        }
    }

    /// One byte to one sample.
    pub const fn decode(self, byte: u8) -> i16 {
        match self {
            Self::Alaw => ALAW_DECODE[byte as usize],
            Self::Ulaw => ULAW_DECODE[byte as usize],
        }
    }

    /// Encodes as many samples as both slices hold.
    pub fn encode_into(self, samples: &[i16], bytes: &mut [u8]) {
        for (byte, sample) in bytes.iter_mut().zip(samples) {
            *byte = self.encode(*sample);
        }
    }

    /// Decodes as many bytes as both slices hold.
    pub fn decode_into(self, bytes: &[u8], samples: &mut [i16]) {
        for (sample, byte) in samples.iter_mut().zip(bytes) {
            *sample = self.decode(*byte);
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sdp_name())
    }
}

/// G.711 tables 1 and 2: every decision value is a multiple of this power of two of a 16-bit sample.
const ALAW_SHIFT: u32 = 4;
const ULAW_SHIFT: u32 = 2;
const ALAW_VALUES: usize = 1 << (16 - ALAW_SHIFT);
const ULAW_VALUES: usize = 1 << (16 - ULAW_SHIFT);

/// G.711 table 2 note: 33 is added before µ-law's segments are found, and taken off again.
const ULAW_BIAS: i32 = 33;

static ALAW_DECODE: [i16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = alaw_decode(byte as u8);
        byte += 1;
    }
    table
};

static ULAW_DECODE: [i16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = ulaw_decode(byte as u8);
        byte += 1;
    }
    table
};

static ALAW_ENCODE: [u8; ALAW_VALUES] = {
    let mut table = [0; ALAW_VALUES];
    let mut at = 0;
    while at < ALAW_VALUES {
        table[at] = alaw_encode(((at << ALAW_SHIFT) as u16).cast_signed());
        at += 1;
    }
    table
};

static ULAW_ENCODE: [u8; ULAW_VALUES] = {
    let mut table = [0; ULAW_VALUES];
    let mut at = 0;
    while at < ULAW_VALUES {
        table[at] = ulaw_encode(((at << ULAW_SHIFT) as u16).cast_signed());
        at += 1;
    }
    table
};

const fn alaw_decode(byte: u8) -> i16 {
    // G.711 section 3.1 and table 1, note 2: even bits are inverted on the line.
    let code = byte ^ 0x55;
    let segment = (code >> 4) & 7;
    let step = (code & 15) as i16;
    // Quantized values lie in the middle of their interval; the scale is 16 bits, the table's times 8.
    let magnitude = match segment {
        0 => (step << 4) + 8,
        _ => ((step << 4) + 0x108) << (segment - 1),
    };
    if code & 0x80 != 0 {
        magnitude
    } else {
        -magnitude
    }
}

const fn alaw_encode(sample: i16) -> u8 {
    let positive = sample >= 0;
    // One's complement: the intervals of both signs are alike, so that zero belongs to the positive one.
    let magnitude = (if positive { sample } else { !sample }) >> ALAW_SHIFT;
    let code = if magnitude < 32 {
        magnitude
    } else {
        let segment = 12 - magnitude.leading_zeros() as i16;
        (segment << 4) | ((magnitude >> (segment - 1)) & 15)
    };
    (code as u8 | if positive { 0x80 } else { 0 }) ^ 0x55
}

const fn ulaw_decode(byte: u8) -> i16 {
    // G.711 table 2, note 2: all bits are inverted on the line.
    let code = !byte;
    let segment = (code >> 4) & 7;
    let step = (code & 15) as i32;
    let magnitude = ((2 * step + ULAW_BIAS) << segment) - ULAW_BIAS;
    let sample = (magnitude << ULAW_SHIFT) as i16;
    if code & 0x80 != 0 { -sample } else { sample }
}

const fn ulaw_encode(sample: i16) -> u8 {
    /// The last decision value of table 2, with the bias.
    const LARGEST: i32 = 0x1fff;
    let positive = sample >= 0;
    let linear = (if positive { sample } else { !sample }) >> ULAW_SHIFT;
    let biased = linear as i32 + ULAW_BIAS;
    let magnitude = if biased > LARGEST { LARGEST } else { biased };
    let segment = 26 - magnitude.leading_zeros() as i32;
    let step = (magnitude >> (segment + 1)) & 15;
    !(((segment << 4) | step) as u8 | if positive { 0 } else { 0x80 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// G.711 table 1a, columns 6 to 8: number of the value, decision value x(n), quantized value y(n+1),
    /// on the table's scale (full load 4096), for the first value of each segment and the last of all.
    const ALAW_TABLE: [(u8, i16, i16); 9] = [
        (0, 0, 1),
        (16, 32, 33),
        (32, 64, 66),
        (48, 128, 132),
        (64, 256, 264),
        (80, 512, 528),
        (96, 1024, 1056),
        (112, 2048, 2112),
        (127, 3968, 4032),
    ];

    /// G.711 table 2a, the same columns (full load 8159).
    const ULAW_TABLE: [(u8, i16, i16); 10] = [
        (0, 0, 0),
        (1, 1, 2),
        (16, 31, 33),
        (32, 95, 99),
        (48, 223, 231),
        (64, 479, 495),
        (80, 991, 1023),
        (96, 2015, 2079),
        (112, 4063, 4191),
        (127, 7903, 8031),
    ];

    #[test]
    fn alaw_agrees_with_the_recommendations_table() {
        for (number, decision, value) in ALAW_TABLE {
            let positive = (number | 0x80) ^ 0x55;
            let negative = number ^ 0x55;
            assert_eq!(Codec::Alaw.decode(positive), value * 8, "value {number}");
            assert_eq!(Codec::Alaw.decode(negative), -value * 8, "value {number}");
            assert_eq!(Codec::Alaw.encode(decision * 8), positive, "x({number})");
            assert_eq!(
                Codec::Alaw.encode(!(decision * 8)),
                negative,
                "-x({number})"
            );
            if number > 0 {
                let below = Codec::Alaw.encode(decision * 8 - 1);
                assert_eq!(below, ((number - 1) | 0x80) ^ 0x55, "below x({number})");
            }
        }
    }

    #[test]
    fn ulaw_agrees_with_the_recommendations_table() {
        for (number, decision, value) in ULAW_TABLE {
            let positive = !number;
            let negative = !(number | 0x80);
            assert_eq!(Codec::Ulaw.decode(positive), value * 4, "value {number}");
            assert_eq!(Codec::Ulaw.decode(negative), -value * 4, "value {number}");
            assert_eq!(Codec::Ulaw.encode(decision * 4), positive, "x({number})");
            assert_eq!(
                Codec::Ulaw.encode(!(decision * 4)),
                negative,
                "-x({number})"
            );
            if number > 0 {
                let below = Codec::Ulaw.encode(decision * 4 - 1);
                assert_eq!(below, !(number - 1), "below x({number})");
            }
        }
    }

    #[test]
    fn every_byte_survives_decoding_and_encoding() {
        for codec in Codec::ALL {
            for byte in 0..=255 {
                let again = codec.encode(codec.decode(byte));
                // µ-law has two zeros, 0xff and 0x7f, and one of them must go.
                let expected = if (codec, byte) == (Codec::Ulaw, 0x7f) {
                    0xff
                } else {
                    byte
                };
                assert_eq!(again, expected, "{codec} {byte:#04x}");
            }
        }
    }

    #[test]
    fn a_decoded_sample_is_never_further_from_the_original_than_half_its_interval() {
        for codec in Codec::ALL {
            for sample in i16::MIN..=i16::MAX {
                let decoded = i32::from(codec.decode(codec.encode(sample)));
                let error = (decoded - i32::from(sample)).abs();
                // An interval is at most a sixteenth of the sample; the ends are clipped.
                let bound =
                    (i32::from(sample).abs() / 32 + 8).max(i32::from(sample).abs() - 32_124);
                assert!(error <= bound.max(16), "{codec} {sample} -> {decoded}");
            }
        }
    }

    #[test]
    fn silence_decodes_to_next_to_nothing() {
        for codec in Codec::ALL {
            assert_eq!(codec.encode(0), codec.silence());
            assert!(codec.decode(codec.silence()).abs() <= 8);
        }
    }
}
