//! Deliveries as Nextcloud sends them, up to whose scans are due.

mod recorded;
mod refusals;

use super::*;
use crate::clock::{Clock, ManualClock, SharedClock};
use crate::config::EncryptionConfig;
use crate::crypto::Keyring;
use crate::entropy::SystemEntropy;
use crate::ids::UserId;
use crate::sync::sources::SOURCES;
use crate::webhooks::{
    EventSelector, HintEffect, HintWaker, IngressParts, RegistrationId, RegistrationStore, WantedBy,
};
use async_trait::async_trait;
use axum::body::Body;
use chrono::{TimeZone, Utc};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sqlx::PgPool;
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
        Self::syncing(pool, SOURCES).await
    }

    /// One that syncs these sources.
    async fn syncing(pool: PgPool, sources: &'static [&'static str]) -> Self {
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
            sources,
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
        let scans = "insert into scans (uid, source, due_at)
                     select uid, source, 'infinity' from users, unnest($1::text[]) as s (source)";
        sqlx::query(scans)
            .bind(sources)
            .execute(&desk.pool)
            .await
            .unwrap();
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

    /// Follows every hint and tells whose scans of files are due; then none is any more.
    async fn woken(&self) -> Vec<String> {
        let scans = self.woken_scans().await;
        scans
            .into_iter()
            .filter_map(|(uid, source)| (source == "files").then_some(uid))
            .collect()
    }

    /// The same for all sources: user and source.
    async fn woken_scans(&self) -> Vec<(String, String)> {
        while self.effect.follow().await.unwrap() > 0 {}
        assert!(!self.effect.pending().await.unwrap());
        let now = self.clock.now();
        let woken = sqlx::query_as("select uid, source from scans where due_at <= $1 order by uid, source")
            .bind(now)
            .fetch_all(&self.pool)
            .await
            .unwrap();
        self.run("update scans set due_at = 'infinity', woken_for = null")
            .await;
        woken
    }
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
    let due = "select extract(epoch from due_at - completed_at)::bigint from scans where uid = 'bob' and source = 'files'";
    assert_eq!(desk.count(due).await, 30);
    assert_eq!(desk.woken().await, ["alice"]);
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
