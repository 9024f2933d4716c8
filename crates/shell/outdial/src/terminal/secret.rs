//! A password asked on the terminal, without echo.

use std::io::{Write, stderr};

use anyhow::Context;
use ratatui::crossterm::event::{Event, read};
use ratatui::crossterm::terminal::{disable_raw_mode, enable_raw_mode};

use super::{Field, Key};

/// Longest password, in characters (`LoginRequest.password`).
const LONGEST: usize = 256;

/// Gives the terminal its echo back however the question ends.
struct Silence;

impl Drop for Silence {
    fn drop(&mut self) {
        if let Err(error) = disable_raw_mode() {
            tracing::debug!(%error, "the terminal went away during a question");
        }
    }
}

/// Asks for it. `None` when the person pressed Ctrl-C or Ctrl-D instead.
///
/// # Errors
/// When standard input is no terminal.
pub fn secret(prompt: &str) -> anyhow::Result<Option<String>> {
    say(&format!("{prompt}: "))?;
    enable_raw_mode().context("the terminal's echo could not be turned off")?;
    let silence = Silence;
    let mut typed = Field::new(LONGEST);
    let answer = loop {
        let event = read().context("the terminal could not be read")?;
        let Event::Key(event) = event else { continue };
        match Key::of(&event) {
            Some(Key::Enter) => break Some(typed.text().to_owned()),
            Some(Key::Ctrl('c' | 'd')) => break None,
            Some(key) => _ = typed.key(key),
            None => {}
        }
    };
    drop(silence);
    say("\n")?;
    Ok(answer)
}

/// On standard error: standard output may be a document.
fn say(text: &str) -> anyhow::Result<()> {
    let mut out = stderr().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("standard error is closed")
}
