//! What the supervisor sees and asks, without a server and without a terminal.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use model::{Now, Timestamp, WallTime};
use proto::supervisor::v1 as pb;

use crate::desk::wall;
use crate::terminal::{Key, Offer, Zone};

/// Between two looks at what holds a campaign down, while that is shown.
const EXPLAIN_EVERY: Duration = Duration::from_secs(1);
/// Between two tries to reach the server.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// Something asked for twice must be asked again within this, else it is forgotten.
const DOUBT_FOR: Duration = Duration::from_secs(10);
/// What was said stays for so long.
const SAID_FOR: Duration = Duration::from_secs(10);
/// Launches a minute are those of the last minute.
const RATE_OVER: Duration = Duration::from_secs(60);
/// Between two marks of how many there were.
const MARK_EVERY: Duration = Duration::from_secs(1);

/// The screen.
#[derive(Debug)]
pub struct Top {
    pub(super) zone: Zone,
    pub(super) now: Now,
    pub(super) board: Option<pb::WatchBoardResponse>,
    /// When the board came.
    pub(super) came_at: Timestamp,
    /// Since when there is no stream of boards, and why.
    pub(super) lost: Option<(Timestamp, String)>,
    /// The campaign that keys are about.
    chosen: i32,
    pub(super) mode: Mode,
    /// In words, and whether it went wrong.
    pub(super) said: Option<(String, bool)>,
    said_until: Timestamp,
    launched: BTreeMap<i32, VecDeque<(Timestamp, i64)>>,
    watch_at: Option<Timestamp>,
    explain_at: Option<Timestamp>,
    out: VecDeque<Wish>,
}

/// What keys mean.
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    /// The board.
    Board,
    /// A change was asked for once.
    Doubt {
        /// Of which campaign.
        campaign: i32,
        /// Its name.
        name: String,
        /// What.
        change: Change,
        /// Forgotten then.
        until: Timestamp,
    },
    /// What holds the chosen campaign down.
    Explain {
        /// None: not answered yet.
        told: Option<Box<pb::ExplainCampaignResponse>>,
    },
    /// All keys.
    Help,
}

/// A change of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Stops launches.
    Pause,
    /// Goes on.
    Resume,
}

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Choose,
    Ask(Change),
    Sure,
    Explain,
    Help,
    Back,
    Leave,
}

/// A fact.
#[derive(Clone, Debug)]
pub enum Input {
    /// A key was pressed.
    Key(Key),
    /// A board came.
    Board(Box<pb::WatchBoardResponse>),
    /// The stream of boards ended.
    Lost(String),
    /// An answer to [`Wish::Explain`].
    Explained {
        /// Of which campaign.
        campaign: i32,
        /// What it says, or why there is none.
        told: Result<Box<pb::ExplainCampaignResponse>, String>,
    },
    /// An answer to [`Wish::Change`].
    Changed {
        /// In words.
        told: Result<String, String>,
    },
    /// Time has passed.
    Tick,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Open the stream of boards.
    Watch,
    /// Ask what holds this campaign down.
    Explain(i32),
    /// Change this campaign.
    Change(i32, Change),
    /// Draw everything anew.
    Redraw,
    /// Leave the screen; by Ctrl-C or not.
    End { interrupted: bool },
}

impl Top {
    /// For a supervisor in this zone. Wishes for boards at once.
    pub fn new(zone: Zone, now: Now) -> Self {
        Self {
            zone,
            now,
            board: None,
            came_at: now.mono,
            lost: None,
            chosen: 0,
            mode: Mode::Board,
            said: None,
            said_until: now.mono,
            launched: BTreeMap::new(),
            watch_at: None,
            explain_at: None,
            out: [Wish::Watch].into(),
        }
    }

    /// Takes a fact in.
    pub fn handle(&mut self, now: Now, input: Input) {
        self.now = now;
        match input {
            Input::Key(key) => self.press(key),
            Input::Board(board) => self.on_board(*board),
            Input::Lost(because) => {
                let since = self.lost.take().map_or(now.mono, |(since, _)| since);
                self.lost = Some((since, because));
                self.watch_at = Some(now.mono + TRY_AGAIN);
            }
            Input::Explained { campaign, told } => self.explained(campaign, told),
            Input::Changed { told } => match told {
                Ok(text) => self.say(text, false),
                Err(text) => self.say(text, true),
            },
            Input::Tick => {}
        }
        self.on_time();
    }

    /// What to do next; ask until there is nothing.
    pub fn poll_wish(&mut self) -> Option<Wish> {
        self.out.pop_front()
    }

    /// When to tick at the latest: the age of the board is shown in tenths of a second.
    pub fn next_wakeup(&self) -> Timestamp {
        self.now.mono + Duration::from_millis(250)
    }

    /// How old the board is.
    pub(super) fn age(&self) -> Duration {
        self.now.mono.since(self.came_at)
    }

    /// What the server's calendar shows.
    pub(super) fn server_now(&self) -> WallTime {
        let at = self.board.as_ref().and_then(|b| b.at);
        at.map_or(self.now.wall, |at| wall(at) + self.age())
    }

    pub(super) fn campaigns(&self) -> &[pb::CampaignLine] {
        self.board.as_ref().map_or(&[], |board| &board.campaigns)
    }

    /// The campaign that keys are about.
    pub(super) fn chosen(&self) -> Option<&pb::CampaignLine> {
        let campaigns = self.campaigns();
        let known = campaigns.iter().find(|c| c.campaign_id == self.chosen);
        known.or_else(|| campaigns.first())
    }

    /// Launches of a campaign in the last minute, as far as this screen has seen it.
    pub(super) fn launches(&self, line: &pb::CampaignLine) -> i64 {
        let marks = self.launched.get(&line.campaign_id);
        let oldest = marks.and_then(|marks| marks.front());
        oldest.map_or(0, |(_, then)| (line.launched - then).max(0))
    }

    /// Keys that do something now.
    pub(super) fn offers(&self) -> Vec<Offer<Act>> {
        let letter = |c, what, act| Offer::key(Key::Char(c), what, act);
        let arrows = Offer::keys(
            &[Key::Up, Key::Down],
            "↑↓",
            "choose a campaign",
            Act::Choose,
        );
        let help = Offer::keys(&[Key::Char('?'), Key::F(1)], "?", "all keys", Act::Help);
        match &self.mode {
            Mode::Board => {
                let mut offers = Vec::new();
                if self.campaigns().len() > 1 {
                    offers.push(arrows);
                }
                offers.extend(self.change_offer());
                if self.chosen().is_some() {
                    let keys = [Key::Char('e'), Key::Enter];
                    offers.push(Offer::keys(
                        &keys,
                        "e",
                        "why nothing more is dialled",
                        Act::Explain,
                    ));
                }
                offers.push(letter('q', "leave", Act::Leave));
                offers.push(help);
                offers
            }
            Mode::Doubt { change, .. } => {
                let (key, what) = match change {
                    Change::Pause => ('p', "pause it"),
                    Change::Resume => ('r', "resume it"),
                };
                vec![
                    letter(key, what, Act::Sure),
                    Offer::key(Key::Esc, "no", Act::Back),
                ]
            }
            Mode::Explain { .. } => {
                let mut offers = Vec::new();
                if self.campaigns().len() > 1 {
                    offers.push(arrows);
                }
                offers.push(Offer::keys(
                    &[Key::Esc, Key::Char('e'), Key::Enter],
                    "Esc",
                    "back",
                    Act::Back,
                ));
                offers.push(letter('q', "leave", Act::Leave));
                offers
            }
            Mode::Help => vec![Offer::key(Key::Esc, "back", Act::Back)],
        }
    }

    fn change_offer(&self) -> Option<Offer<Act>> {
        match self.chosen()?.state() {
            pb::CampaignState::Running => {
                Some(Offer::key(Key::Char('p'), "pause", Act::Ask(Change::Pause)))
            }
            pb::CampaignState::Paused => Some(Offer::key(
                Key::Char('r'),
                "resume",
                Act::Ask(Change::Resume),
            )),
            pb::CampaignState::Unspecified
            | pb::CampaignState::Draft
            | pb::CampaignState::Stopped
            | pb::CampaignState::Finished => None,
        }
    }

    fn say(&mut self, text: String, is_bad: bool) {
        self.said = Some((text, is_bad));
        self.said_until = self.now.mono + SAID_FOR;
    }

    fn on_time(&mut self) {
        let now = self.now.mono;
        if self.said_until <= now {
            self.said = None;
        }
        if matches!(self.mode, Mode::Doubt { until, .. } if until <= now) {
            self.mode = Mode::Board;
        }
        if self.watch_at.is_some_and(|at| at <= now) {
            self.watch_at = None;
            self.out.push_back(Wish::Watch);
        }
        if self.explain_at.is_some_and(|at| at <= now) {
            self.explain_at = None;
            self.ask_why();
        }
    }

    fn on_board(&mut self, board: pb::WatchBoardResponse) {
        let now = self.now.mono;
        self.came_at = now;
        self.lost = None;
        for line in &board.campaigns {
            let marks = self.launched.entry(line.campaign_id).or_default();
            // A daemon that was started again counts from 0.
            if marks.back().is_some_and(|(_, n)| *n > line.launched) {
                marks.clear();
            }
            let is_due = |(at, _): &(Timestamp, i64)| now.since(*at) >= MARK_EVERY;
            if marks.back().is_none_or(is_due) {
                marks.push_back((now, line.launched));
            }
            while marks
                .front()
                .is_some_and(|(at, _)| now.since(*at) > RATE_OVER)
            {
                marks.pop_front();
            }
        }
        let on = |id: &i32| board.campaigns.iter().any(|c| c.campaign_id == *id);
        self.launched.retain(|id, _| on(id));
        self.board = Some(board);
    }

    fn explained(&mut self, campaign: i32, told: Result<Box<pb::ExplainCampaignResponse>, String>) {
        let is_asked = self.chosen().is_some_and(|c| c.campaign_id == campaign);
        let Mode::Explain { told: shown } = &mut self.mode else {
            return;
        };
        if !is_asked {
            return;
        }
        self.explain_at = Some(self.now.mono + EXPLAIN_EVERY);
        match told {
            Ok(told) => *shown = Some(told),
            Err(text) => self.say(text, true),
        }
    }

    fn ask_why(&mut self) {
        if let (Mode::Explain { .. }, Some(line)) = (&self.mode, self.chosen()) {
            let wish = Wish::Explain(line.campaign_id);
            self.out.push_back(wish);
        }
    }

    fn press(&mut self, key: Key) {
        match key {
            Key::Ctrl('c') => return self.out.push_back(Wish::End { interrupted: true }),
            Key::Ctrl('l') => return self.out.push_back(Wish::Redraw),
            _ => {}
        }
        match Offer::find(&self.offers(), key) {
            Some((act, at)) => self.act(act, at),
            // Anything but yes is no; any key leaves the help.
            None if matches!(self.mode, Mode::Doubt { .. } | Mode::Help) => self.mode = Mode::Board,
            None => {}
        }
    }

    fn act(&mut self, act: Act, at: usize) {
        match act {
            Act::Choose => self.choose(if at == 0 { -1 } else { 1 }),
            Act::Ask(change) => {
                let until = self.now.mono + DOUBT_FOR;
                if let Some(line) = self.chosen() {
                    self.mode = Mode::Doubt {
                        campaign: line.campaign_id,
                        name: line.name.clone(),
                        change,
                        until,
                    };
                }
            }
            Act::Sure => {
                // The campaign that was asked about, whatever stands in its place by now.
                if let Mode::Doubt {
                    campaign, change, ..
                } = &self.mode
                {
                    self.out.push_back(Wish::Change(*campaign, *change));
                }
                self.mode = Mode::Board;
            }
            Act::Explain => {
                self.mode = Mode::Explain { told: None };
                self.ask_why();
            }
            Act::Help => self.mode = Mode::Help,
            Act::Back => self.mode = Mode::Board,
            Act::Leave => self.out.push_back(Wish::End { interrupted: false }),
        }
    }

    fn choose(&mut self, by: isize) {
        let campaigns = self.campaigns();
        let chosen = self.chosen().map(|c| c.campaign_id);
        let at = campaigns.iter().position(|c| Some(c.campaign_id) == chosen);
        let to = at.unwrap_or(0).saturating_add_signed(by);
        let to = campaigns.get(to.min(campaigns.len().saturating_sub(1)));
        self.chosen = to.map_or(0, |c| c.campaign_id);
        if let Mode::Explain { told } = &mut self.mode {
            *told = None;
            self.ask_why();
        }
    }
}
