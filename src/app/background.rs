//! Background work: the upkeep of grants, and with `VECTOR_SYNC_ENABLED` the index, the search and the sync.

use super::identity::{EngineTrigger, Identity};
use super::index_service::{self, IndexService};
use super::losses::ScanWaker;
use super::parts::Parts;
use super::{AppError, Foundation, gauges};
use crate::api::IndexProbe;
use crate::auth::grants::{Grants, PgAllowedScopes, SyncCredentials};
use crate::auth::{ConfiguredCredentials, CredentialProvider};
use crate::clock::SharedClock;
use crate::config::{Config, Role};
use crate::documents::TextExtractor;
use crate::index::IndexRight;
use crate::mcp::{SemanticBackend, StatusCache};
use crate::search::{Reranking, SearchService, rerank};
use crate::sync::{SyncEngine, SyncParts, SyncStatusService};
use crate::webhooks::{HintEffect, Webhooks};
use crate::worker::{self, Duties};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What the rest of the server needs of it.
pub(super) struct Semantic {
    pub(super) backend: SemanticBackend,
    pub(super) search: SearchService,
    pub(super) status: SyncStatusService,
    pub(super) probe: IndexProbe,
}

/// Starts the upkeep of grants, opens the index and starts the sync; `None` when the sync is off.
pub(super) async fn start(
    config: &Config,
    foundation: &Foundation,
    identity: &Identity,
    grants: Option<&Grants>,
    webhooks: Option<&Webhooks>,
    extractor: Arc<dyn TextExtractor>,
    parts: &mut Parts,
) -> Result<Option<Semantic>, AppError> {
    let works = config.server.role != Role::Api;
    if let Some(grants) = grants {
        if works {
            spawn_upkeep(config, foundation, grants, webhooks, parts);
        }
        // Requests and scans start refreshes, too, until they end; one that was answered must be stored.
        let broker = grants.broker.clone();
        parts.at_end("a refresh of a grant", async move { broker.finish().await });
    }
    if !config.sync.enabled {
        return Ok(None);
    }
    let service = Arc::new(index_service::open(config, foundation).await?);
    let status = SyncStatusService::new(foundation.pool().clone(), foundation.clock.clone());
    let search = search_service(config, foundation, &service)?;
    let backend = SemanticBackend {
        search: Arc::new(search.clone()),
        status: StatusCache::new(Arc::new(status.clone()), foundation.clock.clone()),
    };
    let probe = IndexProbe(service.index.clone());
    parts.spawn_endless(
        "the gauges",
        gauges::publish(status.clone(), service.index.clone()),
    );
    if !works {
        let (service, pool) = (service.clone(), foundation.pool().clone());
        parts.spawn_endless(
            "the watch over the index",
            async move { service.observe(&pool).await },
        );
    }
    let consented = grants.map(|grants| {
        let allowed = Arc::new(PgAllowedScopes::new(foundation.pool().clone()));
        Arc::new(SyncCredentials::new(grants.credentials.clone(), allowed)) as Arc<dyn CredentialProvider>
    });
    let credentials = consented.or_else(|| identity.background.clone());
    if let Some(credentials) = credentials.filter(|_| works) {
        let work = Work {
            engines: Engines::new(config, foundation, &service, credentials, extractor),
            service,
            trigger: identity.trigger.clone(),
            account: identity.account.clone(),
            pool: foundation.worker_pool().clone(),
            clock: foundation.clock.clone(),
            grace: Duration::from_secs(config.server.shutdown_grace_seconds),
            recognises: config.ocr.is_some(),
        };
        parts.spawn("the background sync", work.run(parts.shutdown()));
    }
    Ok(Some(Semantic {
        backend,
        search,
        status,
        probe,
    }))
}

/// Keeps grants alive and webhooks as they were asked for, also without a sync and while the index is rebuilt.
fn spawn_upkeep(
    config: &Config,
    foundation: &Foundation,
    grants: &Grants,
    webhooks: Option<&Webhooks>,
    parts: &mut Parts,
) {
    let duties = Duties {
        grants: Some(grants.upkeep.clone()),
        webhooks: webhooks.cloned(),
        ..Duties::default()
    };
    let (pool, clock) = (foundation.worker_pool().clone(), foundation.clock.clone());
    let grace = Duration::from_secs(config.server.shutdown_grace_seconds);
    let shutdown = parts.shutdown();
    parts.spawn("the upkeep of grants", async move {
        worker::run(duties, pool, clock, shutdown, grace).await;
        Ok(())
    });
}

fn search_service(
    config: &Config,
    foundation: &Foundation,
    service: &IndexService,
) -> Result<SearchService, AppError> {
    let reranking = config
        .rerank
        .as_ref()
        .map(|settings| {
            let threads = config.embedding.threads;
            rerank::configured(settings, threads, foundation.clock.clone()).map(|reranker| Reranking {
                reranker,
                candidates: settings.candidates,
            })
        })
        .transpose()?;
    let search = SearchService::new(
        foundation.pool().clone(),
        service.index.clone(),
        service.query_embedder.clone(),
        service.sparse.clone(),
        config.nextcloud.public_url.clone(),
        service.readiness.clone(),
    );
    let losses = ScanWaker {
        pool: foundation.pool().clone(),
        clock: foundation.clock.clone(),
    };
    Ok(search
        .with_reranking(reranking)
        .with_loss_listener(Arc::new(losses)))
}

/// Makes sync engines: a stopped one does not start again.
struct Engines {
    parts: SyncParts,
    credentials: Arc<dyn CredentialProvider>,
}

impl Engines {
    fn new(
        config: &Config,
        foundation: &Foundation,
        service: &IndexService,
        credentials: Arc<dyn CredentialProvider>,
        extractor: Arc<dyn TextExtractor>,
    ) -> Self {
        let parts = SyncParts {
            pool: foundation.worker_pool().clone(),
            clock: foundation.clock.clone(),
            entropy: foundation.entropy.clone(),
            index: service.index.clone(),
            embedder: service.embedder.clone(),
            chunker: service.chunker.clone(),
            sparse: service.sparse.clone(),
            extractor,
            config: config.sync.clone(),
        };
        Self { parts, credentials }
    }

    fn engine(&self) -> Arc<SyncEngine> {
        Arc::new(SyncEngine::new(self.parts.clone(), self.credentials.clone()))
    }
}

struct Work {
    service: Arc<IndexService>,
    engines: Engines,
    trigger: Arc<EngineTrigger>,
    account: Option<Arc<ConfiguredCredentials>>,
    pool: sqlx::PgPool,
    clock: SharedClock,
    grace: Duration,
    /// An OCR service is configured.
    recognises: bool,
}

impl Work {
    /// The index first, then the workers: a rebuild reads what the workers would change under it. When the index is
    /// lost meanwhile, the same once more.
    async fn run(self, shutdown: CancellationToken) -> Result<(), AppError> {
        while !shutdown.is_cancelled() {
            let engine = self.engines.engine();
            self.trigger.connect(engine.clone(), self.pool.clone());
            let index_work = engine.hold_index_work().await;
            if !self.service.rebuild_until_ready(&self.pool, &shutdown).await {
                return Ok(());
            }
            let mut right = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                right = self.service.right_to_write(&self.pool) => match right.transpose() {
                    Ok(right) => right,
                    Err(error) => {
                        tracing::warn!(%error, "the index cannot be written yet");
                        continue;
                    }
                },
            };
            drop(index_work);
            Box::pin(self.round(engine, &mut right, &shutdown)).await;
        }
        Ok(())
    }

    /// Works until `shutdown`, or until the index is lost or wanted by another process.
    async fn round(
        &self,
        engine: Arc<SyncEngine>,
        right: &mut Option<IndexRight>,
        shutdown: &CancellationToken,
    ) {
        // An index without a right is locked by this process: nobody else works. With a shared one others may, and
        // leases of those that are gone run out.
        if right.is_none()
            && let Err(error) = engine.release_orphans().await
        {
            tracing::warn!(%error, "leases of an earlier process run out by themselves");
        }
        if self.recognises
            && let Err(error) = engine.retry_scans_without_text().await
        {
            tracing::warn!(%error, "scans without a text layer wait for the next start");
        }
        let round = shutdown.child_token();
        let upkeep = async {
            self.service.keep_up(&self.pool, right, shutdown).await;
            round.cancel();
        };
        let account = enqueue_account(engine.clone(), self.account.clone(), round.clone());
        let duties = Duties {
            sync: Some(engine),
            hints: Some(HintEffect::new(self.pool.clone(), self.clock.clone())),
            ..Duties::default()
        };
        let work = worker::run(
            duties,
            self.pool.clone(),
            self.clock.clone(),
            round.clone(),
            self.grace,
        );
        tokio::join!(work, upkeep, account);
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
