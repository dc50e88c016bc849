//! Protected resource metadata (RFC 9728): which identity provider's tokens open this server, and their scopes.

use crate::api::{ApiError, ApiState};
use crate::auth::OAuthChallenge;
use crate::auth::oidc::{IdentityProvider, OAuthUrls};
use crate::auth::scopes::ScopeSet;
use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Where the documents stand (RFC 9728 §3).
const PATH: &str = "/.well-known/oauth-protected-resource";
/// When to ask again for a provider that is not known yet.
const PROVIDER_RETRY: Duration = Duration::from_secs(10);

/// What the documents tell. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ProtectedResource {
    urls: OAuthUrls,
    provider: Arc<dyn IdentityProvider>,
    scopes: ScopeSet,
}

/// The document (RFC 9728 §2).
#[derive(Debug, Serialize)]
pub(in crate::api) struct Metadata {
    resource: String,
    authorization_servers: [String; 1],
    scopes_supported: ScopeSet,
    bearer_methods_supported: [&'static str; 1],
}

impl ProtectedResource {
    /// This server at `urls`, opened by tokens of `provider`; `scopes` are those of its tools.
    pub fn new(urls: OAuthUrls, provider: Arc<dyn IdentityProvider>, scopes: ScopeSet) -> Self {
        Self {
            urls,
            provider,
            scopes,
        }
    }

    /// What a client without a token is told at `/mcp`. The address goes through the same reverse proxy as `/mcp`.
    pub fn challenge(&self) -> OAuthChallenge {
        OAuthChallenge::new(self.urls.server(&format!("{PATH}/mcp")), self.scopes.clone())
    }

    /// The document of `resource`.
    fn metadata(&self, resource: String) -> Result<Metadata, ApiError> {
        let provider = self.provider.metadata().map_err(|problem| {
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
                .with_message(problem.to_string())
                .with_retry_after(PROVIDER_RETRY)
        })?;
        Ok(Metadata {
            resource,
            authorization_servers: [self.issuer_for_browsers(&provider.issuer)],
            scopes_supported: self.scopes.clone(),
            bearer_methods_supported: ["header"],
        })
    }

    /// The resource whose document stands at `{PATH}/{path}`: `/mcp`, also by the path that it has at a reverse proxy.
    fn resource_at(&self, path: &str) -> Option<String> {
        let path = path.trim_matches('/');
        if path == "mcp" {
            return Some(self.urls.resource());
        }
        [self.urls.resource(), self.urls.server("")]
            .into_iter()
            .find(|resource| Url::parse(resource).is_ok_and(|url| url.path().trim_matches('/') == path))
    }

    /// The issuer with the origin that browsers and clients reach. An issuer is compared letter by letter, so one that
    /// does not move stays as it is, and one that moves gets no slash that it had not.
    fn issuer_for_browsers(&self, issuer: &str) -> String {
        let Ok(internal) = Url::parse(issuer) else {
            return issuer.to_owned();
        };
        let public = self.urls.for_browser(&internal);
        if public.origin() == internal.origin() {
            issuer.to_owned()
        } else if issuer.ends_with('/') {
            public.into()
        } else {
            public.as_str().trim_end_matches('/').to_owned()
        }
    }
}

/// The document of the server as a whole.
pub(in crate::api) async fn of_server(State(state): State<ApiState>) -> Result<Json<Metadata>, ApiError> {
    let described = described(&state)?;
    Ok(Json(described.metadata(described.urls.server(""))?))
}

/// The document of `/mcp`.
pub(in crate::api) async fn of_path(
    State(state): State<ApiState>,
    Path(path): Path<String>,
) -> Result<Json<Metadata>, ApiError> {
    let described = described(&state)?;
    let resource = described.resource_at(&path).ok_or_else(not_found)?;
    Ok(Json(described.metadata(resource)?))
}

fn described(state: &ApiState) -> Result<&ProtectedResource, ApiError> {
    state.parts().protected_resource.as_ref().ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::of_status(StatusCode::NOT_FOUND)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::testing::provider::{FakeProvider, oauth_urls};

    fn described(server: &str, nextcloud: &str, public: &str, issuer: &str) -> ProtectedResource {
        let urls = oauth_urls(server, nextcloud, public);
        let provider = FakeProvider::at(issuer, true);
        ProtectedResource::new(urls, Arc::new(provider), ScopeSet::parse("openid notes.read"))
    }

    #[test]
    fn j14_the_resource_is_the_url_used_also_below_a_base_path() {
        let internal = "http://nextcloud:80";
        let plain = described(
            "https://mcp.example.org",
            internal,
            "https://cloud.example.org",
            internal,
        );
        assert_eq!(plain.resource_at("mcp").unwrap(), "https://mcp.example.org/mcp");
        assert_eq!(plain.resource_at("other"), None);
        let below = described(
            "https://example.org/ai/",
            internal,
            "https://cloud.example.org",
            internal,
        );
        for path in ["mcp", "ai/mcp"] {
            assert_eq!(
                below.resource_at(path).unwrap(),
                "https://example.org/ai/mcp",
                "{path}"
            );
        }
        assert_eq!(below.resource_at("ai").unwrap(), "https://example.org/ai");
        assert!(
            below
                .challenge()
                .insufficient_scope(ScopeSet::default())
                .scopes()
                .is_empty()
        );
    }

    #[test]
    fn the_issuer_is_the_one_that_clients_reach_letter_by_letter() {
        let server = "https://mcp.example.org";
        for (nextcloud, public, issuer, expected) in [
            ("http://nc", "https://c.example", "http://nc", "https://c.example"),
            (
                "http://nc",
                "https://c.example",
                "http://nc/",
                "https://c.example/",
            ),
            (
                "http://nc",
                "https://c.example",
                "https://idp.example/realms/x",
                "https://idp.example/realms/x",
            ),
            (
                "https://c.example",
                "https://c.example",
                "https://c.example",
                "https://c.example",
            ),
        ] {
            let described = described(server, nextcloud, public, issuer);
            let metadata = described.metadata(server.to_owned()).unwrap();
            assert_eq!(metadata.authorization_servers, [expected], "{issuer}");
        }
    }

    #[test]
    fn an_unknown_provider_is_503_with_the_reason() {
        let urls = oauth_urls("https://mcp.example.org", "http://nc", "https://c.example");
        let away = FakeProvider::away("connection refused");
        let described = ProtectedResource::new(urls, Arc::new(away), ScopeSet::default());
        let error = described.metadata("x".to_owned()).unwrap_err();
        let body = String::from_utf8(error.body(None)).unwrap();
        assert!(body.contains("connection refused"), "{body}");
    }
}
