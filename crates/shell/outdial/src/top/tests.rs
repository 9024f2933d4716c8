//! The board as a supervisor meets it.

use std::time::Duration;

use model::{Now, Timestamp};
use proto::supervisor::v1 as pb;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::machine::{Change, Input, Top, Wish};
use super::view;
use crate::terminal::{Key, Palette};

fn start() -> Now {
    Now {
        mono: Timestamp::from_micros(0),
        wall: "2026-11-25T12:00:00Z".parse().unwrap(),
    }
}

fn stamp(seconds: i64) -> Option<prost_types::Timestamp> {
    // 12:00:00 of that day.
    Some(prost_types::Timestamp {
        seconds: 1_795_608_000 + seconds,
        nanos: 0,
    })
}

fn campaign(id: i32, name: &str, state: pb::CampaignState) -> pb::CampaignLine {
    pb::CampaignLine {
        campaign_id: id,
        name: name.to_owned(),
        state: state.into(),
        launched: 420,
        answered: 190,
        connected: 180,
        abandoned: 4,
        in_flight: 5,
        talking: 12,
        queue: Some(pb::QueueCounts {
            due: 40,
            later: 10,
            in_hand: 20,
            held: 2,
            closed: 120,
            outside_hours: 8,
            ..Default::default()
        }),
        ledger: Some(pb::Ledger {
            rate: 0.0215,
            limit: 0.03,
            connected: 180,
            missed: 4,
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn board() -> pb::WatchBoardResponse {
    let agent = |id, name: &str, state: &str, reason: &str, since, campaign_id| pb::AgentLine {
        agent_id: id,
        name: name.to_owned(),
        state: state.to_owned(),
        reason: reason.to_owned(),
        since: stamp(since),
        campaign_id,
        ..Default::default()
    };
    pb::WatchBoardResponse {
        at: stamp(0),
        campaigns: vec![
            campaign(1, "spring", pb::CampaignState::Running),
            campaign(2, "долги", pb::CampaignState::Paused),
        ],
        agents: vec![
            agent(1, "Анна", "talking", "", -64, 1),
            agent(2, "Boris", "not_ready", "lunch", -600, 0),
        ],
        trunks: vec![
            pb::TrunkLine {
                trunk_id: 1,
                name: "carrier 0".to_owned(),
                in_use: 17,
                channels: 30,
                ..Default::default()
            },
            pb::TrunkLine {
                trunk_id: 2,
                name: "carrier 1".to_owned(),
                down: "no answer to OPTIONS".to_owned(),
                ..Default::default()
            },
        ],
        store_up: true,
        draining: false,
    }
}

fn shown() -> (Top, Now) {
    let now = start();
    let mut top = Top::new(chrono_tz::Tz::UTC, now);
    assert_eq!(top.poll_wish(), Some(Wish::Watch));
    top.handle(now, Input::Board(Box::new(board())));
    (top, now)
}

fn wishes(top: &mut Top) -> Vec<Wish> {
    std::iter::from_fn(|| top.poll_wish()).collect()
}

fn text(top: &Top, columns: usize) -> String {
    let lines = view::lines(top, Palette::Plain, columns);
    let line = |line: &ratatui::text::Line<'_>| line.to_string().trim_end().to_owned() + "\n";
    lines.iter().map(line).collect()
}

#[test]
fn the_board_shows_campaigns_ledgers_trunks_and_agents() {
    let (mut top, now) = shown();
    top.handle(now + Duration::from_millis(400), Input::Tick);
    let shown = text(&top, 140);
    let wanted = "\
outdial  12:00:00  0.4 s old

  campaign  state    done               held  ring  talk  calls  /min  answers  joined  told  lost  abandoned of limit
▶ spring    running  ████····  120/200    10     5    12    420            190     180           4       2.15 % of 3 %
  долги     paused   ████····  120/200    10     5    12    420            190     180           4       2.15 % of 3 %

  trunks
  carrier 0  17 of 30 channels
  carrier 1  0 of 0 channels  DOWN: no answer to OPTIONS

  agents: 1 not ready, 1 talking
  Анна  talking 1:04  spring              Boris  not ready 10:00  lunch
";
    assert_eq!(shown, wanted, "{shown}");
    // The page shows what the program does.
    let page = include_str!("../../../../../docs/reference/top.md");
    assert!(
        page.contains(wanted),
        "docs/reference/top.md shows another board"
    );
}

#[test]
fn launches_a_minute_are_those_of_the_last_minute_and_begin_anew_with_the_daemon() {
    let (mut top, now) = shown();
    let mut board_with = |second, launched| {
        let mut board = board();
        board.campaigns[0].launched = launched;
        let at = now + Duration::from_secs(second);
        top.handle(at, Input::Board(Box::new(board)));
        top.launches(top.chosen().unwrap())
    };
    // Two a second.
    let rates: Vec<i64> = (1..=100)
        .map(|second| board_with(second, 420 + 2 * i64::try_from(second).unwrap()))
        .collect();
    assert_eq!((rates[9], rates[59], rates[99]), (20, 120, 120));
    assert_eq!(board_with(101, 3), 0);
    assert_eq!(board_with(102, 8), 5);
}

#[test]
fn a_pause_is_asked_twice_and_is_that_of_the_campaign_asked_about() {
    let (mut top, now) = shown();
    top.handle(now, Input::Key(Key::Char('p')));
    assert_eq!(wishes(&mut top), []);
    top.handle(now, Input::Key(Key::Char('x')));
    top.handle(now, Input::Key(Key::Char('p')));
    // It ends just then: the one in its place is not paused instead.
    let mut other = board();
    other.campaigns.remove(0);
    other.campaigns[0].state = pb::CampaignState::Running.into();
    top.handle(now, Input::Board(Box::new(other)));
    top.handle(now, Input::Key(Key::Char('p')));
    assert_eq!(wishes(&mut top), [Wish::Change(1, Change::Pause)]);
}

#[test]
fn a_paused_campaign_is_resumed_and_a_doubt_is_forgotten_after_a_while() {
    let (mut top, now) = shown();
    top.handle(now, Input::Key(Key::Down));
    top.handle(now, Input::Key(Key::Char('r')));
    let later = now + Duration::from_secs(11);
    top.handle(later, Input::Tick);
    top.handle(later, Input::Key(Key::Char('r')));
    assert_eq!(wishes(&mut top), []);
    top.handle(later, Input::Key(Key::Char('к')));
    assert_eq!(wishes(&mut top), [Wish::Change(2, Change::Resume)]);
    let told = Ok("долги is resumed".to_owned());
    top.handle(later, Input::Changed { told });
    assert_eq!(top.said, Some(("долги is resumed".to_owned(), false)));
}

#[test]
fn what_holds_a_campaign_down_is_asked_every_second_while_it_is_shown() {
    let (mut top, now) = shown();
    top.handle(now, Input::Key(Key::Char('e')));
    assert_eq!(wishes(&mut top), [Wish::Explain(1)]);
    let told = pb::ExplainCampaignResponse {
        summary: "no agent is ready".to_owned(),
        gates: vec![pb::Gate {
            text: "40 outside their hours".to_owned(),
            until: stamp(3_600),
            ..Default::default()
        }],
        agents_signed_in: 2,
        ..Default::default()
    };
    let told = Ok(Box::new(told));
    top.handle(now, Input::Explained { campaign: 1, told });
    let shown = text(&top, 100);
    for part in [
        "spring: no agent is ready",
        "· 40 outside their hours, until Wed 13:00",
        "0 ready of 2",
    ] {
        assert!(shown.contains(part), "no {part} in\n{shown}");
    }
    top.handle(now + Duration::from_secs(1), Input::Tick);
    assert_eq!(wishes(&mut top), [Wish::Explain(1)]);
    top.handle(now, Input::Key(Key::Esc));
    top.handle(now + Duration::from_secs(5), Input::Tick);
    assert_eq!(wishes(&mut top), []);
}

#[test]
fn a_board_that_is_not_fresh_says_so() {
    let (mut top, now) = shown();
    let lost = Input::Lost("no daemon answers".to_owned());
    top.handle(now + Duration::from_secs(3), lost);
    top.handle(now + Duration::from_secs(8), Input::Tick);
    assert_eq!(wishes(&mut top), [Wish::Watch]);
    let first = text(&top, 100);
    let first = first.lines().next().unwrap();
    assert!(
        first.contains("NO NEWS for 0:05, trying again: no daemon answers"),
        "{first}"
    );
    let mut away = board();
    away.store_up = false;
    top.handle(now + Duration::from_secs(9), Input::Board(Box::new(away)));
    assert!(text(&top, 100).contains("DATABASE AWAY"));
}

#[test]
fn a_narrow_board_leaves_out_what_matters_least() {
    let (top, _) = shown();
    for columns in [140, 100, 80, 60, 45] {
        let shown = text(&top, columns);
        let head = shown.lines().nth(2).unwrap();
        assert!(head.ends_with("abandoned of limit"), "{columns}: {head}");
        assert!(crate::terminal::width(head) <= columns, "{columns}: {head}");
    }
}

#[test]
fn a_ledger_over_its_limit_is_said_in_words() {
    let (mut top, now) = shown();
    let mut over = board();
    over.campaigns[0].ledger = Some(pb::Ledger {
        rate: 0.0301,
        limit: 0.03,
        is_over: true,
        ..Default::default()
    });
    top.handle(now, Input::Board(Box::new(over)));
    assert!(text(&top, 100).contains("3.01 % of 3 % OVER"));
}

#[test]
fn a_screen_of_any_size_is_drawn() {
    let (mut top, now) = shown();
    for key in [
        Key::Esc,
        Key::Char('p'),
        Key::Char('?'),
        Key::Esc,
        Key::Char('e'),
    ] {
        top.handle(now, Input::Key(key));
        for (columns, rows) in [(1, 1), (20, 4), (40, 12), (80, 24), (250, 70)] {
            let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
            terminal
                .draw(|frame| view::draw(&top, Palette::Plain, frame))
                .unwrap();
        }
    }
}
