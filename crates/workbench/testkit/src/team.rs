//! Agents with their phones.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::agent::{AgentOptions, SimAgent};
use crate::counts::AgentCounts;
use crate::error::TestkitError;
use crate::habits::Habits;
use crate::phone::{Phone, PhoneBank, PhoneOptions};

/// An account that was just made may not have reached the registrar; a phone that was refused tries again after
/// five seconds.
const REGISTERS_WITHIN: Duration = Duration::from_secs(15);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What a team is set up with.
#[derive(Clone, Debug)]
pub struct TeamOptions {
    /// The daemon's gRPC address, `http://127.0.0.1:PORT`.
    pub url: String,
    /// The daemon's SIP address; the phones register there. `None`: agents without phones.
    pub registrar: Option<SocketAddr>,
    /// Who works in it.
    pub members: Vec<Member>,
    /// What they are like.
    pub habits: Habits,
    /// What they draw is drawn from this; each draws differently.
    pub seed: u64,
}

/// One of a team. Agent and phone use the same login and their own password.
#[derive(Clone, Debug)]
pub struct Member {
    /// Login of the agent, and user of the phone.
    pub login: String,
    /// The agent's password.
    pub password: String,
    /// The phone's password.
    pub phone_password: String,
}

/// A team at work.
#[derive(Debug)]
pub struct Team {
    /// The agents, in the order of the members.
    pub agents: Vec<SimAgent>,
    /// Their phones; empty without a registrar.
    pub phones: Vec<Phone>,
}

impl Team {
    /// Starts the phones, then the agents one after the other.
    ///
    /// # Errors
    /// As [`PhoneBank::phone`] and [`SimAgent::start`], of the first who fails.
    pub async fn start(options: TeamOptions) -> Result<Self, TestkitError> {
        let mut team = Self {
            agents: Vec::new(),
            phones: Vec::new(),
        };
        let seeded = || (0_u64..).zip(&options.members);
        if let Some(registrar) = options.registrar {
            let bank = PhoneBank::start()?;
            for (n, member) in seeded() {
                let phone = PhoneOptions::new(registrar, &member.login, &member.phone_password, n);
                team.phones.push(bank.phone(phone)?);
            }
        }
        team.phones_are_known().await;
        for (n, member) in seeded() {
            let agent = AgentOptions {
                url: options.url.clone(),
                login: member.login.clone(),
                password: member.password.clone(),
                seed: options.seed.wrapping_add(n),
                habits: options.habits.clone(),
            };
            team.agents.push(SimAgent::start(agent).await?);
        }
        Ok(team)
    }

    /// Nobody takes calls before the phone works. One that does not come to work is the owner's to find.
    async fn phones_are_known(&self) {
        let deadline = Instant::now() + REGISTERS_WITHIN;
        let registered = |phone: &Phone| phone.state().registered;
        while !self.phones.iter().all(registered) && Instant::now() < deadline {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// What each saw and did so far, in the order of the members.
    pub fn counts(&self) -> Vec<AgentCounts> {
        self.agents.iter().map(SimAgent::counts).collect()
    }

    /// Lets all finish what is under way and leave; returns what each saw and did.
    pub async fn leave(self) -> Vec<AgentCounts> {
        // All stop taking calls before the first is waited for.
        for agent in &self.agents {
            agent.not_ready().await;
        }
        let mut counts = Vec::new();
        for agent in self.agents {
            counts.push(agent.leave().await);
        }
        counts
    }
}
