//! Promises to call: agents are reminded when one is due, and dial it with one click.

use model::AgentId;

use crate::agent::Reminded;
use crate::effect::{AgentEvent, StoreWish};
use crate::engine::Engine;
use crate::timers::Timer;
use crate::work::Callback;

impl Engine {
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
            .keys()
            .filter(|c| !agent.callbacks.contains_key(c))
            .copied()
            .collect();
        for callback in gone {
            self.tell(id, AgentEvent::ReminderGone { callback });
        }
        self.remind(id);
    }

    /// A load that was open when the database was lost got no answer, and a promise may have been moved since.
    pub(crate) fn load_callbacks_again(&mut self) {
        let agents: Vec<AgentId> = self.agents.keys().copied().collect();
        for agent in agents {
            self.store(StoreWish::LoadCallbacks(agent));
        }
    }

    pub(crate) fn add_callback(&mut self, id: AgentId, callback: Callback) {
        if let Some(agent) = self.agents.get_mut(&id) {
            agent
                .callbacks
                .insert(callback.id, (callback, Reminded::No));
            self.remind(id);
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
