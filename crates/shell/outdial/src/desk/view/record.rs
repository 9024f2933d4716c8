//! The record of whom the call is with.

use proto::agent::v1 as pb;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::super::machine::Desk;
use super::super::wall;
use super::{heading, rows};
use crate::terminal::{Palette, fold, local};

/// Draws it, scrolled as the desk says.
pub(super) fn draw(
    desk: &Desk,
    pop: &pb::ScreenPop,
    palette: Palette,
    frame: &mut Frame<'_>,
    area: Rect,
) {
    let lines = lines(
        desk,
        pop,
        palette,
        usize::from(area.width).saturating_sub(1),
    );
    let over = rows(lines.len()).saturating_sub(area.height);
    let scroll = desk.scroll.min(over);
    let more = over > scroll;
    frame.render_widget(Paragraph::new(lines).scroll((scroll, 0)), area);
    if more && area.height > 1 {
        let last = Rect {
            y: area.bottom() - 1,
            height: 1,
            ..area
        };
        let mark = Line::styled("↓ PageDown", palette.faint()).right_aligned();
        frame.render_widget(mark, last);
    }
}

fn lines(desk: &Desk, pop: &pb::ScreenPop, palette: Palette, columns: usize) -> Vec<Line<'static>> {
    let empty = pb::Card::default();
    let card = pop.card.as_ref().unwrap_or(&empty);
    let plain = Style::new();
    let mut lines = Vec::new();
    let mut add = |parts: &[(&str, Style)]| lines.extend(fold(parts, columns));
    let seller = format!(" for {}", pop.seller);
    add(&[(&pop.campaign_name, palette.strong()), (&seller, plain)]);
    if !pop.greeting.is_empty() {
        let say = format!("“{}”", pop.greeting);
        add(&[(&say, palette.good())]);
    }
    add(&[("", plain)]);
    let name = if card.name.is_empty() {
        "(no name)"
    } else {
        &card.name
    };
    let id = format!("  {}", card.external_id);
    add(&[(name, palette.strong()), (&id, palette.faint())]);
    for (label, value) in [("amount", &card.amount), ("about", &card.subject)] {
        if !value.is_empty() {
            field(&mut add, label, value, palette);
        }
    }
    for phone in &card.phones {
        let here = phone.phone_id == pop.phone_id;
        let text = phone_line(phone, here);
        let style = if here { palette.strong() } else { plain };
        add(&[(&text, style)]);
    }
    for further in &card.fields {
        field(&mut add, &further.name, &further.value, palette);
    }
    if !card.promises.is_empty() {
        add(&[("", plain)]);
    }
    for promise in &card.promises {
        let at = promise.at.map(wall).unwrap_or_default();
        let who = match promise.agent_name.as_str() {
            "" => "anyone",
            name => name,
        };
        let text = format!(
            "promised {} by {who} ({})",
            local(at, desk.zone, "%-d %b %H:%M"),
            promise.campaign_name
        );
        add(&[(&text, palette.warning())]);
        if !promise.note.is_empty() {
            let note = format!("  {}", promise.note);
            add(&[(&note, plain)]);
        }
    }
    if !card.history.is_empty() {
        lines.push(Line::default());
        lines.push(heading("earlier", palette));
    }
    for entry in &card.history {
        history(&mut lines, desk, entry, palette, columns);
    }
    lines
}

fn field(add: &mut impl FnMut(&[(&str, Style)]), label: &str, value: &str, palette: Palette) {
    let label = format!("{label}  ");
    add(&[(&label, palette.faint()), (value, Style::new())]);
}

/// A number with everything that says whether it may be called.
pub(super) fn phone_line(phone: &pb::Phone, here: bool) -> String {
    let mut text = if here { "▶ " } else { "  " }.to_owned();
    text.push_str(&phone.number);
    let further = [
        phone.kind.clone(),
        match phone.extension.as_str() {
            "" => String::new(),
            extension => format!("ext. {extension}"),
        },
        if phone.closed { "closed" } else { "" }.to_owned(),
        if phone.suppressed {
            "must not be called"
        } else {
            ""
        }
        .to_owned(),
    ];
    for part in further.iter().filter(|p| !p.is_empty()) {
        text.push_str("  ");
        text.push_str(part);
    }
    text
}

fn history(
    lines: &mut Vec<Line<'static>>,
    desk: &Desk,
    entry: &pb::CardEntry,
    palette: Palette,
    columns: usize,
) {
    let at = entry.at.map(wall).unwrap_or_default();
    let mut text = local(at, desk.zone, "%-d %b %H:%M");
    let said = [
        entry.result.replace('_', " "),
        entry.disposition.replace('_', " "),
        entry.agent_name.clone(),
    ];
    for part in said.iter().filter(|p| !p.is_empty()) {
        text.push_str("  ");
        text.push_str(part);
    }
    if let Some(call_at) = entry.call_at {
        let call_at = local(wall(call_at), desk.zone, "%-d %b %H:%M");
        text.push_str(&format!("  to be called {call_at}"));
    }
    lines.extend(fold(&[(&text, Style::new())], columns));
    if !entry.note.is_empty() {
        let note = format!("  {}", entry.note);
        lines.extend(fold(&[(&note, palette.faint())], columns));
    }
}
