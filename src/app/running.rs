//! A running server: everything started, in order; stopped in the opposite order.

use super::identity::Identity;
use super::index_service::{self, IndexService};
use super::{AppError, Foundation};
use crate::api::{self, ApiState, ApiStateParts, DatabaseProbe, IndexProbe, NextcloudProbe, Probe, Readiness, StatusFacts};
use crate::auth::{ConfiguredCredentials, CredentialProvider, McpGate};
use crate::clock::SharedClock;
use crate::config::Config;
use crate::mcp::{self, HostPolicy, Links, McpServer, McpServerParts, SemanticBackend, StatusCache};
use crate::nextcloud::Nextcloud;
use crate::search::SearchService;
use crate::sync::{SyncEngine, SyncParts, SyncStatusService};
use crate::telemetry::metrics::Metrics;
use crate::telemetry;
use crate::worker;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What a start may be given.
#[derive(Debug, Clone, Default)]
pub struct StartOptions {
    /// Serve these metrics on their own port, when one is configured.
    pub metrics: Option<Metrics>,
}

type Part = (&'static str, Result<(), AppError>);

/// A running server. [`RunningServer::stop`] ends it in order; dropping it does not stop a private cluster.
pub struct RunningServer {
    address: Option<SocketAddr>,
    shutdown: CancellationToken,
    grace: Duration,
    parts: Mutex<JoinSet<Part>>,
    foundation: Mutex<Option<Foundation>>,
    readiness: Readiness,
    sync_status: Option<SyncStatusService>,
    mcp: McpServer,
    account: Option<Arc<ConfiguredCredentials>>,
}

impl RunningServer {
    /// Starts everything that `config` asks for.
    pub async fn start(config: Config, options: StartOptions) -> Result<Self, AppError> {
        let listen = config.server.listen;
        let listener =
            TcpListener::bind(listen).await.map_err(|source| AppError::Listen { address: listen, source })?;
        Self::assemble(config, Some(listener), options).await
    }

    /// Starts everything but the HTTP listener, for [`RunningServer::serve_stdio`].
    pub async fn start_without_listener(config: Config) -> Result<Self, AppError> {
        Self::assemble(config, None, StartOptions::default()).await
    }

    async fn assemble(
        config: Config,
        listener: Option<TcpListener>,
        options: StartOptions,
    ) -> Result<Self, AppError> {
        let foundation = Foundation::open(&config).await?;
        let nextcloud = Nextcloud::new(&config.nextcloud, foundation.clock.clone())?;
        let identity = Identity::new(&config, &foundation, &nextcloud);
        let shutdown = CancellationToken::new();
        let mut parts: JoinSet<Part> = JoinSet::new();

        let mut probes: Vec<Arc<dyn Probe>> =
            vec![Arc::new(DatabaseProbe(foundation.pool().clone())), Arc::new(NextcloudProbe(nextcloud.clone()))];
        let mut semantic = None;
        let mut sync_status = None;
        if config.sync.enabled {
            let service = Arc::new(index_service::open(&config, &foundation).await?);
            probes.push(Arc::new(IndexProbe(service.index.clone())));
            let status =
                SyncStatusService::new(foundation.pool().clone(), foundation.clock.clone());
            semantic = Some(SemanticBackend {
                search: Arc::new(search_service(&config, &foundation, &service)),
                status: StatusCache::new(Arc::new(status.clone()), foundation.clock.clone()),
            });
            sync_status = Some(status);
            if let Some(credentials) = identity.background.clone() {
                let engine = Arc::new(sync_engine(&config, &foundation, &service, credentials));
                identity.trigger.connect(engine.clone());
                let pool = foundation.worker_pool().clone();
                let account = identity.account.clone();
                let work = sync_work(service, engine, account, pool, foundation.clock.clone(), shutdown.clone());
                parts.spawn(async move { ("the background sync", work.await) });
            }
        }

        let readiness = Readiness::new(probes, foundation.clock.clone());
        readiness.refresh().await;
        spawn_quiet(&mut parts, "the health probes", {
            let (readiness, shutdown) = (readiness.clone(), shutdown.clone());
            async move { readiness.run(shutdown).await }
        });
        spawn_quiet(&mut parts, "the database's supervision", {
            let (database, shutdown) = (foundation.database.clone(), shutdown.clone());
            async move {
                tokio::select! {
                    () = database.supervise() => (),
                    () = shutdown.cancelled() => (),
                }
            }
        });
        if let (Some(listen), Some(metrics)) = (config.telemetry.metrics_listen, options.metrics) {
            let shutdown = shutdown.clone();
            parts.spawn(async move {
                let served = tokio::select! {
                    served = telemetry::serve_metrics(listen, metrics) => served,
                    () = shutdown.cancelled() => Ok(()),
                };
                let served = served.map_err(|source| AppError::Listen { address: listen, source });
                ("the metrics port", served)
            });
        }

        let links = Links::new(&config.nextcloud.public_url);
        let mcp = McpServer::new(McpServerParts { links, clock: foundation.clock.clone(), semantic: semantic.clone() });
        let grace = Duration::from_secs(config.server.shutdown_grace_seconds);
        let address = listener.as_ref().map(TcpListener::local_addr).transpose()?;
        if let Some(listener) = listener {
            let state = ApiState::new(ApiStateParts {
                facts: StatusFacts::new(&config),
                gate: identity.gate,
                mcp: mcp.clone(),
                hosts: HostPolicy::new(&config.server),
                readiness: readiness.clone(),
                sync_status: semantic.map(|backend| backend.status),
                app_passwords: identity.app_passwords,
                trusted_proxies: config.server.trusted_proxies.clone(),
                clock: foundation.clock.clone(),
                entropy: foundation.entropy.clone(),
            });
            let serving = api::serve(listener, api::router(state), shutdown.clone(), grace);
            parts.spawn(async move { ("the HTTP server", serving.await.map_err(AppError::from)) });
        }
        Ok(Self {
            address,
            shutdown,
            grace,
            parts: Mutex::new(parts),
            foundation: Mutex::new(Some(foundation)),
            readiness,
            sync_status,
            mcp,
            account: identity.account,
        })
    }

    /// Where the server listens; the unspecified address without a listener.
    pub fn address(&self) -> SocketAddr {
        self.address.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)))
    }

    /// Progress of the sync; `None` when it is off.
    pub fn sync_status(&self) -> Option<SyncStatusService> {
        self.sync_status.clone()
    }

    /// Serves one MCP client on standard input and output until it closes.
    pub async fn serve_stdio(&self) -> Result<(), AppError> {
        let account = self.account.as_ref().ok_or(AppError::StdioNeedsOneAccount)?;
        // The client started this process: whoever can do that may act as the account.
        let gate = McpGate::single_user(account.clone(), None);
        let caller = gate.admit(None, IpAddr::V4(Ipv4Addr::LOCALHOST)).await;
        let caller = caller.map_err(|error| AppError::Stdio(error.to_string()))?;
        mcp::serve_stdio(self.mcp.clone(), caller).await.map_err(|error| AppError::Stdio(error.to_string()))
    }

    /// Waits until a part ends although nobody asked it to.
    pub async fn failed(&self) -> AppError {
        match self.parts.lock().await.join_next().await {
            Some(Ok((_, Err(error)))) => error,
            Some(Ok((part, Ok(())))) => AppError::PartEnded(part),
            Some(Err(_)) => AppError::PartEnded("a part of the server"),
            None => std::future::pending().await,
        }
    }

    /// Ends everything: no new work is claimed, running work gets its grace, then the database is closed.
    /// Calling it again does nothing.
    pub async fn stop(&self) {
        self.readiness.start_draining();
        self.shutdown.cancel();
        let mut parts = self.parts.lock().await;
        let ended = async { while parts.join_next().await.is_some() {} };
        // Each part has the grace; a little more for what it does afterwards.
        if tokio::time::timeout(self.grace + Duration::from_secs(5), ended).await.is_err() {
            tracing::warn!("not everything ended in time; unfinished work is done again at the next start");
            parts.abort_all();
        }
        if let Some(foundation) = self.foundation.lock().await.take() {
            foundation.close().await;
        }
    }
}

fn spawn_quiet(
    parts: &mut JoinSet<Part>,
    name: &'static str,
    work: impl Future<Output = ()> + Send + 'static,
) {
    parts.spawn(async move {
        work.await;
        (name, Ok(()))
    });
}

fn search_service(config: &Config, foundation: &Foundation, service: &IndexService) -> SearchService {
    SearchService::new(
        foundation.pool().clone(),
        service.index.clone(),
        service.embedder.clone(),
        service.sparse.clone(),
        config.nextcloud.public_url.clone(),
        service.readiness.clone(),
    )
}

fn sync_engine(
    config: &Config,
    foundation: &Foundation,
    service: &IndexService,
    credentials: Arc<dyn CredentialProvider>,
) -> SyncEngine {
    let parts = SyncParts {
        pool: foundation.worker_pool().clone(),
        clock: foundation.clock.clone(),
        entropy: foundation.entropy.clone(),
        index: service.index.clone(),
        embedder: service.embedder.clone(),
        chunker: service.chunker.clone(),
        sparse: service.sparse.clone(),
        config: config.sync.clone(),
    };
    SyncEngine::new(parts, credentials)
}

/// The index first, then the workers: a rebuild reads what the workers would change under it.
async fn sync_work(
    service: Arc<IndexService>,
    engine: Arc<SyncEngine>,
    account: Option<Arc<ConfiguredCredentials>>,
    pool: sqlx::PgPool,
    clock: SharedClock,
    shutdown: CancellationToken,
) -> Result<(), AppError> {
    if !service.rebuild_until_ready(&pool, &shutdown).await {
        return Ok(());
    }
    let upkeep = service.keep_up(shutdown.clone());
    let account = enqueue_account(engine.clone(), account, shutdown.clone());
    let work = worker::run(engine, pool, clock, shutdown);
    let (worked, (), ()) = tokio::join!(work, upkeep, account);
    Ok(worked?)
}

/// Single-user mode: the configured account is synced as soon as Nextcloud tells who it is.
async fn enqueue_account(
    engine: Arc<SyncEngine>,
    account: Option<Arc<ConfiguredCredentials>>,
    shutdown: CancellationToken,
) {
    let Some(account) = account else { return };
    let mut wait = Duration::from_secs(1);
    loop {
        let enqueued = match account.principal().await {
            Ok(principal) => engine.enqueue_user(principal.user()).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match enqueued {
            Ok(()) => return,
            Err(error) => tracing::warn!(error, "the configured account cannot be synced yet"),
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(wait) => wait = (wait * 2).min(Duration::from_secs(300)),
        }
    }
}
