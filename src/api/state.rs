//! What handlers share.

use super::health::Readiness;
use super::{ManagementState, PagesState, ProtectedResource, SearchRoutes};
use crate::auth::oidc::{IdentityProvider, OAuthUrls, create_client_command};
use crate::auth::{AppPasswords, McpGate, SlidingWindow};
use crate::clock::SharedClock;
use crate::config::{Config, EmbeddingProvider};
use crate::entropy::SharedEntropy;
use crate::ids::UserId;
use crate::mcp::{HostPolicy, McpServer, StatusCache};
use crate::webhooks::{Ingress, WebhookWatch};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Attempts on the credential routes per client address and user.
const ATTEMPTS: usize = 5;
const ATTEMPT_WINDOW: Duration = Duration::from_hours(1);

/// Counts attempts on the credential routes: one count for all of them, whoever serves them.
pub(super) type Attempts = Arc<SlidingWindow<(IpAddr, UserId)>>;

/// A count that begins now.
pub(super) fn attempts(clock: &SharedClock) -> Attempts {
    Arc::new(SlidingWindow::new(ATTEMPTS, ATTEMPT_WINDOW, clock.clone()))
}

/// The unchanging part of `/api/v1/status`.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct StatusFacts {
    /// Version of this server.
    pub version: &'static str,
    /// `basic`, `multi_user_basic` or `oauth`.
    pub auth_mode: &'static str,
    /// Whether documents are synced and searched.
    pub vector_sync_enabled: bool,
    /// Whether Nextcloud's webhooks are received.
    pub webhooks_enabled: bool,
    /// Algorithms that a search may name; empty without sync.
    #[schema(value_type = Vec<String>)]
    pub supported_search_types: &'static [&'static str],
    /// Whether results can be reranked by a cross-encoder.
    pub rerank_available: bool,
    /// Version of this interface.
    pub management_api_version: &'static str,
    /// Whether users may hand over app passwords; only in `multi_user_basic`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supports_app_passwords: Option<bool>,
    /// What is configured of the identity provider; told only where users can consent.
    #[serde(skip)]
    pub oidc: OidcFacts,
}

/// What the configuration says of the identity provider, for clients of the status.
#[derive(Debug, Clone, Default)]
pub struct OidcFacts {
    /// `OIDC_DISCOVERY_URL`.
    pub discovery_url: Option<String>,
    /// `NEXTCLOUD_PUBLIC_ISSUER_URL`; stands above the issuer that the discovery document names.
    pub issuer: Option<String>,
    /// Why a client made by the administrator is better, and the command that makes it; `None` where one is
    /// configured.
    pub advice: Option<String>,
}

impl StatusFacts {
    /// The facts that follow from the configuration.
    pub fn new(config: &Config) -> Self {
        let auth_mode = config.mode.status_name();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            auth_mode,
            vector_sync_enabled: config.sync.enabled,
            webhooks_enabled: config.sync.enabled && config.mode.stores_credentials(),
            supported_search_types: match (config.sync.enabled, &config.embedding.provider) {
                (false, _) => &[],
                (true, EmbeddingProvider::None) => &["bm25"],
                (true, _) => &["semantic", "bm25", "hybrid"],
            },
            rerank_available: config.sync.enabled && config.rerank.is_some(),
            management_api_version: "1.0",
            supports_app_passwords: (auth_mode == "multi_user_basic")
                .then(|| config.mode.stores_credentials()),
            oidc: OidcFacts {
                advice: config.oidc.client_id.is_none().then(|| {
                    format!(
                        "No OAuth client is configured. One that this server registers itself ends after an hour at \
                         Nextcloud by default, and every consent with it. One that lasts: {}",
                        create_client_command(&OAuthUrls::new(config))
                    )
                }),
                discovery_url: config.oidc.discovery_url.as_ref().map(ToString::to_string),
                issuer: config
                    .oidc
                    .public_issuer_url
                    .as_ref()
                    .map(|issuer| issuer.as_str().trim_end_matches('/').to_owned()),
            },
        }
    }
}

/// What [`ApiState`] is made of.
pub struct ApiStateParts {
    /// The unchanging part of the status.
    pub facts: StatusFacts,
    /// Who may use `/mcp`.
    pub gate: McpGate,
    /// The MCP server behind it.
    pub mcp: McpServer,
    /// Host names and browser origins that `/mcp` answers to.
    pub hosts: HostPolicy,
    /// Health of what this server needs.
    pub readiness: Readiness,
    /// Progress of the sync; `None` when sync is off.
    pub sync_status: Option<StatusCache>,
    /// Background credentials; `None` unless users may hand them over.
    pub app_passwords: Option<AppPasswords>,
    /// The authenticated part of the management API; `None` where users can neither consent nor hand over anything.
    pub management: Option<ManagementState>,
    /// The routes that answer from documents; `None` where the management API has no authenticated part.
    pub search_routes: Option<SearchRoutes>,
    /// Takes what Nextcloud's webhooks deliver; `None` where nothing is synced for its users.
    pub webhook_ingress: Option<Ingress>,
    /// How deliveries come; `None` where none are received.
    pub webhook_watch: Option<WebhookWatch>,
    /// The identity provider; `None` where users cannot consent.
    pub identity_provider: Option<Arc<dyn IdentityProvider>>,
    /// The pages for people; `None` where nobody can consent.
    pub pages: Option<PagesState>,
    /// What RFC 9728 tells of this server; `None` outside OAuth mode.
    pub protected_resource: Option<ProtectedResource>,
    /// Whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpAddr>,
    /// Time.
    pub clock: SharedClock,
    /// Randomness of request ids.
    pub entropy: SharedEntropy,
}

/// What handlers share. Cheap to clone.
#[derive(Clone)]
pub struct ApiState {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) parts: ApiStateParts,
    pub(super) started_at: DateTime<Utc>,
    pub(super) attempts: Attempts,
}

impl std::fmt::Debug for ApiState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiState")
            .field("facts", &self.shared.parts.facts)
            .finish_non_exhaustive()
    }
}

impl ApiState {
    /// State that counts its uptime from now.
    pub fn new(parts: ApiStateParts) -> Self {
        let started_at = parts.clock.now();
        let attempts = parts.management.as_ref().map_or_else(
            || attempts(&parts.clock),
            |management| management.attempts().clone(),
        );
        Self {
            shared: Arc::new(Shared {
                parts,
                started_at,
                attempts,
            }),
        }
    }

    pub(super) fn parts(&self) -> &ApiStateParts {
        &self.shared.parts
    }
}
