//! One line of text that is being typed.

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use super::Key;

/// Text and the place in it where typing goes on, always between two characters as people see them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    text: String,
    /// In bytes.
    cursor: usize,
    /// In characters as Unicode counts them.
    limit: usize,
}

impl Field {
    /// Empty; takes at most so many characters.
    pub const fn new(limit: usize) -> Self {
        Self {
            text: String::new(),
            cursor: 0,
            limit,
        }
    }

    /// With a text in it, the cursor at its end.
    pub fn with(limit: usize, text: &str) -> Self {
        let mut field = Self::new(limit);
        field.insert(text);
        field
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Before the cursor, the character under it (empty at the end), and what follows.
    pub fn around_cursor(&self) -> (&str, &str, &str) {
        let (before, rest) = self
            .text
            .split_at_checked(self.cursor)
            .unwrap_or((&self.text, ""));
        let under = rest.graphemes(true).next().unwrap_or_default();
        (before, under, rest.get(under.len()..).unwrap_or_default())
    }

    /// Puts text in at the cursor. Line breaks become spaces, other control characters nothing; what is over the
    /// limit is dropped.
    pub fn insert(&mut self, text: &str) {
        let room = self.limit.saturating_sub(self.text.chars().count());
        let text: String = text
            .replace("\r\n", "\n")
            .chars()
            .map(|c| {
                if matches!(c, '\n' | '\r' | '\t') {
                    ' '
                } else {
                    c
                }
            })
            .filter(|c| !c.is_control())
            .take(room)
            .collect();
        self.text.insert_str(self.cursor, &text);
        self.cursor += text.len();
    }

    /// Types a key. False when a line of text has no use for it.
    pub fn key(&mut self, key: Key) -> bool {
        match key {
            Key::Char(c) => self.insert(c.encode_utf8(&mut [0; 4])),
            Key::Backspace => {
                let from = self.before();
                self.text.replace_range(from..self.cursor, "");
                self.cursor = from;
            }
            Key::Delete => {
                let to = self.after();
                self.text.replace_range(self.cursor..to, "");
            }
            Key::Ctrl('w') => {
                let (before, _, _) = self.around_cursor();
                let word = before.trim_end();
                let from = word.rfind(' ').map_or(0, |space| space + 1);
                self.text.replace_range(from..self.cursor, "");
                self.cursor = from;
            }
            Key::Ctrl('u') => {
                self.text.replace_range(..self.cursor, "");
                self.cursor = 0;
            }
            Key::Left => self.cursor = self.before(),
            Key::Right => self.cursor = self.after(),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.text.len(),
            Key::Ctrl(_)
            | Key::F(_)
            | Key::Enter
            | Key::Esc
            | Key::Tab
            | Key::BackTab
            | Key::Up
            | Key::Down
            | Key::PageUp
            | Key::PageDown => return false,
        }
        true
    }

    fn before(&self) -> usize {
        let mut cursor = GraphemeCursor::new(self.cursor, self.text.len(), true);
        let found = cursor.prev_boundary(&self.text, 0);
        found.ok().flatten().unwrap_or(0)
    }

    fn after(&self) -> usize {
        let mut cursor = GraphemeCursor::new(self.cursor, self.text.len(), true);
        let found = cursor.next_boundary(&self.text, 0);
        found.ok().flatten().unwrap_or(self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: impl IntoIterator<Item = Key>) -> Field {
        let mut field = Field::new(20);
        for key in keys {
            field.key(key);
        }
        field
    }

    #[test]
    fn what_is_typed_can_be_corrected_anywhere() {
        let keys = "Петоов".chars().map(Key::Char);
        let fix = [Key::Left, Key::Left, Key::Backspace, Key::Char('р')];
        assert_eq!(typed(keys.chain(fix)).text(), "Петров");
        let field = typed([Key::Char('a'), Key::Char('b'), Key::Home, Key::Delete]);
        assert_eq!(field.around_cursor(), ("", "b", ""));
    }

    #[test]
    fn a_character_of_several_code_points_goes_as_one() {
        let mut field = Field::with(20, "e\u{301}👨\u{200d}👩\u{200d}👧");
        field.key(Key::Backspace);
        assert_eq!(field.text(), "e\u{301}");
        field.key(Key::Left);
        assert_eq!(field.around_cursor(), ("", "e\u{301}", ""));
    }

    #[test]
    fn pasted_lines_become_one_and_the_limit_holds() {
        let mut field = Field::new(8);
        field.insert("one\r\ntwo\u{7}\nthree");
        assert_eq!(field.text(), "one two ");
        field.key(Key::Char('x'));
        assert_eq!(field.text(), "one two ");
    }

    #[test]
    fn words_and_lines_go_by_one_key() {
        let mut field = Field::with(40, "call after five");
        field.key(Key::Ctrl('w'));
        assert_eq!(field.text(), "call after ");
        field.key(Key::Ctrl('u'));
        assert_eq!(field.text(), "");
        assert!(!field.key(Key::Tab));
    }
}
