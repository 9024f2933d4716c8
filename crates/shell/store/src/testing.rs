//! A real Postgres for tests: one private cluster per test process, one fresh database per test.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot have its database must fail, and says why"
)]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor};
use tokio::sync::OnceCell;

use crate::{Cluster, ClusterOptions, Options, Store};

/// A cluster that lives as long as the test process, with a migrated template database.
#[derive(Debug)]
pub struct TestCluster {
    cluster: Cluster,
    databases: AtomicU32,
}

static SHARED: OnceCell<TestCluster> = OnceCell::const_new();
const TEMPLATE: &str = "migrated";

impl TestCluster {
    /// The cluster of this process; started by who asks first. It ends with the process: the kernel
    /// tells the server when the thread that started it is gone.
    pub async fn shared() -> &'static Self {
        SHARED.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let root = root();
        std::fs::create_dir_all(&root).expect("the directory for test clusters can be made");
        // initdb takes seconds, a copy of what it made does not.
        let template = root.join("template");
        let guard = File::create(root.join("template.lock")).expect("a lock file can be made");
        guard.lock().expect("the lock can be waited for");
        sweep(&root);
        if !template.join("data/PG_VERSION").exists() {
            let mut options = ClusterOptions::new(&template);
            options.durable = false;
            let cluster = Cluster::start(&options)
                .await
                .unwrap_or_else(|e| panic!("{e}"));
            cluster.stop().await.unwrap_or_else(|e| panic!("{e}"));
        }
        let dir = root.join(format!("run-{}", std::process::id()));
        copy(&template, &dir);
        drop(guard);
        let mut options = ClusterOptions::new(dir);
        options.durable = false;
        let cluster = Cluster::start(&options)
            .await
            .unwrap_or_else(|e| panic!("{e}"));
        let shared = Self {
            cluster,
            databases: AtomicU32::new(0),
        };
        shared.run(&format!("CREATE DATABASE {TEMPLATE}")).await;
        let store = Store::open(Options::new(shared.connect(TEMPLATE)))
            .await
            .unwrap_or_else(|e| panic!("the migrations apply to an empty database: {e}"));
        store.close().await;
        shared
    }

    /// A fresh, migrated, empty database.
    pub async fn database(&self) -> PgConnectOptions {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.run(&format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
            .await;
        self.connect(&name)
    }

    /// The tables of a fresh database.
    pub async fn store(&self) -> Store {
        Store::connect(Options::new(self.database().await))
    }

    /// Makes a database unreachable: no connection stays and none comes.
    pub async fn cut_off(&self, database: &str) {
        self.run(&format!(
            "ALTER DATABASE {database} ALLOW_CONNECTIONS false"
        ))
        .await;
        // A connection that was let in just before is seen only when it has come up: gone is what stays gone.
        let mut look = tokio::time::interval(Duration::from_millis(50));
        let mut quiet = 0;
        while quiet < 10 {
            look.tick().await;
            let ended = self
                .run(&format!(
                    "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE datname = '{database}'"
                ))
                .await;
            quiet = if ended == 0 { quiet + 1 } else { 0 };
        }
    }

    /// Makes it reachable again.
    pub async fn let_in(&self, database: &str) {
        self.run(&format!("ALTER DATABASE {database} ALLOW_CONNECTIONS true"))
            .await;
    }

    fn connect(&self, database: &str) -> PgConnectOptions {
        self.cluster.connect_options().database(database)
    }

    /// Returns how many rows the statement gave or changed.
    async fn run(&self, statement: &str) -> u64 {
        let mut connection = self
            .connect("postgres")
            .connect()
            .await
            .expect("the test cluster accepts connections");
        let done = connection
            .execute(sqlx::AssertSqlSafe(statement.to_owned()))
            .await
            .unwrap_or_else(|e| panic!("{statement}: {e}"));
        connection.close().await.expect("the connection closes");
        done.rows_affected()
    }
}

/// A fresh store in the shared cluster.
pub async fn store() -> Store {
    TestCluster::shared().await.store().await
}

/// Beside the test program, which is in the target directory; where the server's user cannot go (a home
/// directory of root), in the directory for temporary files.
fn root() -> PathBuf {
    let program = std::env::current_exe().expect("the test program has a path");
    let beside = program.parent().map(|dir| dir.join("test-clusters"));
    let open = |dir: &Path| {
        std::fs::create_dir_all(dir).is_ok()
            && dir.ancestors().all(|d| {
                use std::os::unix::fs::PermissionsExt;
                std::fs::metadata(d).is_ok_and(|m| m.permissions().mode() & 0o001 != 0)
            })
    };
    match beside {
        Some(dir) if !rustix::process::geteuid().is_root() || open(&dir) => dir,
        _ => std::env::temp_dir().join("outdial-test-clusters"),
    }
}

/// Removes what test processes that are gone left behind.
fn sweep(root: &Path) {
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|n| n.strip_prefix("run-")) else {
            continue;
        };
        let server_runs = entry.path().join("data/postmaster.pid").exists();
        if !Path::new("/proc").join(pid).exists() && !server_runs {
            // Thousands of files: nobody waits for that. What is not done when we end is done the next time.
            if let Err(e) = Command::new("rm").arg("-rf").arg(entry.path()).spawn() {
                tracing::debug!("{}: {e}", entry.path().display());
            }
        }
    }
}

fn copy(from: &Path, to: &Path) {
    // cp keeps owners and modes, which Postgres looks at.
    let done = Command::new("cp")
        .arg("-a")
        .arg(from)
        .arg(to)
        .status()
        .expect("cp can be run");
    assert!(done.success(), "copying {} failed", from.display());
}

impl Store {
    /// Connections for questions of a test's own.
    pub fn pool_for_tests(&self) -> sqlx::PgPool {
        self.api.clone()
    }
}
