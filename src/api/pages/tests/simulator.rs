//! Whole flows: a browser, this server's pages on a real port, and the simulator's Nextcloud with its `oidc` app.

use super::site::{Accesses, fields_of};
use crate::api::pages::{PagesParts, PagesState, routes};
use crate::audit::{AuditOrigin, PgAuditTrail};
use crate::auth::browser::BrowserSessions;
use crate::auth::consent::tests::keyring;
use crate::auth::consent::{ConsentLinks, ConsentParts, ConsentService, FlowStore, PgConsentLinks};
use crate::auth::grants::{CredentialSink, GrantError, NewGrant};
use crate::auth::oidc::{
    HttpTokenEndpoint, IdpHttp, KnownProvider, OAuthUrls, ProviderIdTokens, RegisteredClient,
    RegisteredClientParts,
};
use crate::auth::{Identities, Principal};
use crate::clock::{SharedClock, SystemClock};
use crate::config::{BackgroundCredential, CliOverrides, Config, Environment};
use crate::entropy::SystemEntropy;
use crate::nextcloud::Nextcloud;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use nextcloud_sim::{BrowserSession, Consent, OidcClient, Page, Simulator};
use sqlx::PgPool;
use std::sync::{Arc, Mutex};

const PAGE: &str = "/oauth/authorize-nextcloud";

/// Remembers what it was told to store.
#[derive(Debug, Default)]
struct Stored(Mutex<Vec<NewGrant>>);

#[async_trait]
impl CredentialSink for Stored {
    async fn store(
        &self,
        grant: NewGrant,
        _origin: &AuditOrigin,
    ) -> Result<Option<DateTime<Utc>>, GrantError> {
        self.0.lock().unwrap().push(grant);
        Ok(None)
    }
}

impl Stored {
    fn uids(&self) -> Vec<String> {
        let grants = self.0.lock().unwrap();
        grants
            .iter()
            .map(|grant| grant.principal.user().to_string())
            .collect()
    }
}

/// This server beside a simulated Nextcloud.
struct Server {
    nextcloud: Simulator,
    url: String,
    links: PgConsentLinks,
    stored: Arc<Stored>,
    access: Arc<Accesses>,
}

impl Server {
    /// With a client that the administrator made, and bearers accepted.
    async fn start(pool: &PgPool) -> Self {
        let nextcloud = Simulator::start().await;
        nextcloud.world().oidc().set_bearer_validation(true);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let client = OidcClient::new(&format!("{url}/oauth/callback"));
        let client = nextcloud.world().oidc().create_client(client);
        let env = Environment::from_pairs([
            ("MCP_DEPLOYMENT_MODE", "oauth"),
            ("NEXTCLOUD_HOST", nextcloud.url().as_str()),
            ("NEXTCLOUD_MCP_SERVER_URL", url.as_str()),
            ("NEXTCLOUD_OIDC_CLIENT_ID", client.id.as_str()),
            ("NEXTCLOUD_OIDC_CLIENT_SECRET", client.secret.as_str()),
            (
                "TOKEN_ENCRYPTION_KEY",
                "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            ),
        ]);
        let config = Config::load(&env, &CliOverrides::default()).unwrap();
        let clock: SharedClock = Arc::new(SystemClock);
        let entropy = Arc::new(SystemEntropy);
        let http = IdpHttp::new(&config.nextcloud).unwrap();
        let provider = Arc::new(KnownProvider::new(
            &config,
            http.clone(),
            pool.clone(),
            clock.clone(),
            entropy.clone(),
        ));
        provider.step().await;
        let audit = Arc::new(PgAuditTrail::new(pool.clone()));
        let client = Arc::new(RegisteredClient::new(
            &config,
            RegisteredClientParts {
                provider: provider.clone(),
                http: http.clone(),
                pool: pool.clone(),
                keyring: keyring(),
                audit: audit.clone(),
                clock: clock.clone(),
            },
        ));
        let urls = OAuthUrls::new(&config);
        let links = PgConsentLinks::new(pool.clone(), urls.clone(), clock.clone(), entropy.clone());
        let (stored, access) = (Arc::new(Stored::default()), Arc::new(Accesses::default()));
        let consents = ConsentService::new(ConsentParts {
            provider: provider.clone(),
            client: client.clone(),
            tokens: Arc::new(HttpTokenEndpoint::new(
                http,
                provider.clone(),
                client,
                clock.clone(),
            )),
            id_tokens: Arc::new(ProviderIdTokens::new(provider, clock.clone())),
            nextcloud: Arc::new(Nextcloud::new(&config.nextcloud, clock.clone()).unwrap()),
            identities: Identities::new(pool.clone()),
            sink: stored.clone(),
            flows: FlowStore::new(pool.clone(), keyring(), clock.clone()),
            links: links.clone(),
            audit: audit.clone(),
            urls: urls.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            credential: BackgroundCredential::RefreshToken,
        });
        let router = routes::<()>(PagesState::new(PagesParts {
            consents,
            sessions: BrowserSessions::new(pool.clone(), clock.clone(), entropy.clone()),
            access: access.clone(),
            audit_rows: audit,
            webhooks: None,
            documents: None,
            sync_status: None,
            takes_app_passwords: true,
            urls,
            clock,
            entropy,
        }));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            nextcloud,
            url,
            links,
            stored,
            access,
        }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Reads the page at `url` and presses its button; the browser goes on until `stop`.
    async fn allow(&self, browser: &mut BrowserSession, url: &str, stop: Option<&str>) -> Page {
        let page = browser.get(url).await.unwrap();
        assert_eq!(page.status, 200, "{}", page.body);
        self.press(browser, &page, PAGE, stop).await
    }

    async fn press(
        &self,
        browser: &mut BrowserSession,
        page: &Page,
        action: &str,
        stop: Option<&str>,
    ) -> Page {
        let fields = fields_of(&page.body, action);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        browser.submit(&self.at(action), &fields, stop).await.unwrap()
    }
}

fn alice() -> BrowserSession {
    BrowserSession::signing_in_as("alice", "alice-pass-1")
}

fn bob() -> BrowserSession {
    BrowserSession::signing_in_as("bob", "bob-pass-1")
}

#[sqlx::test(migrations = "./migrations")]
async fn a_consent_passes_nextcloud_silently_and_can_be_taken_back(pool: PgPool) {
    let server = Server::start(&pool).await;
    let mut browser = alice();
    let back = format!("{}/settings/user/x", server.nextcloud.url());
    let page = format!("{}?state=theirs&return_to={back}", server.at(PAGE));
    let done = server.allow(&mut browser, &page, None).await;
    assert_eq!(done.status, 200, "{}", done.body);
    assert!(done.url.as_str().starts_with(&server.at("/oauth/callback")));
    assert!(done.body.contains("Access allowed"));
    assert!(
        done.body.contains(&format!("{back}?state=theirs")),
        "{}",
        done.body
    );
    let grant = server.stored.0.lock().unwrap()[0].clone();
    assert_eq!(
        (grant.principal.user().as_str(), grant.subject.as_str()),
        ("alice", "alice")
    );
    assert!(grant.answer.refresh_token.is_some());
    let app = browser.get(&server.at("/app")).await.unwrap();
    assert_eq!(app.status, 200);
    let revoked = server.press(&mut browser, &app, "/app/revoke", None).await;
    assert!(revoked.body.contains("Your access was taken back"));
    assert_eq!(*server.access.revoked.lock().unwrap(), ["alice"]);
    let out = server.press(&mut browser, &revoked, "/oauth/logout", None).await;
    assert!(out.body.contains("Logged out"));
}

#[sqlx::test(migrations = "./migrations")]
async fn o01_a_callback_in_another_browser_reaches_no_token_endpoint(pool: PgPool) {
    let server = Server::start(&pool).await;
    let (mut attacker, mut victim) = (bob(), alice());
    let callback = server.at("/oauth/callback");
    let stopped = server
        .allow(&mut attacker, &server.at(PAGE), Some(&callback))
        .await;
    assert!(stopped.is_stop());
    victim.get(&server.at(PAGE)).await.unwrap();
    for browser in [&mut victim, &mut attacker] {
        let page = browser.get(stopped.url.as_str()).await.unwrap();
        assert_eq!(page.status, 400, "{}", page.body);
    }
    assert_eq!(server.nextcloud.world().oidc().live_grants("bob"), 0);
    assert!(server.stored.uids().is_empty());
}

#[sqlx::test(migrations = "./migrations")]
async fn o03_denying_at_nextcloud_is_a_friendly_page(pool: PgPool) {
    let server = Server::start(&pool).await;
    server.nextcloud.world().oidc().set_allow_user_settings(true);
    let mut browser = alice().deciding(Consent::Deny);
    let page = server.allow(&mut browser, &server.at(PAGE), None).await;
    assert_eq!(page.status, 403, "{}", page.body);
    assert!(page.body.contains("Access was not allowed"));
    assert!(server.stored.uids().is_empty());
}

#[sqlx::test(migrations = "./migrations")]
async fn o08_anothers_login_uses_up_alices_link_and_stores_nothing(pool: PgPool) {
    let server = Server::start(&pool).await;
    let principal = Principal::known_for_test("alice");
    let link = server.links.link_for(&principal).await.unwrap();
    let page = server.allow(&mut bob(), &link, None).await;
    assert_eq!(page.status, 403, "{}", page.body);
    assert!(page.body.contains("made for alice"));
    assert!(server.stored.uids().is_empty());
    let link = server.links.link_for(&principal).await.unwrap();
    let page = server.allow(&mut alice(), &link, None).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert_eq!(server.stored.uids(), ["alice"]);
}

#[sqlx::test(migrations = "./migrations")]
async fn o09_unticking_offline_access_stores_nothing(pool: PgPool) {
    let server = Server::start(&pool).await;
    server.nextcloud.world().oidc().set_allow_user_settings(true);
    let mut browser = alice().deciding(Consent::GrantWithout(vec!["offline_access".into()]));
    let page = server.allow(&mut browser, &server.at(PAGE), None).await;
    assert_eq!(page.status, 403, "{}", page.body);
    assert!(page.body.contains("offline_access"));
    assert!(server.stored.uids().is_empty());
}

#[sqlx::test(migrations = "./migrations")]
async fn without_bearer_validation_nothing_is_stored(pool: PgPool) {
    let server = Server::start(&pool).await;
    server.nextcloud.world().oidc().set_bearer_validation(false);
    let page = server.allow(&mut alice(), &server.at(PAGE), None).await;
    assert_eq!(page.status, 403, "{}", page.body);
    assert!(page.body.contains("oidc_provider_bearer_validation"));
    assert!(server.stored.uids().is_empty());
}

#[sqlx::test(migrations = "./migrations")]
async fn a_login_leads_to_ones_own_page_and_leaves_no_grant(pool: PgPool) {
    let server = Server::start(&pool).await;
    let page = bob().visit(&server.at("/app"), None).await.unwrap();
    assert_eq!((page.status, page.url.path()), (200, "/app"), "{}", page.body);
    assert!(page.body.contains("bob"));
    assert!(server.stored.uids().is_empty());
}
