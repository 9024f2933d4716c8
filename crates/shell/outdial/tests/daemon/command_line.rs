//! The command line as a client of the daemon, by somebody's token.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::process::Daemon;

/// Somebody at a terminal.
#[derive(Clone, Debug)]
pub struct CommandLine {
    server: String,
    token: String,
}

impl CommandLine {
    pub fn new(daemon: &Daemon, token: &str) -> Self {
        Self {
            server: daemon.url(),
            token: token.to_owned(),
        }
    }

    /// A command, which prints for people.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_outdial"));
        command
            .args(args)
            .env("OUTDIAL_SERVER", &self.server)
            .env("OUTDIAL_TOKEN", &self.token)
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.."))
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end, with JSON for programs.
    pub fn run(&self, args: &[&str]) -> Output {
        let mut command = self.command(args);
        command.args(["--output", "json"]).output().unwrap()
    }

    /// The document that a command prints which must succeed.
    pub fn json(&self, args: &[&str]) -> Value {
        let out = self.run(args);
        assert!(out.status.success(), "{args:?}: {}", complaint(&out));
        serde_json::from_slice(&out.stdout).unwrap()
    }

    /// What a command complains of that must end with this code.
    pub fn refused(&self, code: i32, args: &[&str]) -> String {
        let out = self.run(args);
        assert_eq!(
            out.status.code(),
            Some(code),
            "{args:?}: {}",
            complaint(&out)
        );
        complaint(&out)
    }
}

/// What stands on standard error.
pub fn complaint(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}
