//! The private cluster: a `PostgreSQL` of our own in the data directory, reachable over a unix socket only.

mod account;
mod binaries;
mod error;
mod layout;
mod lock;
mod process;

#[cfg(test)]
mod tests;

pub use error::ClusterError;
pub use lock::DataDirLock;

use crate::entropy::SharedEntropy;
use account::Account;
use binaries::{Binaries, Places};
use layout::Layout;
use process::Postmaster;
use sqlx::postgres::PgConnectOptions;
use std::path::Path;
use std::time::Duration;
use tokio::sync::Mutex;

/// How long crash recovery may take.
const START_SECONDS: &str = "600";
/// After the postmaster was killed its children need a moment to see it; nothing is started before they are gone.
const START_ATTEMPTS: u32 = 240;
const START_RETRY: Duration = Duration::from_millis(250);
/// How often the supervisor looks.
const SUPERVISE_EVERY: Duration = Duration::from_secs(1);

/// A `PostgreSQL` of our own.
#[derive(Debug)]
pub(super) struct PrivateCluster {
    layout: Layout,
    account: Account,
    binaries: Binaries,
    password: secrecy::SecretString,
    /// Starting and stopping exclude each other; `true` once stopped for good.
    stopped: Mutex<bool>,
    _lock: DataDirLock,
}

impl PrivateCluster {
    /// Makes the cluster if there is none, and starts or adopts its postmaster.
    pub(super) async fn open(
        data_dir: &Path,
        bin_dir: Option<&Path>,
        connections: u32,
        entropy: &SharedEntropy,
    ) -> Result<Self, ClusterError> {
        let account = Account::find()?;
        let layout = Layout::prepare(data_dir, &account)?;
        let lock = DataDirLock::acquire(data_dir)?;
        let existing = layout.major_version()?;
        let places = Places::of(bin_dir);
        let binaries = places
            .find(
                &account,
                &layout.home,
                existing.map(|major| (major, layout.data.as_path())),
            )
            .await?;
        let password = layout.password(&account, entropy)?;
        let cluster = Self {
            layout,
            account,
            binaries,
            password,
            stopped: Mutex::new(false),
            _lock: lock,
        };
        if existing.is_none() {
            cluster.create().await?;
        }
        cluster.layout.write_settings(&cluster.account, connections)?;
        if matches!(Postmaster::of(&cluster.layout.data)?, Postmaster::Running(_)) {
            tracing::info!("a PostgreSQL that a killed server left behind is taken over");
            if !cluster.layout.socket().exists() {
                // Its directory was moved or cleaned: nobody can reach it.
                cluster.halt().await?;
            }
        }
        cluster.ensure_running().await?;
        Ok(cluster)
    }

    /// How to connect.
    pub(super) fn connect_options(&self) -> PgConnectOptions {
        connect_options(&self.layout, &self.password)
    }

    /// How to connect to the cluster of the server that holds `data_dir` now. Nothing is started or stopped.
    pub(super) fn guest_options(
        data_dir: &Path,
        entropy: &SharedEntropy,
    ) -> Result<PgConnectOptions, ClusterError> {
        let account = Account::find()?;
        let layout = Layout::prepare(data_dir, &account)?;
        let password = layout.password(&account, entropy)?;
        Ok(connect_options(&layout, &password))
    }

    /// `initdb` beside the final place, so that a crash leaves no half cluster there.
    async fn create(&self) -> Result<(), ClusterError> {
        let draft = self.layout.fresh_draft()?;
        tracing::info!(directory = %self.layout.data.display(), version = self.binaries.major, "creating the private PostgreSQL cluster");
        let mut command = self
            .account
            .command(&self.binaries.program("initdb"), &self.layout.home);
        command.arg("-D").arg(&draft).args(["-U", layout::SUPERUSER]);
        command.args([
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--data-checksums",
        ]);
        command.arg("--pwfile").arg(&self.layout.password_file);
        run("initdb", command).await?;
        self.layout.adopt_draft(&draft)
    }

    /// Starts the postmaster unless one runs.
    pub(super) async fn ensure_running(&self) -> Result<(), ClusterError> {
        let stopped = self.stopped.lock().await;
        if *stopped {
            return Ok(());
        }
        let mut attempt = 1;
        loop {
            if matches!(Postmaster::of(&self.layout.data)?, Postmaster::Running(_)) {
                return Ok(());
            }
            match self.start().await {
                Err(ClusterError::StillEnding) if attempt < START_ATTEMPTS => {
                    tokio::time::sleep(START_RETRY).await;
                }
                outcome => return outcome,
            }
            attempt += 1;
        }
    }

    async fn start(&self) -> Result<(), ClusterError> {
        self.layout.clear_stale_locks()?;
        self.layout.begin_log(&self.account)?;
        let mut command = self
            .account
            .command(&self.binaries.program("pg_ctl"), &self.layout.home);
        command.args(["start", "--wait", "--silent", "--timeout", START_SECONDS]);
        command
            .arg("-D")
            .arg(&self.layout.data)
            .arg("-l")
            .arg(&self.layout.log);
        run("pg_ctl start", command).await.map_err(|error| match error {
            ClusterError::Program { program, output } => {
                let log = process::tail(&self.layout.log);
                ClusterError::Program {
                    program,
                    output: format!("{output}\n{log}"),
                }
            }
            other => other,
        })
    }

    /// Keeps the postmaster running; never returns.
    pub(super) async fn supervise(&self) {
        loop {
            tokio::time::sleep(SUPERVISE_EVERY).await;
            if let Err(error) = self.ensure_running().await {
                tracing::error!(%error, "the private PostgreSQL cluster does not start; trying again");
            }
        }
    }

    /// Stops the postmaster for good; sessions are cut, transactions rolled back.
    pub(super) async fn stop(&self) -> Result<(), ClusterError> {
        let mut stopped = self.stopped.lock().await;
        *stopped = true;
        if !matches!(Postmaster::of(&self.layout.data)?, Postmaster::Running(_)) {
            return Ok(());
        }
        self.halt().await
    }

    async fn halt(&self) -> Result<(), ClusterError> {
        let mut command = self
            .account
            .command(&self.binaries.program("pg_ctl"), &self.layout.home);
        command
            .args(["stop", "--wait", "--silent", "--mode", "fast"])
            .arg("-D")
            .arg(&self.layout.data);
        run("pg_ctl stop", command).await
    }
}

fn connect_options(layout: &Layout, password: &secrecy::SecretString) -> PgConnectOptions {
    use secrecy::ExposeSecret;
    PgConnectOptions::new_without_pgpass()
        .socket(&layout.socket_dir)
        .port(layout::PORT)
        .username(layout::SUPERUSER)
        .password(password.expose_secret())
        .database("postgres")
}

/// Runs a program to its end; what it says goes into the error only.
async fn run(program: &'static str, mut command: tokio::process::Command) -> Result<(), ClusterError> {
    let output = command.output().await.map_err(|source| ClusterError::Io {
        path: program.into(),
        source,
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(ClusterError::Program {
        program,
        output: String::from_utf8_lossy(&said).trim().to_owned(),
    })
}
