//! Outcomes, answers and the note.

use proto::agent::v1 as pb;
use proto::supervisor::v1::QuestionKind;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::super::keys::OUTCOMES;
use super::super::machine::Desk;
use super::super::mode::Mode;
use super::super::notes::{Entry, Notes, Value};
use super::{heading, rows};
use crate::terminal::{Field, NO_BREAK, Palette, fold, local, width};

/// Colours of dispositions by kind, as `model::DispositionKind` has them.
fn colour(kind: &str) -> &'static str {
    use model::DispositionKind as K;
    const ALL: [K; 7] = [
        K::CallBack,
        K::Negative,
        K::Sale,
        K::Appointment,
        K::FollowUp,
        K::Information,
        K::Technical,
    ];
    let known = ALL.into_iter().find(|k| k.as_str() == kind);
    known.unwrap_or(K::Technical).colour()
}

/// Lines it would take.
pub(super) fn height(desk: &Desk, notes: &Notes, palette: Palette, columns: u16) -> u16 {
    let columns = usize::from(columns);
    let (form, _) = form(desk, notes, palette, columns);
    rows(form.len() + 1 + outcomes(desk, notes, palette, columns).len())
}

/// Draws them: outcomes always whole, the form scrolled to where is typed.
pub(super) fn draw(
    desk: &Desk,
    notes: &Notes,
    palette: Palette,
    frame: &mut Frame<'_>,
    area: Rect,
) {
    let columns = usize::from(area.width);
    let outcomes = outcomes(desk, notes, palette, columns);
    let (form, focus) = form(desk, notes, palette, columns);
    let most = area.height.saturating_sub(4).max(1);
    let [above, below] = Layout::vertical([
        Constraint::Min(1),
        Constraint::Length(rows(outcomes.len()).min(most)),
    ])
    .areas(area);
    let last = rows(focus + 1);
    let scroll = last.saturating_sub(above.height);
    frame.render_widget(Paragraph::new(form).scroll((scroll, 0)), above);
    frame.render_widget(Paragraph::new(outcomes), below);
}

/// Keys and labels on their colours, as many in a line as fit.
fn outcomes(desk: &Desk, notes: &Notes, palette: Palette, columns: usize) -> Vec<Line<'static>> {
    let mut lines = vec![heading("outcome", palette)];
    let mut line = Line::default();
    for (at, (disposition, key)) in desk.dispositions().iter().zip(OUTCOMES.chars()).enumerate() {
        let chosen = notes.chosen == Some(at);
        let text = chip(disposition, key, chosen);
        if line.width() + width(&text) + 1 > columns && line.width() > 0 {
            lines.push(std::mem::take(&mut line));
        }
        let style = palette.chip(colour(&disposition.kind));
        let style = if chosen {
            style.patch(palette.strong())
        } else {
            style
        };
        line.push_span(Span::styled(text, style));
        line.push_span(Span::raw(" "));
    }
    if line.width() > 0 {
        lines.push(line);
    }
    if let Some(at) = notes.call_at {
        let text = format!("to be called {}", local(at, desk.zone, "%a %-d %b %H:%M"));
        lines.push(Line::styled(text, palette.strong()));
    }
    if desk.unsaved.is_some() {
        lines.push(Line::styled("being saved …", palette.warning()));
    }
    lines
}

fn chip(disposition: &pb::Disposition, key: char, chosen: bool) -> String {
    let mark = if chosen { "▶" } else { "" };
    let time = if disposition.needs_call_at {
        " …"
    } else {
        ""
    };
    format!("{mark}{key} {}{time}", disposition.label)
}

/// The lines of the form, and which of them is typed in.
fn form(
    desk: &Desk,
    notes: &Notes,
    palette: Palette,
    columns: usize,
) -> (Vec<Line<'static>>, usize) {
    let is_typing = desk.mode == Mode::Form;
    let mut lines = Vec::new();
    let mut focus = 0;
    for (at, entry) in notes.entries.iter().enumerate() {
        let here = is_typing && notes.focus == at;
        lines.extend(question(entry, here, palette, columns));
        lines.extend(value(entry, here, palette, columns));
        if here {
            if let Some(meant) = meant(desk, entry) {
                lines.push(Line::styled(format!("  {meant}"), palette.faint()));
            }
            focus = lines.len() - 1;
        }
    }
    let here = is_typing && notes.is_at_note();
    lines.push(Line::styled("note", label(here, palette)));
    lines.extend(text(&notes.note, here, palette, columns));
    if here {
        focus = lines.len() - 1;
    }
    (lines, focus)
}

fn label(here: bool, palette: Palette) -> Style {
    if here {
        palette.strong()
    } else {
        palette.faint()
    }
}

fn question(entry: &Entry, here: bool, palette: Palette, columns: usize) -> Vec<Line<'static>> {
    let needed = if entry.question.required { " *" } else { "" };
    fold(
        &[
            (&entry.question.text, label(here, palette)),
            (needed, palette.warning()),
        ],
        columns,
    )
}

fn value(entry: &Entry, here: bool, palette: Palette, columns: usize) -> Vec<Line<'static>> {
    let choices = entry.choices();
    let is_on = |at: usize| match &entry.value {
        Value::Text(_) => false,
        Value::One(chosen) => *chosen == Some(at),
        Value::Many { on, .. } => on.contains(&at),
    };
    let (open, close) = match &entry.value {
        Value::Text(field) => return text(field, here, palette, columns),
        Value::One(_) => ('(', ')'),
        Value::Many { .. } => ('[', ']'),
    };
    let under = match &entry.value {
        Value::Many { at, .. } if here => Some(*at),
        Value::One(chosen) if here => Some(chosen.unwrap_or(0)),
        _ => None,
    };
    let parts: Vec<(String, Style)> = choices
        .iter()
        .enumerate()
        .flat_map(|(at, choice)| {
            let mark = if is_on(at) { "•" } else { NO_BREAK };
            // No break between the mark and its choice.
            let choice = choice.replace(' ', NO_BREAK);
            let shown = format!("{open}{mark}{close}{NO_BREAK}{choice}");
            let style = match (under == Some(at), is_on(at)) {
                (true, _) => palette.chosen(),
                (false, true) => palette.strong(),
                (false, false) => Style::new(),
            };
            [(shown, style), (" ".to_owned(), Style::new())]
        })
        .collect();
    let mut borrowed = vec![("  ", Style::new())];
    borrowed.extend(parts.iter().map(|(text, style)| (text.as_str(), *style)));
    fold(&borrowed, columns)
}

/// Typed text; the cursor is shown by the place it stands on, which needs no colour and no position.
pub(super) fn text(
    field: &Field,
    here: bool,
    palette: Palette,
    columns: usize,
) -> Vec<Line<'static>> {
    let plain = Style::new();
    if !here {
        let shown = if field.text().is_empty() {
            "—"
        } else {
            field.text()
        };
        return fold(&[("  ", plain), (shown, plain)], columns);
    }
    let (before, under, after) = field.around_cursor();
    let under = if under.is_empty() { NO_BREAK } else { under };
    fold(
        &[
            ("  ", plain),
            (before, plain),
            (under, palette.chosen()),
            (after, plain),
        ],
        columns,
    )
}

/// What a typed answer is taken for, or what is wrong with it.
fn meant(desk: &Desk, entry: &Entry) -> Option<String> {
    let kind = entry.question.kind();
    match entry.answer(desk.server_now(), desk.zone) {
        Ok(Some(day)) if kind == QuestionKind::Date => Some(day),
        Ok(_) => None,
        Err(wrong) => Some(wrong),
    }
}
