//! The server's process: started or adopted, watched, ended.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection};
use tokio::sync::watch;

use super::binaries::Binaries;
use super::user::ServerUser;
use super::{ClusterError, NAME, connect_options};
use crate::error::sql_state;

/// Everything needed to start it.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) binaries: Binaries,
    pub(super) user: ServerUser,
    pub(super) data: PathBuf,
    pub(super) socket_dir: PathBuf,
    pub(super) log: PathBuf,
    pub(super) durable: bool,
}

/// A server that accepts connections.
#[derive(Debug)]
pub(super) struct Postmaster {
    pid: Pid,
    /// True when our child has ended and was reaped; absent for an adopted one, which is not ours to reap.
    ended: Option<watch::Receiver<bool>>,
}

const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// A server killed a moment ago is still in the process table or its shared memory in use: `postgres`
/// sees that by itself and refuses. Its lock file is never deleted by us: it may be a living server's.
const STALE_LIMIT: Duration = Duration::from_secs(30);
const SAY_AGAIN: Duration = Duration::from_secs(10);
const QUIT_AFTER: Duration = Duration::from_secs(30);
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);
/// The log is begun anew at a start when it is longer.
const LOG_MAX_BYTES: u64 = 16 * 1024 * 1024;

/// How a server answers.
enum Answer {
    Accepts,
    /// It is there and recovers, starts or ends.
    Alive(String),
    Nothing,
}

impl Postmaster {
    pub(super) async fn start(setup: Setup) -> Result<Self, ClusterError> {
        let deadline = Instant::now() + STALE_LIMIT;
        loop {
            if let Some(pid) = running(&setup.data)
                && let Some(adopted) = Self::adopt(&setup, pid).await?
            {
                return Ok(adopted);
            }
            let (pid, ended) = spawn(&setup)?;
            match wait_until_ready(&setup, || *ended.borrow()).await? {
                true => {
                    return Ok(Self {
                        pid,
                        ended: Some(ended),
                    });
                }
                false => {
                    let tail = log_tail(&setup)?;
                    // Both are what a server that was just killed leaves behind for a moment.
                    let stale = tail.contains("\"postmaster.pid\" already exists")
                        || tail.contains("still in use");
                    if !stale || Instant::now() > deadline {
                        return Err(ClusterError::Ended {
                            log: setup.log,
                            tail,
                        });
                    }
                    tracing::info!("an earlier Postgres has not quite ended, trying again");
                    tokio::time::sleep(LOOK_AGAIN * 10).await;
                }
            }
        }
    }

    /// A server that runs on our data already: its daemon was killed and the server outlived it. `None`
    /// when it ends after all.
    async fn adopt(setup: &Setup, pid: Pid) -> Result<Option<Self>, ClusterError> {
        let gone = || test_kill_process(pid).is_err();
        if !wait_until_ready(setup, gone).await? {
            return Ok(None);
        }
        tracing::info!(
            pid = pid.as_raw_nonzero().get(),
            "the private database runs already, using it"
        );
        Ok(Some(Self { pid, ended: None }))
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    pub(super) fn adopted(&self) -> bool {
        self.ended.is_none()
    }

    fn has_ended(&self) -> bool {
        match &self.ended {
            Some(ended) => *ended.borrow(),
            None => test_kill_process(self.pid).is_err(),
        }
    }

    pub(super) async fn stop(self) -> Result<(), ClusterError> {
        // PostgreSQL manual, "Shutting Down the Server": SIGINT is fast, SIGQUIT immediate; SIGKILL
        // leaves shared memory and children behind and is never sent.
        self.signal(Signal::INT)?;
        let asked = Instant::now();
        let mut quit = false;
        while !self.has_ended() {
            if !quit && asked.elapsed() > QUIT_AFTER {
                tracing::warn!(
                    "Postgres does not end by a fast shutdown, telling it to end at once"
                );
                self.signal(Signal::QUIT)?;
                quit = true;
            }
            if asked.elapsed() > GIVE_UP_AFTER {
                return Err(ClusterError::Program {
                    program: "postgres",
                    why: format!("process {} does not end; look at its log", self.pid()),
                });
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) -> Result<(), ClusterError> {
        match kill_process(self.pid, signal) {
            // It ended by itself meanwhile, which is what was wanted.
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(e) => Err(ClusterError::Program {
                program: "postgres",
                why: format!("process {} cannot be signalled: {e}", self.pid()),
            }),
        }
    }
}

/// Where the server of this data directory has its socket, when one runs.
///
/// PostgreSQL source, `miscadmin.h`, "Data Directory's postmaster.pid": the fifth line is the first socket
/// directory.
pub(super) fn socket_dir(data: &Path) -> Option<PathBuf> {
    let text = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let dir = text.lines().nth(4)?;
    (!dir.is_empty()).then(|| PathBuf::from(dir))
}

/// Ends a server that outlived its daemon on this data directory, if there is one. Hold the lock.
pub(super) async fn end_outlived(data: &Path) -> Result<(), ClusterError> {
    match running(data) {
        Some(pid) => Postmaster { pid, ended: None }.stop().await,
        None => Ok(()),
    }
}

/// The process that `postmaster.pid` names, when it lives and works on our data.
fn running(data: &Path) -> Option<Pid> {
    let text = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let pid = Pid::from_raw(text.lines().next()?.trim().parse().ok()?)?;
    // The number may have gone to another process: a server's working directory is its data directory.
    let cwd = std::fs::read_link(format!("/proc/{}/cwd", pid.as_raw_nonzero())).ok()?;
    let data = std::fs::canonicalize(data).ok()?;
    (cwd == data).then_some(pid)
}

/// Starts the server from a thread of its own that lives until the server has ended: the parent-death
/// signal is sent when the *thread* that forked dies, and a runtime's worker may die early.
fn spawn(setup: &Setup) -> Result<(Pid, watch::Receiver<bool>), ClusterError> {
    let failed = |why: String| ClusterError::Program {
        program: "postgres",
        why,
    };
    let mut command = command(setup)?;
    let (started, start) = std::sync::mpsc::channel();
    let (say_ended, ended) = watch::channel(false);
    std::thread::Builder::new()
        .name("postgres".to_owned())
        .spawn(move || {
            let child = command.spawn();
            let heard = match child {
                Ok(mut child) => {
                    let heard = started.send(Ok(child.id()));
                    if let Err(e) = child.wait() {
                        tracing::error!("waiting for Postgres failed: {e}");
                    }
                    heard
                }
                Err(e) => started.send(Err(e.to_string())),
            };
            say_ended.send_replace(true);
            if heard.is_err() {
                tracing::debug!("nobody waited for Postgres to start");
            }
        })
        .map_err(|e| failed(e.to_string()))?;
    let pid = start
        .recv()
        .map_err(|e| failed(e.to_string()))?
        .map_err(failed)?;
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    Ok((
        pid.ok_or_else(|| failed("it has no process id".to_owned()))?,
        ended,
    ))
}

fn command(setup: &Setup) -> Result<Command, ClusterError> {
    let failed = ClusterError::dir(&setup.log);
    let long = std::fs::metadata(&setup.log).is_ok_and(|m| m.len() > LOG_MAX_BYTES);
    let log = File::options()
        .create(true)
        .append(!long)
        .write(true)
        .truncate(long)
        .open(&setup.log)
        .and_then(|log| Ok((log.try_clone()?, log)))
        .map_err(failed)?;
    let mut command = setup.user.dying_with_us(&setup.binaries.path("postgres"));
    command
        .arg("-D")
        .arg(&setup.data)
        .arg("-k")
        .arg(&setup.socket_dir);
    for (name, value) in SETTINGS {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    if !setup.durable {
        command.args([
            "-c",
            "fsync=off",
            "-c",
            "full_page_writes=off",
            "-c",
            "synchronous_commit=off",
        ]);
    }
    // Debian's server knows sd_notify(3) and would tell our systemd that we are ready.
    for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
        command.env_remove(name);
    }
    command
        .stdin(Stdio::null())
        .stdout(log.0)
        .stderr(log.1)
        // A Ctrl-C at our terminal is for us: the server must outlive the last flush.
        .process_group(0);
    Ok(command)
}

/// What differs from the server's defaults.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", ""),
    // Recovery after a crash takes as long as this log is large (measured: 8 GB, over two minutes).
    ("max_wal_size", "1GB"),
    ("checkpoint_timeout", "5min"),
    ("shared_buffers", "256MB"),
    // Compiling plans needs memory that is both written and executed, which a hardened service may not have, and
    // pays off for no statement of ours.
    ("jit", "off"),
    ("log_line_prefix", "%m [%p] "),
];

/// True when it accepts connections and our database is there, false when `ended` says so first. There
/// is no limit: a server that recovers is alive and told so in the log.
async fn wait_until_ready(setup: &Setup, ended: impl Fn() -> bool) -> Result<bool, ClusterError> {
    let began = Instant::now();
    let mut said = began;
    loop {
        if ended() {
            return Ok(false);
        }
        let state = match ask(setup).await? {
            Answer::Accepts => return Ok(true),
            Answer::Alive(what) => what,
            Answer::Nothing => "it does not answer yet".to_owned(),
        };
        if said.elapsed() > SAY_AGAIN {
            said = Instant::now();
            tracing::info!(
                waited_s = began.elapsed().as_secs(),
                state,
                "waiting for the private database"
            );
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Asks for a connection; makes our database when the server has none.
async fn ask(setup: &Setup) -> Result<Answer, ClusterError> {
    let error = match connect_options(&setup.socket_dir, NAME).connect().await {
        Ok(connection) => return Ok(close(connection).await),
        Err(error) => error,
    };
    match sql_state(&error).as_deref() {
        // SQLSTATE 3D000 invalid_catalog_name: the first start.
        Some("3D000") => {}
        // SQLSTATE 57P03 cannot_connect_now: starting up, recovering or shutting down.
        Some("57P03") => return Ok(Answer::Alive(error.to_string())),
        Some(_) => {
            return Err(ClusterError::Program {
                program: "postgres",
                why: error.to_string(),
            });
        }
        None => return Ok(Answer::Nothing),
    }
    let made = async {
        let mut connection = connect_options(&setup.socket_dir, "postgres")
            .connect()
            .await?;
        connection.execute("CREATE DATABASE outdial").await?;
        connection.close().await
    };
    match made.await {
        Ok(()) => Ok(Answer::Accepts),
        Err(e) => Err(ClusterError::Program {
            program: "postgres",
            why: e.to_string(),
        }),
    }
}

async fn close(connection: PgConnection) -> Answer {
    if let Err(e) = connection.close().await {
        tracing::debug!("closing the first connection failed: {e}");
    }
    Answer::Accepts
}

/// The last lines of the server's log.
fn log_tail(setup: &Setup) -> Result<String, ClusterError> {
    const TAIL_BYTES: u64 = 2_000;
    let read = || {
        let mut file = File::open(&setup.log)?;
        let from = file.metadata()?.len().saturating_sub(TAIL_BYTES);
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    };
    read().map_err(ClusterError::dir(&setup.log))
}
