//! The only place that prints: results on standard output, complaints on standard error.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is this module's purpose"
)]

use std::io::{IsTerminal, Write};

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

/// Prints an error with all its causes.
pub fn complain(error: &anyhow::Error) {
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
}

/// Puts a question to whoever is at the terminal; beside the result, so that a JSON document stays one.
pub fn prompt(question: &str) {
    eprint!("{question}");
}

/// What is going on, for people who watch: on standard output, or beside a JSON document on standard error.
#[derive(Debug)]
pub struct Progress {
    to_stdout: bool,
    redraws: bool,
    /// Lines of the text that the next one replaces.
    drawn: usize,
}

impl Progress {
    /// For a command that prints its result in this format.
    pub fn new(format: Format) -> Self {
        let to_stdout = format == Format::Table;
        let redraws = if to_stdout {
            std::io::stdout().is_terminal()
        } else {
            std::io::stderr().is_terminal()
        };
        Self {
            to_stdout,
            redraws,
            drawn: 0,
        }
    }

    /// Whether there is a terminal, on which text can be drawn again.
    pub const fn redraws(&self) -> bool {
        self.redraws
    }

    /// Adds a line.
    pub fn line(&mut self, text: &str) {
        self.end();
        self.write(&format!("{text}\n"));
    }

    /// Draws lines in place of those drawn before.
    pub fn redraw(&mut self, text: &str) {
        let back = match self.drawn {
            0 => String::new(),
            // ECMA-48: cursor up, to the first column, and erase from there.
            lines => format!("\x1b[{lines}F\x1b[J"),
        };
        // DECAWM: a line that wraps would count twice; on a narrow terminal its end is cut off instead.
        self.write(&format!("{back}\x1b[?7l{text}\x1b[?7h"));
        self.drawn = text.lines().count();
    }

    /// Leaves what was drawn as it stands.
    pub const fn end(&mut self) {
        self.drawn = 0;
    }

    fn write(&self, text: &str) {
        if self.to_stdout {
            print!("{text}");
        } else {
            eprint!("{text}");
        }
        // Whoever closed the stream does not watch; the result itself is printed with an error.
        let flushed = if self.to_stdout {
            std::io::stdout().flush()
        } else {
            std::io::stderr().flush()
        };
        if let Err(error) = flushed {
            tracing::debug!(%error, "nobody watches");
        }
    }
}
