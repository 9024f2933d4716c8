//! What is opened over the desk: choices, times, doubts, help.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use super::super::machine::Desk;
use super::super::mode::{Doubt, Mode, Numbers, Purpose, When};
use super::notes::text;
use super::record::phone_line;
use super::rows;
use crate::terminal::{Palette, fold, width};

/// Draws what is open, at the foot of the desk.
pub(super) fn draw(desk: &Desk, palette: Palette, frame: &mut Frame<'_>, area: Rect) {
    let columns = usize::from(area.width).saturating_sub(4);
    let (title, lines) = match &desk.mode {
        Mode::Desk | Mode::Form | Mode::List | Mode::Help(_) => return,
        Mode::Reasons { chosen, now } => reasons(desk, *chosen, *now, palette),
        Mode::When(when) => times(when, palette, columns),
        Mode::Numbers(numbers) => phones(numbers, palette),
        Mode::Confirm(doubt) => (
            " sure? ".to_owned(),
            fold(&[(&question(doubt), palette.warning())], columns),
        ),
    };
    let height = (rows(lines.len()) + 2).min(area.height);
    let place = Rect {
        y: area.bottom() - height,
        height,
        ..area
    };
    frame.render_widget(Clear, place);
    let block = Block::bordered().title(title);
    frame.render_widget(Paragraph::new(lines).block(block), place);
}

fn reasons(
    desk: &Desk,
    chosen: usize,
    now: bool,
    palette: Palette,
) -> (String, Vec<Line<'static>>) {
    let mut lines: Vec<Line<'static>> = desk
        .reasons
        .iter()
        .enumerate()
        .map(|(at, reason)| {
            let text = format!(" {}  {} ", at + 1, reason.replace('_', " "));
            choice(text, at == chosen, palette)
        })
        .collect();
    let (after, at_once) = if now { (' ', '•') } else { ('•', ' ') };
    lines.push(Line::raw(format!(
        " ({after}) after this call   ({at_once}) now"
    )));
    (" not ready ".to_owned(), lines)
}

fn times(when: &When, palette: Palette, columns: usize) -> (String, Vec<Line<'static>>) {
    let title = match when.purpose {
        Purpose::Outcome(_) => format!(" when is {} to be called? ", when.name),
        Purpose::Callback(_) => format!(" when is {} to be called instead? ", when.name),
    };
    let mut lines = text(&when.field, true, palette, columns);
    match &when.understood {
        Ok(understood) => lines.extend(fold(
            &[("  ", Style::new()), (&understood.told, palette.good())],
            columns,
        )),
        Err(wrong) => lines.extend(fold(
            &[("  ", Style::new()), (wrong, palette.faint())],
            columns,
        )),
    }
    let phone = when.phones.iter().find(|p| p.phone_id == when.phone);
    if !when.phones.is_empty() {
        let number = phone.map_or("any", |p| p.number.as_str());
        lines.push(Line::raw(format!("  number: {number}")));
    }
    (title, lines)
}

fn phones(numbers: &Numbers, palette: Palette) -> (String, Vec<Line<'static>>) {
    let title = format!(" call {} ", numbers.name);
    if numbers.card.is_none() {
        return (
            title,
            vec![Line::styled(" the record is coming …", palette.faint())],
        );
    }
    let phones = numbers.phones().iter().enumerate();
    let lines = phones.map(|(at, phone)| {
        let text = format!(" {} {} ", at + 1, phone_line(phone, false));
        choice(text, at == numbers.chosen, palette)
    });
    (title, lines.collect())
}

fn choice(text: String, chosen: bool, palette: Palette) -> Line<'static> {
    let style = if chosen {
        palette.chosen()
    } else {
        Style::new()
    };
    let mark = if chosen { "▶" } else { " " };
    Line::from(vec![Span::raw(mark), Span::styled(text, style)])
}

fn question(doubt: &Doubt) -> String {
    match doubt {
        Doubt::TakeOver => {
            "You are signed in on another screen. y takes that session over; a talk goes on."
                .to_owned()
        }
        Doubt::CloseWithoutOutcome => {
            "Close without an outcome? Nothing you typed is applied. c closes.".to_owned()
        }
        Doubt::DropCallback { name, .. } => {
            format!(
                "Drop the promise to call {name}? y drops it; the prospect goes back to the campaign."
            )
        }
        Doubt::Leave => "Leave? You get no more calls. q leaves.".to_owned(),
    }
}

/// All keys of what the help was opened over.
pub(super) fn help(desk: &Desk, under: &Mode, palette: Palette, frame: &mut Frame<'_>, area: Rect) {
    let offers = desk.offers_of(under);
    let wide = offers.iter().map(|o| width(&o.shown)).max().unwrap_or(0);
    let mut lines: Vec<Line<'static>> = offers
        .into_iter()
        .map(|offer| {
            let pad = " ".repeat(wide.saturating_sub(width(&offer.shown)));
            Line::from(vec![
                Span::styled(format!("  {}{pad}  ", offer.shown), palette.strong()),
                Span::raw(offer.what),
            ])
        })
        .collect();
    for (key, what) in [
        ("Ctrl-L", "draw anew"),
        ("Ctrl-C", "leave at once; a talk goes on"),
    ] {
        let pad = " ".repeat(wide.saturating_sub(key.len()));
        lines.push(Line::from(vec![
            Span::styled(format!("  {key}{pad}  "), palette.strong()),
            Span::raw(what),
        ]));
    }
    lines.push(Line::default());
    let text = "  Letters work with the Russian layout, too. Any key goes back.";
    lines.push(Line::styled(text, palette.faint()));
    // In columns when they do not fit one below the other.
    let height = usize::from(area.height).max(1);
    let columns = lines.len().div_ceil(height).max(1);
    let each = area.width / u16::try_from(columns).unwrap_or(1).max(1);
    for (nth, part) in lines.chunks(height).enumerate() {
        let place = Rect {
            x: area.x + each * u16::try_from(nth).unwrap_or_default(),
            width: each,
            ..area
        };
        frame.render_widget(Paragraph::new(part.to_vec()), place);
    }
}
