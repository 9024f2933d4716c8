//! Styled text folded to a width, so that its height is known before it is drawn.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation;

use super::words::width;

/// A space at which no line is broken; it is shown as any other.
pub const NO_BREAK: &str = "\u{a0}";

/// Lines of at most `columns` columns, broken at spaces where there are any. Never empty.
pub fn fold(parts: &[(&str, Style)], columns: usize) -> Vec<Line<'static>> {
    let columns = columns.max(2);
    let cells: Vec<Cell<'_>> = parts
        .iter()
        .flat_map(|(text, style)| text.graphemes(true).map(move |g| (g, *style)))
        .collect();
    let mut lines = Vec::new();
    let mut rest = cells.as_slice();
    loop {
        let (line, after) = first_line(rest, columns);
        lines.push(joined(line));
        rest = after;
        if rest.is_empty() {
            return lines;
        }
    }
}

/// A character as people see it, and how it looks.
type Cell<'a> = (&'a str, Style);

/// The cells of one line, and those after it.
fn first_line<'a, 'b>(cells: &'a [Cell<'b>], columns: usize) -> (&'a [Cell<'b>], &'a [Cell<'b>]) {
    let mut taken = 0;
    let mut space = None;
    for (at, (text, _)) in cells.iter().enumerate() {
        if *text == "\n" {
            return (
                cells.get(..at).unwrap_or(cells),
                cells.get(at + 1..).unwrap_or(&[]),
            );
        }
        if *text == " " {
            space = Some(at);
        }
        taken += width(text);
        if taken > columns {
            let (end, next) = match space {
                // The space at the break is not shown.
                Some(space) if space > 0 => (space, space + 1),
                _ => (at.max(1), at.max(1)),
            };
            return (
                cells.get(..end).unwrap_or(cells),
                cells.get(next..).unwrap_or(&[]),
            );
        }
    }
    (cells, &[])
}

fn joined(cells: &[Cell<'_>]) -> Line<'static> {
    let mut spans: Vec<Span<'static>> = Vec::new();
    for (text, style) in cells {
        let text = if *text == NO_BREAK { " " } else { text };
        match spans.last_mut() {
            Some(last) if last.style == *style => last.content.to_mut().push_str(text),
            _ => spans.push(Span::styled(text.to_owned(), *style)),
        }
    }
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str, columns: usize) -> Vec<String> {
        let lines = fold(&[(text, Style::new())], columns);
        lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn text_is_broken_at_spaces_and_inside_words_that_are_too_long() {
        assert_eq!(
            folded("перезвонить после обеда", 12),
            ["перезвонить", "после обеда"]
        );
        assert_eq!(folded("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(folded("東京都港区", 5), ["東京", "都港", "区"]);
        assert_eq!(folded("one\ntwo", 10), ["one", "two"]);
        assert_eq!(folded("", 10), [""]);
        assert_eq!(folded("a b", 3), ["a b"]);
        assert_eq!(folded("a b\u{a0}c", 4), ["a", "b c"]);
    }
}
