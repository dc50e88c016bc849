use super::super::testing::{FixedProvider, Trail, config, http_client, keyring, own_nextcloud, serve};
use super::*;
use crate::auth::testing::manual_clock;
use crate::clock::{Clock as _, ManualClock};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::time::Duration;

/// A registration endpoint as the `oidc` app's: clients end after an hour.
#[derive(Debug)]
struct Registry {
    clock: Arc<ManualClock>,
    requests: std::sync::Mutex<Vec<Value>>,
    refuses: std::sync::atomic::AtomicBool,
}

impl Registry {
    fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, std::sync::atomic::Ordering::SeqCst);
    }
}

async fn register_one(State(registry): State<Arc<Registry>>, Json(request): Json<Value>) -> Response {
    let number = {
        let mut requests = registry.requests.lock().unwrap();
        requests.push(request.clone());
        requests.len()
    };
    if registry.refuses.load(std::sync::atomic::Ordering::SeqCst) {
        let body = json!({"error": "dynamic_registration_not_allowed", "error_description": "It is off."});
        return (StatusCode::BAD_REQUEST, Json(body)).into_response();
    }
    let answer = json!({
        "client_id": format!("client-{number}"),
        "client_secret": format!("hidden-{number}"),
        "client_secret_expires_at": registry.clock.now().timestamp() + 3600,
        "registration_access_token": "hidden-too",
        "registration_client_uri": "https://cloud.example.test/apps/oidc/register/1",
    });
    (StatusCode::CREATED, Json(answer)).into_response()
}

struct World {
    pool: PgPool,
    clock: Arc<ManualClock>,
    registry: Arc<Registry>,
    trail: Arc<Trail>,
    base: String,
}

impl World {
    async fn new(pool: PgPool) -> Self {
        let clock = manual_clock();
        let registry = Arc::new(Registry {
            clock: clock.clone(),
            requests: std::sync::Mutex::default(),
            refuses: false.into(),
        });
        let router = Router::new()
            .route("/apps/oidc/register", post(register_one))
            .with_state(Arc::clone(&registry));
        Self {
            pool,
            clock,
            registry,
            trail: Arc::default(),
            base: serve(router).await,
        }
    }

    fn client(&self, settings: &[(&str, &str)]) -> RegisteredClient {
        self.client_at(true, settings)
    }

    /// A client as another process of this server would have it; `registers`: the provider registers clients.
    fn client_at(&self, registers: bool, settings: &[(&str, &str)]) -> RegisteredClient {
        let mut metadata = own_nextcloud(&self.base);
        metadata.registration_endpoint =
            registers.then(|| Url::parse(&format!("{}/apps/oidc/register", self.base)).unwrap());
        RegisteredClient::new(
            &config(&self.base, settings),
            RegisteredClientParts {
                provider: Arc::new(FixedProvider::new(metadata, vec![])),
                http: http_client(),
                pool: self.pool.clone(),
                keyring: keyring(),
                audit: self.trail.clone(),
                clock: self.clock.clone(),
            },
        )
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_configured_client_is_used_as_it_is(pool: PgPool) {
    let world = World::new(pool).await;
    let client = world.client(&[
        ("NEXTCLOUD_OIDC_CLIENT_ID", "mine"),
        ("NEXTCLOUD_OIDC_CLIENT_SECRET", "secret"),
    ]);
    let current = client.current().await.unwrap();
    assert_eq!(
        (current.id.as_str(), current.source),
        ("mine", ClientSource::Configured)
    );
    assert!(client.by_id("mine").await.unwrap().is_some());
    assert!(client.by_id("other").await.unwrap().is_none());
    assert_eq!(world.registry.count(), 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_database_that_does_not_answer_is_no_failed_registration(pool: PgPool) {
    let away =
        sqlx::postgres::PgPoolOptions::new().connect_lazy_with(pool.connect_options().as_ref().clone());
    away.close().await;
    let mut world = World::new(pool).await;
    world.pool = away;
    let client = world.client(&[]);
    assert_eq!(client.current().await.unwrap_err(), ClientError::Store);
    assert_eq!(client.by_id("client-1").await.unwrap_err(), ClientError::Store);
    assert_eq!(world.registry.count(), 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn without_a_client_the_command_that_makes_one_is_told(pool: PgPool) {
    let world = World::new(pool).await;
    let error = world.client_at(false, &[]).current().await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("occ oidc:create \"Nextcloud MCP Server\""),
        "{error}"
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn two_processes_register_one_client_and_it_is_stored_sealed(pool: PgPool) {
    let world = World::new(pool).await;
    let (one, two) = (world.client(&[]), world.client(&[]));
    let attempts = (0..10).map(|number| {
        if number % 2 == 0 {
            one.current()
        } else {
            two.current()
        }
    });
    for outcome in futures::future::join_all(attempts).await {
        let client = outcome.unwrap();
        assert_eq!(client.id, "client-1");
        assert_eq!(client.secret.unwrap().expose_secret(), "hidden-1");
        assert!(matches!(
            client.source,
            ClientSource::Registered { expires_at: Some(_) }
        ));
    }
    assert_eq!(world.registry.count(), 1);
    let row = sqlx::query!("select client_secret, registration_access_token from oauth_clients")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    for sealed in [row.client_secret.unwrap(), row.registration_access_token.unwrap()] {
        assert!(
            sealed.starts_with("v1.") && !sealed.contains("hidden"),
            "{sealed}"
        );
    }
    let told = world.trail.events();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].action, AuditAction::ClientRegistration);
    let detail = told[0].detail.as_ref().unwrap();
    assert!(
        detail.contains("client-1") && !detail.contains("hidden"),
        "{detail}"
    );
}

/// Fault case O16: the client is replaced before it ends; the old one's secret is gone with it.
#[sqlx::test(migrations = "./migrations")]
async fn o16_a_client_is_registered_again_before_it_ends(pool: PgPool) {
    let world = World::new(pool).await;
    let client = world.client(&[]);
    client.current().await.unwrap();
    world.clock.advance(Duration::from_mins(53));
    assert_eq!(client.current().await.unwrap().id, "client-1");
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(
        client.current().await.unwrap().id,
        "client-2",
        "a tenth of its hour is left"
    );
    assert!(client.by_id("client-1").await.unwrap().is_none());
    assert!(client.by_id("client-2").await.unwrap().is_some());
    let told = world.trail.events();
    assert!(told[1].detail.as_ref().unwrap().contains("end with it"));
}

#[sqlx::test(migrations = "./migrations")]
async fn while_registration_fails_the_old_client_serves_as_long_as_it_lives(pool: PgPool) {
    let world = World::new(pool).await;
    let client = world.client(&[]);
    client.current().await.unwrap();
    world.registry.refuse(true);
    world.clock.advance(Duration::from_mins(57));
    for _ in 0..5 {
        assert_eq!(client.current().await.unwrap().id, "client-1");
    }
    assert_eq!(world.registry.count(), 2, "not asked again within half a minute");
    world.clock.advance(Duration::from_mins(4));
    let error = client.current().await.unwrap_err();
    assert!(
        error.to_string().contains("dynamic_registration_not_allowed"),
        "{error}"
    );
    world.registry.refuse(false);
    world.clock.advance(Duration::from_secs(31));
    assert_eq!(client.current().await.unwrap().id, "client-4");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_server_that_moved_registers_anew(pool: PgPool) {
    let world = World::new(pool).await;
    world.client(&[]).current().await.unwrap();
    let mut moved = config(&world.base, &[]);
    moved.server.public_url = Url::parse("https://moved.example.test").unwrap();
    let mut client = world.client(&[]);
    client.urls = OAuthUrls::new(&moved);
    assert_eq!(client.current().await.unwrap().id, "client-2");
    let requests = world.registry.requests.lock().unwrap();
    assert_eq!(
        requests[1]["redirect_uris"][0],
        "https://moved.example.test/oauth/callback"
    );
}
