//! The first background credential: an app password (management API §5).

use crate::harness::{ALICE, BOB, Setup, World};
use serde_json::{Value, json};
use sqlx::Row;

async fn post(world: &World, path_user: &str, user: &str, password: &str) -> (u16, Value) {
    let response = world
        .http
        .post(world.url(&format!("/api/v1/users/{path_user}/app-password")))
        .basic_auth(user, Some(password))
        .header("content-type", "application/json")
        .send()
        .await
        .unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// T01: both formats are stored encrypted; a second store of the same secret is another ciphertext.
#[tokio::test(flavor = "multi_thread")]
async fn both_formats_are_stored_as_ciphertext() {
    let world = Setup::hybrid().start().await;
    let mut ciphertexts = Vec::new();
    for password in [
        world.sim.world().app_password("alice"),
        world.sim.world().app_password_72("alice"),
    ] {
        for _ in 0..2 {
            let (status, body) = post(&world, "alice", "alice", &password).await;
            assert_eq!((status, &body["success"]), (200, &json!(true)), "{body}");
            let mut sql = world.sql().await;
            let row = sqlx::query("select login_name, password from app_passwords")
                .fetch_one(&mut sql)
                .await
                .unwrap();
            let stored: String = row.get("password");
            assert!(stored.starts_with("v1."), "{stored}");
            assert!(!stored.contains(&password));
            ciphertexts.push(stored);
        }
    }
    ciphertexts.sort();
    ciphertexts.dedup();
    assert_eq!(ciphertexts.len(), 4);

    let read: Value = world
        .http
        .get(world.url("/api/v1/users/alice/app-password"))
        .basic_auth("alice", Some(ALICE.password))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(read["has_app_password"], true, "{read}");
}

/// B01: the right name with a wrong password changes nothing. B02: another's path is 403, whoever it names.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_change_nothing() {
    let world = Setup::hybrid().start().await;
    let (status, _) = post(&world, "alice", "alice", "aaaaa-bbbbb-ccccc-ddddd-eeeee").await;
    assert_eq!(status, 401);
    let (status, _) = post(&world, "alice", "alice", "short").await;
    assert_eq!(status, 400);

    let alices = world.sim.world().app_password("alice");
    let (known_status, known) = post(&world, "bob", "alice", &alices).await;
    let (unknown_status, unknown) = post(&world, "nobody-here", "alice", &alices).await;
    assert_eq!((known_status, unknown_status), (403, 403));
    let body = |mut value: Value| {
        value.as_object_mut().unwrap().remove("request_id");
        value
    };
    assert_eq!(body(known), body(unknown), "nothing tells whether bob exists");

    let mut sql = world.sql().await;
    let stored: i64 = sqlx::query_scalar("select count(*) from app_passwords")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    assert_eq!(stored, 0);
}

/// Q13 for app passwords: taking it back removes credential and index entries.
#[tokio::test(flavor = "multi_thread")]
async fn deleting_it_purges_the_documents() {
    let world = Setup::hybrid().start().await;
    world.sim.world().put_note("alice", "Private", "", "marzipan");
    world.sim.world().put_note("bob", "His", "", "marzipan");
    world.provision(ALICE).await;
    world.provision(BOB).await;
    world
        .until_status("indexed", |s| s["indexed_documents"] == 2)
        .await;
    let response = world
        .http
        .delete(world.url("/api/v1/users/alice/app-password"))
        .basic_auth("alice", Some(ALICE.password))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    world
        .until_status("only bob's is left", |s| s["indexed_documents"] == 1)
        .await;
    let mut sql = world.sql().await;
    let users: Vec<String> = sqlx::query_scalar("select uid from users")
        .fetch_all(&mut sql)
        .await
        .unwrap();
    assert_eq!(users, ["bob"]);
}

/// Users come and go while the sync is off: nothing is left of a removal, and who came back is served by a later start
/// with the sync.
#[tokio::test(flavor = "multi_thread")]
async fn who_came_back_while_the_sync_was_off_stays_provisioned() {
    let mut world = Setup::hybrid().set("VECTOR_SYNC_ENABLED", "false").start().await;
    world.sim.world().put_file("alice", "/plan.txt", b"shoveler");
    let rows = "select (select count(*) from users) + (select count(*) from app_passwords)";
    world.provision(ALICE).await;
    world
        .call_ok(Some(ALICE), "revoke_nextcloud_access", json!({}))
        .await;
    world.provision(ALICE).await;
    let response = world
        .http
        .delete(world.url("/api/v1/users/alice/app-password"))
        .basic_auth("alice", Some(ALICE.password))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let left: i64 = sqlx::query_scalar(rows)
        .fetch_one(&mut world.sql().await)
        .await
        .unwrap();
    assert_eq!(left, 0, "a removal is finished without an engine");
    world.provision(ALICE).await;

    world.stop().await;
    for (name, value) in &mut world.env {
        if name == "VECTOR_SYNC_ENABLED" {
            *value = "true".to_owned();
        }
    }
    world.restart().await;
    world
        .until_titles(Some(ALICE), "shoveler", "synced after the start", |titles| {
            titles == ["plan.txt"]
        })
        .await;
    let stored: i64 = sqlx::query_scalar("select count(*) from app_passwords where uid = 'alice'")
        .fetch_one(&mut world.sql().await)
        .await
        .unwrap();
    assert_eq!(stored, 1);
}

/// The first 401 of a stored credential ends its use: no loop that locks everybody out.
#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_credential_is_used_once() {
    let world = Setup::hybrid().start().await;
    let password = world.sim.world().app_password("alice");
    assert_eq!(post(&world, "alice", "alice", &password).await.0, 200);
    world
        .until_status("scanned", |s| !s["last_sync_time"].is_null())
        .await;
    world.sim.world().revoke_app_password(&password);
    world.sim.world().put_file("alice", "/new.txt", b"new");
    let deadline = std::time::Instant::now() + crate::harness::PATIENCE;
    loop {
        let mut sql = world.sql().await;
        let stored: i64 = sqlx::query_scalar("select count(*) from app_passwords")
            .fetch_one(&mut sql)
            .await
            .unwrap();
        if stored == 0 {
            break;
        }
        assert!(
            std::time::Instant::now() < deadline,
            "the credential was never dropped"
        );
        crate::harness::pause().await;
    }
    assert_eq!(
        world.mcp(Some(ALICE), "tools/list", json!({})).await.0,
        200,
        "nobody is locked out"
    );
}
