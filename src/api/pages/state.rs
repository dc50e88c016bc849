//! What the pages are made of.

use crate::api::DocumentRoutes;
use crate::api::app::AuditRows;
use crate::auth::access::UserAccess;
use crate::auth::browser::BrowserSessions;
use crate::auth::consent::ConsentService;
use crate::auth::oidc::OAuthUrls;
use crate::clock::SharedClock;
use crate::entropy::SharedEntropy;
use crate::mcp::StatusCache;
use crate::webhooks::Webhooks;
use std::sync::Arc;
use url::Url;

/// What [`PagesState`] is made of.
pub struct PagesParts {
    /// Consent and login flows.
    pub consents: ConsentService,
    /// Who is logged in.
    pub sessions: BrowserSessions,
    /// What users granted.
    pub access: Arc<dyn UserAccess>,
    /// A user's lines of the audit trail.
    pub audit_rows: Arc<dyn AuditRows>,
    /// Webhooks, for their administrators; `None` where none are received.
    pub webhooks: Option<Webhooks>,
    /// Progress of the sync; `None` when sync is off.
    pub sync_status: Option<StatusCache>,
    /// Search in the documents; `None` when sync is off.
    pub documents: Option<DocumentRoutes>,
    /// Whether users may hand over app passwords instead.
    pub takes_app_passwords: bool,
    /// Addresses.
    pub urls: OAuthUrls,
    /// Time.
    pub clock: SharedClock,
    /// Randomness of cookies.
    pub entropy: SharedEntropy,
}

/// What the pages share. Cheap to clone.
#[derive(Clone)]
pub struct PagesState {
    shared: Arc<Shared>,
}

struct Shared {
    parts: PagesParts,
    base: String,
    origin: String,
    is_https: bool,
}

impl std::fmt::Debug for PagesState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PagesState").finish_non_exhaustive()
    }
}

impl PagesState {
    /// State over `parts`.
    pub fn new(parts: PagesParts) -> Self {
        let public = parts.urls.server("");
        let url = Url::parse(&public).ok();
        let path = url.as_ref().map_or("", Url::path);
        let shared = Shared {
            base: path.trim_end_matches('/').to_owned(),
            origin: url
                .as_ref()
                .map_or_else(String::new, |url| url.origin().ascii_serialization()),
            is_https: public.starts_with("https://"),
            parts,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    pub(in crate::api) fn parts(&self) -> &PagesParts {
        &self.shared.parts
    }

    /// The path of the public URL, before every path of a page: empty, or such as `/mcp-server` behind a proxy.
    pub(in crate::api) fn base(&self) -> &str {
        &self.shared.base
    }

    /// Scheme, host and port of the public URL.
    pub(super) fn origin(&self) -> &str {
        &self.shared.origin
    }

    /// Whether browsers reach this server by https, so that cookies may ask for it.
    pub(super) fn is_https(&self) -> bool {
        self.shared.is_https
    }
}
