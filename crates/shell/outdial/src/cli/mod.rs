//! Commands that need no daemon, and those that are clients of its API.

mod call;
mod client;
mod exit;
mod import;
mod past_tries;
pub mod profiles;
mod rules;
mod speak;

use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::Context;
use clap::Subcommand;
use model::AttemptId;

pub use self::call::{Target, address_towards, plain_trunk};
pub use self::client::{Authorised, Connection, Refusal, Standing, bearing, request_id, to_json};
pub use self::exit::{Exit, HELP, OrExit, code_of};
use crate::desk;
use crate::output::{self, Format};
use crate::top;

/// What can be asked without being the daemon.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Says an amount in words, and the prompts that speak it.
    Speak(speak::Speak),
    /// Calling rules.
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Says what would become of a spreadsheet.
    Import(import::Import),
    /// Places test calls; needs neither daemon nor database.
    Call(Box<call::Call>),
    Agent(desk::Agent),
    Top(top::Watch),
    /// Asks a running daemon.
    #[command(flatten)]
    Client(client::Command),
}

/// `outdial rules …`
#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// Says whether a number may be called at an instant. Exit code 0 only when it may.
    Check(rules::Check),
}

impl Command {
    /// Carries it out and prints what came of it.
    ///
    /// # Errors
    /// To be printed; [`code_of`] says the exit code.
    pub fn run(&self, connection: &Connection, format: Format) -> anyhow::Result<ExitCode> {
        match self {
            Self::Client(client) => return client.run(connection, format),
            Self::Agent(agent) => return agent.run(connection),
            Self::Top(watch) => return watch.run(connection, format),
            Self::Speak(speak) => output::print(format, &speak.run()?, speak::Spoken::text)?,
            Self::Rules(RulesCommand::Check(check)) => {
                let checked = check.run()?;
                output::print(format, &checked, rules::Checked::text)?;
                return Ok(holds(checked.allowed));
            }
            Self::Import(import) => output::print(format, &import.run()?, import::Imported::text)?,
            Self::Call(call) => {
                let finished = call.run()?;
                output::print(format, &finished.placed, |p| p.text())?;
                if finished.interrupted {
                    return Ok(Exit::Interrupted.into());
                }
                return Ok(holds(finished.placed.all_answered()));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn holds(yes: bool) -> ExitCode {
    if yes {
        ExitCode::SUCCESS
    } else {
        Exit::Failure.into()
    }
}

/// Unguessable, and in the order of its making: Call-IDs and names of requests are made from it.
pub fn random_id() -> anyhow::Result<AttemptId> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).context("the system gives no random bytes")?;
    let since_1970 = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let millis = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
    Ok(AttemptId::v7(millis, u128::from_be_bytes(random)))
}
