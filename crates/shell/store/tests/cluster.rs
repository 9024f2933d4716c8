//! The private cluster: made, started, killed, adopted, refused, ended. Each test has a directory of its
//! own, copied from one that was made once.
#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{ConnectOptions, Connection};
use store::{Cluster, ClusterError, ClusterOptions, Options, Store};
use tokio::sync::OnceCell;

#[tokio::test]
async fn what_was_committed_is_there_after_an_orderly_end_and_a_new_start() {
    let options = fresh("orderly").await;
    let cluster = Cluster::start(&options).await.unwrap();
    let store = Store::open(Options::new(cluster.connect_options()))
        .await
        .unwrap();
    let list = store.create_list("people").await.unwrap();
    store.close().await;
    let pid = cluster.pid();
    cluster.stop().await.unwrap();
    assert!(!alive(pid));
    let cluster = Cluster::start(&options).await.unwrap();
    let store = Store::open(Options::new(cluster.connect_options()))
        .await
        .unwrap();
    let lists = store.lists(store::PageRequest::FIRST).await.unwrap();
    assert_eq!(lists.items[0].id, list);
    store.close().await;
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_killed_without_mercy_is_started_again_and_keeps_what_was_acknowledged() {
    let mut options = fresh("killed").await;
    options.durable = true;
    let cluster = Cluster::start(&options).await.unwrap();
    let store = Store::open(Options::new(cluster.connect_options()))
        .await
        .unwrap();
    store.create_list("people").await.unwrap();
    signal(Signal::KILL, cluster.pid());
    until(|| !alive(cluster.pid())).await;
    store.close().await;
    drop(cluster);
    let cluster = Cluster::start(&options).await.unwrap();
    let store = Store::connect(Options::new(cluster.connect_options()));
    assert_eq!(
        store
            .lists(store::PageRequest::FIRST)
            .await
            .unwrap()
            .items
            .len(),
        1
    );
    store.close().await;
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_outlived_its_daemon_is_used_and_ended() {
    let options = fresh("adopted").await;
    let first = Cluster::start(&options).await.unwrap();
    let pid = first.pid();
    // The handle is gone, as the daemon would be; the server, whose starter is a thread of this process,
    // stays.
    drop(first);
    let second = Cluster::start(&options).await.unwrap();
    assert!(second.adopted());
    assert_eq!(second.pid(), pid);
    second
        .connect_options()
        .connect()
        .await
        .unwrap()
        .close()
        .await
        .unwrap();
    second.stop().await.unwrap();
    assert!(!alive(pid));
}

#[tokio::test]
async fn a_second_daemon_on_the_same_directory_is_told_who_holds_it() {
    let options = fresh("twice").await;
    let first = Cluster::start(&options).await.unwrap();
    let refused = Cluster::start(&options).await.unwrap_err();
    assert!(matches!(refused, ClusterError::InUse { .. }), "{refused:?}");
    assert!(
        refused
            .to_string()
            .contains(&std::process::id().to_string()),
        "{refused}"
    );
    first.stop().await.unwrap();
    Cluster::start(&options)
        .await
        .unwrap()
        .stop()
        .await
        .unwrap();
}

#[tokio::test]
async fn data_of_another_version_is_refused_with_what_to_do() {
    let options = fresh("version").await;
    std::fs::write(options.dir.join("data/PG_VERSION"), "9\n").unwrap();
    let refused = Cluster::start(&options).await.unwrap_err();
    assert!(
        refused.to_string().contains("apt install postgresql-9"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_directory_without_binaries_is_named() {
    let mut options = fresh("no-binaries").await;
    options.bin_dir = Some(PathBuf::from("/nonexistent/bin"));
    let refused = Cluster::start(&options).await.unwrap_err();
    assert!(
        refused.to_string().contains("/nonexistent/bin"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_directory_too_deep_for_a_socket_gets_its_socket_elsewhere() {
    let shallow = fresh("deep").await;
    let dir = shallow.dir.join("d".repeat(60)).join("e".repeat(60));
    std::fs::create_dir_all(dir.parent().unwrap()).unwrap();
    open_to_all(&shallow.dir);
    open_to_all(dir.parent().unwrap());
    copy(&template().await.dir, &dir);
    let options = ClusterOptions { dir, ..shallow };
    let cluster = Cluster::start(&options).await.unwrap();
    cluster
        .connect_options()
        .connect()
        .await
        .unwrap()
        .close()
        .await
        .unwrap();
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_daemon_that_dies_takes_its_server_along() {
    // This test program, run again as a daemon that starts a cluster and is then killed.
    let options = fresh("orphan").await;
    let program = std::env::current_exe().unwrap();
    let mut daemon = Command::new(program)
        .args(["--exact", "daemon_for_the_test_above", "--nocapture"])
        .env(DAEMON_DIR, &options.dir)
        .spawn()
        .unwrap();
    let pid_file = options.dir.join("ready");
    until(|| pid_file.exists() && !std::fs::read(&pid_file).unwrap().is_empty()).await;
    let pid: u32 = std::fs::read_to_string(&pid_file).unwrap().parse().unwrap();
    assert!(alive(pid));
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    until(|| !alive(pid)).await;
}

const DAEMON_DIR: &str = "OUTDIAL_TEST_DAEMON_DIR";

#[tokio::test]
async fn daemon_for_the_test_above() {
    let Some(dir) = std::env::var_os(DAEMON_DIR) else {
        return;
    };
    let dir = PathBuf::from(dir);
    let cluster = Cluster::start(&quick(&dir)).await.unwrap();
    let half = dir.join("ready.new");
    std::fs::write(&half, cluster.pid().to_string()).unwrap();
    std::fs::rename(half, dir.join("ready")).unwrap();
    std::future::pending::<()>().await;
}

fn quick(dir: &Path) -> ClusterOptions {
    ClusterOptions {
        durable: false,
        ..ClusterOptions::new(dir)
    }
}

/// A directory whose data was made by a whole first start; that this works is seen here.
async fn template() -> &'static ClusterOptions {
    static TEMPLATE: OnceCell<ClusterOptions> = OnceCell::const_new();
    TEMPLATE
        .get_or_init(|| async {
            let options = quick(&base().join("template"));
            Cluster::start(&options)
                .await
                .unwrap()
                .stop()
                .await
                .unwrap();
            options
        })
        .await
}

async fn fresh(name: &str) -> ClusterOptions {
    let dir = base().join(name);
    copy(&template().await.dir, &dir);
    quick(&dir)
}

/// Open to the user as whom the server runs when the tests run as root.
fn base() -> PathBuf {
    let dir = std::env::temp_dir().join(format!("outdial-cluster-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    open_to_all(&dir);
    dir
}

fn open_to_all(dir: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn copy(from: &Path, to: &Path) {
    assert!(
        Command::new("cp")
            .arg("-a")
            .arg(from)
            .arg(to)
            .status()
            .unwrap()
            .success()
    );
}

fn signal(signal: Signal, pid: u32) {
    let pid = Pid::from_raw(pid.cast_signed()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Whether the process runs; one that waits to be reaped does not.
fn alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .starts_with(" Z")
    })
}

async fn until(mut state: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut look = tokio::time::interval(Duration::from_millis(10));
    while !state() {
        assert!(
            Instant::now() < deadline,
            "the state was not reached within 60 s"
        );
        look.tick().await;
    }
}
