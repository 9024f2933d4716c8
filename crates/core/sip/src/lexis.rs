//! The lexical habits that most SIP headers share (RFC 3261 section 25.1), over bytes.
//!
//! Header values may be folded: CR and LF inside one count as white space.

pub(crate) const fn is_lws(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n')
}

pub(crate) fn trim(mut s: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = s
        && is_lws(*first)
    {
        s = rest;
    }
    while let [rest @ .., last] = s
        && is_lws(*last)
    {
        s = rest;
    }
    s
}

/// The part before the first `sep` and the part after it; the second is absent when `sep` is.
pub(crate) fn cut(s: &[u8], sep: u8) -> (&[u8], Option<&[u8]>) {
    match s.iter().position(|b| *b == sep) {
        Some(at) => (&s[..at], s.get(at + 1..)),
        None => (s, None),
    }
}

/// A decimal number that fills `s`; `None` when it is empty, signed, too large or not a number.
pub(crate) fn number<T: TryFrom<u64>>(s: &[u8]) -> Option<T> {
    if s.is_empty() || s.len() > 20 {
        return None;
    }
    let mut n: u64 = 0;
    for b in s {
        if !b.is_ascii_digit() {
            return None;
        }
        n = n.checked_mul(10)?.checked_add(u64::from(b - b'0'))?;
    }
    T::try_from(n).ok()
}

/// Text for people and logs: bytes that are not UTF-8 are read as Latin-1, control characters left
/// out, and the whole clipped to `limit` bytes at a character boundary.
pub(crate) fn text(s: &[u8], limit: usize) -> String {
    let full = match std::str::from_utf8(s) {
        Ok(utf8) => utf8.chars().filter(|c| !c.is_control()).collect::<String>(),
        Err(_) => s
            .iter()
            .map(|b| char::from(*b))
            .filter(|c| !c.is_control())
            .collect(),
    };
    match full.char_indices().find(|(i, c)| i + c.len_utf8() > limit) {
        Some((end, _)) => full.get(..end).unwrap_or_default().to_owned(),
        None => full,
    }
}

/// Splits at `sep` outside of quoted strings and angle brackets; pieces are trimmed, empty ones left out.
pub(crate) fn split(s: &[u8], sep: u8) -> Split<'_> {
    Split { rest: Some(s), sep }
}

pub(crate) struct Split<'a> {
    rest: Option<&'a [u8]>,
    sep: u8,
}

impl<'a> Iterator for Split<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while let Some(s) = self.rest {
            let piece = match find_outside(s, self.sep) {
                Some(at) => {
                    self.rest = s.get(at + 1..);
                    &s[..at]
                }
                None => {
                    self.rest = None;
                    s
                }
            };
            let piece = trim(piece);
            if !piece.is_empty() {
                return Some(piece);
            }
        }
        None
    }
}

/// Where `sep` first stands outside of quotes and angle brackets.
pub(crate) fn find_outside(s: &[u8], sep: u8) -> Option<usize> {
    let (mut quoted, mut escaped, mut angle) = (false, false, false);
    for (i, b) in s.iter().enumerate() {
        if escaped {
            escaped = false;
            continue;
        }
        match *b {
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b if b == sep && !quoted && !angle => return Some(i),
            b'<' if !quoted => angle = true,
            b'>' if !quoted => angle = false,
            _ => {}
        }
    }
    None
}

/// Parameters after a value: `;name=value;name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Params<'a>(pub(crate) &'a [u8]);

impl<'a> Params<'a> {
    /// The value of a parameter by its name in any case; empty when the parameter has no value.
    /// Quotes around the value are left in place.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, v)| v)
    }

    /// All parameters in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        split(self.0, b';').map(|p| {
            let (name, value) = cut(p, b'=');
            (trim(name), trim(value.unwrap_or_default()))
        })
    }
}

/// The inside of a quoted string with its escapes resolved; anything else as it is.
pub(crate) fn unquote(s: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    let Some(inner) = s.strip_prefix(b"\"").and_then(|s| s.strip_suffix(b"\"")) else {
        return s.into();
    };
    if !inner.contains(&b'\\') {
        return inner.into();
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut escaped = false;
    for b in inner {
        if !escaped && *b == b'\\' {
            escaped = true;
        } else {
            escaped = false;
            out.push(*b);
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_inside_quotes_and_brackets_do_not_split() {
        let parts: Vec<_> = split(b"\"a,\\\"b\" <sip:x,y@h>;p, <sip:z@h> ,, *", b',').collect();
        assert_eq!(
            parts,
            [b"\"a,\\\"b\" <sip:x,y@h>;p".as_slice(), b"<sip:z@h>", b"*"]
        );
    }

    #[test]
    fn numbers_are_decimal_unsigned_and_bounded() {
        for (s, n) in [
            ("0", Some(0_u32)),
            ("4294967295", Some(u32::MAX)),
            ("4294967296", None),
            ("-1", None),
            ("+1", None),
            ("", None),
            ("99999999999999999999999", None),
        ] {
            assert_eq!(number::<u32>(s.as_bytes()), n, "{s}");
        }
    }

    #[test]
    fn text_of_any_bytes_is_clipped_at_a_character() {
        assert_eq!(text("аб".as_bytes(), 3), "а");
        assert_eq!(text(b"\xe0\xe1\r\n", 128), "\u{e0}\u{e1}");
    }

    #[test]
    fn parameters_are_found_in_any_case() {
        let p = Params(b";Tag=\"a;b\" ; lr;x = 1");
        assert_eq!(p.get("tag"), Some(b"\"a;b\"".as_slice()));
        assert_eq!(p.get("LR"), Some(b"".as_slice()));
        assert_eq!(p.get("X"), Some(b"1".as_slice()));
        assert_eq!(p.get("y"), None);
    }
}
