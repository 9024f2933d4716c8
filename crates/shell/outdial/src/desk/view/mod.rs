//! The desk on a screen of any size. A function of the machine alone.

mod list;
mod notes;
mod overlay;
mod record;

use std::time::Duration;

use proto::agent::v1 as pb;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::keys::OUTCOMES;
use super::machine::{Desk, Link, Tone};
use super::mode::Mode;
use super::wall;
use super::work::due;
use crate::terminal::{Palette, clock, ellipsis, fold, length, local, width};

/// From this width on, record and notes stand side by side.
const WIDE: u16 = 72;
/// Reminders shown above the desk; the list has them all.
const REMINDERS: usize = 3;
/// Lines of help.
const HELP: u16 = 2;

/// Draws the desk.
pub fn draw(desk: &Desk, palette: Palette, frame: &mut Frame<'_>) {
    let reminders = reminders(desk, palette, frame.area().width);
    let said = said(desk, palette, frame.area().width);
    let [top, due, body, message, help] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(rows(reminders.len())),
        Constraint::Min(3),
        Constraint::Length(rows(said.len())),
        Constraint::Length(HELP),
    ])
    .areas(frame.area());
    frame.render_widget(header(desk, palette, top.width), top);
    frame.render_widget(Paragraph::new(reminders), due);
    match &desk.mode {
        Mode::List => list::draw(desk, palette, frame, body),
        Mode::Help(under) => overlay::help(desk, under, palette, frame, body),
        _ => {
            draw_body(desk, palette, frame, body);
            overlay::draw(desk, palette, frame, body);
        }
    }
    frame.render_widget(Paragraph::new(said), message);
    frame.render_widget(help_lines(desk, palette, help.width), help);
}

fn draw_body(desk: &Desk, palette: Palette, frame: &mut Frame<'_>, area: Rect) {
    let offered = desk.is.preview.as_ref().and_then(|p| p.pop.as_ref());
    let Some(pop) = desk.is.call.as_ref().or(offered) else {
        let lines = idle(desk, palette, area.width);
        return frame.render_widget(Paragraph::new(lines), area);
    };
    let Some(typed) = &desk.notes else {
        return record::draw(desk, pop, palette, frame, area);
    };
    if area.width >= WIDE {
        let [left, gap, right] = Layout::horizontal([
            Constraint::Percentage(50),
            Constraint::Length(2),
            Constraint::Min(1),
        ])
        .areas(area);
        let bar: Vec<Line<'_>> = (0..gap.height)
            .map(|_| Line::styled("│", palette.faint()))
            .collect();
        record::draw(desk, pop, palette, frame, left);
        frame.render_widget(Paragraph::new(bar), gap);
        notes::draw(desk, typed, palette, frame, right);
    } else {
        // What is typed must be seen; the record can be scrolled.
        let wanted = notes::height(desk, typed, palette, area.width);
        let height = wanted.min(area.height * 2 / 3).max(area.height / 2);
        let [above, below] =
            Layout::vertical([Constraint::Min(1), Constraint::Length(height)]).areas(area);
        record::draw(desk, pop, palette, frame, above);
        notes::draw(desk, typed, palette, frame, below);
    }
}

fn header(desk: &Desk, palette: Palette, columns: u16) -> Line<'static> {
    let (word, style) = state_word(desk, palette);
    let since = desk.is.state.as_ref().and_then(|s| s.since);
    let since = since.map(|at| desk.server_now().since(wall(at)));
    let mut spans = vec![
        Span::styled(format!(" {} ", desk.name), palette.strong()),
        Span::styled(format!(" {word} "), style),
    ];
    if let Some(since) = since {
        spans.push(Span::raw(clock(since)));
    }
    spans.extend(left_spans(desk, palette));
    if let Some(state) = &desk.is.state {
        let reason = match (state.reason.as_str(), state.pause_after_call) {
            ("", true) => "  not ready after this call".to_owned(),
            (reason, true) => format!("  not ready after this call ({reason})"),
            ("", false) => String::new(),
            (reason, false) => format!("  {}", reason.replace('_', " ")),
        };
        spans.push(Span::raw(reason));
        if !state.phone_up {
            let on_demand = state.state() == pb::AgentState::NotReady;
            if !on_demand {
                spans.push(Span::styled("  phone down", palette.warning()));
            }
        }
    }
    let time = local(desk.server_now(), desk.zone, "%H:%M:%S");
    let used: usize = spans.iter().map(|s| width(&s.content)).sum();
    let room = usize::from(columns).saturating_sub(used + width(&time) + 1);
    if room > 0 {
        spans.push(Span::raw(" ".repeat(room)));
        spans.push(Span::styled(time, palette.faint()));
    }
    Line::from(spans)
}

/// What is left of a wrap-up or an offer.
fn left_spans(desk: &Desk, palette: Palette) -> Option<Span<'static>> {
    let wrap_up = desk.is.wrap_up.as_ref().and_then(|w| w.until);
    let offer = desk.is.preview.as_ref().and_then(|p| p.until);
    let left = wall(wrap_up.or(offer)?).since(desk.server_now());
    let style = if desk.is_ending {
        palette.bad()
    } else {
        palette.faint()
    };
    // Rounded up: 0:00 is when it is over.
    let left = left + Duration::from_millis(999);
    Some(Span::styled(format!("  {} left", clock(left)), style))
}

fn state_word(desk: &Desk, palette: Palette) -> (&'static str, Style) {
    use pb::AgentState as S;
    match (&desk.link, desk.state()) {
        (Link::Opening, _) => ("signing in", palette.faint()),
        (Link::Lost { .. }, _) => ("CONNECTION LOST", palette.bad()),
        (Link::TakenOver, _) => ("taken over", palette.bad()),
        (Link::Up, S::Unspecified) => ("…", palette.faint()),
        (Link::Up, S::Offline) => ("offline", palette.faint()),
        (Link::Up, S::NotReady) => ("NOT READY", palette.warning()),
        (Link::Up, S::Ready) => ("READY", palette.good()),
        (Link::Up, S::Previewing) => ("OFFER", palette.warning()),
        (Link::Up, S::Dialling) => ("DIALLING", palette.warning()),
        (Link::Up, S::Talking) => ("TALKING", palette.good().patch(palette.strong())),
        (Link::Up, S::Holding) => ("ON HOLD", palette.warning()),
        (Link::Up, S::WrapUp) => ("WRAP-UP", palette.warning()),
        (Link::Up, S::ConnectionLost) => ("LINE LOST", palette.bad()),
    }
}

fn reminders(desk: &Desk, palette: Palette, columns: u16) -> Vec<Line<'static>> {
    let now = desk.server_now();
    let due = due(&desk.is.reminders, now);
    let mut lines: Vec<Line<'static>> = due
        .iter()
        .zip(OUTCOMES.chars())
        .take(REMINDERS)
        .map(|(callback, key)| {
            let at = callback.at.map(wall).unwrap_or_default();
            let late = now.since(at);
            let overdue = if late >= Duration::from_secs(60) {
                format!(", {} overdue", length(late))
            } else {
                String::new()
            };
            let time = local(at, desk.zone, "%H:%M");
            let mut text = format!(" {key}  call {} {time}{overdue}", callback.name);
            if !callback.note.is_empty() {
                text.push_str(": ");
                text.push_str(&callback.note);
            }
            Line::styled(ellipsis(&text, usize::from(columns)), palette.warning())
        })
        .collect();
    let more = due.len().saturating_sub(REMINDERS);
    if more > 0 {
        lines.push(Line::styled(
            format!("    and {more} more in the list"),
            palette.faint(),
        ));
    }
    lines
}

fn said(desk: &Desk, palette: Palette, columns: u16) -> Vec<Line<'static>> {
    let columns = usize::from(columns).saturating_sub(1);
    let mut lines = Vec::new();
    match &desk.link {
        Link::Lost { since, because } => {
            let since = clock(desk.now.mono.since(*since));
            let text = format!(
                " connection lost {since} ago, trying again ({because}); what you type is kept"
            );
            lines.extend(fold(&[(&text, palette.bad())], columns));
        }
        Link::TakenOver => {
            let text = " another session of yours took over; this screen shows nothing new";
            lines.extend(fold(&[(text, palette.bad())], columns));
        }
        Link::Opening | Link::Up => {}
    }
    if desk.is_ending {
        let text = " the time for notes is nearly over: e gives more";
        lines.extend(fold(&[(text, palette.bad())], columns));
    }
    if let Some(said) = &desk.said {
        let style = match said.tone {
            Tone::Good => palette.good(),
            Tone::Plain => Style::new(),
            Tone::Warning => palette.warning(),
            Tone::Bad => palette.bad(),
        };
        let text = format!(" {}", said.text);
        lines.extend(fold(&[(&text, style)], columns).into_iter().take(3));
    }
    lines
}

/// As many keys as fit; `?` shows the rest.
fn help_lines(desk: &Desk, palette: Palette, columns: u16) -> Paragraph<'static> {
    let mut parts: Vec<(String, String)> = Vec::new();
    if !desk.typing().is_empty() {
        parts.push((String::new(), desk.typing().to_owned()));
    }
    parts.extend(desk.offers().into_iter().map(|o| (o.shown, o.what)));
    let columns = usize::from(columns);
    let mut lines = vec![Line::default(); usize::from(HELP)];
    let mut at = 0;
    let mut used = 0;
    for (key, what) in parts {
        let wide = 2 + width(&key) + usize::from(!key.is_empty()) + width(&what);
        if used + wide > columns && used > 0 {
            at += 1;
            used = 0;
        }
        let Some(line) = lines.get_mut(at) else { break };
        line.push_span(Span::raw(if used == 0 { " " } else { "  " }));
        if !key.is_empty() {
            line.push_span(Span::styled(key, palette.strong()));
            line.push_span(Span::raw(" "));
        }
        line.push_span(Span::styled(what, palette.faint()));
        used += wide;
    }
    Paragraph::new(lines)
}

fn idle(desk: &Desk, palette: Palette, columns: u16) -> Vec<Line<'static>> {
    use pb::AgentState as S;
    let text = match (&desk.link, desk.state()) {
        (Link::Opening, _) => "",
        (Link::TakenOver, _) => "This session goes on elsewhere.",
        (_, S::NotReady) => "You get no calls. r makes you ready.",
        (_, S::Ready) if desk.is.state.as_ref().is_some_and(|s| s.phone_up) => {
            "You are waiting for a call."
        }
        (_, S::Ready) => "Your phone is being called; pick it up to take calls.",
        (_, S::Dialling) => "A call is being set up.",
        _ => "",
    };
    let columns = usize::from(columns).saturating_sub(2);
    let mut lines = vec![Line::default()];
    lines.extend(fold(
        &[("  ", Style::new()), (text, palette.faint())],
        columns,
    ));
    lines
}

/// A count of lines as a height.
fn rows(lines: usize) -> u16 {
    u16::try_from(lines).unwrap_or(u16::MAX)
}

/// A heading in a column of text.
fn heading(text: &str, palette: Palette) -> Line<'static> {
    Line::styled(text.to_owned(), palette.faint())
}
