//! What is shown while the campaigns dial: a table for a terminal, a line for a file.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use proto::supervisor::v1::{AgentLine, CampaignLine, CampaignState, WatchBoardResponse};
use testkit::CarrierCounts;

/// More agents than this are shown as counts.
const AGENTS_NAMED: usize = 12;
/// Agents of one line.
const AGENTS_A_LINE: usize = 4;
/// Characters of a bar.
const BAR: usize = 10;

/// A moment of the demo.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// Since the campaigns were started.
    pub elapsed: Duration,
    /// How long they dial.
    pub dialling: Duration,
    /// What is going on besides; may be empty.
    pub doing: &'a str,
    /// Prospects by campaign.
    pub prospects: &'a BTreeMap<i32, u64>,
    /// Of them, those who are done with.
    pub done: &'a BTreeMap<i32, u64>,
    /// The newest board.
    pub board: &'a WatchBoardResponse,
    /// What the carrier has seen.
    pub carrier: CarrierCounts,
}

impl View<'_> {
    /// For a terminal, ending with a line break.
    pub fn table(&self) -> String {
        let mut rows = vec![
            [
                "campaign",
                "state",
                "done",
                "",
                "rings",
                "talks",
                "calls",
                "answered",
                "connected",
                "delivered",
                "abandoned",
                "held",
            ]
            .map(str::to_owned),
        ];
        rows.extend(self.board.campaigns.iter().map(|c| self.campaign(c)));
        let (elapsed, dialling) = (clock(self.elapsed), clock(self.dialling));
        let head = format!("  {elapsed} of {dialling}   {}", self.doing);
        let mut text = format!("{}\n", head.trim_end());
        text.push_str(&aligned(&rows));
        text.push_str(&agents(&self.board.agents, self.board.at.as_ref()));
        let CarrierCounts {
            invites,
            answers,
            open,
            ..
        } = self.carrier;
        _ = writeln!(
            text,
            "  carrier: {invites} calls seen, {answers} answered, {open} up now"
        );
        text
    }

    fn campaign(&self, line: &CampaignLine) -> [String; 12] {
        let queue = line.queue.unwrap_or_default();
        let all = self.prospects.get(&line.campaign_id).copied().unwrap_or(0);
        let done = self.done.get(&line.campaign_id).copied().unwrap_or(0);
        let some = |n: i64| if n == 0 { String::new() } else { n.to_string() };
        [
            line.name.clone(),
            state(line.state()).to_owned(),
            bar(done, all),
            format!("{done}/{all}"),
            some(line.in_flight.into()),
            some(line.talking.into()),
            line.launched.to_string(),
            line.answered.to_string(),
            some(line.connected),
            some(line.delivered),
            some(line.abandoned),
            some(queue.outside_hours),
        ]
    }

    /// For a file: one line without its break.
    pub fn line(&self) -> String {
        let mut text = clock(self.elapsed);
        for c in &self.board.campaigns {
            _ = write!(
                text,
                " | {} {}: {} calls, {} answered",
                c.name,
                state(c.state()),
                c.launched,
                c.answered
            );
            for (n, what) in [
                (c.connected, "connected"),
                (c.delivered, "delivered"),
                (c.abandoned, "abandoned"),
                (c.queue.unwrap_or_default().outside_hours, "held"),
            ] {
                if n > 0 {
                    _ = write!(text, ", {n} {what}");
                }
            }
        }
        _ = write!(text, " | agents: {}", states(&self.board.agents));
        if !self.doing.is_empty() {
            _ = write!(text, " | {}", self.doing);
        }
        text
    }
}

/// Minutes and seconds.
fn clock(length: Duration) -> String {
    let seconds = length.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

const fn state(state: CampaignState) -> &'static str {
    match state {
        CampaignState::Unspecified => "",
        CampaignState::Draft => "draft",
        CampaignState::Running => "running",
        CampaignState::Paused => "paused",
        CampaignState::Stopped => "stopped",
        CampaignState::Finished => "finished",
    }
}

fn bar(part: u64, all: u64) -> String {
    let eighths = u64::try_from(BAR).unwrap_or(0) * 8;
    let filled = (part.min(all) * eighths).checked_div(all).unwrap_or(0);
    let filled = usize::try_from(filled).unwrap_or(0);
    let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let mut text = "█".repeat(filled / 8);
    text.push_str(rest.get(filled % 8).copied().unwrap_or_default());
    while text.chars().count() < BAR {
        text.push('·');
    }
    text
}

/// Rows as columns: the first three to the left, numbers to the right.
pub fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let of = |row: &[String; N]| row.get(column).map_or(0, |cell| cell.chars().count());
        rows.iter().map(of).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let missing = width.saturating_sub(cell.chars().count());
            let (before, after) = if column < 3 {
                (0, missing)
            } else {
                (missing, 0)
            };
            _ = write!(line, "  {:before$}{cell}{:after$}", "", "");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn agents(lines: &[AgentLine], at: Option<&prost_types::Timestamp>) -> String {
    if lines.len() > AGENTS_NAMED {
        return format!("  agents: {}\n", states(lines));
    }
    let cell = |a: &AgentLine| {
        let now = at.map_or(0, |at| at.seconds);
        let since = a.since.as_ref().map_or(now, |since| since.seconds);
        let length = Duration::from_secs(u64::try_from(now - since).unwrap_or(0));
        format!("{} {} {}", a.name, a.state.replace('_', " "), clock(length))
    };
    let mut text = String::new();
    for some in lines.chunks(AGENTS_A_LINE) {
        let mut line = String::new();
        for agent in some {
            let cell = cell(agent);
            let missing = 24_usize.saturating_sub(cell.chars().count());
            _ = write!(line, "  {cell}{:missing$}", "");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// How many are in each state.
fn states(lines: &[AgentLine]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for agent in lines {
        *counts.entry(&agent.state).or_default() += 1;
    }
    let counts = counts
        .iter()
        .map(|(state, n)| format!("{n} {}", state.replace('_', " ")));
    let counts: Vec<String> = counts.collect();
    if counts.is_empty() {
        "none".to_owned()
    } else {
        counts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use proto::supervisor::v1::QueueCounts;

    use super::*;

    fn board() -> WatchBoardResponse {
        let stamp = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let agent = |name: &str, state: &str, since| AgentLine {
            name: name.to_owned(),
            state: state.to_owned(),
            since: stamp(since),
            ..AgentLine::default()
        };
        WatchBoardResponse {
            at: stamp(1_000),
            campaigns: vec![
                CampaignLine {
                    campaign_id: 1,
                    name: "sales".to_owned(),
                    state: CampaignState::Running.into(),
                    launched: 42,
                    answered: 19,
                    connected: 17,
                    abandoned: 1,
                    in_flight: 5,
                    talking: 4,
                    queue: Some(QueueCounts {
                        outside_hours: 13,
                        ..QueueCounts::default()
                    }),
                    ..CampaignLine::default()
                },
                CampaignLine {
                    campaign_id: 2,
                    name: "debts-ru".to_owned(),
                    state: CampaignState::Paused.into(),
                    launched: 7,
                    answered: 3,
                    delivered: 2,
                    ..CampaignLine::default()
                },
            ],
            agents: vec![
                agent("Анна", "talking", 996),
                agent("Boris", "wrap_up", 999),
                agent("Клара", "ready", 930),
            ],
            ..WatchBoardResponse::default()
        }
    }

    fn view<'a>(
        board: &'a WatchBoardResponse,
        prospects: &'a BTreeMap<i32, u64>,
        done: &'a BTreeMap<i32, u64>,
    ) -> View<'a> {
        View {
            elapsed: Duration::from_secs(23),
            dialling: Duration::from_secs(45),
            doing: "sales pauses",
            prospects,
            done,
            board,
            carrier: CarrierCounts {
                invites: 50,
                answers: 22,
                open: 9,
                ..CarrierCounts::default()
            },
        }
    }

    #[test]
    fn the_table_shows_campaigns_agents_and_the_carrier_in_columns() {
        let (board, prospects) = (board(), BTreeMap::from([(1, 140), (2, 84)]));
        let done = BTreeMap::from([(1, 35)]);
        let table = view(&board, &prospects, &done).table();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines,
            [
                "  0:23 of 0:45   sales pauses",
                "  campaign  state    done                rings  talks  calls  answered  connected  delivered  abandoned  held",
                "  sales     running  ██▌·······  35/140      5      4     42        19         17                     1    13",
                "  debts-ru  paused   ··········    0/84                    7         3                     2",
                "  Анна talking 0:04         Boris wrap up 0:01        Клара ready 1:10",
                "  carrier: 50 calls seen, 22 answered, 9 up now",
            ]
        );
    }

    #[test]
    fn a_line_says_the_same_and_many_agents_are_counted() {
        let (mut board, prospects) = (board(), BTreeMap::new());
        let done = BTreeMap::new();
        assert_eq!(
            view(&board, &prospects, &done).line(),
            "0:23 | sales running: 42 calls, 19 answered, 17 connected, 1 abandoned, 13 held | \
             debts-ru paused: 7 calls, 3 answered, 2 delivered | agents: 1 ready, 1 talking, 1 wrap up | \
             sales pauses"
        );
        let agent = board.agents[0].clone();
        board.agents = vec![agent; 40];
        assert!(
            view(&board, &prospects, &done)
                .table()
                .contains("  agents: 40 talking\n")
        );
    }

    #[test]
    fn a_bar_is_always_as_long() {
        for (part, all, bar_is) in [
            (0, 10, "··········"),
            (10, 10, "██████████"),
            (99, 100, "█████████▉"),
            (3, 0, "··········"),
            (20, 10, "██████████"),
        ] {
            assert_eq!(bar(part, all), bar_is, "{part} of {all}");
        }
    }
}
