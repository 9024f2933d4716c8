//! Outdial: one binary, the daemon and everything that talks to it.
#![expect(
    unreachable_pub,
    reason = "nothing is outside a binary; pub is what a module offers to the others"
)]

mod cli;
mod clock;
mod config;
mod database;
mod demo;
mod desk;
mod doctor;
mod driver;
mod finding;
mod health;
mod logs;
mod output;
mod record;
mod resources;
mod serve;
mod terminal;
mod top;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::output::Format;

/// A predictive and preview dialer.
#[derive(Debug, Parser)]
#[command(name = "outdial", version, about, propagate_version = true, after_help = cli::HELP)]
struct Cli {
    /// How results are printed; logs go to standard error.
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    output: Format,
    #[command(flatten)]
    connection: cli::Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Cli(cli::Command),
    /// Runs the daemon until SIGTERM or Ctrl-C; calls in progress are finished then.
    Serve(serve::Serve),
    Demo(demo::Demo),
    Doctor(doctor::Doctor),
    Health(health::Health),
    /// The database as a whole: backup, restore, check.
    #[command(subcommand)]
    Db(database::Command),
    /// The configuration file.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Replays a recording of the engine and compares every effect.
    Replay {
        /// Directory that `serve --record` wrote.
        directory: PathBuf,
    },
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
            cli::code_of(&error).into()
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    match &cli.command {
        Command::Cli(command) => return command.run(&cli.connection, cli.output),
        Command::Serve(serve) => return serve.run(cli.output),
        Command::Demo(demo) => return demo.run(cli.output),
        Command::Doctor(doctor) => return doctor.run(cli.output),
        Command::Health(health) => return health.run(cli.output),
        Command::Db(command) => return command.run(cli.output),
        Command::Config(ConfigCommand::Check { config }) => {
            let config = config::load(config.as_deref(), std::env::vars())?;
            output::print(cli.output, &config, |c| {
                toml::to_string(c).unwrap_or_default()
            })?;
        }
        Command::Config(ConfigCommand::Schema) => {
            output::print(Format::Json, &config::schema(), |_| String::new())?;
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
