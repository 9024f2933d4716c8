//! Keys as the machines know them.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// A key that was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A character, as typed.
    Char(char),
    /// A letter with Ctrl, small.
    Ctrl(char),
    /// A function key.
    F(u8),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
}

impl Key {
    /// What the terminal reported; nothing for releases and for keys that no command uses.
    pub fn of(event: &KeyEvent) -> Option<Self> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        Some(match event.code {
            KeyCode::Char(c) if ctrl => Self::Ctrl(latin(c).to_ascii_lowercase()),
            KeyCode::Char(_) if event.modifiers.contains(KeyModifiers::ALT) => return None,
            KeyCode::Char(c) => Self::Char(c),
            KeyCode::F(n) => Self::F(n),
            KeyCode::Enter => Self::Enter,
            KeyCode::Esc => Self::Esc,
            KeyCode::Tab => Self::Tab,
            KeyCode::BackTab => Self::BackTab,
            KeyCode::Backspace => Self::Backspace,
            KeyCode::Delete => Self::Delete,
            KeyCode::Up => Self::Up,
            KeyCode::Down => Self::Down,
            KeyCode::Left => Self::Left,
            KeyCode::Right => Self::Right,
            KeyCode::Home => Self::Home,
            KeyCode::End => Self::End,
            KeyCode::PageUp => Self::PageUp,
            KeyCode::PageDown => Self::PageDown,
            _ => return None,
        })
    }

    /// The key by its place on the keyboard: a command works with the Russian layout switched on, too.
    pub fn by_place(self) -> Self {
        match self {
            Self::Char(c) => Self::Char(latin(c)),
            other => other,
        }
    }
}

/// What the key of a Cyrillic letter gives with the Latin layout (ЙЦУКЕН over QWERTY); others stay.
fn latin(c: char) -> char {
    const CYRILLIC: &str = "йцукенгшщзфывапролдячсмитьЙЦУКЕНГШЩЗФЫВАПРОЛДЯЧСМИТЬ";
    const LATIN: &str = "qwertyuiopasdfghjklzxcvbnmQWERTYUIOPASDFGHJKLZXCVBNM";
    let at = CYRILLIC.chars().position(|known| known == c);
    at.and_then(|at| LATIN.chars().nth(at)).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_the_russian_layout_is_the_latin_one_at_its_place() {
        for (typed, meant) in [
            ('к', 'r'),
            ('Ф', 'A'),
            ('т', 'n'),
            ('r', 'r'),
            ('1', '1'),
            (',', ','),
        ] {
            assert_eq!(Key::Char(typed).by_place(), Key::Char(meant), "{typed}");
        }
    }

    #[test]
    fn ctrl_with_a_cyrillic_letter_is_ctrl_with_the_latin_one() {
        let event = KeyEvent::new(KeyCode::Char('с'), KeyModifiers::CONTROL);
        assert_eq!(Key::of(&event), Some(Key::Ctrl('c')));
        let event = KeyEvent::new(KeyCode::Char('x'), KeyModifiers::ALT);
        assert_eq!(Key::of(&event), None);
    }
}
