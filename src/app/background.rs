//! Search and the background sync: what runs only with `VECTOR_SYNC_ENABLED`.

use super::identity::Identity;
use super::index_service::{self, IndexService};
use super::parts::Parts;
use super::{AppError, Foundation, gauges};
use crate::api::IndexProbe;
use crate::auth::{ConfiguredCredentials, CredentialProvider};
use crate::clock::SharedClock;
use crate::config::Config;
use crate::mcp::{SemanticBackend, StatusCache};
use crate::search::SearchService;
use crate::sync::{SyncEngine, SyncParts, SyncStatusService};
use crate::worker;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What the rest of the server needs of it.
pub(super) struct Semantic {
    pub(super) backend: SemanticBackend,
    pub(super) status: SyncStatusService,
    pub(super) probe: IndexProbe,
}

/// Opens the index and starts the sync; `None` when it is off.
pub(super) async fn start(
    config: &Config,
    foundation: &Foundation,
    identity: &Identity,
    parts: &mut Parts,
) -> Result<Option<Semantic>, AppError> {
    if !config.sync.enabled {
        return Ok(None);
    }
    let service = Arc::new(index_service::open(config, foundation).await?);
    let status = SyncStatusService::new(foundation.pool().clone(), foundation.clock.clone());
    let backend = SemanticBackend {
        search: Arc::new(search_service(config, foundation, &service)),
        status: StatusCache::new(Arc::new(status.clone()), foundation.clock.clone()),
    };
    let probe = IndexProbe(service.index.clone());
    parts.spawn_endless(
        "the gauges",
        gauges::publish(status.clone(), service.index.clone()),
    );
    if let Some(credentials) = identity.background.clone() {
        let engine = Arc::new(sync_engine(config, foundation, &service, credentials));
        identity
            .trigger
            .connect(engine.clone(), foundation.worker_pool().clone());
        let work = Work {
            service,
            engine,
            account: identity.account.clone(),
            pool: foundation.worker_pool().clone(),
            clock: foundation.clock.clone(),
            grace: Duration::from_secs(config.server.shutdown_grace_seconds),
        };
        parts.spawn("the background sync", work.run(parts.shutdown()));
    }
    Ok(Some(Semantic {
        backend,
        status,
        probe,
    }))
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

struct Work {
    service: Arc<IndexService>,
    engine: Arc<SyncEngine>,
    account: Option<Arc<ConfiguredCredentials>>,
    pool: sqlx::PgPool,
    clock: SharedClock,
    grace: Duration,
}

impl Work {
    /// The index first, then the workers: a rebuild reads what the workers would change under it.
    async fn run(self, shutdown: CancellationToken) -> Result<(), AppError> {
        let Self {
            service,
            engine,
            account,
            pool,
            clock,
            grace,
        } = self;
        if !service.rebuild_until_ready(&pool, &shutdown).await {
            return Ok(());
        }
        if let Err(error) = engine.release_orphans().await {
            tracing::warn!(%error, "leases of an earlier process run out by themselves");
        }
        let upkeep = service.keep_up(shutdown.clone());
        let account = enqueue_account(engine.clone(), account, shutdown.clone());
        let work = worker::run(engine, pool, clock, shutdown, grace);
        tokio::join!(work, upkeep, account);
        Ok(())
    }
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
            Ok(principal) => engine
                .enqueue_user(principal.user())
                .await
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match enqueued {
            Ok(()) => return,
            Err(error) => tracing::warn!(error, "the configured account cannot be synced yet"),
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(wait) => wait = (wait * 2).min(Duration::from_mins(5)),
        }
    }
}
