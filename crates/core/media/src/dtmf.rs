//! The keys of a phone: their digits, event codes and tones.

use std::time::Duration;

use crate::tone::dual_tone;

/// ITU-T Q.23 section 5: the low group, one frequency per row of keys.
pub(crate) const ROWS_HZ: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
/// ITU-T Q.23 section 5: the high group, one frequency per column.
pub(crate) const COLUMNS_HZ: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];

/// A key of a phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Dtmf {
    Zero,
    One,
    Two,
    Three,
    Four,
    Five,
    Six,
    Seven,
    Eight,
    Nine,
    Star,
    Pound,
    A,
    B,
    C,
    D,
}

impl Dtmf {
    /// All keys, in the order of their event codes (RFC 4733 section 3.2, table 3).
    pub const ALL: [Self; 16] = [
        Self::Zero,
        Self::One,
        Self::Two,
        Self::Three,
        Self::Four,
        Self::Five,
        Self::Six,
        Self::Seven,
        Self::Eight,
        Self::Nine,
        Self::Star,
        Self::Pound,
        Self::A,
        Self::B,
        Self::C,
        Self::D,
    ];

    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D',
    ];

    /// ITU-T Q.23 section 5: the keys by row and column.
    const KEYPAD: [[Self; 4]; 4] = [
        [Self::One, Self::Two, Self::Three, Self::A],
        [Self::Four, Self::Five, Self::Six, Self::B],
        [Self::Seven, Self::Eight, Self::Nine, Self::C],
        [Self::Star, Self::Zero, Self::Pound, Self::D],
    ];

    /// `0`-`9`, `*`, `#`, `A`-`D`.
    pub const fn digit(self) -> char {
        Self::DIGITS[self as usize]
    }

    /// The key of a digit; `a`-`d` are taken too.
    pub fn of_digit(digit: char) -> Option<Self> {
        let digit = digit.to_ascii_uppercase();
        let at = Self::DIGITS.iter().position(|d| *d == digit)?;
        Self::ALL.get(at).copied()
    }

    /// RFC 4733 section 3.2: the event code, 0 to 15.
    pub const fn event_code(self) -> u8 {
        self as u8
    }

    /// The key of an event code; none above 15.
    pub fn of_event_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The key in a row and column of the keypad.
    pub(crate) const fn at(row: usize, column: usize) -> Self {
        Self::KEYPAD[row][column]
    }

    /// The low and the high frequency.
    pub fn frequencies_hz(self) -> (f32, f32) {
        for (row, keys) in ROWS_HZ.into_iter().zip(Self::KEYPAD) {
            if let Some(column) = keys.iter().position(|key| *key == self) {
                return (row, COLUMNS_HZ[column]);
            }
        }
        (ROWS_HZ[3], COLUMNS_HZ[1]) // unreachable: the keypad holds every key
    }

    /// The key's sound for `length_ms`, at -10 dBm0 a tone.
    pub fn sound(self, length_ms: u64) -> Vec<i16> {
        let (low, high) = self.frequencies_hz();
        dual_tone(low, high, -10.0, Duration::from_millis(length_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_keys_and_event_codes_name_each_other() {
        for (code, key) in Dtmf::ALL.into_iter().enumerate() {
            assert_eq!(Dtmf::of_digit(key.digit()), Some(key));
            assert_eq!(Dtmf::of_event_code(code as u8), Some(key));
            assert_eq!(usize::from(key.event_code()), code);
        }
        assert_eq!(Dtmf::of_digit('d'), Some(Dtmf::D));
        assert_eq!((Dtmf::of_digit('x'), Dtmf::of_event_code(16)), (None, None));
    }
}
