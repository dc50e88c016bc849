//! What Nextcloud tells by itself reaches the index within seconds; what it told in vain, the next scan finds.

use crate::harness::{ALICE, Setup, World};
use nextcloud_mcp_server::clock::{Clock, SystemClock};
use nextcloud_mcp_server::config::EncryptionConfig;
use nextcloud_mcp_server::crypto::Keyring;
use nextcloud_mcp_server::entropy::SystemEntropy;
use nextcloud_mcp_server::ids::UserId;
use nextcloud_mcp_server::webhooks::{EventSelector, RegistrationStore, WantedBy};
use nextcloud_sim::Simulator;
use secrecy::ExposeSecret;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// From the arrival of an event until its change is found by a word.
const SOON: Duration = Duration::from_secs(5);
const WRITTEN: &str = "OCP\\Files\\Events\\Node\\NodeWrittenEvent";
const DELETED: &str = "OCP\\Files\\Events\\Node\\NodeDeletedEvent";

/// Registers a webhook in the server's database; returns the header that Nextcloud would send.
async fn registered(world: &World) -> String {
    let pool = sqlx::PgPool::connect(&world.database).await.unwrap();
    let entropy = Arc::new(SystemEntropy);
    // The bytes of the key that the setup configures.
    let key: Vec<u8> = (0..32).collect();
    let encryption = EncryptionConfig {
        current: Zeroizing::new(key.try_into().unwrap()),
        previous: None,
    };
    let store = RegistrationStore::new(pool, Keyring::new(&encryption, entropy.clone()), entropy);
    let selector = EventSelector::new(WRITTEN, None).unwrap();
    let registration = store
        .want(
            &UserId::new("admin"),
            &selector,
            WantedBy::User,
            SystemClock.now(),
        )
        .await
        .unwrap();
    let secret = store.secret(&registration.id).await.unwrap().unwrap();
    secret.header(&registration.id).expose_secret().to_owned()
}

async fn deliver(world: &World, header: &str, class: &str, path: &str) -> u16 {
    let body = json!({
        "event": {"node": {"path": path}, "class": class},
        "user": {"uid": "alice", "displayName": "Alice"}, "time": 1, "authentication": [],
    });
    let request = world.http.post(world.url("/webhooks/nextcloud"));
    let request = request.header("authorization", header).body(body.to_string());
    request.send().await.unwrap().status().as_u16()
}

/// Scans run once a day; a delivery brings the next one forward. A folder's deletion is one event.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_makes_its_change_searchable_within_seconds() {
    let sim = Simulator::start().await;
    sim.world()
        .put_file("alice", "/Boats/ferry.md", b"The ferry leaves at noon.");
    let world = Setup::hybrid()
        .set("VECTOR_SYNC_SCAN_INTERVAL", "86400")
        .start_with(sim)
        .await;
    world.provision(ALICE).await;
    world
        .until_titles(Some(ALICE), "ferry", "the first scan", |t| t == ["ferry.md"])
        .await;
    let header = registered(&world).await;

    world
        .sim
        .world()
        .put_file("alice", "/Boats/barge.md", b"The barge is slow.");
    let arrived = Instant::now();
    for _ in 0..100 {
        assert_eq!(
            deliver(&world, &header, WRITTEN, "/alice/files/Boats/barge.md").await,
            202
        );
    }
    world
        .until_titles(Some(ALICE), "barge", "the new file", |t| t == ["barge.md"])
        .await;
    assert!(arrived.elapsed() < SOON, "{:?}", arrived.elapsed());

    world.sim.world().delete_path("alice", "/Boats");
    let arrived = Instant::now();
    assert_eq!(deliver(&world, &header, DELETED, "/alice/files/Boats").await, 202);
    world
        .until_status("both files left the index", |s| s["indexed_documents"] == 0)
        .await;
    assert!(arrived.elapsed() < SOON, "{:?}", arrived.elapsed());
}

/// W06: nothing is acknowledged that is not kept, and nothing is lost by it.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_nothing_is_acknowledged_and_the_next_scan_finds_it() {
    let sim = Simulator::start().await;
    sim.world().put_file("alice", "/a.txt", b"heron");
    let world = Setup::hybrid()
        .set("VECTOR_SYNC_SCAN_INTERVAL", "3")
        .start_with(sim)
        .await;
    world.provision(ALICE).await;
    world
        .until_titles(Some(ALICE), "heron", "indexed", |t| t == ["a.txt"])
        .await;
    let header = registered(&world).await;
    assert_eq!(deliver(&world, &header, WRITTEN, "/alice/files/a.txt").await, 202);

    world.cut_database().await;
    world.sim.world().put_file("alice", "/b.txt", b"egret");
    let asked = Instant::now();
    assert_eq!(deliver(&world, &header, WRITTEN, "/alice/files/b.txt").await, 503);
    assert!(asked.elapsed() < Duration::from_secs(15), "{:?}", asked.elapsed());
    world.restore_database().await;
    world
        .until_titles(Some(ALICE), "egret", "the next scan", |t| t == ["b.txt"])
        .await;
}
