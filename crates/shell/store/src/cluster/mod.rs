//! A private Postgres: the machine's own server binaries, our data directory, a unix socket.
//!
//! Nobody administers it: it is made at the first start, comes up after any crash, and is left running
//! by nobody. It listens on no network address.

mod binaries;
mod lock;
mod postmaster;
mod replace;
mod user;

use std::io;
use std::path::{Path, PathBuf};

use model::Problem;
use sqlx::postgres::PgConnectOptions;

use binaries::Binaries;
use lock::DirLock;
use postmaster::Postmaster;
pub(crate) use replace::Replacement;
use user::ServerUser;

/// What the private cluster needs to know.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// Ours alone: data, log and lock lie in it. Made when missing.
    pub dir: PathBuf,
    /// Where `postgres` and `initdb` are; found by itself when `None`.
    pub bin_dir: Option<PathBuf>,
    /// As whom the server runs when the daemon runs as root, which Postgres refuses.
    pub user: String,
    /// Whether a commit waits for the disk. False only in tests: a crash of the machine then costs data.
    pub durable: bool,
}

impl ClusterOptions {
    /// For a directory, with the usual values.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            bin_dir: None,
            user: "postgres".to_owned(),
            durable: true,
        }
    }
}

/// Why the private cluster could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// No server binaries of a usable version.
    #[error(
        "no Postgres server found ({looked}); apt install postgresql-15, name its directory in \
         database.pg_bin, or name another database in database.url"
    )]
    NoBinaries {
        /// Where it was looked for.
        looked: String,
    },
    /// A client program is missing.
    #[error(
        "{program} of Postgres was not found; apt install postgresql-client-{major}, or name its directory in \
         database.pg_bin"
    )]
    NoProgram {
        /// Which.
        program: &'static str,
        /// The version to install.
        major: String,
    },
    /// Nothing was made here yet.
    #[error(
        "there is no database in {dir}; outdial serve makes it at its first start, or set node.data_dir"
    )]
    NoData {
        /// Where it would be.
        dir: PathBuf,
    },
    /// The data is of a major version that is not installed.
    #[error(
        "the data in {dir} is of Postgres {data}, found is {found}; apt install postgresql-{data}, or dump \
         with the old version and restore into a new directory"
    )]
    OtherVersion {
        /// The data directory.
        dir: PathBuf,
        /// Its major version.
        data: String,
        /// Major versions that were found.
        found: String,
    },
    /// Another daemon holds the directory.
    #[error(
        "{dir} is in use by process {holder}; stop that daemon, or give this one another directory"
    )]
    InUse {
        /// The directory.
        dir: PathBuf,
        /// The process that holds it, as far as known.
        holder: String,
    },
    /// The directory cannot be used.
    #[error("{path}: {source}; check that it exists, its owner and its free space")]
    Dir {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The user for the server cannot use the directory.
    #[error("user \"{user}\", as whom Postgres runs, {why}")]
    User {
        /// The user.
        user: String,
        /// In words, with what to do.
        why: String,
    },
    /// A program of Postgres could not be run or failed.
    #[error("{program} failed: {why}")]
    Program {
        /// Which.
        program: &'static str,
        /// Its last words.
        why: String,
    },
    /// The server ended instead of serving.
    #[error("postgres ended while starting; the end of {log}:\n{tail}")]
    Ended {
        /// Its log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
}

impl ClusterError {
    /// Whose move it is.
    pub fn problem(&self) -> Problem {
        match self {
            Self::InUse { .. } | Self::Ended { .. } => Problem::Busy,
            Self::NoBinaries { .. }
            | Self::NoProgram { .. }
            | Self::NoData { .. }
            | Self::OtherVersion { .. }
            | Self::Dir { .. }
            | Self::User { .. }
            | Self::Program { .. } => Problem::Caller,
        }
    }

    fn dir(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Dir {
            path: path.to_owned(),
            source,
        }
    }
}

/// A private cluster, for a command that looks into it.
#[derive(Debug)]
pub(crate) enum Reached {
    /// No daemon holds it: started for us, and ours to stop.
    Ours(Cluster),
    /// A daemon runs it.
    Daemons {
        /// How to reach it.
        connect: Box<PgConnectOptions>,
        /// The daemon's process, as far as known.
        holder: String,
    },
}

/// The name of the database and of its owner.
pub(crate) const NAME: &str = "outdial";

/// A private cluster that runs. Ends with [`Cluster::stop`]; when the process dies without it, the
/// kernel tells the server to end.
#[derive(Debug)]
pub struct Cluster {
    postmaster: Postmaster,
    socket_dir: PathBuf,
    // Last: the directory is given free when the server is done with it.
    _lock: DirLock,
}

impl Cluster {
    /// Starts the cluster, makes it when there is none, adopts it when it still runs. Returns when it
    /// accepts connections and the database `outdial` exists; recovery after a crash may take long and
    /// is told in the log.
    ///
    /// # Errors
    /// [`ClusterError`] by variant.
    pub async fn start(options: &ClusterOptions) -> Result<Self, ClusterError> {
        std::fs::create_dir_all(&options.dir).map_err(ClusterError::dir(&options.dir))?;
        Self::start_locked(options, DirLock::take(&options.dir)?).await
    }

    async fn start_locked(options: &ClusterOptions, lock: DirLock) -> Result<Self, ClusterError> {
        let user = ServerUser::find(&options.user)?;
        user.own(&options.dir)?;
        let data = options.dir.join("data");
        let binaries = Binaries::find(options.bin_dir.as_deref(), &data)?;
        if !data.join("PG_VERSION").exists() {
            init(&binaries, &user, &data, options.durable)?;
        }
        let socket_dir = socket_dir(&options.dir, &user)?;
        let postmaster = Postmaster::start(postmaster::Setup {
            binaries,
            user,
            data,
            socket_dir: socket_dir.clone(),
            log: options.dir.join("postgres.log"),
            durable: options.durable,
        })
        .await?;
        Ok(Self {
            postmaster,
            socket_dir,
            _lock: lock,
        })
    }

    /// Finds the cluster with its daemon, or starts it when no daemon runs.
    ///
    /// # Errors
    /// [`ClusterError::NoData`] when there is none, else by variant.
    pub(crate) async fn reach(options: &ClusterOptions) -> Result<Reached, ClusterError> {
        let data = options.dir.join("data");
        if !data.join("PG_VERSION").exists() {
            return Err(ClusterError::NoData {
                dir: options.dir.clone(),
            });
        }
        match DirLock::take(&options.dir) {
            Ok(lock) => {
                let cluster = Self::start_locked(options, lock).await?;
                Ok(Reached::Ours(cluster))
            }
            Err(ClusterError::InUse { dir, holder }) => {
                let socket_dir = postmaster::socket_dir(&data)
                    // Its daemon starts or ends at this moment.
                    .ok_or_else(|| ClusterError::InUse {
                        dir,
                        holder: holder.clone(),
                    })?;
                Ok(Reached::Daemons {
                    connect: Box::new(connect_options(&socket_dir, NAME)),
                    holder,
                })
            }
            Err(error) => Err(error),
        }
    }

    /// A client program that fits the data.
    pub(crate) fn client(
        options: &ClusterOptions,
        program: &'static str,
    ) -> Result<PathBuf, ClusterError> {
        let data = options.dir.join("data");
        Binaries::find(options.bin_dir.as_deref(), &data)?.client_of(program)
    }

    /// How to reach it.
    pub fn connect_options(&self) -> PgConnectOptions {
        connect_options(&self.socket_dir, NAME)
    }

    /// The server's process.
    pub fn pid(&self) -> u32 {
        self.postmaster.pid()
    }

    /// Whether it was found running rather than started.
    pub fn adopted(&self) -> bool {
        self.postmaster.adopted()
    }

    /// Ends the server: open transactions are rolled back, everything committed is kept. Close the pools
    /// first. After 30 s without effect the server is told to end without a checkpoint, which costs time
    /// at the next start and nothing else.
    ///
    /// # Errors
    /// [`ClusterError::Program`] when the server does not end at all.
    pub async fn stop(self) -> Result<(), ClusterError> {
        self.postmaster.stop().await
    }
}

fn connect_options(socket_dir: &Path, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(socket_dir)
        .username(NAME)
        .database(database)
}

/// Makes the data directory. In a neighbour first: a crash in the middle leaves nothing that looks whole.
fn init(
    binaries: &Binaries,
    user: &ServerUser,
    data: &Path,
    durable: bool,
) -> Result<(), ClusterError> {
    let half = data.with_extension("new");
    if half.exists() {
        std::fs::remove_dir_all(&half).map_err(ClusterError::dir(&half))?;
    }
    tracing::info!(dir = %data.display(), "making the private database");
    let mut command = user.command(&binaries.path("initdb"));
    command
        .arg("--pgdata")
        .arg(&half)
        // C.UTF-8: an upgrade of the system's collations cannot spoil the indexes.
        .args([
            "--username",
            NAME,
            "--locale",
            "C.UTF-8",
            "--encoding",
            "UTF8",
        ])
        // Whoever can open the socket may enter; the socket's directory is the server's own (0700).
        .args(["--auth", "trust"]);
    if !durable {
        command.arg("--no-sync");
    }
    let output = command.output().map_err(|e| ClusterError::Program {
        program: "initdb",
        why: e.to_string(),
    })?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(ClusterError::Program {
            program: "initdb",
            why,
        });
    }
    std::fs::rename(&half, data).map_err(ClusterError::dir(data))
}

/// A socket's whole path holds 107 bytes (unix(7), `sun_path`): a deep directory gets one elsewhere.
fn socket_dir(dir: &Path, user: &ServerUser) -> Result<PathBuf, ClusterError> {
    const PATH_MAX: usize = 107;
    const SOCKET: &str = ".s.PGSQL.5432";
    let own = dir.join("socket");
    let absolute = std::path::absolute(&own).map_err(ClusterError::dir(&own))?;
    let chosen = if absolute.as_os_str().len() + 1 + SOCKET.len() <= PATH_MAX {
        absolute
    } else {
        let name = format!(
            "outdial-{:08x}",
            crc32fast::hash(absolute.as_os_str().as_encoded_bytes())
        );
        let run = Path::new("/run");
        let base = if user.may_write(run) {
            run.to_owned()
        } else {
            std::env::temp_dir()
        };
        base.join(name)
    };
    std::fs::create_dir_all(&chosen).map_err(ClusterError::dir(&chosen))?;
    user.own(&chosen)?;
    Ok(chosen)
}

/// A client program for a database that is not ours.
pub(crate) fn client(
    bin_dir: Option<&Path>,
    program: &'static str,
) -> Result<PathBuf, ClusterError> {
    Binaries::client(bin_dir, program)
}

/// The directory and the major version of the Postgres that a private cluster would run with.
///
/// # Errors
/// [`ClusterError::NoBinaries`] or [`ClusterError::OtherVersion`].
pub fn postgres_found(options: &ClusterOptions) -> Result<(PathBuf, String), ClusterError> {
    let binaries = Binaries::find(options.bin_dir.as_deref(), &options.dir.join("data"))?;
    Ok((binaries.dir().to_owned(), binaries.major().to_owned()))
}
