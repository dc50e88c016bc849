//! What Nextcloud tells by itself reaches the index within seconds; what it told in vain, the next scan finds.

use crate::harness::{ALICE, PATIENCE, Setup, World, pause};
use nextcloud_mcp_server::clock::{Clock, SystemClock};
use nextcloud_mcp_server::config::EncryptionConfig;
use nextcloud_mcp_server::crypto::Keyring;
use nextcloud_mcp_server::entropy::SystemEntropy;
use nextcloud_mcp_server::ids::UserId;
use nextcloud_mcp_server::webhooks::{EventSelector, RegistrationStore, WantedBy};
use nextcloud_sim::Simulator;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
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

/// The bodies that were recorded (`webhook-deliveries`), in the order of their names.
fn recordings() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/webhook-deliveries");
    let mut all: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            let recording: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let name = path.file_stem()?.to_str()?.to_owned();
            let body = recording["request"]["body"].as_str()?.to_owned();
            (recording["request"]["method"] == "POST").then_some((name, body))
        })
        .collect();
    all.sort();
    all
}

/// A file at the recorded path, or in it when that is a folder.
fn file_at(path: &str) -> String {
    let is_folder = path.rsplit('/').next().is_some_and(|name| !name.contains('.'));
    if is_folder {
        format!("{path}/inside.txt")
    } else {
        path.to_owned()
    }
}

/// One event of each class as Nextcloud sent it. The change that it tells of is made first; scans run once a day, so
/// nothing but the delivery can bring it into the index soon.
#[tokio::test(flavor = "multi_thread")]
async fn what_each_recorded_event_tells_reaches_the_index() {
    let world = Setup::hybrid()
        .set("VECTOR_SYNC_SCAN_INTERVAL", "86400")
        .start()
        .await;
    let nextcloud = world.sim.world();
    nextcloud.put_file("alice", "/first.txt", b"avocet");
    world.provision(ALICE).await;
    world
        .until_titles(Some(ALICE), "avocet", "the first scan", |titles| {
            titles.len() == 1
        })
        .await;
    let header = registered(&world).await;
    let send = async |body: &str| {
        let request = world.http.post(world.url("/webhooks/nextcloud"));
        let request = request.header("authorization", &header).body(body.to_owned());
        assert_eq!(request.send().await.unwrap().status(), 202, "{body}");
    };
    let paths = async |bird: &str| -> Vec<String> {
        let found = world.search(Some(ALICE), bird).await;
        let rows = found["results"].as_array().unwrap().iter();
        rows.map(|row| row["path"].as_str().unwrap().to_owned()).collect()
    };
    let until = async |bird: &str, expected: &[&str], name: &str| {
        let begun = Instant::now();
        while paths(bird).await != expected {
            assert!(begun.elapsed() < PATIENCE, "{name}: {:?}", paths(bird).await);
            pause().await;
        }
        begun.elapsed()
    };
    let mut seen = BTreeSet::new();
    for (number, (name, body)) in (b'a'..).zip(recordings().into_iter().filter(|(_, body)| {
        let payload: Value = serde_json::from_str(body).unwrap();
        let class = payload["event"]["class"].as_str().unwrap();
        seen.insert(class.to_owned())
    })) {
        let payload: Value = serde_json::from_str(&body).unwrap();
        let event = &payload["event"];
        let class = event["class"].as_str().unwrap().rsplit('\\').next().unwrap();
        let bird = format!("grebe{}", char::from(number));
        let path = |node: &str| event[node]["path"].as_str()?.strip_prefix("/alice/files");
        let taken = match class {
            "NodeCreatedEvent" | "NodeWrittenEvent" | "NodeTouchedEvent" => {
                let file = file_at(path("node").unwrap());
                nextcloud.put_file("alice", &file, bird.as_bytes());
                send(&body).await;
                until(&bird, &[&file], &name).await
            }
            "NodeCopiedEvent" | "NodeRestoredEvent" => {
                let file = file_at(path("target").unwrap());
                nextcloud.put_file("alice", &file, bird.as_bytes());
                send(&body).await;
                until(&bird, &[&file], &name).await
            }
            "NodeRenamedEvent" => {
                let (from, to) = (path("source").unwrap(), path("target").unwrap());
                nextcloud.put_file("alice", &file_at(from), bird.as_bytes());
                send(&body).await;
                until(&bird, &[&file_at(from)], &name).await;
                let parent = to.rsplit_once('/').unwrap().0;
                if !parent.is_empty() {
                    nextcloud.mkdir("alice", parent);
                }
                nextcloud.move_path("alice", from, to);
                send(&body).await;
                until(&bird, &[&file_at(to)], &name).await
            }
            "BeforeNodeDeletedEvent" | "NodeDeletedEvent" => {
                let path = path("node").unwrap();
                nextcloud.put_file("alice", &file_at(path), bird.as_bytes());
                send(&body).await;
                until(&bird, &[&file_at(path)], &name).await;
                nextcloud.delete_path("alice", path);
                send(&body).await;
                until(&bird, &[], &name).await
            }
            "TagAssignedEvent" | "TagUnassignedEvent" => {
                let file = format!("/{class}.txt");
                nextcloud.put_file("alice", &file, bird.as_bytes());
                send(&body).await;
                until(&bird, &[&file], &name).await
            }
            // Other sources: see `recorded_deliveries_of_apps_wake_their_source`.
            _ => {
                send(&body).await;
                continue;
            }
        };
        assert!(taken < SOON, "{name}: {taken:?}");
    }
    assert!(seen.len() >= 19, "{seen:?}");
}

/// Scans that find what nothing announced say so, with what to type; the first delivery ends it.
#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_stay_silent_are_told() {
    let world = Setup::hybrid().start().await;
    let nextcloud = world.sim.world();
    nextcloud.put_file("alice", "/a.txt", b"avocet");
    world.provision(ALICE).await;
    world
        .until_titles(Some(ALICE), "avocet", "the first scan", |titles| {
            titles.len() == 1
        })
        .await;
    let header = registered(&world).await;
    let mut database = world.sql().await;
    let found = "select count(*) from unannounced_changes where doc_type = 'file'";
    let begun = Instant::now();
    let mut number = 0;
    while sqlx::query_scalar::<_, i64>(found)
        .fetch_one(&mut database)
        .await
        .unwrap()
        == 0
    {
        assert!(begun.elapsed() < PATIENCE, "no scan noted what it found");
        number += 1;
        nextcloud.put_file("alice", "/a.txt", format!("avocet {number}"));
        for _ in 0..20 {
            pause().await;
        }
    }
    // As if that had been an hour ago.
    sqlx::raw_sql(
        "update unannounced_changes set first_found_at = first_found_at - interval '1 hour';
         update webhook_registrations set state = 'active', nextcloud_id = 1 where wanted_by = 'user'",
    )
    .execute(&mut database)
    .await
    .unwrap();
    let status = async || -> Value {
        let answer = world.http.get(world.url("/api/v1/status")).send().await.unwrap();
        answer.json().await.unwrap()
    };
    let until = async |silent: Value| {
        let begun = Instant::now();
        while status().await["webhooks"]["silent"] != silent {
            assert!(begun.elapsed() < PATIENCE, "{}", status().await);
            pause().await;
        }
    };
    until(json!(["file"])).await;
    let told = status().await;
    assert!(
        told["webhooks"]["advice"]
            .as_str()
            .unwrap()
            .contains("occ background-job:worker"),
        "{told}"
    );
    assert!(!told.to_string().contains("alice"), "C04: {told}");
    assert_eq!(deliver(&world, &header, WRITTEN, "/alice/files/a.txt").await, 202);
    until(json!([])).await;
}
