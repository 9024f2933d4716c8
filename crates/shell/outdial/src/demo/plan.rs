//! What the demo is asked for, and what follows from it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use model::WallTime;
use sheets::sample::{SHIPPED_PROSPECTS, SHIPPED_SEED};

use crate::cli::{Exit, OrExit};

/// Shows the whole product at work on this machine: a daemon with its database, a simulated carrier, and
/// simulated agents with phones. Nobody is called.
///
/// Exit code 0 only when everything happened that should, and every call is accounted for.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Agents; one in four works on the preview campaign. 2 to 500.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub agents: u32,
    /// Prospects. Absent: the shipped spreadsheet; else one of the same kind is made. 20 to 100,000.
    #[arg(long, value_name = "N")]
    pub prospects: Option<u32>,
    /// How long campaigns dial, in seconds; calls in progress are finished after it. 10 to 3600.
    #[arg(long, value_name = "S", default_value_t = 45)]
    pub seconds: u32,
    /// Another seed, another town: who answers, and what agents make of it.
    #[arg(long, value_name = "K", default_value_t = SHIPPED_SEED)]
    pub seed: u64,
    /// Lets the wall clock begin at this instant (RFC 3339).
    #[arg(long, value_name = "INSTANT")]
    pub at: Option<WallTime>,
    /// Goes on serving at the end, until Ctrl-C, and keeps the data.
    #[arg(long)]
    pub keep: bool,
    /// Where the results are written as spreadsheets.
    #[arg(long, value_name = "DIR", default_value = "outdial-demo-results")]
    pub results: PathBuf,
    /// Directory of voice packs. Absent: the configuration's, else target/voices here.
    #[arg(long, value_name = "DIR", env = "OUTDIAL_VOICES")]
    pub voices: Option<PathBuf>,
}

impl Options {
    /// Refuses numbers that make no demo.
    ///
    /// # Errors
    /// Says which.
    pub fn check(&self) -> anyhow::Result<()> {
        let ranges = [
            ("--agents", Some(self.agents), 2, 500),
            ("--prospects", self.prospects, 20, 100_000),
            ("--seconds", Some(self.seconds), 10, 3_600),
        ];
        for (option, given, from, to) in ranges {
            if given.is_some_and(|n| !(from..=to).contains(&n)) {
                return Err(anyhow!("{option} goes from {from} to {to}")).or_exit(Exit::Usage);
            }
        }
        Ok(())
    }

    /// Prospects of the workbook.
    pub fn prospects(&self) -> u32 {
        self.prospects.unwrap_or(SHIPPED_PROSPECTS)
    }

    /// How long campaigns dial.
    pub fn dialling(&self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }

    /// When the first campaign is paused, and for how long: mid-way, and long enough to see.
    pub fn pause(&self) -> (Duration, Duration) {
        let dialling = self.dialling();
        (
            dialling * 2 / 5,
            (dialling / 9).min(Duration::from_secs(10)),
        )
    }

    /// Of the agents, those who work on the preview campaign.
    pub fn preview_agents(&self) -> u32 {
        (self.agents / 4).max(1)
    }

    /// Lines to the carrier for agents: three an agent, so that lines are not what holds them down.
    pub fn agent_lines(&self) -> u32 {
        self.agents * 3
    }

    /// Lines for messages in Russian: enough that a good part of the list hears one. For English half as many.
    pub fn message_lines(&self) -> u32 {
        (self.prospects() / 16).clamp(10, 100)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        options: Options,
    }

    fn of(args: &[&str]) -> Options {
        let args = std::iter::once("demo").chain(args.iter().copied());
        Cli::try_parse_from(args).unwrap().options
    }

    #[test]
    fn without_options_it_is_about_a_minute_with_eight_agents_and_the_shipped_file() {
        let options = of(&[]);
        options.check().unwrap();
        assert_eq!((options.agents, options.preview_agents()), (8, 2));
        assert_eq!((options.seconds, options.prospects), (45, None));
        assert_eq!(
            options.pause(),
            (Duration::from_secs(18), Duration::from_secs(5))
        );
    }

    #[test]
    fn numbers_that_make_no_demo_are_refused_by_name() {
        for (args, says) in [
            (["--agents", "1"], "--agents goes from 2 to 500"),
            (["--prospects", "3"], "--prospects goes from 20"),
            (["--seconds", "5"], "--seconds goes from 10"),
        ] {
            let refused = of(&args).check().unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
    }
}
