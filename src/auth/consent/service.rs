//! Starts consent and login flows.

use super::flow_store::NewFlow;
use super::{ConsentLinkError, FlowPurpose, FlowStore, FlowStoreError, LocalPath, PgConsentLinks, ReturnTo};
use crate::audit::AuditTrail;
use crate::auth::browser::BrowserToken;
use crate::auth::grants::CredentialSink;
use crate::auth::oidc::{
    AuthorizationRequest, CONSENT_SCOPES, ClientError, ClientSource, IdTokens, IdentityProvider, OAuthClient,
    OAuthUrls, Pkce, ProviderProblem, TokenEndpoint,
};
use crate::auth::{Identities, IdentityCheck};
use crate::clock::SharedClock;
use crate::config::BackgroundCredential;
use crate::entropy::SharedEntropy;
use crate::ids::UserId;
use chrono::{DateTime, Utc};
use std::net::IpAddr;
use std::sync::Arc;
use url::Url;

/// Scopes of a login: who it is. Nothing that lasts is asked for, and nothing is stored.
pub const LOGIN_SCOPES: &[&str] = &["openid", "profile", "email"];

/// What [`ConsentService`] is made of.
pub struct ConsentParts {
    /// The identity provider.
    pub provider: Arc<dyn IdentityProvider>,
    /// This server's client there.
    pub client: Arc<dyn OAuthClient>,
    /// Exchanges codes.
    pub tokens: Arc<dyn TokenEndpoint>,
    /// Verifies who it was.
    pub id_tokens: Arc<dyn IdTokens>,
    /// Says who the access token's owner is at Nextcloud.
    pub nextcloud: Arc<dyn IdentityCheck>,
    /// Remembers it.
    pub identities: Identities,
    /// Stores what was given.
    pub sink: Arc<dyn CredentialSink>,
    /// Flows under way.
    pub flows: FlowStore,
    /// Links bound to a principal.
    pub links: PgConsentLinks,
    /// Consents refused, and logins.
    pub audit: Arc<dyn AuditTrail>,
    /// Addresses.
    pub urls: OAuthUrls,
    /// Time.
    pub clock: SharedClock,
    /// Randomness of state, nonce and verifier.
    pub entropy: SharedEntropy,
    /// What a consent stores.
    pub credential: BackgroundCredential,
}

/// Starts consent and login flows, and finishes them at the callback. Clones share everything.
#[derive(Clone)]
pub struct ConsentService {
    pub(super) parts: Arc<ConsentParts>,
}

impl std::fmt::Debug for ConsentService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsentService").finish_non_exhaustive()
    }
}

/// What a person should know before consenting.
#[derive(Debug, Clone)]
pub struct ConsentTerms {
    /// What will be stored.
    pub credential: BackgroundCredential,
    /// Where the browser will be sent.
    pub provider_origin: String,
    /// Whether Nextcloud itself is the provider.
    pub is_own_nextcloud: bool,
    /// When this server's registration ends, and every consent with it (facts §0 row 16); `None`: never.
    pub client_expires_at: Option<DateTime<Utc>>,
    /// Whose consent the link asks for.
    pub expected: Option<UserId>,
}

/// A flow has begun.
#[derive(Debug)]
pub struct StartedFlow {
    /// Where the browser goes.
    pub authorization_url: Url,
}

/// No flow can begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Neither provider nor client are usable: 503 with the reason.
    #[error(transparent)]
    Provider(#[from] ClientError),
    /// The link was used, has expired or never was.
    #[error("the link is no longer valid")]
    LinkUsed,
    /// The links cannot be read.
    #[error(transparent)]
    Links(#[from] ConsentLinkError),
    /// The flow cannot be kept.
    #[error(transparent)]
    Store(#[from] FlowStoreError),
}

impl ConsentService {
    /// A service over `parts`.
    pub fn new(parts: ConsentParts) -> Self {
        Self {
            parts: Arc::new(parts),
        }
    }

    /// What the consent page shows. Uses up nothing.
    pub async fn terms(&self, link: Option<&str>) -> Result<ConsentTerms, StartError> {
        let metadata = self.parts.provider.metadata().map_err(ClientError::from)?;
        let client = self.parts.client.current().await?;
        let expected = match link {
            Some(link) => {
                let token = BrowserToken::parse(link).ok_or(StartError::LinkUsed)?;
                let uid = self.parts.links.bound_to(&token).await?;
                Some(uid.ok_or(StartError::LinkUsed)?)
            }
            None => None,
        };
        Ok(ConsentTerms {
            credential: self.parts.credential,
            provider_origin: metadata.authorization_endpoint.origin().ascii_serialization(),
            is_own_nextcloud: metadata.is_own_nextcloud,
            client_expires_at: match client.source {
                ClientSource::Registered { expires_at } => expires_at,
                ClientSource::Configured => None,
            },
            expected,
        })
    }

    /// Starts a consent in the browser with the cookie `browser`. Uses up `link`.
    pub async fn start_consent(
        &self,
        link: Option<&str>,
        return_to: Option<&ReturnTo>,
        caller_state: Option<&str>,
        browser: &BrowserToken,
        address: Option<IpAddr>,
    ) -> Result<StartedFlow, StartError> {
        // Nothing is used up for a provider that is away.
        self.terms(link).await?;
        let expected = match link.and_then(BrowserToken::parse) {
            Some(token) => {
                let uid = self.parts.links.take(&token).await?;
                Some(uid.ok_or(StartError::LinkUsed)?)
            }
            None => None,
        };
        let purpose = FlowPurpose::Consent {
            expected,
            return_to: return_to.map(|to| to.as_str().to_owned()),
            caller_state: caller_state.map(str::to_owned),
        };
        self.start(&purpose, browser, address).await
    }

    /// Starts a login in the browser with the cookie `browser`.
    pub async fn start_login(
        &self,
        next: &LocalPath,
        browser: &BrowserToken,
        address: Option<IpAddr>,
    ) -> Result<StartedFlow, StartError> {
        let purpose = FlowPurpose::Login {
            next: next.as_str().to_owned(),
        };
        self.start(&purpose, browser, address).await
    }

    async fn start(
        &self,
        purpose: &FlowPurpose,
        browser: &BrowserToken,
        address: Option<IpAddr>,
    ) -> Result<StartedFlow, StartError> {
        let metadata = self.parts.provider.metadata().map_err(ClientError::from)?;
        let client = self.parts.client.current().await?;
        let random = || BrowserToken::random(&*self.parts.entropy);
        let (state, nonce) = (random(), random());
        let pkce = Pkce::generate(&*self.parts.entropy);
        let is_consent = matches!(purpose, FlowPurpose::Consent { .. });
        let request = AuthorizationRequest {
            client_id: &client.id,
            scopes: if is_consent { &CONSENT_SCOPES } else { LOGIN_SCOPES },
            state: state.expose(),
            nonce: nonce.expose(),
            pkce: &pkce,
            resource: None,
            // Without it a provider may leave `offline_access` out (OpenID Connect Core §11).
            prompt: is_consent.then_some("consent"),
        };
        let invalid =
            || ProviderProblem::Refused("the callback address of this server is not valid".to_owned());
        let authorization_url = request
            .url(&metadata, &self.parts.urls)
            .ok_or_else(|| ClientError::from(invalid()))?;
        let flow = NewFlow {
            purpose,
            client_id: &client.id,
            nonce: &nonce,
            code_verifier: &pkce.verifier,
            browser,
            address,
        };
        self.parts.flows.begin(&state, &flow).await?;
        Ok(StartedFlow { authorization_url })
    }
}
