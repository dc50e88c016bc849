//! A real cluster in a temporary directory; run as root it belongs to another account.

use super::*;
use crate::config::DatabaseConfig;
use crate::db::{Database, OpenError, migrate};
use crate::entropy::SystemEntropy;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// A data directory whose postmaster does not outlive the test.
struct Site(TempDir, PathBuf);

impl Site {
    fn new() -> Self {
        Self::with_data_dir("data")
    }

    fn with_data_dir(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
        let data_dir = dir.path().join(name);
        Self(dir, data_dir)
    }

    fn config(&self) -> DatabaseConfig {
        DatabaseConfig {
            url: None,
            data_dir: self.1.clone(),
            postgres_bin_dir: None,
            pool_size: 3,
        }
    }

    async fn open(&self) -> Result<Database, OpenError> {
        let entropy: SharedEntropy = Arc::new(SystemEntropy);
        Database::open(&self.config(), &entropy).await
    }

    fn data(&self) -> PathBuf {
        self.1.join("postgres/data")
    }

    fn pid(&self) -> Option<i32> {
        match Postmaster::of(&self.data()) {
            Ok(Postmaster::Running(pid)) => Some(pid),
            Ok(_) | Err(_) => None,
        }
    }

    fn kill(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().unwrap()), signal).unwrap();
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            // SIGQUIT is PostgreSQL's immediate shutdown. A failure means that it is gone.
            kill(Pid::from_raw(pid), Signal::SIGQUIT).ok();
        }
    }
}

async fn count(database: &Database) -> i64 {
    sqlx::query_scalar("select count(*) from kept")
        .fetch_one(&database.pool)
        .await
        .unwrap()
}

/// One test, because making a cluster takes seconds.
#[tokio::test]
async fn a_cluster_lives_through_kills_restarts_and_takeovers() {
    let site = Site::new();
    let database = site.open().await.unwrap();
    migrate(&database.pool).await.unwrap();
    sqlx::query("create table kept as select 1 as one")
        .execute(&database.pool)
        .await
        .unwrap();

    // Nobody else can look inside, and nothing is trusted.
    let home = site.1.join("postgres");
    assert_eq!(home.metadata().unwrap().mode() & 0o777, 0o700);
    assert_eq!(home.join("password").metadata().unwrap().mode() & 0o777, 0o600);
    let trusting = PgConnectOptions::new_without_pgpass()
        .socket(home.join("run"))
        .username("ncmcp");
    assert!(
        sqlx::postgres::PgPoolOptions::new()
            .connect_with(trusting)
            .await
            .is_err()
    );

    // A second server is refused.
    let second = site.open().await.unwrap_err();
    assert!(
        matches!(second, OpenError::Cluster(ClusterError::InUse { .. })),
        "{second}"
    );

    // A command beside the server is a guest: it reads, and leaves without stopping anything.
    let entropy: SharedEntropy = Arc::new(SystemEntropy);
    let guest = Database::open_beside_server(&site.config(), &entropy)
        .await
        .unwrap();
    assert_eq!(count(&guest).await, 1);
    guest.shutdown().await.unwrap();
    assert_eq!(count(&database).await, 1);

    // The postmaster is killed under us: the supervisor's step brings it back, and the same pool goes on.
    site.kill(Signal::SIGKILL);
    while site.pid().is_some() {
        tokio::task::yield_now().await;
    }
    let cluster = database.cluster_for_test();
    cluster.ensure_running().await.unwrap();
    assert_eq!(count(&database).await, 1);

    // The server is killed: its postmaster is an orphan, which the next server adopts.
    let orphan = site.pid();
    assert!(orphan.is_some());
    drop(database);
    let database = site.open().await.unwrap();
    assert_eq!(site.pid(), orphan);
    assert_eq!(count(&database).await, 1);

    // A graceful end stops it, for good.
    database.shutdown().await.unwrap();
    assert_eq!(Postmaster::of(&site.data()).unwrap(), Postmaster::Absent);
    database.cluster_for_test().ensure_running().await.unwrap();
    assert_eq!(site.pid(), None);
    drop(database);

    // A pid file whose number another process has now does not hold the start up.
    let foreign = format!("{}\n{}\n", std::process::id(), site.data().display());
    std::fs::write(site.data().join("postmaster.pid"), foreign).unwrap();
    let database = site.open().await.unwrap();
    assert_eq!(count(&database).await, 1);
    database.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_directory_that_the_account_may_not_enter_is_named() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let site = Site::new();
    std::fs::set_permissions(site.0.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let error = site.open().await.unwrap_err().to_string();
    assert!(
        error.contains("may not enter") && error.contains("chmod o+x"),
        "{error}"
    );
}

#[tokio::test]
async fn a_cluster_of_another_version_is_refused() {
    let site = Site::new();
    std::fs::create_dir_all(site.data()).unwrap();
    std::fs::write(site.data().join("PG_VERSION"), "9\n").unwrap();
    let error = site.open().await.unwrap_err().to_string();
    assert!(error.contains("was made by PostgreSQL 9"), "{error}");
}

#[tokio::test]
async fn a_long_data_directory_uses_a_socket_that_nobody_else_can_plant() {
    let site = Site::with_data_dir(&"long".repeat(25));
    let database = site.open().await.unwrap();
    database.ping().await.unwrap();
    let socket_dir = database.cluster_for_test().layout.socket_dir.clone();
    assert!(socket_dir.starts_with("/tmp") && !socket_dir.starts_with(site.0.path()));
    database.shutdown().await.unwrap();
    drop(database);
    std::fs::set_permissions(&socket_dir, std::fs::Permissions::from_mode(0o777)).unwrap();
    let error = site.open().await.unwrap_err();
    std::fs::remove_dir_all(&socket_dir).unwrap();
    assert!(
        matches!(error, OpenError::Cluster(ClusterError::ForeignSocketDir { .. })),
        "{error}"
    );
}
