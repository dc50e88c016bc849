//! Deliveries as Nextcloud sends them, up to whose scans are due.

use super::*;
use crate::clock::{Clock, ManualClock, SharedClock};
use crate::config::EncryptionConfig;
use crate::crypto::Keyring;
use crate::entropy::SystemEntropy;
use crate::ids::UserId;
use crate::webhooks::{
    EventSelector, HintEffect, HintWaker, IngressParts, RegistrationId, RegistrationStore, WantedBy,
};
use async_trait::async_trait;
use axum::body::Body;
use chrono::{TimeZone, Utc};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use metrics_exporter_prometheus::PrometheusBuilder;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;
use zeroize::Zeroizing;

const WRITTEN: &str = "OCP\\Files\\Events\\Node\\NodeWrittenEvent";
const DELETED: &str = "OCP\\Files\\Events\\Node\\NodeDeletedEvent";

struct Nobody;

#[async_trait]
impl HintWaker for Nobody {
    async fn wake(&self) {}
}

/// The routes over a real database in which alice, bob and carol are synced and no scan is due.
struct Desk {
    pool: PgPool,
    clock: Arc<ManualClock>,
    store: RegistrationStore,
    id: RegistrationId,
    header: String,
    router: Router,
    effect: HintEffect,
}

impl Desk {
    async fn new(pool: PgPool) -> Self {
        let clock = ManualClock::at(Utc.with_ymd_and_hms(2026, 5, 1, 12, 0, 0).unwrap());
        let shared: SharedClock = clock.clone();
        let encryption = EncryptionConfig {
            current: Zeroizing::new([7; 32]),
            previous: None,
        };
        let entropy = Arc::new(SystemEntropy);
        let keyring = Keyring::new(&encryption, entropy.clone());
        let store = RegistrationStore::new(pool.clone(), keyring, entropy);
        let selector = EventSelector::new(WRITTEN, None).unwrap();
        let registration = store
            .want(&UserId::new("admin"), &selector, WantedBy::User, shared.now())
            .await
            .unwrap();
        let (ingress, writer) = Ingress::new(IngressParts {
            registrations: store.clone(),
            pool: pool.clone(),
            waker: Arc::new(Nobody),
            clock: shared.clone(),
        });
        tokio::spawn(writer.run());
        let mut desk = Self {
            effect: HintEffect::new(pool.clone(), shared),
            router: routes(ingress),
            header: String::new(),
            id: registration.id,
            store,
            clock,
            pool,
        };
        desk.header = desk.current_header().await;
        desk.run("insert into users (uid) values ('alice'), ('bob'), ('carol')")
            .await;
        desk.run("insert into scans (uid, source, due_at) select uid, 'files', 'infinity' from users")
            .await;
        desk
    }

    async fn run(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&self.pool).await.unwrap();
    }

    async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }

    async fn current_header(&self) -> String {
        let secret = self.store.secret(&self.id).await.unwrap().unwrap();
        secret.header(&self.id).expose_secret().to_owned()
    }

    /// A document that `readers` see at these paths.
    async fn document(&self, native_id: &str, readers: &[(&str, &str)]) {
        let id: i64 = sqlx::query_scalar(
            "insert into documents (family, native_id, etag) values ('file', $1, 'e') returning id",
        )
        .bind(native_id)
        .fetch_one(&self.pool)
        .await
        .unwrap();
        for (uid, path) in readers {
            sqlx::query(
                "insert into document_readers (document_id, uid, doc_type, path, title, seen_scan)
                 values ($1, $2, 'file', $3, 't', 1)",
            )
            .bind(id)
            .bind(uid)
            .bind(path)
            .execute(&self.pool)
            .await
            .unwrap();
        }
    }

    async fn send(&self, authorization: Option<&str>, body: impl Into<Body>) -> StatusCode {
        let mut request = Request::post("/webhooks/nextcloud").body(body.into()).unwrap();
        if let Some(value) = authorization {
            let value = HeaderValue::from_str(value).unwrap();
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        self.router.clone().oneshot(request).await.unwrap().status()
    }

    async fn deliver(&self, body: &str) -> (StatusCode, Value) {
        let request = Request::post("/api/v1/webhooks/callback")
            .header(AUTHORIZATION, &self.header)
            .body(Body::from(body.to_owned()))
            .unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX)
            .await
            .unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// Delivers an event of one node; it must be taken.
    async fn node(&self, class: &str, id: Option<i64>, path: &str) {
        let mut node = json!({"path": path});
        if let Some(id) = id {
            node["id"] = json!(id);
        }
        let body =
            json!({"event": {"node": node, "class": class}, "user": null, "time": 1, "authentication": []});
        let (status, answer) = self.deliver(&body.to_string()).await;
        assert_eq!(
            (status, answer),
            (StatusCode::ACCEPTED, json!({"status": "accepted"}))
        );
    }

    /// Follows every hint and tells whose scans are due; then none is any more.
    async fn woken(&self) -> Vec<String> {
        while self.effect.follow().await.unwrap() > 0 {}
        assert!(!self.effect.pending().await.unwrap());
        let now = self.clock.now();
        let woken = sqlx::query_scalar("select uid from scans where due_at <= $1 order by uid")
            .bind(now)
            .fetch_all(&self.pool)
            .await
            .unwrap();
        self.run("update scans set due_at = 'infinity', woken_for = null")
            .await;
        woken
    }
}

/// The bodies that Nextcloud 34 sent (recordings `webhook-deliveries`): files wake the user in whose view they stand,
/// tags the actor, and everything else nobody.
#[sqlx::test(migrations = "./migrations")]
async fn recorded_deliveries_wake_whom_they_concern(pool: PgPool) {
    let desk = Desk::new(pool).await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/webhook-deliveries");
    let (mut accepted, mut ignored) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let recording: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let request = &recording["request"];
        if request["method"] != "POST" {
            continue;
        }
        let body = request["body"].as_str().unwrap();
        let payload: Value = serde_json::from_str(body).unwrap();
        let class = payload["event"]["class"].as_str().unwrap();
        let (status, answer) = desk.deliver(body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{path:?}");
        let expected: Vec<&str> = if class.contains("\\Node") || class.contains("BeforeNode") {
            let view = ["node", "source", "target"].into_iter();
            let mut views: Vec<_> = view
                .filter_map(|node| payload["event"][node]["path"].as_str()?.split('/').nth(1))
                .collect();
            views.sort_unstable();
            views.dedup();
            views
        } else if class.contains("SystemTag") {
            vec!["alice"]
        } else {
            assert_eq!(answer, json!({"status": "ignored", "reason": "not_indexed"}));
            ignored += 1;
            assert!(desk.woken().await.is_empty());
            continue;
        };
        accepted += 1;
        assert_eq!(answer, json!({"status": "accepted"}), "{path:?}");
        assert_eq!(desk.woken().await, expected, "{path:?}");
    }
    assert!(accepted > 60 && ignored == 11, "{accepted} {ignored}");
    let counted = desk.count("select deliveries from webhook_registrations").await;
    assert_eq!(counted, accepted + ignored);
}

#[sqlx::test(migrations = "./migrations")]
async fn everybody_who_may_see_the_change_is_woken(pool: PgPool) {
    let desk = Desk::new(pool).await;
    desk.document("1", &[("alice", "/Team/s.txt"), ("bob", "/shared/s.txt")])
        .await;
    desk.document("2", &[("carol", "/own.txt"), ("alice", "/from-carol.txt")])
        .await;
    // Bob writes into alice's share: by the id, and by what stands beside a new file.
    desk.node(WRITTEN, Some(1), "/bob/files/shared/s.txt").await;
    assert_eq!(desk.woken().await, ["alice", "bob"]);
    desk.node(WRITTEN, Some(99), "/bob/files/shared/new.txt").await;
    assert_eq!(desk.woken().await, ["alice", "bob"]);
    // One event for a folder, none for what is in it, and no id.
    desk.node(DELETED, None, "/alice/files/Team").await;
    assert_eq!(desk.woken().await, ["alice", "bob"]);
    // A name that only begins alike is another one; carol is found by the id of a file that somebody unknown touched.
    desk.node(WRITTEN, None, "/alice/files/Tea").await;
    assert_eq!(desk.woken().await, ["alice"]);
    desk.node(WRITTEN, Some(2), "/stranger/files/x/from-carol.txt")
        .await;
    assert_eq!(desk.woken().await, ["alice", "carol"]);
}

/// The first change wakes other readers at once; the next ones within a while are looked at together.
#[sqlx::test(migrations = "./migrations")]
async fn other_readers_are_not_scanned_at_every_change(pool: PgPool) {
    let desk = Desk::new(pool).await;
    desk.document("1", &[("alice", "/Team/s.txt"), ("bob", "/shared/s.txt")])
        .await;
    desk.node(WRITTEN, Some(1), "/alice/files/Team/s.txt").await;
    assert_eq!(desk.woken().await, ["alice", "bob"]);
    sqlx::query("update scans set completed_at = $1")
        .bind(desk.clock.now())
        .execute(&desk.pool)
        .await
        .unwrap();
    desk.node(WRITTEN, Some(1), "/alice/files/Team/s.txt").await;
    while desk.effect.follow().await.unwrap() > 0 {}
    let due = "select extract(epoch from due_at - completed_at)::bigint from scans where uid = 'bob'";
    assert_eq!(desk.count(due).await, 30);
    assert_eq!(desk.woken().await, ["alice"]);
}

/// W01.
#[sqlx::test(migrations = "./migrations")]
async fn without_a_valid_secret_nothing_happens(pool: PgPool) {
    let desk = Desk::new(pool).await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let guard = metrics::set_default_local_recorder(&recorder);
    let body = json!({"event": {"node": {"id": 1, "path": "/alice/files/a"}, "class": WRITTEN}}).to_string();
    let (id, good) = (desk.id.as_str(), desk.header.clone());
    let mut other = good.clone();
    other.replace_range(other.len() - 2.., "--");
    let headers = [
        None,
        Some(String::new()),
        Some(other),
        Some(format!("{good}x")),
        Some(good[..good.len() - 1].to_owned()),
        Some(format!("Bearer {id}.")),
        Some(format!("Bearer {id}")),
        Some(format!("Bearer {id}.{}", "x".repeat(20_000))),
        Some(good.replace(id, "another")),
        Some(good.replace("Bearer", "Basic")),
    ];
    for (number, header) in (1..).zip(&headers) {
        assert_eq!(
            desk.send(header.as_deref(), body.clone()).await,
            StatusCode::UNAUTHORIZED
        );
        let line = format!("ncmcp_webhook_deliveries_total{{outcome=\"rejected\"}} {number}");
        assert!(recorder.handle().render().contains(&line), "{line}");
    }
    drop(guard);
    assert_eq!(desk.count("select count(*) from webhook_hints").await, 0);
    assert_eq!(
        desk.count("select deliveries from webhook_registrations").await,
        0
    );
    assert_eq!(desk.send(Some(&good), body).await, StatusCode::ACCEPTED);
}

/// While a secret is replaced, the one before it counts too.
#[sqlx::test(migrations = "./migrations")]
async fn the_previous_secret_counts_during_the_overlap(pool: PgPool) {
    let desk = Desk::new(pool).await;
    let now = desk.clock.now();
    desk.run("update webhook_registrations set state = 'active'")
        .await;
    assert_eq!(
        desk.store
            .rotate(now + Duration::from_secs(1), now)
            .await
            .unwrap(),
        1
    );
    let new = desk.current_header().await;
    assert_ne!(new, desk.header);
    for header in [&desk.header, &new] {
        assert_eq!(desk.send(Some(header), "{}").await, StatusCode::ACCEPTED);
    }
}

/// W02: a hundred events about one document are one row; each is counted.
#[sqlx::test(migrations = "./migrations")]
async fn duplicates_are_one_row(pool: PgPool) {
    let desk = Desk::new(pool).await;
    let body = json!({"event": {"node": {"id": 1, "path": "/alice/files/a"}, "class": WRITTEN}}).to_string();
    let deliveries = (0..100).map(|_| desk.send(Some(&desk.header), body.clone()));
    let answers = futures::future::join_all(deliveries).await;
    assert!(answers.iter().all(|status| *status == StatusCode::ACCEPTED));
    assert_eq!(desk.count("select count(*) from webhook_hints").await, 1);
    assert_eq!(
        desk.count("select deliveries from webhook_registrations").await,
        100
    );
    assert_eq!(desk.woken().await, ["alice"]);
}

/// W04: a user without consent, an unknown class, an unknown source: taken, without effect.
#[sqlx::test(migrations = "./migrations")]
async fn what_concerns_nobody_is_ignored(pool: PgPool) {
    let desk = Desk::new(pool).await;
    let stranger = json!({"event": {"node": {"path": "/dave/files/a"}, "class": WRITTEN}});
    let class = json!({"event": {"class": "OCP\\Some\\NewEvent", "node": {"path": "/alice/files/a"}}});
    let deck = json!({"event": {"class": "OCA\\Deck\\Event\\CardCreatedEvent", "card": {"id": 1}}});
    let tag = json!({"event": {"class": "OCP\\SystemTag\\TagAssignedEvent", "objectType": "boats", "objectIds": ["1"]}});
    for (body, reason) in [
        (stranger, "not_synced"),
        (class, "unknown_event"),
        (deck, "not_indexed"),
        (tag, "not_indexed"),
    ] {
        let (status, answer) = desk.deliver(&body.to_string()).await;
        assert_eq!(status, StatusCode::ACCEPTED);
        assert_eq!(answer, json!({"status": "ignored", "reason": reason}));
    }
    assert_eq!(desk.count("select count(*) from webhook_hints").await, 0);
    assert!(desk.woken().await.is_empty());
}

/// W05.
#[sqlx::test(migrations = "./migrations")]
async fn bodies_that_are_no_deliveries_are_refused(pool: PgPool) {
    let desk = Desk::new(pool).await;
    let header = Some(desk.header.as_str());
    let deep = format!("{{\"event\":{}", "[".repeat(500_000));
    for (body, status) in [
        (" ".repeat(10 * 1024 * 1024), StatusCode::PAYLOAD_TOO_LARGE),
        (" ".repeat(1024 * 1024 + 1), StatusCode::PAYLOAD_TOO_LARGE),
        (deep, StatusCode::BAD_REQUEST),
        ("{".to_owned(), StatusCode::BAD_REQUEST),
        ("[]".to_owned(), StatusCode::BAD_REQUEST),
        (String::new(), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(desk.send(header, body).await, status);
    }
    for content_type in [
        None,
        Some("application/json"),
        Some("text/plain"),
        Some("nonsense"),
    ] {
        let mut request = Request::post("/webhooks/nextcloud").header(AUTHORIZATION, &desk.header);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let answer = desk
            .router
            .clone()
            .oneshot(request.body(Body::from("{}")).unwrap());
        assert_eq!(answer.await.unwrap().status(), StatusCode::ACCEPTED);
    }
}

/// W08: a path can name a user whose scan runs, and nothing else.
#[sqlx::test(migrations = "./migrations")]
async fn forged_paths_are_harmless(pool: PgPool) {
    let desk = Desk::new(pool).await;
    desk.document("1", &[("bob", "/secret.md")]).await;
    for path in [
        "../../bob/secret.md",
        "/alice/files/../../bob/files/secret.md",
        "/alice/files/%2e%2e%2f%2e%2e%2fbob%2fsecret.md",
        "/alice/files/%'; drop table users; --",
        "/alice/files/\u{0}",
    ] {
        let body = json!({"event": {"node": {"path": path}, "class": WRITTEN}});
        let (status, _) = desk.deliver(&body.to_string()).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{path:?}");
        let woken = desk.woken().await;
        assert!(woken.iter().all(|user| user == "alice"), "{path:?}: {woken:?}");
    }
    assert_eq!(desk.count("select count(*) from documents").await, 1);
    assert_eq!(desk.count("select count(*) from users").await, 3);
}
