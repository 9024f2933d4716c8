//! Colours, where the terminal and its user want any.

use ratatui::style::{Color, Modifier, Style};

/// What colours may be used. Nothing is said by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Palette {
    /// None (<https://no-color.org>).
    Plain,
    /// The 256 of xterm.
    Indexed,
    /// Any.
    True,
}

impl Palette {
    /// As the environment says: `NO_COLOR`, `TERM`, `COLORTERM`.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).unwrap_or_default();
        if !set("NO_COLOR").is_empty() || set("TERM") == "dumb" {
            Self::Plain
        } else if ["truecolor", "24bit"].contains(&set("COLORTERM").as_str()) {
            Self::True
        } else {
            Self::Indexed
        }
    }

    /// A colour written `#rrggbb`, as background of dark or light text.
    pub fn chip(self, colour: &str) -> Style {
        let (Some(rgb), true) = (rgb(colour), self != Self::Plain) else {
            return Style::new().add_modifier(Modifier::BOLD);
        };
        // ITU-R BT.601 luma.
        let luma = 299 * u32::from(rgb.0) + 587 * u32::from(rgb.1) + 114 * u32::from(rgb.2);
        let text = if luma > 140_000 {
            Color::Black
        } else {
            Color::White
        };
        Style::new().fg(text).bg(self.colour(rgb))
    }

    /// Good news.
    pub fn good(self) -> Style {
        self.tone(Color::Green)
    }

    /// Something to look at.
    pub fn warning(self) -> Style {
        self.tone(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    /// Something that went wrong.
    pub fn bad(self) -> Style {
        self.tone(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// Labels, and what matters less.
    pub fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// Headings and names.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The line that is chosen, and the cursor.
    pub fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    fn tone(self, colour: Color) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Indexed | Self::True => Style::new().fg(colour),
        }
    }

    fn colour(self, (r, g, b): (u8, u8, u8)) -> Color {
        match self {
            Self::Plain => Color::Reset,
            Self::True => Color::Rgb(r, g, b),
            // xterm's colour cube: 16 + 36 r + 6 g + b, each from 0 to 5 at 0, 95, 135, 175, 215, 255.
            Self::Indexed => {
                let level = |v: u8| match v {
                    0..=47 => 0,
                    48..=114 => 1,
                    _ => (v - 35) / 40,
                };
                Color::Indexed(16 + 36 * level(r) + 6 * level(g) + level(b))
            }
        }
    }
}

fn rgb(colour: &str) -> Option<(u8, u8, u8)> {
    let hex = colour.strip_prefix('#').filter(|hex| hex.len() == 6)?;
    let part = |range| u8::from_str_radix(hex.get(range)?, 16).ok();
    Some((part(0..2)?, part(2..4)?, part(4..6)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn palette(set: &[(&str, &str)]) -> Palette {
        let find = |name: &str| set.iter().find(|(n, _)| *n == name);
        Palette::of(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_environment_says_how_many_colours_there_are() {
        assert_eq!(palette(&[]), Palette::Indexed);
        assert_eq!(palette(&[("COLORTERM", "truecolor")]), Palette::True);
        let both = [("COLORTERM", "truecolor"), ("NO_COLOR", "1")];
        assert_eq!(palette(&both), Palette::Plain);
        assert_eq!(palette(&[("NO_COLOR", "")]), Palette::Indexed);
    }

    #[test]
    fn a_chip_is_readable_on_every_palette() {
        let chip = Palette::True.chip("#F5A623");
        assert_eq!(
            (chip.fg, chip.bg),
            (Some(Color::Black), Some(Color::Rgb(245, 166, 35)))
        );
        let chip = Palette::Indexed.chip("#2E7D32");
        assert_eq!(
            (chip.fg, chip.bg),
            (Some(Color::White), Some(Color::Indexed(16 + 6 * 2 + 1)))
        );
        let plain = Palette::Plain.chip("#2E7D32");
        assert_eq!((plain.fg, plain.bg), (None, None));
        assert_eq!(Palette::True.chip("blue").bg, None);
    }
}
