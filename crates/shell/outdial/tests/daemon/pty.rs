//! The binary in a terminal of its own: keys go in, and what a person would see is read off.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::PATIENCE;

/// Looked again after so long for what is no event: the end of a process.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A picture is whole when nothing was drawn for so long; clocks tick once a second.
const SETTLED: Duration = Duration::from_millis(150);

/// Keys that are no characters, as xterm sends them.
pub const ENTER: &str = "\r";
pub const ESC: &str = "\x1b";
pub const TAB: &str = "\t";
pub const DOWN: &str = "\x1b[B";
pub const CTRL_C: &str = "\x03";

/// A command in a terminal. Dropped, it is killed.
pub struct Pty {
    child: Child,
    master: File,
    seen: Arc<Seen>,
}

/// What stands on the screen.
struct Seen {
    parser: Mutex<vt100::Parser>,
    changed: Condvar,
}

impl Pty {
    /// Starts the binary in a terminal of this size.
    pub fn start(columns: u16, rows: u16, args: &[&str], env: &[(&str, &str)]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let open = || {
            File::options()
                .read(true)
                .write(true)
                .open(name.to_str().unwrap())
                .unwrap()
        };
        let master = File::from(master);
        let mut command = Command::new("setsid");
        for (name, _) in std::env::vars().filter(|(n, _)| n.starts_with("OUTDIAL")) {
            command.env_remove(name);
        }
        // util-linux: a session of its own, with this terminal as the controlling one.
        command
            .args(["--ctty", env!("CARGO_BIN_EXE_outdial")])
            .args(args)
            .env("TERM", "xterm-256color")
            .env("TZ", "Europe/Moscow")
            .env_remove("COLORTERM")
            .envs(env.iter().copied());
        let slave = open();
        tcsetwinsize(&slave, size(columns, rows)).unwrap();
        let child = command
            .stdin(open())
            .stdout(open())
            .stderr(slave)
            .spawn()
            .expect("setsid of util-linux runs");
        let seen = Arc::new(Seen {
            parser: Mutex::new(vt100::Parser::new(cells(rows), cells(columns), 0)),
            changed: Condvar::new(),
        });
        let (mut out, to) = (master.try_clone().unwrap(), Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            // EIO: the last process has left the terminal.
            while let Ok(n @ 1..) = out.read(&mut bytes) {
                to.parser.lock().unwrap().process(&bytes[..n]);
                to.changed.notify_all();
            }
        });
        Self {
            child,
            master,
            seen,
        }
    }

    /// Types.
    pub fn send(&self, keys: &str) {
        (&self.master).write_all(keys.as_bytes()).unwrap();
    }

    /// What stands on the screen, without trailing blanks.
    pub fn screen(&self) -> String {
        self.seen.parser.lock().unwrap().screen().contents()
    }

    /// Waits until the screen says it, and returns the screen.
    pub fn wait(&self, text: &str) -> String {
        self.wait_for(text, |screen| screen.contains(text))
    }

    /// Waits until `holds` of the screen.
    pub fn wait_for(&self, what: &str, mut holds: impl FnMut(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut parser = self.seen.parser.lock().unwrap();
        loop {
            let screen = parser.screen().contents();
            if holds(&screen) {
                return screen;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "\"{what}\" did not come; there is\n{screen}"
            );
            parser = self.seen.changed.wait_timeout(parser, left).unwrap().0;
        }
    }

    /// The screen when nothing is being drawn: what a wait returns may be half of a picture.
    pub fn settled(&self) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut parser = self.seen.parser.lock().unwrap();
        loop {
            let (still, waited) = self.seen.changed.wait_timeout(parser, SETTLED).unwrap();
            if waited.timed_out() {
                return still.screen().contents();
            }
            assert!(Instant::now() < deadline, "it is drawn without end");
            parser = still;
        }
    }

    /// Another size, as when a window is dragged.
    pub fn resize(&self, columns: u16, rows: u16) {
        let mut parser = self.seen.parser.lock().unwrap();
        parser.screen_mut().set_size(cells(rows), cells(columns));
        drop(parser);
        tcsetwinsize(&self.master, size(columns, rows)).unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for its end, and asserts that the terminal is as it was before.
    pub fn end(self) -> ExitStatus {
        self.end_by("")
    }

    /// The same, pressing a key until it ends: just after a screen changed by itself, letters are no commands.
    pub fn end_by(mut self, key: &str) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            // It may just have ended, and its terminal with it.
            _ = (&self.master).write_all(key.as_bytes());
            assert!(
                Instant::now() < deadline,
                "it does not end:\n{}",
                self.screen()
            );
            std::thread::sleep(LOOK_AGAIN);
        };
        let modes = tcgetattr(&self.master).unwrap().local_modes;
        let wanted = LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        assert!(modes.contains(wanted), "the terminal stays in {modes:?}");
        let deadline = Instant::now() + PATIENCE;
        let mut parser = self.seen.parser.lock().unwrap();
        // Its last words may still be on their way.
        while parser.screen().alternate_screen() || parser.screen().hide_cursor() {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the terminal was not given back");
            parser = self.seen.changed.wait_timeout(parser, left).unwrap().0;
        }
        drop(parser);
        status
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().map(|_| ()).unwrap_or_default();
    }
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize {
        ws_col: columns,
        ws_row: rows,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

/// A screen for a page: its clocks are masked, whatever they showed in this run, but for those that were typed.
pub fn masked(screen: &str, typed: &str) -> String {
    let is_clock = |c: char| c.is_ascii_digit() || c == ':';
    let mut text = String::new();
    for line in screen.lines() {
        let mut masked = String::new();
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            let end = rest.find(|c| !is_clock(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end.max(c.len_utf8()));
            if word.contains(':') && word != typed {
                masked.extend(word.chars().map(|c| if c == ':' { ':' } else { '0' }));
            } else {
                masked.push_str(word);
            }
            rest = after;
        }
        text.push_str(masked.trim_end());
        text.push('\n');
    }
    text.trim_end().to_owned() + "\n"
}
