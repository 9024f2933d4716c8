//! Every command of the operator's guide, in its order, on the real daemon.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

mod daemon;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use daemon::{Daemon, Site, blocking};

const GUIDE: &str = include_str!("../../../../docs/operations.md");
/// Programs of the system, whose work here is done by the test itself.
const OF_THE_SYSTEM: [&str; 4] = ["make ", "systemctl ", "journalctl ", "timedatectl"];

/// A command of the guide, and the code with which it must end.
#[derive(Debug)]
struct Step {
    line: String,
    code: i32,
}

/// A block of the guide: files to write, or commands to run.
#[derive(Debug)]
enum Block {
    File { name: String, text: String },
    Commands(Vec<Step>),
}

fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut before = "";
    let mut lines = GUIDE.lines();
    while let Some(line) = lines.next() {
        if let Some(kind) = line.strip_prefix("```") {
            let body: Vec<&str> = lines.by_ref().take_while(|l| *l != "```").collect();
            blocks.push(match kind {
                "sh" => Block::Commands(body.into_iter().map(step).collect()),
                _ => Block::File {
                    name: before.trim_matches(['`', ':']).to_owned(),
                    text: body.join("\n") + "\n",
                },
            });
        } else if !line.is_empty() {
            before = line;
        }
    }
    blocks
}

fn step(line: &str) -> Step {
    let (command, remark) = line.split_once(" # ").unwrap_or((line, ""));
    let code = remark.strip_prefix("code ").map_or(0, |rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap()
    });
    Step {
        line: command.trim().to_owned(),
        code,
    }
}

/// Where an operator works.
struct Desk {
    dir: tempfile::TempDir,
    site: Site,
    token: String,
}

impl Desk {
    fn run(&self, daemon: Option<&Daemon>, line: &str) -> Output {
        let config = self.site.dir().join("outdial.toml");
        let line = line
            .replace("runuser -u outdial -- ", "")
            .replace("/etc/outdial/outdial.toml", config.to_str().unwrap())
            .replace("TOKEN", &self.token)
            .replace("BACKUP", &self.backup().unwrap_or_default());
        let program = Path::new(env!("CARGO_BIN_EXE_outdial")).parent().unwrap();
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", &line])
            .current_dir(self.dir.path())
            .env("HOME", self.dir.path())
            .env("PATH", path);
        if let Some(daemon) = daemon {
            command.env("OUTDIAL_SERVER", daemon.url());
        }
        command.output().unwrap()
    }

    /// The newest backup.
    fn backup(&self) -> Option<String> {
        let dir = std::fs::read_dir(self.site.data_dir().join("backups")).ok()?;
        let files = dir.map(|entry| entry.unwrap().path());
        let is_dump = |p: &PathBuf| p.extension().is_some_and(|e| e == "dump");
        files.filter(is_dump).max().map(|p| p.display().to_string())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_of_the_guide_does_what_the_guide_says() {
    let mut site = Site::new();
    let mut daemon = Some(site.start());
    let token = daemon.as_ref().unwrap().setup_token.clone().unwrap();
    let mut desk = Desk {
        dir: tempfile::tempdir().unwrap(),
        site,
        token,
    };
    let mut ran = 0;
    for block in blocks() {
        match block {
            Block::File { name, text } => {
                assert!(
                    name.contains('.') && !name.contains(' '),
                    "no file name before: {text}"
                );
                std::fs::write(desk.dir.path().join(name), text).unwrap();
            }
            Block::Commands(steps) => {
                for Step { line, code } in steps {
                    if line.starts_with("systemctl stop") {
                        let running = daemon.take().unwrap();
                        let ended = blocking(move || running.drain()).await;
                        assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
                    } else if line.starts_with("systemctl start") {
                        daemon = Some(desk.site.start());
                    } else if !OF_THE_SYSTEM.iter().any(|of| line.starts_with(of)) {
                        let out = desk.run(daemon.as_ref(), &line);
                        let said = String::from_utf8_lossy(&out.stdout);
                        let complained = String::from_utf8_lossy(&out.stderr);
                        assert_eq!(
                            out.status.code(),
                            Some(code),
                            "{line}\n{said}\n{complained}"
                        );
                        ran += 1;
                    }
                }
            }
        }
    }
    assert!(ran > 30, "only {ran} commands were found in the guide");
}
