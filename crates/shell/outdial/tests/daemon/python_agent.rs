//! `tests/python/agent.py`, a client made from the proto files alone, as an agent at work.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use serde_json::Value;

use super::PATIENCE;
use super::office::PASSWORD;

/// The script as it runs.
pub struct PythonAgent {
    process: Child,
    lines: Receiver<Value>,
    /// Everything it has said.
    pub said: Vec<Value>,
}

impl PythonAgent {
    pub fn start(api: SocketAddr, login: &str, more: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/python/agent.py");
        // The system's Python has grpcio-tools as a Debian package.
        let mut process = Command::new("/usr/bin/python3")
            .arg(script)
            .args(["--server", &api.to_string(), "--login", login])
            .args(more)
            .env("OUTDIAL_PASSWORD", PASSWORD)
            // A machine's proxy knows nothing of this one's loopback.
            .env("no_proxy", "127.0.0.1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs; install the package python3-grpc-tools");
        let out = BufReader::new(process.stdout.take().unwrap());
        let (said, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let Ok(value) = serde_json::from_str(&line) else {
                    continue;
                };
                if said.send(value).is_err() {
                    return;
                }
            }
        });
        Self {
            process,
            lines,
            said: Vec::new(),
        }
    }

    /// Waits for an event or a deed, and returns its data.
    pub fn wait(&mut self, key: &str, name: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no {key} {name}; said: {:#?}", self.said);
            };
            self.said.push(line.clone());
            if line[key] == name {
                return line["data"].clone();
            }
        }
    }

    /// Waits for its end, which must be a good one.
    pub fn end(&mut self) {
        self.wait("did", "end");
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for PythonAgent {
    fn drop(&mut self) {
        self.process.kill().unwrap_or_default();
        self.process.wait().map(|_| ()).unwrap_or_default();
    }
}
