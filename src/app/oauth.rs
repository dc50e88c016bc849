//! OAuth put together: the identity provider, who may use this server with its tokens, and what users consent to.

use super::identity::Identity;
use super::parts::Parts;
use super::{AppError, Foundation};
use crate::api::{
    DocumentRoutes, Documents, ManagementParts, ManagementState, PagesParts, PagesState, Previews,
    ProtectedResource, SearchRoutes, SearchRoutesParts,
};
use crate::audit::PgAuditTrail;
use crate::auth::access::UserAccess;
use crate::auth::bearer::{AudienceRules, TokenVerifier, TokenVerifierParts};
use crate::auth::browser::BrowserSessions;
use crate::auth::consent::{ConsentParts, ConsentService, FlowStore, PgConsentLinks};
use crate::auth::grants::{AllowedScopes, Grants, GrantsParts, PgAllowedScopes};
use crate::auth::oidc::{
    ConfiguredClient, HttpTokenEndpoint, IdpHttp, KnownProvider, OAuthClient, OAuthUrls, ProviderIdTokens,
    RegisteredClient, RegisteredClientParts,
};
use crate::auth::{CredentialProvider, Identities, McpGate, NothingStored, OAuthGate, OpenSession};
use crate::config::{Config, Mode};
use crate::crypto::Keyring;
use crate::mcp::{McpServer, ProvisioningServices, StatusCache};
use crate::nextcloud::Nextcloud;
use crate::webhooks::{RegistrationStore, WebhookUris, Webhooks, WebhooksParts};
use std::sync::Arc;

/// What an identity provider makes possible.
pub(super) struct OAuth {
    urls: OAuthUrls,
    provider: Arc<KnownProvider>,
    verifier: Arc<TokenVerifier>,
    consented: Option<Consented>,
}

/// What users consent to; absent where nothing may be stored.
struct Consented {
    grants: Grants,
    consents: ConsentService,
    links: PgConsentLinks,
    audit: PgAuditTrail,
    webhooks: Webhooks,
}

impl OAuth {
    /// `None` in modes where no identity provider has a say. Asks nobody yet.
    pub(super) fn new(
        config: &Config,
        foundation: &Foundation,
        nextcloud: &Nextcloud,
        identity: &Identity,
    ) -> Result<Option<Self>, AppError> {
        if !matches!(config.mode, Mode::Hybrid | Mode::OAuth { .. }) {
            return Ok(None);
        }
        let urls = OAuthUrls::new(config);
        let http = IdpHttp::new(&config.nextcloud)?;
        let provider = Arc::new(KnownProvider::new(
            config,
            http.clone(),
            foundation.pool().clone(),
            foundation.clock.clone(),
            foundation.entropy.clone(),
        ));
        let audit = PgAuditTrail::new(foundation.pool().clone());
        let keyring = foundation
            .keyring
            .clone()
            .filter(|_| config.mode.stores_credentials());
        let client: Arc<dyn OAuthClient> = match &keyring {
            Some(keyring) => Arc::new(RegisteredClient::new(
                config,
                RegisteredClientParts {
                    provider: provider.clone(),
                    http: http.clone(),
                    pool: foundation.pool().clone(),
                    keyring: keyring.clone(),
                    audit: Arc::new(audit.clone()),
                    clock: foundation.clock.clone(),
                },
            )),
            None => Arc::new(ConfiguredClient::new(config)),
        };
        let verifier = Arc::new(TokenVerifier::new(
            TokenVerifierParts {
                provider: provider.clone(),
                client: client.clone(),
                identities: Identities::new(foundation.pool().clone()),
                http: http.clone(),
                rules: AudienceRules::new(config),
                validation: config.oidc.token_validation,
                clock: foundation.clock.clone(),
            },
            foundation.entropy.as_ref(),
        ));
        let consented = keyring.map(|keyring| {
            let site = Site {
                config,
                foundation,
                nextcloud,
                identity,
                urls: &urls,
                provider: &provider,
                client,
                verifier: &verifier,
                http,
                audit,
            };
            site.consented(keyring)
        });
        Ok(Some(Self {
            urls,
            provider,
            verifier,
            consented,
        }))
    }

    /// Gets to know the provider, and keeps asking.
    pub(super) fn spawn(&self, parts: &mut Parts) {
        let (provider, shutdown) = (self.provider.clone(), parts.shutdown());
        parts.spawn("the identity provider's watch", async move {
            provider.run(shutdown).await;
            Ok(())
        });
    }

    /// Consented credentials; `None` where nothing may be stored.
    pub(super) fn grants(&self) -> Option<&Grants> {
        self.consented.as_ref().map(|consented| &consented.grants)
    }

    /// Webhooks on behalf of administrators; `None` where nothing may be stored.
    pub(super) fn webhooks(&self) -> Option<&Webhooks> {
        self.consented.as_ref().map(|consented| &consented.webhooks)
    }

    /// What the tools that give and take back access work with.
    pub(super) fn provisioning(&self) -> Option<ProvisioningServices> {
        self.consented.as_ref().map(|consented| ProvisioningServices {
            access: consented.grants.access.clone(),
            links: Arc::new(consented.links.clone()),
            provider: self.provider.clone(),
            urls: self.urls.clone(),
        })
    }

    /// The identity provider.
    pub(super) fn provider(&self) -> Arc<KnownProvider> {
        self.provider.clone()
    }

    /// What RFC 9728 tells of `mcp`.
    pub(super) fn protected_resource(&self, mcp: &McpServer) -> ProtectedResource {
        ProtectedResource::new(self.urls.clone(), self.provider.clone(), mcp.scopes())
    }

    /// Who may use `/mcp` in OAuth mode.
    pub(super) fn gate(
        &self,
        config: &Config,
        foundation: &Foundation,
        nextcloud: &Nextcloud,
        resource: &ProtectedResource,
    ) -> McpGate {
        let passthrough = config
            .oidc
            .bearer_passthrough
            .then(|| Arc::new(nextcloud.clone()) as Arc<dyn OpenSession>);
        let stored = self
            .grants()
            .map(|grants| grants.credentials.clone() as Arc<dyn CredentialProvider>);
        McpGate::oauth(OAuthGate {
            verifier: self.verifier.clone(),
            passthrough,
            allowed: stored
                .is_some()
                .then(|| Arc::new(PgAllowedScopes::new(foundation.pool().clone())) as Arc<dyn AllowedScopes>),
            stored,
            challenge: resource.challenge(),
            clock: foundation.clock.clone(),
        })
    }

    /// The authenticated part of the management API.
    pub(super) fn management(&self, foundation: &Foundation, identity: &Identity) -> ManagementState {
        let nothing = Arc::new(NothingStored);
        let (access, credentials): (Arc<dyn UserAccess>, Arc<dyn CredentialProvider>) = match self.grants() {
            Some(grants) => (grants.access.clone(), grants.credentials.clone()),
            None => (nothing.clone(), nothing),
        };
        ManagementState::new(ManagementParts {
            verifier: self.verifier.clone(),
            access,
            app_passwords: identity.app_passwords.clone(),
            credentials,
            webhooks: self.webhooks().cloned(),
            consent_page: self
                .consented
                .is_some()
                .then(|| self.urls.server("/oauth/authorize-nextcloud")),
            audit: Arc::new(PgAuditTrail::new(foundation.pool().clone())),
            clock: foundation.clock.clone(),
        })
    }

    /// The routes that answer from documents.
    pub(super) fn search_routes(
        management: &ManagementState,
        documents: Option<Documents>,
        previews: Previews,
    ) -> SearchRoutes {
        SearchRoutes::new(SearchRoutesParts {
            management: management.clone(),
            documents,
            previews,
        })
    }

    /// The pages; `None` where there is nothing to consent to.
    pub(super) fn pages(
        &self,
        foundation: &Foundation,
        identity: &Identity,
        sync_status: Option<StatusCache>,
        documents: Option<DocumentRoutes>,
    ) -> Option<PagesState> {
        let consented = self.consented.as_ref()?;
        Some(PagesState::new(PagesParts {
            consents: consented.consents.clone(),
            sessions: BrowserSessions::new(
                foundation.pool().clone(),
                foundation.clock.clone(),
                foundation.entropy.clone(),
            ),
            access: consented.grants.access.clone(),
            audit_rows: Arc::new(consented.audit.clone()),
            webhooks: sync_status.is_some().then(|| consented.webhooks.clone()),
            sync_status,
            documents,
            takes_app_passwords: identity.app_passwords.is_some(),
            urls: self.urls.clone(),
            clock: foundation.clock.clone(),
            entropy: foundation.entropy.clone(),
        }))
    }
}

/// What the consented part is made from.
struct Site<'a> {
    config: &'a Config,
    foundation: &'a Foundation,
    nextcloud: &'a Nextcloud,
    identity: &'a Identity,
    urls: &'a OAuthUrls,
    provider: &'a Arc<KnownProvider>,
    client: Arc<dyn OAuthClient>,
    verifier: &'a Arc<TokenVerifier>,
    http: IdpHttp,
    audit: PgAuditTrail,
}

impl Site<'_> {
    fn consented(self, keyring: Keyring) -> Consented {
        let foundation = self.foundation;
        let (clock, entropy) = (foundation.clock.clone(), foundation.entropy.clone());
        let endpoint = Arc::new(HttpTokenEndpoint::new(
            self.http,
            self.provider.clone(),
            self.client.clone(),
            clock.clone(),
        ));
        let nextcloud = Arc::new(self.nextcloud.clone());
        let grants = Grants::new(GrantsParts {
            pool: foundation.pool().clone(),
            keyring: keyring.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            endpoint: endpoint.clone(),
            clients: self.client.clone(),
            audit: Arc::new(self.audit.clone()),
            trigger: self.identity.trigger.clone(),
            bearer: Some(self.verifier.clone()),
            sessions: nextcloud.clone(),
            identity: nextcloud.clone(),
            app_passwords: nextcloud.clone(),
            kind: self.config.oidc.background_credential,
        });
        let links = PgConsentLinks::new(
            foundation.pool().clone(),
            self.urls.clone(),
            clock.clone(),
            entropy.clone(),
        );
        let webhooks = Webhooks::new(WebhooksParts {
            pool: foundation.pool().clone(),
            store: RegistrationStore::new(foundation.pool().clone(), keyring.clone(), entropy.clone()),
            uris: WebhookUris::new(&self.config.server),
            credentials: grants.credentials.clone(),
            audit: Arc::new(self.audit.clone()),
            clock: clock.clone(),
        });
        let consents = ConsentService::new(ConsentParts {
            provider: self.provider.clone(),
            client: self.client,
            tokens: endpoint,
            id_tokens: Arc::new(ProviderIdTokens::new(self.provider.clone(), clock.clone())),
            nextcloud,
            identities: Identities::new(foundation.pool().clone()),
            sink: grants.sink.clone(),
            flows: FlowStore::new(foundation.pool().clone(), keyring, clock.clone()),
            links: links.clone(),
            audit: Arc::new(self.audit.clone()),
            urls: self.urls.clone(),
            clock,
            entropy,
            credential: self.config.oidc.background_credential,
        });
        Consented {
            grants,
            consents,
            links,
            audit: self.audit,
            webhooks,
        }
    }
}
