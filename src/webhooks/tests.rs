//! Against the simulator's `webhook_listeners`, with app passwords that administrators handed over.

mod presets;

use super::*;
use crate::audit::{AuditOrigin, PgAuditTrail};
use crate::auth::consent::tests::keyring;
use crate::auth::testing::manual_clock;
use crate::auth::{AppPasswordStore, PgAppPasswordStore, Principal, StoredAppPassword, StoredCredentials};
use crate::clock::{Clock, ManualClock};
use crate::config::{CliOverrides, Config, Environment};
use crate::entropy::SystemEntropy;
use crate::ids::{LoginName, UserId};
use crate::nextcloud::Nextcloud;
use nextcloud_sim::{Effect, FaultRule, Simulator};
use secrecy::SecretString;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::sync::Arc;
use std::time::Duration;

const URI: &str = "https://mcp.example.org/webhooks/nextcloud";
const CREATED: &str = r"OCP\Files\Events\Node\NodeCreatedEvent";
const RENAMED: &str = r"OCP\Files\Events\Node\NodeRenamedEvent";
const ROW_ADDED: &str = r"OCA\Tables\Event\RowAddedEvent";

/// A Nextcloud whose administrator has consented, and webhooks on behalf of whoever did.
pub(crate) struct World {
    pub(crate) sim: Simulator,
    pool: PgPool,
    clock: Arc<ManualClock>,
    passwords: Arc<PgAppPasswordStore>,
    pub(crate) webhooks: Webhooks,
}

impl World {
    pub(crate) async fn new(pool: PgPool) -> Self {
        let sim = Simulator::start().await;
        let url = sim.url();
        let environment = Environment::from_pairs([
            ("NEXTCLOUD_HOST", url.as_str()),
            ("MCP_DEPLOYMENT_MODE", "multi_user_basic"),
            ("NEXTCLOUD_MCP_SERVER_URL", "https://mcp.example.org"),
        ]);
        let config = Config::load(&environment, &CliOverrides::default()).unwrap();
        let clock = manual_clock();
        let passwords = Arc::new(PgAppPasswordStore::new(pool.clone(), keyring(), clock.clone()));
        let nextcloud = Arc::new(Nextcloud::new(&config.nextcloud, clock.clone()).unwrap());
        let audit = Arc::new(PgAuditTrail::new(pool.clone()));
        let webhooks = Webhooks::new(WebhooksParts {
            pool: pool.clone(),
            store: RegistrationStore::new(pool.clone(), keyring(), Arc::new(SystemEntropy)),
            uris: WebhookUris::new(&config.server),
            credentials: Arc::new(StoredCredentials::new(
                passwords.clone(),
                nextcloud.clone(),
                nextcloud,
                audit.clone(),
                clock.clone(),
            )),
            audit,
            clock: clock.clone(),
        });
        let world = Self {
            sim,
            pool,
            clock,
            passwords,
            webhooks,
        };
        world.consent("admin").await;
        world
    }

    /// Takes back what `uid` granted.
    pub(crate) async fn end_consent(&self, uid: &str) {
        let stands = self.passwords.get(&UserId::new(uid)).await.unwrap().unwrap();
        self.passwords.drop_refused(&stands).await.unwrap();
    }

    pub(crate) async fn consent(&self, uid: &str) {
        let stored = StoredAppPassword {
            uid: UserId::new(uid),
            login_name: LoginName::new(uid),
            password: SecretString::from(self.sim.world().app_password(uid)),
            scopes: None,
        };
        self.passwords.put(&stored).await.unwrap();
    }

    async fn register(&self, uid: &str, event: &str) -> Result<i64, WebhookError> {
        let selector = EventSelector::new(event, None).unwrap();
        let principal = Principal::known_for_test(uid);
        let webhook = self
            .webhooks
            .register(&principal, &selector, &AuditOrigin::default())
            .await?;
        Ok(webhook.id)
    }

    async fn remove(&self, uid: &str, id: i64) -> Result<(), WebhookError> {
        let principal = Principal::known_for_test(uid);
        self.webhooks
            .remove(&principal, id, &AuditOrigin::default())
            .await
    }

    async fn listed(&self) -> Vec<String> {
        let admin = Principal::known_for_test("admin");
        let listed = self.webhooks.list(&admin).await.unwrap();
        listed.into_iter().map(|webhook| webhook.event).collect()
    }

    fn standing(&self) -> Vec<Value> {
        self.sim.world().webhooks()
    }

    fn count(&self, event: &str) -> usize {
        self.standing()
            .iter()
            .filter(|webhook| webhook["event"] == event)
            .count()
    }

    /// Whether the secret that Nextcloud has is good here.
    async fn secret_is_good(&self, id: i64) -> bool {
        let header = self.sim.world().webhook_authorization(id).unwrap();
        self.accepts(&header).await
    }

    async fn accepts(&self, header: &str) -> bool {
        let (id, secret) = WebhookSecret::parse_header(header).unwrap();
        let hashes = self.webhooks.store().secrets(&id).await.unwrap();
        hashes.is_some_and(|hashes| hashes.accept(&secret, self.clock.now()))
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_webhook_stands_once_with_its_companions_and_goes_with_them(pool: PgPool) {
    let world = World::new(pool).await;
    let id = world.register("admin", CREATED).await.unwrap();
    assert_eq!(
        world.register("admin", &format!("\\{CREATED}")).await.unwrap(),
        id,
        "no double"
    );
    assert_eq!(world.count(CREATED), 1);
    assert_eq!(world.count(RENAMED), 1, "a companion");
    assert_eq!(world.listed().await, [CREATED], "companions are not shown");
    for webhook in world.standing() {
        assert_eq!(
            (&webhook["uri"], &webhook["authMethod"]),
            (&json!(URI), &json!("header"))
        );
        assert!(world.secret_is_good(webhook["id"].as_i64().unwrap()).await);
    }
    let companion = world
        .standing()
        .iter()
        .find(|webhook| webhook["event"] == RENAMED)
        .unwrap()["id"]
        .as_i64();
    let refused = world.remove("admin", companion.unwrap()).await;
    assert!(matches!(refused, Err(WebhookError::NotFound)));
    world.remove("admin", id).await.unwrap();
    assert_eq!(world.standing(), Vec::<Value>::new());
    assert!(world.webhooks.store().all().await.unwrap().is_empty());
    let lines: i64 =
        sqlx::query_scalar("select count(*) from audit_events where action = 'webhook_registration'")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!(lines, 2);
}

#[sqlx::test(migrations = "./migrations")]
async fn what_two_presets_need_stays_until_both_are_off(pool: PgPool) {
    let world = World::new(pool).await;
    let created = world.register("admin", CREATED).await.unwrap();
    let renamed = world.register("admin", RENAMED).await.unwrap();
    assert_eq!(
        world.listed().await.len(),
        2,
        "a companion that is asked for is shown"
    );
    world.remove("admin", renamed).await.unwrap();
    assert_eq!(
        (world.count(RENAMED), world.listed().await.len()),
        (1, 1),
        "needed beside the other"
    );
    world.remove("admin", created).await.unwrap();
    assert_eq!(world.standing().len(), 0);
}

/// W10.
#[sqlx::test(migrations = "./migrations")]
async fn w10_only_administrators_and_delegated_ones_may(pool: PgPool) {
    let world = World::new(pool).await;
    let nobody = world.register("alice", ROW_ADDED).await;
    assert!(matches!(nobody, Err(WebhookError::ConsentNeeded)));
    world.consent("alice").await;
    let refused = world.register("alice", ROW_ADDED).await;
    assert!(matches!(refused, Err(WebhookError::Forbidden(_))));
    assert!(world.webhooks.store().all().await.unwrap().is_empty());
    world
        .sim
        .world()
        .add_user("carol", "carol", "carol-pass-1", &["webhook-keepers"]);
    world.sim.world().delegate_webhooks("webhook-keepers");
    world.consent("carol").await;
    world.register("carol", ROW_ADDED).await.unwrap();
    assert_eq!(world.standing()[0]["userId"], "carol");
}

/// W04, the part of the registration.
#[sqlx::test(migrations = "./migrations")]
async fn w04_an_event_that_nextcloud_does_not_have_is_not_kept(pool: PgPool) {
    let world = World::new(pool).await;
    let refused = world.register("admin", r"OCP\User\Events\UserCreatedEvent").await;
    assert!(matches!(refused, Err(WebhookError::Refused(_))), "{refused:?}");
    assert!(world.webhooks.store().all().await.unwrap().is_empty());
}

#[sqlx::test(migrations = "./migrations")]
async fn a_failed_registration_asks_for_nothing(pool: PgPool) {
    let world = World::new(pool).await;
    world
        .sim
        .world()
        .faults()
        .set(FaultRule::new(Effect::Status(500)).method("POST"));
    assert!(world.register("admin", ROW_ADDED).await.is_err());
    assert!(world.webhooks.store().all().await.unwrap().is_empty());
}

#[sqlx::test(migrations = "./migrations")]
async fn the_job_repairs_what_others_did_and_leaves_theirs_alone(pool: PgPool) {
    let world = World::new(pool).await;
    assert_eq!(
        world.webhooks.reconcile().await.unwrap(),
        Reconciled::NothingAsked
    );
    let first = world.register("admin", ROW_ADDED).await.unwrap();
    let all = world.standing().len();
    assert_eq!(world.webhooks.reconcile().await.unwrap(), Reconciled::Done(0));
    let sim = world.sim.world();
    let theirs = sim.add_webhook("admin", "https://other.example.org/hook", ROW_ADDED);
    sim.add_webhook("admin", URI, ROW_ADDED);
    sim.add_webhook(
        "admin",
        "https://mcp.example.org/api/v1/webhooks/callback",
        CREATED,
    );
    sim.remove_webhook(first);
    let Reconciled::Done(steps) = world.webhooks.reconcile().await.unwrap() else {
        panic!("the administrator's consent stands")
    };
    assert_eq!(steps, 4, "two leftovers away, the lost one forgotten and made");
    let standing = world.standing();
    assert_eq!(standing.len(), all + 1);
    assert!(
        standing.iter().any(|webhook| webhook["id"] == theirs),
        "another's"
    );
    assert_eq!(world.listed().await, [ROW_ADDED]);
    assert_eq!(
        world.webhooks.reconcile().await.unwrap(),
        Reconciled::Done(0),
        "settled"
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn another_consenting_administrator_adopts(pool: PgPool) {
    let world = World::new(pool).await;
    world.register("admin", ROW_ADDED).await.unwrap();
    world.end_consent("admin").await;
    assert_eq!(world.webhooks.reconcile().await.unwrap(), Reconciled::NoManager);
    let told = world.webhooks.store().all().await.unwrap();
    assert!(told.iter().all(|row| row.problem.is_some()), "the panel says so");
    world.consent("alice").await;
    assert_eq!(
        world.webhooks.reconcile().await.unwrap(),
        Reconciled::NoManager,
        "alice is no administrator"
    );
    world
        .sim
        .world()
        .add_user("root", "root", "root-pass-1", &["admin"]);
    world.consent("root").await;
    assert!(matches!(
        world.webhooks.reconcile().await.unwrap(),
        Reconciled::Done(_)
    ));
    let rows = world.webhooks.store().all().await.unwrap();
    assert!(
        rows.iter()
            .all(|row| row.owner.as_str() == "root" && row.problem.is_none())
    );
    assert!(world.standing().iter().all(|webhook| webhook["userId"] == "root"));
    assert_eq!(world.webhooks.reconcile().await.unwrap(), Reconciled::Done(0));
}

#[sqlx::test(migrations = "./migrations")]
async fn secrets_are_replaced_with_an_overlap(pool: PgPool) {
    let world = World::new(pool).await;
    let id = world.register("admin", ROW_ADDED).await.unwrap();
    let old = world.sim.world().webhook_authorization(id).unwrap();
    world.clock.advance(Duration::from_hours(31 * 24));
    world
        .sim
        .world()
        .faults()
        .set(FaultRule::new(Effect::Status(500)).method("POST").times(1));
    assert!(world.webhooks.reconcile().await.is_err());
    world.clock.advance(Duration::from_hours(48));
    assert!(world.accepts(&old).await, "good until Nextcloud has the new one");
    world.webhooks.reconcile().await.unwrap();
    let new = world.sim.world().webhook_authorization(id).unwrap();
    assert_ne!(new, old);
    assert!(world.accepts(&new).await && world.accepts(&old).await);
    world.clock.advance(Duration::from_hours(25));
    assert!(world.accepts(&new).await && !world.accepts(&old).await);
}
