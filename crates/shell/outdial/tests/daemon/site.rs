//! A machine's worth of configuration and data for one daemon.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::ports::Ports;
use super::process::{Daemon, Spawn};
use super::rows::Rows;

/// Where the rows are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// In the daemon's own Postgres.
    Private,
    /// In this one.
    At(String),
}

/// Directories, ports and configuration; outlives any number of runs.
#[derive(Debug)]
pub struct Site {
    dir: TempDir,
    ports: Ports,
    database: Database,
    keys: Vec<(String, String)>,
    variables: Vec<(String, String)>,
    runs: u32,
}

impl Site {
    /// With a Postgres of the daemon's own.
    pub fn new() -> Self {
        Self::with_database(Database::Private)
    }

    pub fn with_database(database: Database) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("outdial-site-")
            .tempdir()
            .unwrap();
        // Started as root, the daemon's Postgres is another user and must get in.
        use std::os::unix::fs::PermissionsExt;
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(dir.path(), open).unwrap();
        for inside in ["recordings", "voices"] {
            std::fs::create_dir(dir.path().join(inside)).unwrap();
        }
        Self {
            dir,
            ports: Ports::take(),
            database,
            keys: Vec::new(),
            variables: Vec::new(),
            runs: 0,
        }
    }

    /// Sets `SECTION.KEY` to a TOML value, over what the site has.
    pub fn set(&mut self, key: &str, value: &str) {
        self.keys.push((key.to_owned(), value.to_owned()));
    }

    /// Sets a variable of the daemon's environment.
    pub fn set_variable(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The data directory of the daemon's own Postgres.
    pub fn postgres_data(&self) -> PathBuf {
        self.data_dir().join("postgres/data")
    }

    /// The process of the daemon's own Postgres, when it has one that lives.
    pub fn postmaster(&self) -> Option<i32> {
        let text = std::fs::read_to_string(self.postgres_data().join("postmaster.pid")).ok()?;
        let pid = text.lines().next()?.trim().parse().ok()?;
        let cwd = std::fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
        (cwd == self.postgres_data()).then_some(pid)
    }

    /// The rows, whether the daemon runs or not.
    pub fn rows(&self) -> Rows {
        let url = match &self.database {
            Database::At(url) => url.clone(),
            Database::Private => format!(
                "postgres://outdial@localhost/outdial?host={}",
                self.data_dir().join("postgres/socket").display()
            ),
        };
        Rows::at(&url)
    }

    /// Starts the daemon and waits until it is ready.
    pub fn start(&mut self) -> Daemon {
        self.start_with(&[])
    }

    /// The same with further arguments of `serve`.
    pub fn start_with(&mut self, more: &[&str]) -> Daemon {
        let started = self.spawn(more);
        started.ready()
    }

    /// Starts the daemon and does not wait.
    pub fn spawn(&mut self, more: &[&str]) -> Spawn {
        self.runs += 1;
        let log = self.dir.path().join(format!("daemon-{}.log", self.runs));
        let mut command = self.command(more);
        command.stderr(std::fs::File::create(&log).unwrap());
        Spawn::new(command, log)
    }

    /// Runs the daemon to its end, which a refusal to start brings.
    pub fn refused(&self, more: &[&str]) -> Output {
        let mut command = self.command(more);
        command.stderr(Stdio::piped()).output().unwrap()
    }

    /// Runs another command with the site's configuration: its exit code and its JSON, or its complaint.
    pub fn run(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let mut command = self.outdial();
        let ran = command
            .args(arguments)
            .args(["--output", "json", "--config"])
            .arg(self.configuration_file());
        let output = ran.output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        let said = serde_json::from_slice(&output.stdout).unwrap_or(Value::String(complaint));
        (output.status.code(), said)
    }

    /// Written anew each time: keys may have been set.
    pub fn configuration_file(&self) -> PathBuf {
        let file = self.dir.path().join("outdial.toml");
        std::fs::write(&file, self.configuration()).unwrap();
        file
    }

    fn outdial(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_outdial"));
        for (name, _) in std::env::vars().filter(|(n, _)| n.starts_with("OUTDIAL__")) {
            command.env_remove(name);
        }
        command.envs(self.variables.iter().cloned());
        command
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = self.outdial();
        command
            .args(["serve", "--output", "json", "--config"])
            .arg(self.configuration_file())
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command
    }

    fn configuration(&self) -> String {
        let quoted = |path: &Path| format!("{:?}", path.display().to_string());
        let local = |port: u16| format!("\"127.0.0.1:{port}\"");
        let (rtp_from, rtp_to) = self.ports.rtp();
        let profiles = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../config/profiles");
        let mut keys = vec![
            ("node.data_dir", quoted(&self.data_dir())),
            ("sip.listen", local(self.ports.sip())),
            ("rtp.bind", "\"127.0.0.1\"".to_owned()),
            ("rtp.port_from", rtp_from.to_string()),
            ("rtp.port_to", rtp_to.to_string()),
            ("api.listen", local(self.ports.api())),
            ("admin.listen", local(self.ports.admin())),
            ("voices.directory", quoted(&self.dir.path().join("voices"))),
            (
                "voices.recordings",
                quoted(&self.dir.path().join("recordings")),
            ),
            ("rules.directory", quoted(&profiles)),
            (
                "log.filter",
                format!(
                    "{:?}",
                    std::env::var("OUTDIAL_TEST_LOG").unwrap_or("info".to_owned())
                ),
            ),
            ("log.format", "\"text\"".to_owned()),
        ];
        if let Database::At(url) = &self.database {
            keys.push(("database.url", format!("{url:?}")));
        }
        let mut tables =
            std::collections::BTreeMap::<&str, std::collections::BTreeMap<&str, String>>::new();
        let set = self.keys.iter().map(|(k, v)| (k.as_str(), v.clone()));
        for (key, value) in keys.into_iter().chain(set) {
            let (section, key) = key.split_once('.').unwrap();
            tables.entry(section).or_default().insert(key, value);
        }
        tables
            .iter()
            .map(|(section, keys)| {
                let lines: String = keys.iter().map(|(k, v)| format!("{k} = {v}\n")).collect();
                format!("[{section}]\n{lines}")
            })
            .collect()
    }
}

impl Drop for Site {
    /// The kernel tells the private Postgres that its daemon is gone; one that does not end is told by us.
    fn drop(&mut self) {
        let began = Instant::now();
        while let Some(pid) = self.postmaster().and_then(Pid::from_raw) {
            if began.elapsed() > Duration::from_secs(10) {
                // One that was stopped by the test must go on to end.
                for signal in [Signal::CONT, Signal::QUIT] {
                    kill_process(pid, signal).unwrap_or_default();
                }
            }
            if began.elapsed() > Duration::from_secs(20) {
                eprintln!("{pid:?} does not end: Postgres of {}", self.dir().display());
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
