//! Commands that are clients of the daemon's API; they have no way around it.

mod apply;
mod campaign_update;
mod campaigns;
mod changes;
mod confirm;
mod connection;
mod credentials;
mod document;
mod halts;
mod list_import;
mod lists;
mod people;
mod secret;
mod sign_in;
mod standing;
mod suppressions;
mod table;
mod token_file;
mod trunks;
mod user_import;
mod written;

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::Value;

pub use self::connection::{Authorised, Connection, Refusal, bearing};
use self::document::Named;
pub use self::document::to_json;
pub use self::standing::Standing;
use super::exit::{Exit, OrExit};
use crate::output::{self, Format};

/// What can be asked of a daemon.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Signs in and keeps the token; the password comes from OUTDIAL_PASSWORD or standard input.
    Login(sign_in::Login),
    /// Signs out and forgets the token.
    Logout,
    /// Says who is signed in.
    Whoami,
    /// Makes the first admin, with the token that the first start printed.
    Setup(sign_in::Setup),
    /// Accounts.
    #[command(subcommand)]
    User(people::UserCommand),
    /// Groups of agents.
    #[command(subcommand)]
    Group(people::GroupCommand),
    /// SIP connections to carriers, and groups of them.
    #[command(subcommand)]
    Trunk(trunks::TrunkCommand),
    /// Lists of prospects.
    #[command(subcommand)]
    List(lists::ListCommand),
    /// Campaigns.
    #[command(subcommand)]
    Campaign(campaigns::CampaignCommand),
    /// Stops all calls, or all of one seller, until the halt is lifted.
    Halt(halts::HaltCommand),
    /// What agents ask and fill in.
    #[command(subcommand)]
    Questionnaire(campaigns::QuestionnaireCommand),
    /// Numbers that must not be called.
    #[command(subcommand)]
    Suppression(suppressions::SuppressionCommand),
    Apply(Box<apply::Apply>),
    /// Writes what came of a campaign into a spreadsheet.
    Export(lists::Export),
    /// Says how the daemon is.
    Status,
}

/// What a command prints.
#[derive(Debug)]
pub struct Shown {
    value: Value,
    text: String,
    exit: Option<Exit>,
}

impl Shown {
    /// A message, with the words for people made from its JSON.
    fn new<M: Named>(message: &M, text: impl FnOnce(&Value) -> String) -> anyhow::Result<Self> {
        let value = to_json(message)?;
        Ok(Self {
            text: text(&value),
            value,
            exit: None,
        })
    }

    fn with_exit(mut self, exit: Option<Exit>) -> Self {
        self.exit = exit;
        self
    }
}

impl Command {
    /// Asks and prints.
    ///
    /// # Errors
    /// When the daemon cannot be reached or refuses.
    pub fn run(&self, connection: &Connection, format: Format) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let shown = runtime.block_on(Box::pin(self.ask(connection)))?;
        output::print(format, &shown.value, |_| shown.text.clone())?;
        Ok(shown.exit.map_or(ExitCode::SUCCESS, ExitCode::from))
    }

    async fn ask(&self, to: &Connection) -> anyhow::Result<Shown> {
        match self {
            Self::Login(login) => login.run(to).await,
            Self::Logout => sign_in::log_out(to).await,
            Self::Whoami => sign_in::who_am_i(to).await,
            Self::Setup(setup) => setup.run(to).await,
            Self::User(command) => command.run(to).await,
            Self::Group(command) => command.run(to).await,
            Self::Trunk(command) => command.run(to).await,
            Self::List(command) => command.run(to).await,
            Self::Campaign(command) => command.run(to).await,
            Self::Halt(command) => command.run(to).await,
            Self::Questionnaire(command) => command.run(to).await,
            Self::Suppression(command) => command.run(to).await,
            Self::Apply(apply) => apply.run(to).await,
            Self::Export(export) => export.run(to).await,
            Self::Status => trunks::status(to).await,
        }
    }
}

/// Names a request, so that the server carries it out once however often it comes.
pub fn request_id() -> anyhow::Result<String> {
    Ok(super::random_id()?.to_string())
}

/// A thing named by its key or by its name.
fn find(what: &str, named: &str, known: &[(i32, &str)]) -> anyhow::Result<i32> {
    if let Ok(id) = named.parse() {
        return Ok(id);
    }
    let found = known.iter().find(|(_, name)| *name == named);
    let names = || {
        known
            .iter()
            .map(|(_, name)| *name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    found
        .map(|(id, _)| *id)
        .ok_or_else(|| anyhow::anyhow!("there is no {what} \"{named}\"; there are: {}", names()))
        .or_exit(Exit::NotFound)
}

#[cfg(test)]
mod tests {
    use model::AttemptId;

    use super::*;

    #[test]
    fn a_thing_is_found_by_key_or_name_and_what_there_is_is_told_otherwise() {
        let known = [(1, "day"), (2, "night")];
        assert_eq!(find("group", "7", &known).unwrap(), 7);
        assert_eq!(find("group", "night", &known).unwrap(), 2);
        let error = find("group", "noon", &known).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no group \"noon\"; there are: day, night"
        );
    }

    #[test]
    fn a_request_is_named_by_a_uuid_of_its_own() {
        let (a, b) = (request_id().unwrap(), request_id().unwrap());
        assert_ne!(a, b);
        assert!(AttemptId::try_from(a).is_ok());
    }
}
