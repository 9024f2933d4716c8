//! `outdial speak`: what would be said for an amount.

use announce::{Language, Options, Speaker};
use clap::Args;
use model::{Currency, Money};
use serde::Serialize;

use super::exit::{Exit, OrExit};

/// Says an amount in words, and the prompts that speak it.
#[derive(Debug, Args)]
pub struct Speak {
    /// The language: ru, en or en-GB.
    #[arg(long)]
    lang: Language,
    /// The currency, for example RUB.
    #[arg(long)]
    currency: Currency,
    /// The amount with a point, for example 1234.05.
    #[arg(allow_hyphen_values = true)]
    amount: String,
}

/// What is printed.
#[derive(Debug, Serialize)]
pub struct Spoken {
    text: String,
    tokens: Vec<&'static str>,
}

impl Speak {
    /// The words and prompts.
    pub fn run(&self) -> anyhow::Result<Spoken> {
        let amount = Money::from_decimal(&self.amount, self.currency).or_exit(Exit::Usage)?;
        let phrase = Speaker::new(self.lang, Options::default())
            .amount(amount)
            .or_exit(Exit::Refused)?;
        Ok(Spoken {
            text: phrase.text,
            tokens: phrase.tokens,
        })
    }
}

impl Spoken {
    /// For people.
    pub fn text(&self) -> String {
        format!("{}\n{}\n", self.text, self.tokens.join(" "))
    }
}
