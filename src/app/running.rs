//! A running server: everything started, in order; stopped in the opposite order.

use super::identity::Identity;
use super::oauth::OAuth;
use super::parts::Parts;
use super::{AppError, Foundation, background, extraction, ingress, patience};
use crate::api::{
    self, ApiState, ApiStateParts, DatabaseProbe, Documents, NextcloudProbe, Previews, Probe, Readiness,
    SearchRoutes, StatusFacts,
};
use crate::auth::oidc::IdentityProvider;
use crate::auth::{ConfiguredCredentials, McpGate};
use crate::config::{Config, Mode, Role};
use crate::mcp::{self, EnabledApps, HostPolicy, Links, McpServer, McpServerParts, NextcloudCapabilities};
use crate::nextcloud::Nextcloud;
use crate::sandbox::Sandbox;
use crate::sync::{Purge, SyncStatusService};
use crate::telemetry;
use crate::telemetry::metrics::Metrics;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// What a part gets beyond the grace of the work in it.
const EXTRA_GRACE: Duration = Duration::from_secs(5);

/// What a start may be given.
#[derive(Debug, Clone, Default)]
pub struct StartOptions {
    /// Serve these metrics on their own port, when one is configured.
    pub metrics: Option<Metrics>,
    /// Ends a start that still waits for the database.
    pub interrupt: CancellationToken,
    /// The program that reads untrusted documents in child processes; by default the running one, which then must call
    /// [`crate::sandbox::run_if_child`] first of all.
    pub sandbox_program: Option<PathBuf>,
}

impl StartOptions {
    /// Where untrusted documents are read, with places of its own.
    fn sandbox(&self) -> Sandbox {
        match self.sandbox_program.clone() {
            Some(program) => Sandbox::new().with_program(program),
            None => Sandbox::new(),
        }
    }
}

/// A running server. [`RunningServer::stop`] ends it in order; dropping it does not stop a private cluster.
pub struct RunningServer {
    address: Option<SocketAddr>,
    grace: Duration,
    parts: Mutex<Parts>,
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
        let listener = bind(listen).map_err(|source| AppError::Listen {
            address: listen,
            source,
        })?;
        Self::assemble(config, Some(listener), options).await
    }

    /// Starts everything but the HTTP listener, for [`RunningServer::serve_stdio`].
    pub async fn start_without_listener(config: Config, options: StartOptions) -> Result<Self, AppError> {
        Self::assemble(config, None, options).await
    }

    async fn assemble(
        config: Config,
        listener: Option<StdListener>,
        options: StartOptions,
    ) -> Result<Self, AppError> {
        let foundation = patience::open(&config, listener.as_ref(), &options.interrupt).await?;
        let listener = listener.map(TcpListener::from_std).transpose()?;
        let mut parts = Parts::new();
        // On the heap: whoever starts a server holds this future in its own.
        let starting = Box::pin(Self::start_parts(
            &config,
            &foundation,
            &mut parts,
            listener,
            options,
        ));
        match starting.await {
            Ok(started) => Ok(Self {
                address: started.address,
                grace: Duration::from_secs(config.server.shutdown_grace_seconds),
                parts: Mutex::new(parts),
                foundation: Mutex::new(Some(foundation)),
                readiness: started.readiness,
                sync_status: started.sync_status,
                mcp: started.mcp,
                account: started.account,
            }),
            Err(error) => {
                parts.end(EXTRA_GRACE).await;
                foundation.close().await;
                Err(error)
            }
        }
    }

    async fn start_parts(
        config: &Config,
        foundation: &Foundation,
        parts: &mut Parts,
        listener: Option<TcpListener>,
        options: StartOptions,
    ) -> Result<Started, AppError> {
        let nextcloud = Nextcloud::new(&config.nextcloud, foundation.clock.clone())?;
        let identity = Identity::new(config, foundation, &nextcloud);
        let oauth = OAuth::new(config, foundation, &nextcloud, &identity)?;
        if let Some(oauth) = &oauth {
            oauth.spawn(parts);
        }
        let grants = oauth.as_ref().and_then(OAuth::grants);
        let webhooks = oauth.as_ref().and_then(OAuth::webhooks);
        // One for people and one for the sync, so that people do not wait for the sync's places.
        let previews = Previews::new(options.sandbox());
        let extractor = extraction::extractor(config, foundation, options.sandbox())?;
        let semantic =
            background::start(config, foundation, &identity, grants, webhooks, extractor, parts).await?;

        let mut probes: Vec<Arc<dyn Probe>> = vec![
            Arc::new(DatabaseProbe(foundation.pool().clone())),
            Arc::new(NextcloudProbe(nextcloud.clone())),
        ];
        probes.extend(
            semantic
                .as_ref()
                .map(|semantic| Arc::new(semantic.probe.clone()) as Arc<dyn Probe>),
        );
        let readiness = Readiness::new(probes, foundation.clock.clone());
        readiness.refresh().await;
        start_watchers(config, foundation, &readiness, parts, options);

        let backend = semantic.as_ref().map(|semantic| semantic.backend.clone());
        let mcp = McpServer::new(McpServerParts {
            links: Links::new(&config.nextcloud.public_url),
            clock: foundation.clock.clone(),
            apps: EnabledApps::new(Arc::new(NextcloudCapabilities), foundation.clock.clone()),
            semantic: backend.clone(),
            provisioning: oauth.as_ref().and_then(OAuth::provisioning),
        });
        let address = listener.as_ref().map(TcpListener::local_addr).transpose()?;
        if let Some(listener) = listener {
            let facts = StatusFacts::new(config);
            let status = backend.map(|backend| backend.status);
            let documents = semantic.as_ref().map(|semantic| Documents {
                search: semantic.search.clone(),
                purge: Purge::new(foundation.pool().clone(), foundation.clock.clone()),
                search_types: facts.supported_search_types,
            });
            let management = oauth
                .as_ref()
                .map(|oauth| oauth.management(foundation, &identity));
            let resource = oauth
                .as_ref()
                .filter(|_| matches!(config.mode, Mode::OAuth { .. }))
                .map(|oauth| (oauth, oauth.protected_resource(&mcp)));
            let gate = match &resource {
                Some((oauth, resource)) => oauth.gate(config, foundation, &nextcloud, resource),
                None => identity.gate.clone(),
            };
            let search_routes = management
                .as_ref()
                .map(|management| OAuth::search_routes(management, documents, previews));
            let searched = search_routes.as_ref().and_then(SearchRoutes::documents);
            let arrivals = ingress::start(config, foundation, parts);
            let state = ApiState::new(ApiStateParts {
                facts,
                gate,
                mcp: mcp.clone(),
                hosts: HostPolicy::new(&config.server),
                readiness: readiness.clone(),
                sync_status: status.clone(),
                app_passwords: identity.app_passwords.clone(),
                pages: oauth
                    .as_ref()
                    .and_then(|oauth| oauth.pages(foundation, &identity, status, searched)),
                search_routes,
                management,
                webhook_watch: arrivals.as_ref().map(|arrivals| arrivals.watch.clone()),
                webhook_ingress: arrivals.map(|arrivals| arrivals.ingress),
                identity_provider: oauth
                    .as_ref()
                    .map(|oauth| oauth.provider() as Arc<dyn IdentityProvider>),
                protected_resource: resource.map(|(_, resource)| resource),
                trusted_proxies: config.server.trusted_proxies.clone(),
                clock: foundation.clock.clone(),
                entropy: foundation.entropy.clone(),
            });
            let grace = Duration::from_secs(config.server.shutdown_grace_seconds);
            let router = match config.server.role {
                // A worker is asked about its health only.
                Role::Worker => api::health_router(state),
                Role::All | Role::Api => api::router(state),
            };
            let serving = api::serve(listener, router, parts.shutdown(), grace);
            parts.spawn("the HTTP server", async move { Ok(serving.await?) });
        }
        let sync_status = semantic.map(|semantic| semantic.status);
        Ok(Started {
            address,
            readiness,
            sync_status,
            mcp,
            account: identity.account,
        })
    }

    /// Where the server listens; the unspecified address without a listener.
    pub fn address(&self) -> SocketAddr {
        self.address
            .unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)))
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
        mcp::serve_stdio(self.mcp.clone(), caller)
            .await
            .map_err(|error| AppError::Stdio(error.to_string()))
    }

    /// Waits until a part ends although nobody asked it to.
    pub async fn failed(&self) -> AppError {
        self.parts.lock().await.failed().await
    }

    /// Ends everything: no new work is claimed, running work gets its grace, then the database is closed.
    /// Calling it again does nothing.
    pub async fn stop(&self) {
        self.readiness.start_draining();
        self.parts.lock().await.end(self.grace + EXTRA_GRACE).await;
        if let Some(foundation) = self.foundation.lock().await.take() {
            foundation.close().await;
        }
    }
}

/// Two servers answer on the same socket, one after the other: first that it starts, then the real one.
fn bind(address: SocketAddr) -> std::io::Result<StdListener> {
    let listener = StdListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

struct Started {
    address: Option<SocketAddr>,
    readiness: Readiness,
    sync_status: Option<SyncStatusService>,
    mcp: McpServer,
    account: Option<Arc<ConfiguredCredentials>>,
}

/// The health probes, the database's supervision and the metrics port.
fn start_watchers(
    config: &Config,
    foundation: &Foundation,
    readiness: &Readiness,
    parts: &mut Parts,
    options: StartOptions,
) {
    let (probing, shutdown) = (readiness.clone(), parts.shutdown());
    parts.spawn("the health probes", async move {
        probing.run(shutdown).await;
        Ok(())
    });
    let database = foundation.database.clone();
    parts.spawn_endless(
        "the database's supervision",
        async move { database.supervise().await },
    );
    if let (Some(listen), Some(metrics)) = (config.telemetry.metrics_listen, options.metrics) {
        let shutdown = parts.shutdown();
        parts.spawn("the metrics port", async move {
            tokio::select! {
                served = telemetry::serve_metrics(listen, metrics) => {
                    served.map_err(|source| AppError::Listen { address: listen, source })
                }
                () = shutdown.cancelled() => Ok(()),
            }
        });
    }
}
