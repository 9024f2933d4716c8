//! Promises to call: agents are reminded when one is due, are kept free for it, and dial it with one click.

use std::time::Duration;

use model::{AgentId, CampaignId, ProspectId, Timestamp};

use crate::agent::{Agent, Owes, Reminded};
use crate::campaign::MissedCallback;
use crate::effect::{AgentEvent, StoreWish};
use crate::engine::Engine;
use crate::timers::Timer;
use crate::work::Callback;

/// How often missed callbacks are looked for: also those of agents who are not there.
const LOOK_FOR_MISSED: Duration = Duration::from_secs(15);

impl Engine {
    /// Sees for each agent whether a promise keeps other calls away: from the moment on when a call launched now
    /// could still ring at its instant, until its campaign's tolerance is over.
    pub(crate) fn see_who_owes_a_callback(&mut self) {
        let owing: Vec<(AgentId, Owes, Option<Timestamp>)> = self
            .agents
            .values()
            .filter(|a| !a.callbacks.is_empty() || a.owes != Owes::Nothing)
            .map(|a| {
                let (owes, changes) = self.owes(a);
                (a.spec.id, owes, changes)
            })
            .collect();
        for (id, owes, changes) in owing {
            let Some(agent) = self.agents.get_mut(&id) else {
                continue;
            };
            let free_again = owes != Owes::Now && agent.owes == Owes::Now;
            agent.owes = owes;
            if let Some(at) = changes {
                self.timers.set(Timer::Owes(id), at);
            }
            if free_again {
                self.serve_waiting(id);
            }
        }
    }

    /// What an agent owes now, and when that changes.
    fn owes(&self, agent: &Agent) -> (Owes, Option<Timestamp>) {
        let lead = self
            .campaigns
            .values()
            .filter(|c| c.running() && agent.serves(&c.spec.groups))
            .map(|c| c.spec.set_up_limit + c.spec.ring_limit)
            .max()
            .unwrap_or(Duration::ZERO);
        let mut owes = Owes::Nothing;
        let mut changes: Option<Timestamp> = None;
        let waiting = agent
            .callbacks
            .values()
            .filter(|(_, told)| *told != Reminded::Tried);
        for (callback, _) in waiting {
            // A promise that cannot be kept now keeps nobody from working.
            let Some(campaign) = self
                .campaigns
                .get(&callback.campaign)
                .filter(|c| c.running())
            else {
                continue;
            };
            let ends = callback.at + campaign.spec.callbacks.tolerance;
            let starts = callback.at - lead;
            let wall = self.now.wall;
            let (state, next) = if wall < starts {
                (Owes::Nothing, Some(starts))
            } else if wall < callback.at {
                (Owes::Soon, Some(callback.at))
            } else if wall < ends {
                (Owes::Now, Some(ends))
            } else {
                (Owes::Nothing, None)
            };
            owes = owes.max(state);
            if let Some(next) = next {
                let at = self.mono_at(next);
                changes = Some(changes.map_or(at, |c| c.min(at)));
            }
        }
        (owes, changes)
    }

    /// Has the campaign's rule applied to private callbacks whose tolerance is over, whoever is signed in.
    pub(crate) fn see_to_missed_callbacks(&mut self, id: CampaignId) {
        let now = self.now;
        let Some(campaign) = self.campaigns.get_mut(&id) else {
            return;
        };
        let rule = campaign.spec.callbacks;
        if rule.missed == MissedCallback::Wait {
            return;
        }
        if now.mono >= campaign.next_missed_at {
            campaign.next_missed_at = now.mono + LOOK_FOR_MISSED;
            self.store(StoreWish::MissedCallbacks {
                campaign: id,
                before: now.wall - rule.tolerance,
                missed: rule.missed,
                at: now.wall,
            });
        }
        if let Some(campaign) = self.campaigns.get(&id) {
            let at = campaign.next_missed_at;
            self.timers.set(Timer::Missed(id), at);
        }
    }

    /// All open private callbacks of an agent, as the database has them.
    pub(crate) fn callbacks_loaded(&mut self, id: AgentId, callbacks: Vec<Callback>) {
        let Some(agent) = self.agents.get_mut(&id) else {
            return;
        };
        let before = std::mem::take(&mut agent.callbacks);
        for callback in callbacks {
            // One that was moved is due anew.
            let told = before
                .get(&callback.id)
                .filter(|(old, _)| old.at == callback.at);
            let told = told.map_or(Reminded::No, |(_, told)| *told);
            agent.callbacks.insert(callback.id, (callback, told));
        }
        let gone: Vec<_> = before
            .iter()
            .filter(|(id, (old, told))| {
                let now = agent.callbacks.get(id);
                now.is_none_or(|(new, _)| new.at != old.at && *told == Reminded::Yes)
            })
            .map(|(id, _)| *id)
            .collect();
        for callback in gone {
            self.tell(id, AgentEvent::ReminderGone { callback });
        }
        self.remind(id);
        self.look = true;
    }

    /// A load that was open when the database was lost got no answer, and a promise may have been moved since.
    pub(crate) fn load_callbacks_again(&mut self) {
        let agents: Vec<AgentId> = self.agents.keys().copied().collect();
        for agent in agents {
            self.store(StoreWish::LoadCallbacks(agent));
        }
    }

    /// A call to a prospect is over: a promise to call it is kept, or was tried.
    pub(crate) fn promise_called(
        &mut self,
        campaign: CampaignId,
        prospect: ProspectId,
        talked: bool,
    ) {
        let mut kept = Vec::new();
        for agent in self.agents.values_mut() {
            let is_it = |c: &Callback| c.campaign == campaign && c.prospect == prospect;
            for (callback, told) in agent.callbacks.values_mut().filter(|(c, _)| is_it(c)) {
                *told = Reminded::Tried;
                if talked {
                    kept.push((agent.spec.id, callback.id));
                }
            }
        }
        for (id, callback) in kept {
            if let Some(agent) = self.agents.get_mut(&id) {
                agent.callbacks.remove(&callback);
            }
            self.tell(id, AgentEvent::ReminderGone { callback });
        }
    }

    pub(crate) fn add_callback(&mut self, id: AgentId, callback: Callback) {
        if let Some(agent) = self.agents.get_mut(&id) {
            agent
                .callbacks
                .insert(callback.id, (callback, Reminded::No));
            self.remind(id);
            self.look = true;
        }
    }

    /// Tells an agent of every callback that is due, once, and sets the timer for the next.
    pub(crate) fn remind(&mut self, id: AgentId) {
        let wall = self.now.wall;
        let Some(agent) = self.agents.get_mut(&id) else {
            return;
        };
        let mut due = Vec::new();
        let mut next = None;
        for (callback, told) in agent
            .callbacks
            .values_mut()
            .filter(|(_, told)| *told == Reminded::No)
        {
            if callback.at <= wall {
                *told = Reminded::Yes;
                due.push(callback.clone());
            } else {
                next = Some(next.map_or(callback.at, |n: model::WallTime| n.min(callback.at)));
            }
        }
        for callback in due {
            self.tell(id, AgentEvent::ReminderDue { callback });
        }
        match next {
            Some(at) => {
                let at = self.mono_at(at);
                self.timers.set(Timer::Callbacks(id), at);
            }
            None => self.timers.cancel(Timer::Callbacks(id)),
        }
    }
}
