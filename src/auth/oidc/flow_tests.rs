//! The parts together against the simulator's `oidc` app, with its measured oddities (facts §0 and §3).

use super::testing::{Trail, config, http_client, keyring};
use super::{
    AuthorizationRequest, CONSENT_SCOPES, CodeExchange, HttpTokenEndpoint, IdTokenClaims, IdTokens as _,
    IdentityProvider, KnownProvider, OAuthClient, OAuthUrls, Pkce, ProviderIdTokens, RegisteredClient,
    RegisteredClientParts, RemoteRevocation, TokenAnswer, TokenEndpoint as _, TokenFailure, verify_jws,
};
use crate::auth::testing::manual_clock;
use crate::clock::{Clock as _, ManualClock};
use crate::entropy::SystemEntropy;
use nextcloud_sim::{BrowserSession, OidcClient, Simulator};
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgPool;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// This server as an OAuth client of a simulated Nextcloud; both have the same time.
struct World {
    nextcloud: Simulator,
    clock: Arc<ManualClock>,
    urls: OAuthUrls,
    provider: Arc<KnownProvider>,
    client: Arc<RegisteredClient>,
    endpoint: HttpTokenEndpoint,
    id_tokens: ProviderIdTokens,
}

impl World {
    async fn new(pool: PgPool, settings: &[(&str, &str)]) -> Self {
        let nextcloud = Simulator::start().await;
        let clock = manual_clock();
        nextcloud.world().stop_clock_at(clock.now().timestamp());
        let config = config(&nextcloud.url(), settings);
        let http = http_client();
        let provider = Arc::new(KnownProvider::new(
            &config,
            http.clone(),
            pool.clone(),
            clock.clone(),
            Arc::new(SystemEntropy),
        ));
        let client = Arc::new(RegisteredClient::new(
            &config,
            RegisteredClientParts {
                provider: provider.clone(),
                http: http.clone(),
                pool,
                keyring: keyring(),
                audit: Arc::new(Trail::default()),
                clock: clock.clone(),
            },
        ));
        Self {
            endpoint: HttpTokenEndpoint::new(http, provider.clone(), client.clone(), clock.clone()),
            id_tokens: ProviderIdTokens::new(provider.clone(), clock.clone()),
            urls: OAuthUrls::new(&config),
            nextcloud,
            clock,
            provider,
            client,
        }
    }

    /// With a client that the administrator made.
    async fn with_client(pool: PgPool) -> Self {
        let world = Self::new(
            pool,
            &[
                ("NEXTCLOUD_OIDC_CLIENT_ID", "a-client-of-the-administrator-000"),
                (
                    "NEXTCLOUD_OIDC_CLIENT_SECRET",
                    "its-secret-0000000000000000000000",
                ),
            ],
        )
        .await;
        let client = OidcClient::new(&world.urls.callback()).credentials(
            "a-client-of-the-administrator-000",
            "its-secret-0000000000000000000000",
        );
        world.nextcloud.world().oidc().create_client(client);
        world.provider.step().await;
        world
    }

    fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.nextcloud.world().advance(time);
    }

    /// Alice consents in a browser; the verified identity and the tokens.
    async fn consent(&self) -> (IdTokenClaims, TokenAnswer) {
        let metadata = self.provider.metadata().unwrap();
        let client = self.client.current().await.unwrap();
        let pkce = Pkce::generate(&SystemEntropy);
        let resource = self.urls.resource();
        let request = AuthorizationRequest {
            client_id: &client.id,
            scopes: &CONSENT_SCOPES,
            state: "the-state",
            nonce: "the-nonce",
            pkce: &pkce,
            resource: Some(&resource),
            prompt: None,
        };
        let address = request.url(&metadata, &self.urls).unwrap();
        let mut browser = BrowserSession::signing_in_as("alice", "alice-pass-1");
        let page = browser
            .visit(address.as_str(), Some(&self.urls.callback()))
            .await
            .unwrap();
        assert_eq!(
            page.query_value("state").as_deref(),
            Some("the-state"),
            "{page:?}"
        );
        let answer = self
            .endpoint
            .exchange_code(&CodeExchange {
                client_id: client.id.clone(),
                code: page.query_value("code").unwrap().into(),
                code_verifier: pkce.verifier.clone(),
                redirect_uri: Url::parse(&self.urls.callback()).unwrap(),
            })
            .await
            .unwrap();
        let id_token = answer.id_token.clone().unwrap();
        let identity = self
            .id_tokens
            .verify(&id_token, &client.id, "the-nonce")
            .await
            .unwrap();
        (identity, answer)
    }

    async fn refresh(&self, client_id: &str, token: &SecretString) -> Result<TokenAnswer, TokenFailure> {
        self.endpoint.refresh(client_id, token).await
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_consent_is_refreshed_and_ended_at_the_oidc_app(pool: PgPool) {
    let world = World::with_client(pool).await;
    assert!(world.provider.metadata().unwrap().is_own_nextcloud);
    let client_id = world.client.current().await.unwrap().id;
    let (identity, first) = world.consent().await;
    assert_eq!(identity.subject, "alice");
    assert_eq!(identity.issuer, world.nextcloud.url());
    assert_eq!(first.expires_in, Some(Duration::from_mins(15)));
    assert_eq!(first.refresh_expires_in.is_some(), first.refresh_token.is_some());

    let old = first.refresh_token.unwrap();
    let second = world.refresh(&client_id, &old).await.unwrap();
    let new = second.refresh_token.unwrap();
    assert_ne!(old.expose_secret(), new.expose_secret());
    assert!(matches!(
        world.refresh(&client_id, &old).await,
        Err(TokenFailure::InvalidGrant(_))
    ));
    let ended = world.endpoint.end(&client_id, &new).await.unwrap();
    assert_eq!(ended, RemoteRevocation::RotatedAway);
    assert!(
        !world
            .nextcloud
            .world()
            .oidc()
            .is_live_refresh_token(new.expose_secret())
    );
    let ended = world.endpoint.end(&client_id, &new).await.unwrap();
    assert_eq!(ended, RemoteRevocation::AlreadyDead);
}

/// Fault case O05: the same ID token under another nonce or for another client.
#[sqlx::test(migrations = "./migrations")]
async fn o05_an_id_token_of_another_login_is_refused(pool: PgPool) {
    let world = World::with_client(pool).await;
    let client_id = world.client.current().await.unwrap().id;
    let (_, answer) = world.consent().await;
    let id_token = answer.id_token.unwrap();
    for (client, nonce) in [
        (client_id.as_str(), "another-nonce"),
        ("another-client", "the-nonce"),
    ] {
        assert!(world.id_tokens.verify(&id_token, client, nonce).await.is_err());
    }
}

/// Fault case O07: the code is worth nothing without the verifier.
#[sqlx::test(migrations = "./migrations")]
async fn o07_a_wrong_verifier_gets_no_tokens(pool: PgPool) {
    let world = World::with_client(pool).await;
    let client_id = world.client.current().await.unwrap().id;
    let pkce = Pkce::generate(&SystemEntropy);
    let request = AuthorizationRequest {
        client_id: &client_id,
        scopes: &CONSENT_SCOPES,
        state: "s",
        nonce: "n",
        pkce: &pkce,
        resource: None,
        prompt: None,
    };
    let address = request
        .url(&world.provider.metadata().unwrap(), &world.urls)
        .unwrap();
    let mut browser = BrowserSession::signing_in_as("alice", "alice-pass-1");
    let page = browser
        .visit(address.as_str(), Some(&world.urls.callback()))
        .await
        .unwrap();
    let exchange = CodeExchange {
        client_id,
        code: page.query_value("code").unwrap().into(),
        code_verifier: Pkce::generate(&SystemEntropy).verifier,
        redirect_uri: Url::parse(&world.urls.callback()).unwrap(),
    };
    let failure = world.endpoint.exchange_code(&exchange).await.unwrap_err();
    assert!(matches!(failure, TokenFailure::InvalidGrant(_)), "{failure}");
}

/// Fault case T12: maintenance and a deleted user, as Nextcloud answers them.
#[sqlx::test(migrations = "./migrations")]
async fn t12_maintenance_is_no_answer_and_a_deleted_user_is_uncertain(pool: PgPool) {
    let world = World::with_client(pool).await;
    let client_id = world.client.current().await.unwrap().id;
    let (_, answer) = world.consent().await;
    let token = answer.refresh_token.unwrap();
    world.nextcloud.world().set_maintenance(true);
    let failure = world.refresh(&client_id, &token).await.unwrap_err();
    assert!(matches!(failure, TokenFailure::Unreachable(_)), "{failure}");
    world.nextcloud.world().set_maintenance(false);
    world.nextcloud.world().delete_user("alice");
    let failure = world.refresh(&client_id, &token).await.unwrap_err();
    assert!(matches!(failure, TokenFailure::InternalError(_)), "{failure}");
}

/// Fault case O16: a registered client ends after an hour, and its grants with it.
#[sqlx::test(migrations = "./migrations")]
async fn o16_a_registered_client_ends_with_its_grants_and_another_takes_its_place(pool: PgPool) {
    let world = World::new(pool, &[]).await;
    world.nextcloud.world().oidc().set_dynamic_registration(true);
    world.nextcloud.world().oidc().set_refresh_expire_time(None);
    world.provider.step().await;
    let first = world.client.current().await.unwrap();
    let (_, answer) = world.consent().await;
    let metadata = world.provider.metadata().unwrap();
    let access_token = answer.access_token.expose_secret();
    let (_, claims) = verify_jws(access_token, world.provider.as_ref()).await.unwrap();
    assert_eq!(
        claims["aud"],
        world.urls.resource(),
        "registered for JWTs of this resource"
    );
    assert!(metadata.accepts_issuer(claims["iss"].as_str().unwrap()));

    world.pass(Duration::from_mins(61));
    let token = answer.refresh_token.unwrap();
    let failure = world.refresh(&first.id, &token).await.unwrap_err();
    assert!(
        matches!(&failure, TokenFailure::InvalidClient(text) if text.contains("expired_client")),
        "{failure}"
    );
    let second = world.client.current().await.unwrap();
    assert_ne!(first.id, second.id);
    let failure = world.refresh(&first.id, &token).await.unwrap_err();
    assert!(
        matches!(&failure, TokenFailure::InvalidClient(text) if text.contains(&first.id)),
        "{failure}"
    );
    world.consent().await;
}

/// Fault case J06, with the provider's own rotation.
#[sqlx::test(migrations = "./migrations")]
async fn j06_the_new_key_is_found_and_the_old_one_ends(pool: PgPool) {
    let world = World::with_client(pool).await;
    let client_id = world.client.current().await.unwrap().id;
    let issue = || {
        let oidc = world.nextcloud.world().oidc();
        oidc.issue("alice", &client_id, "openid", None).id_token
    };
    let before = issue();
    assert!(verify_jws(&before, world.provider.as_ref()).await.is_ok());
    world.nextcloud.world().oidc().rotate_signing_key();
    world.pass(Duration::from_secs(10));
    assert!(verify_jws(&issue(), world.provider.as_ref()).await.is_ok());
    assert!(verify_jws(&before, world.provider.as_ref()).await.is_err());
}
