//! What a key does now. Keys are dispatched by the same list that the help is drawn from, so that it cannot lie.

use super::Key;

/// Keys that do something in the present situation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer<A> {
    /// Which; all do the same, or the act of their place in this list.
    pub keys: Vec<Key>,
    /// How they are shown, for example `1–9`.
    pub shown: String,
    /// What they do, in a word or two.
    pub what: String,
    /// What to do.
    pub act: A,
}

impl<A: Copy> Offer<A> {
    /// One key.
    pub fn key(key: Key, what: &str, act: A) -> Self {
        Self::keys(&[key], &name(key), what, act)
    }

    /// Several keys under one name.
    pub fn keys(keys: &[Key], shown: &str, what: &str, act: A) -> Self {
        Self {
            keys: keys.to_vec(),
            shown: shown.to_owned(),
            what: what.to_owned(),
            act,
        }
    }

    /// The act of a key and its place among the offer's keys. Letters count by their place on the keyboard.
    pub fn find(offers: &[Self], key: Key) -> Option<(A, usize)> {
        let by = |key: Key| {
            offers.iter().find_map(|offer| {
                let at = offer.keys.iter().position(|k| *k == key)?;
                Some((offer.act, at))
            })
        };
        by(key).or_else(|| by(key.by_place()))
    }
}

fn name(key: Key) -> String {
    match key {
        Key::Char(' ') => "space".to_owned(),
        Key::Char(c) => c.to_string(),
        Key::Ctrl(c) => format!("Ctrl-{}", c.to_ascii_uppercase()),
        Key::F(n) => format!("F{n}"),
        Key::Up => "↑".to_owned(),
        Key::Down => "↓".to_owned(),
        Key::Left => "←".to_owned(),
        Key::Right => "→".to_owned(),
        Key::BackTab => "Shift-Tab".to_owned(),
        Key::Enter
        | Key::Esc
        | Key::Tab
        | Key::Backspace
        | Key::Delete
        | Key::Home
        | Key::End
        | Key::PageUp
        | Key::PageDown => format!("{key:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_with_its_place_and_in_either_layout() {
        let digits = [Key::Char('1'), Key::Char('2')];
        let offers = [
            Offer::key(Key::Char('r'), "ready", 'r'),
            Offer::keys(&digits, "1–2", "outcome", 'o'),
        ];
        assert_eq!(Offer::find(&offers, Key::Char('2')), Some(('o', 1)));
        assert_eq!(Offer::find(&offers, Key::Char('к')), Some(('r', 0)));
        assert_eq!(Offer::find(&offers, Key::Enter), None);
        assert_eq!(offers[0].shown, "r");
    }
}
