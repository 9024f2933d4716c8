//! Which encoding a text file is in, and reading it as UTF-8.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1251};

/// Decides the encoding of a whole text: by its byte order mark, by the zero bytes that UTF-16 puts into
/// plain characters, by being UTF-8 from start to end; what remains is CP1251, in which spreadsheet
/// programs on Russian Windows save csv.
pub(crate) fn detect(mut text: impl Read) -> io::Result<&'static Encoding> {
    let mut buffer = vec![0; 64 << 10];
    let mut checker = Utf8Checker::default();
    let mut first = true;
    loop {
        let read = text.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|b| !b.is_empty()) else {
            break;
        };
        if std::mem::take(&mut first) {
            if let Some((encoding, _)) = Encoding::for_bom(bytes) {
                return Ok(encoding);
            }
            if let Some(encoding) = utf16_by_zeros(bytes) {
                return Ok(encoding);
            }
        }
        if !checker.feed(bytes) {
            return Ok(WINDOWS_1251);
        }
    }
    Ok(if checker.is_complete() {
        UTF_8
    } else {
        WINDOWS_1251
    })
}

/// UTF-16 without a mark: separators, digits and line ends are a zero byte and an ASCII one, always in the
/// same order. No other encoding of a text has zero bytes at all.
fn utf16_by_zeros(bytes: &[u8]) -> Option<&'static Encoding> {
    let (mut high_first, mut low_first) = (0_usize, 0_usize);
    for pair in bytes.chunks_exact(2) {
        match pair {
            [0, low] if *low != 0 => high_first += 1,
            [low, 0] if *low != 0 => low_first += 1,
            _ => {}
        }
    }
    let enough = bytes.len() / 20;
    if low_first > enough && low_first > 10 * high_first {
        Some(UTF_16LE)
    } else if high_first > enough && high_first > 10 * low_first {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// Validates UTF-8 in chunks; a character may be cut by the end of one.
#[derive(Default)]
struct Utf8Checker {
    cut: Vec<u8>,
}

impl Utf8Checker {
    fn feed(&mut self, bytes: &[u8]) -> bool {
        let joined;
        let bytes = if self.cut.is_empty() {
            bytes
        } else {
            joined = [self.cut.as_slice(), bytes].concat();
            joined.as_slice()
        };
        match str::from_utf8(bytes) {
            Ok(_) => {
                self.cut.clear();
                true
            }
            Err(e) if e.error_len().is_none() => {
                self.cut = bytes.get(e.valid_up_to()..).unwrap_or_default().to_vec();
                true
            }
            Err(_) => false,
        }
    }

    fn is_complete(&self) -> bool {
        self.cut.is_empty()
    }
}

/// Reads a text of any encoding as UTF-8 with LF line ends; bytes that mean nothing become U+FFFD.
pub(crate) struct Utf8Reader<R> {
    inner: R,
    decoder: Decoder,
    raw: Vec<u8>,
    raw_at: usize,
    raw_end: usize,
    text: Vec<u8>,
    text_at: usize,
    text_end: usize,
    /// The text given out last was followed by a carriage return; what comes next decides about it.
    held_return: bool,
    /// The raw text has.
    ended: bool,
    /// The decoder has given its last; it must not be asked again.
    finished: bool,
    budget: RecordBudget,
}

/// Bytes that may still be read before the current record has to end. Shared with whoever counts records.
#[derive(Clone)]
pub(crate) struct RecordBudget {
    left: Rc<Cell<u64>>,
    full: u64,
}

impl RecordBudget {
    pub(crate) fn new(bytes: u64) -> Self {
        Self {
            left: Rc::new(Cell::new(bytes)),
            full: bytes,
        }
    }

    /// A record has ended.
    pub(crate) fn refill(&self) {
        self.left.set(self.full);
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.left.get() == 0
    }

    fn spend(&self, bytes: usize) -> io::Result<()> {
        self.left.set(self.left.get().saturating_sub(bytes as u64));
        if self.is_spent() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a record does not end; is a quote unclosed?",
            ));
        }
        Ok(())
    }
}

impl<R: Read> Utf8Reader<R> {
    pub(crate) fn new(inner: R, encoding: &'static Encoding, budget: RecordBudget) -> Self {
        Self {
            inner,
            // Drops the byte order mark, if it is this encoding's.
            decoder: encoding.new_decoder_with_bom_removal(),
            raw: vec![0; 16 << 10],
            raw_at: 0,
            raw_end: 0,
            text: vec![0; 32 << 10],
            text_at: 0,
            text_end: 0,
            held_return: false,
            ended: false,
            finished: false,
            budget,
        }
    }
}

impl<R: Read> Utf8Reader<R> {
    /// Decodes the next text into the buffer; leaves it empty at the end.
    fn decode(&mut self) -> io::Result<()> {
        self.text_at = 0;
        self.text_end = 0;
        while self.text_end == self.text_at && !self.finished {
            if self.raw_at == self.raw_end && !self.ended {
                self.raw_at = 0;
                self.raw_end = self.inner.read(&mut self.raw)?;
                self.ended = self.raw_end == 0;
            }
            let raw = self.raw.get(self.raw_at..self.raw_end).unwrap_or_default();
            // The first place is kept for a carriage return held back from the text before.
            let Some((place, room)) = self.text.split_first_mut() else {
                return Ok(());
            };
            let (result, read, written, _) = self.decoder.decode_to_utf8(raw, room, self.ended);
            self.raw_at += read;
            self.finished = self.ended && result == CoderResult::InputEmpty;
            let kept = drop_carriage_returns(room.get_mut(..written).unwrap_or_default());
            self.text_at = 1;
            self.text_end = 1 + kept;
            let settled = written > 0 || self.finished;
            if settled
                && std::mem::take(&mut self.held_return)
                && room.first().filter(|_| written > 0) != Some(&b'\n')
            {
                *place = b'\r';
                self.text_at = 0;
            }
            if !self.finished
                && self.text_end > 1
                && self.text.get(self.text_end - 1) == Some(&b'\r')
            {
                self.text_end -= 1;
                self.held_return = true;
            }
        }
        Ok(())
    }
}

/// Makes CR LF one LF, in place; returns how many bytes remain.
fn drop_carriage_returns(text: &mut [u8]) -> usize {
    if !text.contains(&b'\r') {
        return text.len();
    }
    let mut kept = 0;
    for at in 0..text.len() {
        let pair = (text.get(at).copied(), text.get(at + 1).copied());
        if pair == (Some(b'\r'), Some(b'\n')) {
            continue;
        }
        if let (Some(byte), Some(place)) = (pair.0, text.get_mut(kept)) {
            *place = byte;
            kept += 1;
        }
    }
    kept
}

impl<R: Read> Read for Utf8Reader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.text_at == self.text_end {
            self.decode()?;
        }
        let mut ready = self
            .text
            .get(self.text_at..self.text_end)
            .unwrap_or_default();
        let read = ready.read(out)?;
        self.text_at += read;
        self.budget.spend(read)?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "ФИО;Телефон\nИванов;+7 900 555-00-01\n";

    fn utf16(text: &str, big: bool) -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|u| {
                if big {
                    u.to_be_bytes()
                } else {
                    u.to_le_bytes()
                }
            })
            .collect()
    }

    #[test]
    fn every_encoding_of_a_russian_csv_is_told_and_read() {
        let cp1251 = WINDOWS_1251.encode(TEXT).0.into_owned();
        for (name, bytes, encoding) in [
            ("utf-8", TEXT.as_bytes().to_vec(), UTF_8),
            (
                "utf-8 with mark",
                [b"\xef\xbb\xbf", TEXT.as_bytes()].concat(),
                UTF_8,
            ),
            ("cp1251", cp1251, WINDOWS_1251),
            (
                "utf-16le with mark",
                [b"\xff\xfe".to_vec(), utf16(TEXT, false)].concat(),
                UTF_16LE,
            ),
            (
                "utf-16be with mark",
                [b"\xfe\xff".to_vec(), utf16(TEXT, true)].concat(),
                UTF_16BE,
            ),
            ("utf-16le", utf16(TEXT, false), UTF_16LE),
            ("utf-16be", utf16(TEXT, true), UTF_16BE),
        ] {
            let detected = detect(bytes.as_slice()).unwrap();
            assert_eq!(detected.name(), encoding.name(), "{name}");
            let mut text = String::new();
            Utf8Reader::new(bytes.as_slice(), detected, RecordBudget::new(1 << 20))
                .read_to_string(&mut text)
                .unwrap();
            assert_eq!(text, TEXT, "{name}");
        }
    }

    #[test]
    fn line_ends_become_line_feeds_wherever_the_buffers_cut() {
        /// Gives one byte at a time.
        struct Drip<'a>(&'a [u8]);

        impl Read for Drip<'_> {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                let (first, rest) = self.0.split_at(self.0.len().min(1));
                self.0 = rest;
                (&*first).read(out)
            }
        }
        for (raw, read) in [
            ("a\r\nb\r\n", "a\nb\n"),
            ("a\rb", "a\rb"),
            ("\r\r\n\n\r", "\r\n\n\r"),
            ("\r", "\r"),
            ("", ""),
        ] {
            let budget = || RecordBudget::new(100);
            let mut whole = String::new();
            Utf8Reader::new(raw.as_bytes(), UTF_8, budget())
                .read_to_string(&mut whole)
                .unwrap();
            let mut dripped = String::new();
            Utf8Reader::new(Drip(raw.as_bytes()), UTF_8, budget())
                .read_to_string(&mut dripped)
                .unwrap();
            assert_eq!((whole.as_str(), dripped.as_str()), (read, read), "{raw:?}");
        }
    }

    #[test]
    fn a_text_that_ends_inside_a_character_ends_once() {
        let mut reader = Utf8Reader::new(&b"abc\xd0"[..], UTF_8, RecordBudget::new(100));
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc\u{fffd}");
        assert_eq!(reader.read(&mut [0; 8]).unwrap(), 0);
    }

    #[test]
    fn cp1251_far_behind_plain_ascii_is_still_told() {
        let mut bytes = vec![b'a'; 200_000];
        bytes.extend_from_slice(&WINDOWS_1251.encode("Москва").0);
        assert_eq!(detect(bytes.as_slice()).unwrap().name(), "windows-1251");
    }

    #[test]
    fn a_character_cut_by_the_buffer_is_still_utf8() {
        for offset in 0..4 {
            let mut text = "a".repeat((64 << 10) - offset);
            text.push_str("жжж");
            assert_eq!(detect(text.as_bytes()).unwrap().name(), "UTF-8", "{offset}");
        }
    }

    #[test]
    fn a_text_that_ends_inside_a_character_is_not_utf8() {
        assert_eq!(detect(&b"abc\xd0"[..]).unwrap().name(), "windows-1251");
    }
}
