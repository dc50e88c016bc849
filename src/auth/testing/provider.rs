//! A stand-in for the identity provider as this server knows it.

use crate::auth::oidc::{IdentityProvider, OAuthUrls, ProviderMetadata, ProviderProblem};
use crate::config::{CliOverrides, Config, Environment};
use async_trait::async_trait;
use std::sync::Arc;
use url::Url;

/// Known or away, as the test says.
#[derive(Debug)]
pub(crate) struct FakeProvider(Result<Arc<ProviderMetadata>, ProviderProblem>);

impl FakeProvider {
    pub(crate) fn at(issuer: &str, is_own_nextcloud: bool) -> Self {
        let endpoint =
            |path: &str| -> Url { format!("{}{path}", issuer.trim_end_matches('/')).parse().unwrap() };
        Self(Ok(Arc::new(ProviderMetadata {
            issuer: issuer.to_owned(),
            accepted_issuers: vec![issuer.to_owned()],
            authorization_endpoint: endpoint("/authorize"),
            token_endpoint: endpoint("/token"),
            jwks_uri: endpoint("/jwks"),
            introspection_endpoint: None,
            userinfo_endpoint: None,
            revocation_endpoint: None,
            registration_endpoint: None,
            is_own_nextcloud,
        })))
    }

    pub(crate) fn away(reason: &str) -> Self {
        Self(Err(ProviderProblem::Unreachable(reason.to_owned())))
    }
}

#[async_trait]
impl IdentityProvider for FakeProvider {
    fn metadata(&self) -> Result<Arc<ProviderMetadata>, ProviderProblem> {
        self.0.clone()
    }

    async fn keys(&self, _refetch: bool) -> Result<Arc<jsonwebtoken::jwk::JwkSet>, ProviderProblem> {
        Ok(Arc::new(jsonwebtoken::jwk::JwkSet { keys: Vec::new() }))
    }
}

/// The URLs of a server at `server` in OAuth mode, with Nextcloud at `nextcloud` for it and at `public` for browsers.
pub(crate) fn oauth_urls(server: &str, nextcloud: &str, public: &str) -> OAuthUrls {
    let environment = Environment::from_pairs([
        ("MCP_DEPLOYMENT_MODE", "oauth"),
        ("NEXTCLOUD_HOST", nextcloud),
        ("NEXTCLOUD_PUBLIC_URL", public),
        ("NEXTCLOUD_MCP_SERVER_URL", server),
    ]);
    OAuthUrls::new(&Config::load(&environment, &CliOverrides::default()).unwrap())
}
