//! The only place that prints: results on standard output, complaints on standard error.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is this module's purpose"
)]

use std::io::Write;

use clap::ValueEnum;
use serde::Serialize;

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// One JSON document, stable.
    Json,
}

/// Prints a result: `text` makes it readable for people.
///
/// # Errors
/// When standard output is closed, or the value has no JSON.
pub fn print<T: Serialize>(
    format: Format,
    value: &T,
    text: impl FnOnce(&T) -> String,
) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match format {
        Format::Table => out.write_all(text(value).as_bytes())?,
        Format::Json => {
            serde_json::to_writer(&mut out, value)?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()?;
    Ok(())
}

/// Prints text as it is, for people.
pub fn say(text: &str) {
    println!("{text}");
}

/// Prints an error with all its causes.
pub fn complain(error: &anyhow::Error) {
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
}
