//! One run of the daemon.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::PATIENCE;

const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A daemon that was started and may not be ready.
pub struct Spawn {
    child: Option<Child>,
    log: PathBuf,
    lines: Receiver<String>,
}

/// A daemon that is ready. Dropped, it is killed.
pub struct Daemon {
    pub api: SocketAddr,
    pub admin: SocketAddr,
    pub sip: SocketAddr,
    pub setup_token: Option<String>,
    /// When it said that it is ready.
    pub ready_at: Instant,
    process: Spawn,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    /// What it had logged.
    pub log: String,
}

impl Spawn {
    pub(super) fn new(mut command: Command, log: PathBuf) -> Self {
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (said, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if said.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child: Some(child),
            log,
            lines,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Waits until it is ready.
    pub fn ready(self) -> Daemon {
        let line = match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("the daemon is not ready:\n{}", self.logged()),
            Err(RecvTimeoutError::Disconnected) => {
                panic!("the daemon ended instead of serving:\n{}", self.logged())
            }
        };
        let said: Value = serde_json::from_str(&line).unwrap();
        let address = |name: &str| said[name].as_str().unwrap().parse().unwrap();
        Daemon {
            api: address("api"),
            admin: address("admin"),
            sip: address("sip"),
            setup_token: said["setup_token"].as_str().map(str::to_owned),
            ready_at: Instant::now(),
            process: self,
        }
    }

    pub fn logged(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for its end.
    pub fn end(&mut self) -> Ended {
        let mut child = self.child.take().unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return Ended {
                    status,
                    log: self.logged(),
                };
            }
            if Instant::now() > deadline {
                self.child = Some(child);
                panic!("the daemon does not end:\n{}", self.logged());
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// As a power cut: no handler runs. Returns when the kernel has taken the process away.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Spawn {
    fn drop(&mut self) {
        if self.child.is_some() {
            if std::thread::panicking() {
                let log = self.logged();
                let tail = log.lines().rev().take(60).collect::<Vec<_>>();
                let tail: Vec<_> = tail.into_iter().rev().collect();
                eprintln!("-- the daemon's last words\n{}", tail.join("\n"));
            }
            self.kill();
        }
    }
}

impl Daemon {
    pub fn url(&self) -> String {
        format!("http://{}", self.api)
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub fn logged(&self) -> String {
        self.process.logged()
    }

    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// `kill -9`. Its Postgres may live on for a moment, as after a real crash.
    pub fn kill(mut self) {
        self.process.kill();
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        self.process.end()
    }

    /// SIGTERM, and waits for the end.
    pub fn drain(self) -> Ended {
        self.signal(Signal::TERM);
        self.end()
    }

    /// A page of its admin listener: status and body.
    pub fn get(&self, path: &str) -> (u16, String) {
        get(self.admin, path).unwrap()
    }
}

/// An HTTP request without a library: status and body.
pub fn get(addr: SocketAddr, path: &str) -> std::io::Result<(u16, String)> {
    use std::io::Write;
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, b)| b.to_owned());
    Ok((status.unwrap_or(0), body.unwrap_or_default()))
}
