//! The terminal: taken at the start of a full-screen command, given back however it ends.

use std::io::{Stdout, Write, stdout};
use std::time::Duration;

use anyhow::Context;
use ratatui::Frame;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{DisableBracketedPaste, EnableBracketedPaste, Event, poll, read};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::layout::{Position, Rect};
use tokio::sync::mpsc;

use super::Key;

/// Keys that wait for a machine that is busy drawing.
const WAITING: usize = 256;
/// The reader looks this often whether anybody reads from it still.
const LOOK: Duration = Duration::from_millis(200);

/// What came from the keyboard, or from the terminal itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// A key.
    Key(Key),
    /// Text that was pasted.
    Paste(String),
    /// The terminal has another size.
    Resized,
}

/// The terminal in full-screen mode. Dropping it gives the terminal back; so does a panic.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    /// What was typed.
    pub typed: mpsc::Receiver<Typed>,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When there is none.
    pub fn take() -> anyhow::Result<Self> {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            hook(panic);
        }));
        enable_raw_mode().context("this command needs a terminal on standard input")?;
        let taken = Self::enter();
        if taken.is_err() {
            give_back();
        }
        taken.context("the terminal could not be taken")
    }

    fn enter() -> std::io::Result<Self> {
        execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
        let mut terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        redraw(&mut terminal)?;
        let (tell, typed) = mpsc::channel(WAITING);
        // A thread of its own: reading a terminal blocks, and nothing waits for this thread at the end.
        std::thread::Builder::new()
            .name("keyboard".to_owned())
            .spawn(move || listen(&tell))?;
        Ok(Self { terminal, typed })
    }

    /// Draws a picture; only what differs from the last one is sent.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn draw(&mut self, picture: impl FnOnce(&mut Frame<'_>)) -> anyhow::Result<()> {
        self.terminal
            .draw(picture)
            .context("the terminal is gone")?;
        Ok(())
    }

    /// Draws everything anew with the next picture: after something else wrote on the screen.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn forget(&mut self) -> anyhow::Result<()> {
        redraw(&mut self.terminal).context("the terminal is gone")
    }

    /// Rings the terminal's bell.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn bell(&mut self) -> anyhow::Result<()> {
        let mut out = stdout();
        out.write_all(b"\x07")
            .and_then(|()| out.flush())
            .context("the terminal is gone")
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Clears the screen, so that the next picture is drawn whole. `Terminal::clear` would ask the terminal where its
/// cursor is, which not every terminal answers and the keyboard's reader might take for itself.
fn redraw(terminal: &mut Terminal<CrosstermBackend<Stdout>>) -> std::io::Result<()> {
    let size = terminal.size()?;
    terminal.resize(Rect::from((Position::ORIGIN, size)))
}

/// Leaves full-screen mode. Harmless when it was left already.
fn give_back() {
    let left = execute!(stdout(), DisableBracketedPaste, LeaveAlternateScreen, Show);
    if let Err(error) = disable_raw_mode().and(left) {
        tracing::debug!(%error, "the terminal went away before it was given back");
    }
}

fn listen(tell: &mpsc::Sender<Typed>) {
    while !tell.is_closed() {
        let event = match poll(LOOK).and_then(|there| there.then(read).transpose()) {
            Ok(Some(event)) => event,
            Ok(None) => continue,
            Err(error) => {
                tracing::debug!(%error, "the keyboard is gone");
                return;
            }
        };
        let typed = match event {
            Event::Key(key) => Key::of(&key).map(Typed::Key),
            Event::Paste(text) => Some(Typed::Paste(text)),
            Event::Resize(..) => Some(Typed::Resized),
            Event::FocusGained | Event::FocusLost | Event::Mouse(_) => None,
        };
        if let Some(typed) = typed
            && tell.blocking_send(typed).is_err()
        {
            return;
        }
    }
}
