//! The board as lines of text, as wide as the screen.

use std::time::Duration;

use proto::supervisor::v1 as pb;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::machine::{Change, Mode, Top};
use crate::desk::wall;
use crate::terminal::{Palette, clock, ellipsis, fold, local, width};

/// A board older than this is not what is going on.
const STALE: Duration = Duration::from_millis(2_500);
/// Columns of an agent's cell.
const CELL: usize = 40;
/// Cells of a bar of progress.
const BAR: usize = 8;

/// Draws the board.
pub fn draw(top: &Top, palette: Palette, frame: &mut Frame<'_>) {
    let [body, foot] =
        Layout::vertical([Constraint::Min(1), Constraint::Length(2)]).areas(frame.area());
    let mut lines = lines(top, palette, usize::from(body.width));
    let room = usize::from(body.height);
    if lines.len() > room {
        let more = lines.len() - room + 1;
        lines.truncate(room.saturating_sub(1));
        let text = format!("… {more} more lines; a taller window shows them");
        lines.push(Line::styled(text, palette.faint()));
    }
    frame.render_widget(Paragraph::new(lines), body);
    frame.render_widget(Paragraph::new(foot_lines(top, palette, foot.width)), foot);
}

/// Everything on the board, one below the other.
pub fn lines(top: &Top, palette: Palette, columns: usize) -> Vec<Line<'static>> {
    let mut lines = vec![header(top, palette, columns)];
    let Some(board) = &top.board else {
        return lines;
    };
    lines.push(Line::default());
    lines.extend(campaigns(top, board, palette, columns));
    match &top.mode {
        Mode::Explain { told } => {
            lines.push(Line::default());
            lines.extend(why(top, told.as_deref(), palette, columns));
        }
        Mode::Help => {
            lines.push(Line::default());
            lines.extend(help(palette));
        }
        Mode::Board | Mode::Doubt { .. } => {
            lines.push(Line::default());
            lines.extend(trunks(board, palette, columns));
            lines.push(Line::default());
            lines.extend(agents(top, board, palette, columns));
        }
    }
    lines
}

fn header(top: &Top, palette: Palette, columns: usize) -> Line<'static> {
    let time = local(top.server_now(), top.zone, "%H:%M:%S");
    let mut spans = vec![Span::styled(format!("outdial  {time}"), palette.strong())];
    match (&top.board, &top.lost) {
        (_, Some((since, because))) => {
            let since = clock(top.now.mono.since(*since));
            let text = format!("  NO NEWS for {since}, trying again: {because}");
            let room = columns.saturating_sub(spans.iter().map(Span::width).sum());
            spans.push(Span::styled(ellipsis(&text, room), palette.bad()));
        }
        (None, None) => spans.push(Span::styled("  waiting for the board", palette.faint())),
        (Some(board), None) => {
            let age = top.age();
            let style = if age > STALE {
                palette.bad()
            } else {
                palette.faint()
            };
            spans.push(Span::styled(
                format!("  {:.1} s old", age.as_secs_f64()),
                style,
            ));
            if !board.store_up {
                spans.push(Span::styled(
                    "  DATABASE AWAY: nothing is launched",
                    palette.bad(),
                ));
            }
            if board.draining {
                spans.push(Span::styled(
                    "  DRAINING: nothing is launched",
                    palette.warning(),
                ));
            }
        }
    }
    Line::from(spans)
}

/// A column of the table of campaigns: its head, whether it stands to the right, and when it is left out of a screen
/// too narrow for all: the highest rank first, rank 0 never.
const COLUMNS: [(&str, bool, u8); 14] = [
    ("campaign", false, 0),
    ("state", false, 0),
    ("done", false, 7),
    ("", true, 3),
    ("held", true, 6),
    ("ring", true, 2),
    ("talk", true, 2),
    ("calls", true, 1),
    ("/min", true, 4),
    ("answers", true, 5),
    ("joined", true, 8),
    ("told", true, 9),
    ("lost", true, 1),
    ("abandoned of limit", true, 0),
];

/// Places of the columns that fit when each is as wide as it says.
fn fitting(widths: &[usize], columns: usize) -> Vec<usize> {
    let mut shown: Vec<usize> = (0..COLUMNS.len()).collect();
    loop {
        let wide: usize = shown
            .iter()
            .filter_map(|at| widths.get(*at))
            .map(|w| w + 2)
            .sum();
        let rank = |at: &usize| COLUMNS.get(*at).map_or(0, |(_, _, rank)| *rank);
        let least = shown.iter().map(rank).max().unwrap_or(0);
        if wide <= columns || least == 0 {
            return shown;
        }
        shown.retain(|at| rank(at) != least);
    }
}

fn campaigns(
    top: &Top,
    board: &pb::WatchBoardResponse,
    palette: Palette,
    columns: usize,
) -> Vec<Line<'static>> {
    let chosen = top.chosen().map(|c| c.campaign_id);
    let heads = COLUMNS.map(|(head, _, _)| head.to_owned());
    let rows: Vec<[String; 14]> = board.campaigns.iter().map(|c| cells(top, c)).collect();
    let wide = |at: usize| {
        let of = |row: &[String; 14]| row.get(at).map_or(0, |cell| width(cell));
        rows.iter().chain([&heads]).map(of).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..COLUMNS.len()).map(wide).collect();
    let shown = fitting(&widths, columns);
    let line = |row: &[String; 14], mark: &str| {
        let mut text = format!("{mark} ");
        for at in &shown {
            let (Some(cell), Some(wide), Some((_, right, _))) =
                (row.get(*at), widths.get(*at), COLUMNS.get(*at))
            else {
                continue;
            };
            let cell = ellipsis(cell, *wide);
            let pad = " ".repeat(wide.saturating_sub(width(&cell)));
            text.push_str(&if *right { pad + &cell } else { cell + &pad });
            text.push_str("  ");
        }
        ellipsis(text.trim_end(), columns)
    };
    let mut lines = vec![Line::styled(line(&heads, " "), palette.faint())];
    if board.campaigns.is_empty() {
        lines.push(Line::styled(
            "  no campaign runs or is paused",
            palette.faint(),
        ));
    }
    for (campaign, row) in board.campaigns.iter().zip(&rows) {
        let here = chosen == Some(campaign.campaign_id) && board.campaigns.len() > 1;
        let text = line(row, if here { "▶" } else { " " });
        lines.push(Line::styled(text, tone(campaign, palette)));
    }
    lines
}

fn tone(line: &pb::CampaignLine, palette: Palette) -> Style {
    if line.ledger.is_some_and(|l| l.is_over) {
        return palette.bad();
    }
    match line.state() {
        pb::CampaignState::Paused => palette.warning(),
        pb::CampaignState::Running => Style::new(),
        _ => palette.faint(),
    }
}

fn cells(top: &Top, line: &pb::CampaignLine) -> [String; 14] {
    let queue = line.queue.unwrap_or_default();
    let all =
        queue.due + queue.outside_hours + queue.later + queue.in_hand + queue.held + queue.closed;
    let some = |n: i64| if n == 0 { String::new() } else { n.to_string() };
    [
        ellipsis(&line.name, 24),
        state(line.state()).to_owned(),
        bar(queue.closed, all),
        format!("{}/{all}", queue.closed),
        some(queue.outside_hours + queue.held),
        some(line.in_flight.into()),
        some(line.talking.into()),
        line.launched.to_string(),
        some(top.launches(line)),
        line.answered.to_string(),
        some(line.connected),
        some(line.delivered),
        some(line.abandoned),
        line.ledger.as_ref().map(ledger).unwrap_or_default(),
    ]
}

/// `1.2 % of 3 %`, with a mark when it is over.
fn ledger(ledger: &pb::Ledger) -> String {
    let percent = |share: f64| {
        let text = format!("{:.2}", share * 100.0);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let over = if ledger.is_over { " OVER" } else { "" };
    format!(
        "{} % of {} %{over}",
        percent(ledger.rate),
        percent(ledger.limit)
    )
}

const fn state(state: pb::CampaignState) -> &'static str {
    match state {
        pb::CampaignState::Unspecified => "",
        pb::CampaignState::Draft => "draft",
        pb::CampaignState::Running => "running",
        pb::CampaignState::Paused => "paused",
        pb::CampaignState::Stopped => "stopped",
        pb::CampaignState::Finished => "finished",
    }
}

fn bar(part: i64, all: i64) -> String {
    let cells = i64::try_from(BAR).unwrap_or(0);
    let filled = (part.clamp(0, all.max(0)) * cells)
        .checked_div(all)
        .unwrap_or(0);
    let filled = usize::try_from(filled).unwrap_or(0).min(BAR);
    "█".repeat(filled) + &"·".repeat(BAR - filled)
}

fn trunks(board: &pb::WatchBoardResponse, palette: Palette, columns: usize) -> Vec<Line<'static>> {
    let mut lines = vec![Line::styled("  trunks", palette.faint())];
    for trunk in &board.trunks {
        let text = format!(
            "  {}  {} of {} channels",
            trunk.name, trunk.in_use, trunk.channels
        );
        let mut parts = vec![(text.as_str(), Style::new())];
        let down = format!("  DOWN: {}", trunk.down);
        if !trunk.down.is_empty() {
            parts.push((&down, palette.bad()));
        }
        lines.extend(fold(&parts, columns));
    }
    if board.trunks.is_empty() {
        lines.push(Line::styled("  none", palette.faint()));
    }
    lines
}

fn agents(
    top: &Top,
    board: &pb::WatchBoardResponse,
    palette: Palette,
    columns: usize,
) -> Vec<Line<'static>> {
    let mut lines = vec![Line::styled(
        format!("  agents: {}", counts(&board.agents)),
        palette.faint(),
    )];
    let in_line = (columns / CELL).max(1);
    let cell = CELL.min(columns);
    for some in board.agents.chunks(in_line) {
        let spans = some.iter().map(|agent| {
            let text = ellipsis(&agent_cell(top, board, agent), cell - 1);
            let pad = " ".repeat(cell.saturating_sub(width(&text)));
            Span::styled(text + &pad, agent_tone(agent, palette))
        });
        lines.push(Line::from(spans.collect::<Vec<_>>()));
    }
    lines
}

fn agent_cell(top: &Top, board: &pb::WatchBoardResponse, agent: &pb::AgentLine) -> String {
    let since = agent.since.map(wall).unwrap_or(top.server_now());
    let length = clock(top.server_now().since(since));
    let mut text = format!(
        "  {}  {} {length}",
        agent.name,
        agent.state.replace('_', " ")
    );
    if !agent.reason.is_empty() {
        text.push_str(&format!("  {}", agent.reason.replace('_', " ")));
    }
    let campaign = board
        .campaigns
        .iter()
        .find(|c| c.campaign_id == agent.campaign_id);
    if let Some(campaign) = campaign {
        text.push_str(&format!("  {}", campaign.name));
    }
    text
}

fn agent_tone(agent: &pb::AgentLine, palette: Palette) -> Style {
    match agent.state.as_str() {
        "ready" => palette.good(),
        "connection_lost" => palette.bad(),
        "not_ready" => palette.faint(),
        _ => Style::new(),
    }
}

/// How many are in each state.
fn counts(agents: &[pb::AgentLine]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for agent in agents {
        match counts.iter_mut().find(|(state, _)| *state == agent.state) {
            Some((_, n)) => *n += 1,
            None => counts.push((&agent.state, 1)),
        }
    }
    counts.sort_unstable();
    let said: Vec<String> = counts
        .iter()
        .map(|(state, n)| format!("{n} {}", state.replace('_', " ")))
        .collect();
    if said.is_empty() {
        "none signed in".to_owned()
    } else {
        said.join(", ")
    }
}

fn why(
    top: &Top,
    told: Option<&pb::ExplainCampaignResponse>,
    palette: Palette,
    columns: usize,
) -> Vec<Line<'static>> {
    let name = top.chosen().map(|c| c.name.clone()).unwrap_or_default();
    let Some(told) = told else {
        return vec![Line::styled(format!("  {name}: asking …"), palette.faint())];
    };
    let text = format!("  {name}: {}", told.summary);
    let mut lines = fold(&[(&text, palette.strong())], columns);
    for gate in &told.gates {
        let until = gate
            .until
            .map(|at| local(wall(at), top.zone, ", until %a %H:%M"));
        let text = format!("  · {}{}", gate.text, until.unwrap_or_default());
        lines.extend(fold(&[(&text, Style::new())], columns));
    }
    let queue = told.queue.unwrap_or_default();
    let text = format!(
        "  queue: {} due, {} later, {} outside their hours, {} in hand, {} held, {} closed; agents: {} ready of {}",
        queue.due,
        queue.later,
        queue.outside_hours,
        queue.in_hand,
        queue.held,
        queue.closed,
        told.agents_ready,
        told.agents_signed_in
    );
    lines.extend(fold(&[(&text, palette.faint())], columns));
    lines
}

fn help(palette: Palette) -> Vec<Line<'static>> {
    [
        ("↑ ↓", "choose a campaign"),
        (
            "p p",
            "pause it: nothing is launched from then on, talks go on",
        ),
        ("r r", "resume it, when it is paused"),
        ("e", "why nothing, or not more, is being dialled"),
        ("Ctrl-L", "draw anew"),
        ("q", "leave"),
    ]
    .map(|(key, what)| {
        Line::from(vec![
            Span::styled(format!("  {key:8}"), palette.strong()),
            Span::raw(what),
        ])
    })
    .into()
}

fn foot_lines(top: &Top, palette: Palette, columns: u16) -> Vec<Line<'static>> {
    let said = match (&top.mode, &top.said) {
        (Mode::Doubt { name, change, .. }, _) => {
            let text = match change {
                Change::Pause => format!(" Pause {name}? p pauses it, any other key does not."),
                Change::Resume => format!(" Resume {name}? r resumes it, any other key does not."),
            };
            Line::styled(text, palette.warning())
        }
        (_, Some((text, true))) => Line::styled(format!(" {text}"), palette.bad()),
        (_, Some((text, false))) => Line::styled(format!(" {text}"), palette.good()),
        (_, None) => Line::default(),
    };
    let mut keys = Line::default();
    for offer in top.offers() {
        let wide = width(&offer.shown) + width(&offer.what) + 3;
        if keys.width() + wide > usize::from(columns) {
            break;
        }
        keys.push_span(Span::styled(format!(" {}", offer.shown), palette.strong()));
        keys.push_span(Span::styled(format!(" {} ", offer.what), palette.faint()));
    }
    vec![said, keys]
}
