//! Why nothing, or not more, is being dialled; and what a supervisor watches.

use model::{AgentId, AttemptId, CampaignId, TrunkId, WallTime};
use serde::{Deserialize, Serialize};

use crate::agent::{Agent, Doing, Owes};
use crate::campaign::{CampaignState, Mode};
use crate::effect::{AgentState, Refused};
use crate::engine::Engine;
use crate::input::QueueCounts;

impl Engine {
    /// Why not more is being dialled for a campaign.
    pub(crate) fn explain(&mut self, id: CampaignId) -> Result<Explanation, Refused> {
        let seen = self.snapshot(id).ok_or(Refused::NoCampaign(id))?;
        let Some(campaign) = self.campaigns.get(&id) else {
            return Err(Refused::NoCampaign(id));
        };
        let spec = &campaign.spec;
        let queue = campaign.queue;
        let (state, mode, trunk_group) = (spec.state, spec.mode, spec.trunk_group);
        let (starts_at, limit) = (spec.starts_at, spec.rules.abandon().limit);
        let at_hand = campaign.at_hand.len() as u64;
        let signed_in = self
            .agents
            .values()
            .filter(|a| a.serves(&spec.groups))
            .count() as u64;
        let owes = |a: &&Agent| {
            a.serves(&spec.groups) && matches!(a.doing, Doing::Ready) && a.owes != Owes::Nothing
        };
        let owing = self.agents.values().filter(owes).count() as u64;
        let room = self.trunks.room(trunk_group, self.now.mono);
        let down = self.trunks.down_in(trunk_group);
        let mut gates = Vec::new();
        let mut gate = |name: &str, text: String, count: u64, until: Option<WallTime>| {
            gates.push(Gate {
                name: name.to_owned(),
                text,
                count,
                until,
            });
        };
        if state != CampaignState::Running {
            gate(
                "not_running",
                format!("the campaign is {}", state.as_str()),
                1,
                None,
            );
        }
        if self.draining {
            gate(
                "shutting_down",
                "the daemon is shutting down".to_owned(),
                1,
                None,
            );
        }
        if !self.store_up {
            gate(
                "database_away",
                "the database does not answer; nothing is dialled that cannot be recorded"
                    .to_owned(),
                1,
                None,
            );
        }
        if let Some(campaign) = self.campaigns.get(&id)
            && let Some(stop) = self.stops.of(&campaign.spec)
        {
            gate(stop.name(), stop.in_words(), 1, None);
        }
        if let Some(starts_at) = starts_at.filter(|s| self.now.wall < *s) {
            gate(
                "before_start",
                format!("the campaign starts at {starts_at}"),
                1,
                Some(starts_at),
            );
        }
        if room.channels == 0 {
            let why = if down.is_empty() {
                "its trunk group has no trunk".to_owned()
            } else {
                down.join("; ")
            };
            gate("trunk_down", why, u64::from(room.down), None);
        } else if room.lines == 0 {
            gate(
                "no_free_channel",
                format!("all {} channels are in use", room.channels),
                u64::from(room.channels),
                None,
            );
        } else if room.launches == 0 {
            gate(
                "calls_per_second",
                "the trunks accept no more calls in this second".to_owned(),
                1,
                None,
            );
        }
        if mode != Mode::Notification && seen.agents_ready == 0 {
            let text = match signed_in {
                0 => "no agent of its groups is signed in".to_owned(),
                n => format!("none of the {n} signed-in agents waits for a call"),
            };
            gate("no_ready_agent", text, signed_in, None);
        }
        if owing > 0 {
            let text = format!(
                "{owing} agents are kept free for a callback of their own that is due or comes soon"
            );
            gate("held_for_callback", text, owing, None);
        }
        if queue.needs_skill > 0 {
            let text = format!(
                "{} prospects wait for an agent with their language",
                queue.needs_skill
            );
            gate("waiting_for_skill", text, queue.needs_skill, None);
        }
        if seen.over_limit {
            let text = format!(
                "the abandon ledger is over its limit of {limit}: one call per agent until it is back"
            );
            gate("abandon_limit", text, 1, None);
        }
        if queue.outside_hours > 0 {
            let text = format!("{} prospects are outside their hours", queue.outside_hours);
            gate("outside_hours", text, queue.outside_hours, queue.opens_at);
        }
        if queue.later > 0 {
            gate(
                "waiting",
                format!(
                    "{} prospects wait for a retry, a callback or a rule",
                    queue.later
                ),
                queue.later,
                queue.next_at,
            );
        }
        if queue.held > 0 {
            gate(
                "held",
                format!("{} prospects are held until facts change", queue.held),
                queue.held,
                None,
            );
        }
        if campaign_is_empty(&queue, at_hand) {
            gate(
                "list_finished",
                "no prospect is open".to_owned(),
                queue.closed,
                None,
            );
        }
        if mode != Mode::Notification
            && seen.agents_ready > 0
            && seen.in_flight + seen.waiting >= seen.agents_ready
        {
            let text = format!(
                "{} calls are under way for {} ready agents",
                seen.in_flight + seen.waiting,
                seen.agents_ready
            );
            gate("enough_calls", text, u64::from(seen.in_flight), None);
        }
        let holding: Vec<&str> = gates.iter().take(3).map(|g| g.text.as_str()).collect();
        let summary = if holding.is_empty() {
            "nothing holds it down".to_owned()
        } else {
            holding.join("; ")
        };
        Ok(Explanation {
            campaign: id,
            state,
            summary,
            gates,
            queue,
            in_flight: seen.in_flight,
            agents_ready: seen.agents_ready,
            agents_signed_in: u32::try_from(signed_in).unwrap_or(u32::MAX),
        })
    }

    /// Everything that a supervisor watches.
    pub(crate) fn board(&self) -> Board {
        let campaigns = self.campaigns.values().map(|c| {
            let mine = || self.calls.values().filter(|k| k.campaign == c.spec.id);
            let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            CampaignLine {
                campaign: c.spec.id,
                name: c.spec.name.clone(),
                mode: c.spec.mode,
                state: c.spec.state,
                launched: c.counts.launched,
                answered: c.counts.answered,
                connected: c.counts.connected,
                delivered: c.counts.delivered,
                abandoned: c.counts.abandoned,
                in_flight: count(mine().filter(|k| k.state.in_flight()).count()),
                talking: count(mine().filter(|k| k.state.live()).count()),
                queue: c.queue,
            }
        });
        let agents = self.agents.values().map(|a| AgentLine {
            agent: a.spec.id,
            name: a.spec.name.clone(),
            state: a.state(),
            reason: a.reason().to_owned(),
            since: a.since,
            campaign: self.campaign_of(a),
            attempt: a.attempt(),
        });
        Board {
            campaigns: campaigns.collect(),
            agents: agents.collect(),
            trunks: self.trunks.lines(),
            store_up: self.store_up,
            draining: self.draining,
        }
    }
}

const fn campaign_is_empty(queue: &QueueCounts, at_hand: u64) -> bool {
    queue.open() == 0 && at_hand == 0
}

/// What holds a campaign's dialling down at this instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The campaign.
    pub campaign: CampaignId,
    /// Its state.
    pub state: CampaignState,
    /// One sentence.
    pub summary: String,
    /// Everything that holds, the strongest first. Empty when nothing does.
    pub gates: Vec<Gate>,
    /// The queue as of the last claim.
    pub queue: QueueCounts,
    /// Calls being recorded, dialled or ringing.
    pub in_flight: u32,
    /// Agents of its groups who wait for a call.
    pub agents_ready: u32,
    /// Agents of its groups who are signed in.
    pub agents_signed_in: u32,
}

/// One thing that holds dialling down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// A stable name, for example `outside_hours`.
    pub name: String,
    /// In words.
    pub text: String,
    /// How many prospects, agents or lines it concerns.
    pub count: u64,
    /// Until when it holds, if known.
    pub until: Option<WallTime>,
}

/// What a supervisor watches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Board {
    /// Sorted by id.
    pub campaigns: Vec<CampaignLine>,
    /// Sorted by id; signed-in agents only.
    pub agents: Vec<AgentLine>,
    /// Sorted by id.
    pub trunks: Vec<TrunkLine>,
    /// Whether the database answers.
    pub store_up: bool,
    /// Whether the daemon is ending.
    pub draining: bool,
}

/// A campaign on the board. Counts are of this run of the daemon; reports count rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignLine {
    /// The campaign.
    pub campaign: CampaignId,
    /// Its name.
    pub name: String,
    /// Its mode.
    pub mode: Mode,
    /// Its state.
    pub state: CampaignState,
    /// Attempts launched.
    pub launched: u64,
    /// Calls answered.
    pub answered: u64,
    /// Calls joined to an agent.
    pub connected: u64,
    /// Messages heard to the threshold.
    pub delivered: u64,
    /// People answered for whom no agent came in time.
    pub abandoned: u64,
    /// Calls being recorded, dialled or ringing.
    pub in_flight: u32,
    /// People in a talk or hearing a message.
    pub talking: u32,
    /// The queue as of the last claim.
    pub queue: QueueCounts,
}

/// An agent on the board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentLine {
    /// Who.
    pub agent: AgentId,
    /// The name to show.
    pub name: String,
    /// What the agent is doing.
    pub state: AgentState,
    /// Code of the reason, for a pause.
    pub reason: String,
    /// Since when.
    pub since: WallTime,
    /// The campaign of the call, if in one.
    pub campaign: Option<CampaignId>,
    /// The attempt, if in one.
    pub attempt: Option<AttemptId>,
}

/// A trunk on the board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrunkLine {
    /// Which.
    pub trunk: TrunkId,
    /// Its name.
    pub name: String,
    /// Channels in use.
    pub in_use: u32,
    /// Channels it has.
    pub channels: u32,
    /// Why it takes no calls, if it does not.
    pub down: Option<String>,
}
