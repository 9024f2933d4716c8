//! Lengths of time and of text, as a screen shows them.

use std::time::Duration;

use unicode_width::UnicodeWidthStr;

/// `0:07`, `12:30`, `1:02:03`.
pub fn clock(length: Duration) -> String {
    let seconds = length.as_secs();
    let (h, m, s) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if h > 0 {
        format!("{h}:{m:02}:{s:02}")
    } else {
        format!("{m}:{s:02}")
    }
}

/// `40 s`, `5 min`, `18 h 20 min`, `3 d 2 h`: the two largest parts that say something.
pub fn length(length: Duration) -> String {
    let seconds = length.as_secs();
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
    ];
    let Some(first) = parts.iter().position(|(n, _)| *n > 0) else {
        return format!("{seconds} s");
    };
    let said: Vec<String> = parts
        .iter()
        .skip(first)
        .take(2)
        .filter(|(n, _)| *n > 0)
        .map(|(n, unit)| format!("{n} {unit}"))
        .collect();
    said.join(" ")
}

/// Columns a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// At most so many columns; what is cut off is marked.
pub fn ellipsis(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut cut = String::new();
    for c in text.chars() {
        cut.push(c);
        if width(&cut) + 1 > columns {
            cut.pop();
            break;
        }
    }
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_said_in_their_two_largest_parts() {
        for (seconds, clock_says, says) in [
            (7, "0:07", "7 s"),
            (300, "5:00", "5 min"),
            (3_723, "1:02:03", "1 h 2 min"),
            (66_000, "18:20:00", "18 h 20 min"),
            (266_400, "74:00:00", "3 d 2 h"),
            (86_460, "24:01:00", "1 d"),
        ] {
            let is = Duration::from_secs(seconds);
            assert_eq!(
                (clock(is).as_str(), length(is).as_str()),
                (clock_says, says)
            );
        }
    }

    #[test]
    fn wide_characters_are_cut_by_their_columns() {
        assert_eq!(ellipsis("Иванов", 6), "Иванов");
        assert_eq!(ellipsis("Иванов", 4), "Ива…");
        assert_eq!(ellipsis("東京都", 5), "東京…");
        assert_eq!(ellipsis("東京都", 4), "東…");
    }
}
