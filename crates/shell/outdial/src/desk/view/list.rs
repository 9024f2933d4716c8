//! The agent's list.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::super::machine::Desk;
use super::super::work::Row;
use super::notes::text;
use crate::terminal::{Palette, ellipsis, local, width};

/// Draws it, scrolled to the chosen row.
pub(super) fn draw(desk: &Desk, palette: Palette, frame: &mut Frame<'_>, area: Rect) {
    let [top, body] = Layout::vertical([Constraint::Length(2), Constraint::Min(1)]).areas(area);
    let shown = desk.work.shown();
    let counted = match (desk.work.is_loaded, shown.len(), desk.work.len()) {
        (false, _, _) => "loading …".to_owned(),
        (true, _, 0) => "nobody is assigned to you, and nobody was promised a call".to_owned(),
        (true, some, all) if some == all => format!("{all} to call, what is due first"),
        (true, some, all) => format!("{some} of {all}"),
    };
    let mut filter = vec![Span::styled(" filter", palette.faint())];
    let typed = text(
        &desk.work.filter,
        true,
        palette,
        usize::from(area.width) / 2,
    );
    filter.extend(typed.into_iter().next().unwrap_or_default().spans);
    filter.push(Span::styled(format!("   {counted}"), palette.faint()));
    frame.render_widget(Line::from(filter), top);
    let columns = usize::from(body.width);
    let first = desk
        .work
        .chosen
        .saturating_sub(usize::from(body.height).saturating_sub(1));
    let lines: Vec<Line<'_>> = shown
        .iter()
        .enumerate()
        .skip(first)
        .take(usize::from(body.height))
        .map(|(at, row)| line(desk, row, at == desk.work.chosen, palette, columns))
        .collect();
    frame.render_widget(Paragraph::new(lines), body);
}

fn line(desk: &Desk, row: &Row, chosen: bool, palette: Palette, columns: usize) -> Line<'static> {
    let at = local(row.at, desk.zone, "%-d %b %H:%M");
    let is_due = row.at <= desk.server_now();
    let kind = match (row.callback != 0, is_due) {
        (true, true) => "promised, due",
        (true, false) => "promised",
        (false, _) => "",
    };
    let mark = if chosen { '▶' } else { ' ' };
    let parts = [
        padded(&at, 13),
        padded(&row.name, 24),
        padded(&row.external_id, 10),
        padded(kind, 14),
        padded(&row.campaign_name, 14),
        row.because.clone(),
    ];
    let text = ellipsis(&format!("{mark} {}", parts.join(" ")), columns);
    let style = match (chosen, row.callback != 0 && is_due) {
        (true, _) => palette.chosen(),
        (false, true) => palette.warning(),
        (false, false) => ratatui::style::Style::new(),
    };
    Line::styled(text, style)
}

fn padded(text: &str, columns: usize) -> String {
    let text = ellipsis(text, columns);
    let missing = columns.saturating_sub(width(&text));
    text + &" ".repeat(missing)
}
