//! Outdial: one binary, the daemon and everything that talks to it.

mod cli;
mod clock;
mod config;
mod driver;
mod logs;
mod output;
mod record;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::output::Format;

/// A predictive and preview dialer.
#[derive(Debug, Parser)]
#[command(name = "outdial", version, about, propagate_version = true)]
struct Cli {
    /// How results are printed; logs go to standard error.
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    output: Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The configuration file.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Says an amount in words, and the prompts that speak it.
    Speak(cli::speak::Speak),
    /// Calling rules.
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Says what would become of a spreadsheet.
    Import(cli::import::Import),
    /// Replays a recording of the engine and compares every effect.
    Replay {
        /// Directory that `serve --record` wrote.
        directory: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
    /// Says whether a number may be called at an instant. Exit code 0 only when it may.
    Check(cli::rules::Check),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Says whether a file can be used, and prints what would hold.
    Check {
        /// The file; absent: the defaults and the environment.
        #[arg(long)]
        config: Option<PathBuf>,
    },
    /// Prints the JSON schema.
    Schema,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(code) => code,
        Err(error) => {
            output::complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    match &cli.command {
        Command::Config(ConfigCommand::Check { config }) => {
            let config = config::load(config.as_deref(), std::env::vars())?;
            output::print(cli.output, &config, |c| {
                toml::to_string(c).unwrap_or_default()
            })?;
        }
        Command::Config(ConfigCommand::Schema) => {
            output::print(Format::Json, &config::schema(), |_| String::new())?;
        }
        Command::Speak(speak) => {
            output::print(cli.output, &speak.run()?, cli::speak::Spoken::text)?
        }
        Command::Rules(RulesCommand::Check(check)) => {
            let checked = check.run(cli::profiles(check.directory())?)?;
            output::print(cli.output, &checked, cli::rules::Checked::text)?;
            if !checked.allowed {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Import(import) => {
            output::print(cli.output, &import.run()?, cli::import::Imported::text)?
        }
        Command::Replay { directory } => {
            logs::init(&config::Log::default())?;
            let replayed = record::replay(directory)?;
            output::print(cli.output, &replayed, |r| {
                format!("{} inputs gave the same {} effects\n", r.inputs, r.effects)
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
