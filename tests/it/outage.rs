//! A part is away: the process stays up, says which, and goes on by itself.

use crate::harness::{ALICE, BOB, PATIENCE, Setup, pause};
use nextcloud_sim::{Effect, FaultRule, Simulator};
use serde_json::Value;
use std::time::Instant;

/// Nextcloud away during a search: nothing unverified is shown, and the answer says so.
#[tokio::test(flavor = "multi_thread")]
async fn unverifiable_results_are_left_out_and_said() {
    let sim = Simulator::start().await;
    sim.world().put_file("alice", "/a.txt", b"quokka");
    let world = Setup::hybrid().start_with(sim).await;
    world.provision(ALICE).await;
    world
        .until_titles(Some(ALICE), "quokka", "indexed", |t| t == ["a.txt"])
        .await;
    world
        .sim
        .world()
        .faults()
        .set(FaultRule::new(Effect::Status(500)).method("SEARCH"));
    let answer = world.search(Some(ALICE), "quokka").await;
    assert_eq!(answer["results"], serde_json::json!([]));
    assert!(answer["degraded"].is_string(), "{answer}");
    world.sim.world().faults().clear_all();
    world
        .until_titles(Some(ALICE), "quokka", "found again", |t| t == ["a.txt"])
        .await;
}

/// Q05, Q19: a file that always fails becomes a dead letter with its reason; others flow; a new version revives it.
#[tokio::test(flavor = "multi_thread")]
async fn an_always_failing_document_does_not_stop_the_others() {
    let sim = Simulator::start().await;
    sim.world().put_file("alice", "/bad.txt", b"never readable");
    sim.world().put_file("alice", "/good.txt", b"always readable");
    sim.world().faults().set(
        FaultRule::new(Effect::Status(403))
            .method("GET")
            .path("/remote.php/dav/files/alice/bad.txt"),
    );
    let world = Setup::hybrid()
        .set("VECTOR_SYNC_MAX_INDEX_FAILURES", "1")
        .start_with(sim)
        .await;
    world.provision(ALICE).await;
    world
        .until_titles(Some(ALICE), "always", "the good one", |t| t == ["good.txt"])
        .await;
    world
        .until_status("the bad one is a dead letter", |s| s["dead_letters"] == 1)
        .await;
    let told = world
        .call_ok(Some(ALICE), "nc_get_vector_sync_status", serde_json::json!({}))
        .await;
    assert_eq!(told["dead_letter_documents"][0]["path"], "/bad.txt", "{told}");
    assert!(
        told["dead_letter_documents"][0]["reason"]
            .as_str()
            .is_some_and(|reason| !reason.is_empty()),
        "{told}"
    );
    world.sim.world().faults().clear_all();
    world
        .sim
        .world()
        .put_file("alice", "/bad.txt", b"readable at last");
    world
        .until_titles(Some(ALICE), "last", "revived", |t| t == ["bad.txt"])
        .await;
    world
        .until_status("no dead letter", |s| s["dead_letters"] == 0)
        .await;
}

/// Maintenance pauses the sync; it resumes by itself.
#[tokio::test(flavor = "multi_thread")]
async fn maintenance_passes() {
    let sim = Simulator::start().await;
    sim.world().put_file("alice", "/before.txt", b"ibis");
    let world = Setup::hybrid().start_with(sim).await;
    world.provision(ALICE).await;
    world
        .until_titles(Some(ALICE), "ibis", "indexed", |t| t.len() == 1)
        .await;
    world.sim.world().set_maintenance(true);
    world.sim.world().put_file("alice", "/during.txt", b"lapwing");
    let seen = world.sim.world().request_count();
    let deadline = Instant::now() + PATIENCE;
    while world.sim.world().request_count() < seen + 2 {
        assert!(Instant::now() < deadline, "no request during maintenance");
        pause().await;
    }
    let live = world.http.get(world.url("/health/live")).send().await.unwrap();
    assert_eq!(live.status(), 200);
    world.sim.world().set_maintenance(false);
    world
        .until_titles(Some(ALICE), "lapwing", "resumed", |t| t == ["during.txt"])
        .await;
    assert_eq!(
        world.sync_status().await["indexed_documents"],
        2,
        "nothing was removed"
    );
}

/// A disabled account is paused and resumes; the other user never notices.
#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_delays_nobody_else() {
    let sim = Simulator::start().await;
    sim.world().put_file("alice", "/a.txt", b"ibex");
    sim.world().put_file("bob", "/b.txt", b"ibex");
    sim.world().disable_user("alice");
    let world = Setup::hybrid().start_with(sim).await;
    world.provision(BOB).await;
    world
        .until_titles(Some(BOB), "ibex", "bob is served", |t| t == ["b.txt"])
        .await;
}

/// Q07: three documents are not behind a thousand.
#[tokio::test(flavor = "multi_thread")]
async fn a_small_user_is_not_behind_a_large_one() {
    let sim = Simulator::start().await;
    for number in 0..1_500 {
        sim.world()
            .put_file("alice", &format!("/bulk/{number}.txt"), b"bulk material");
    }
    for number in 0..3 {
        sim.world().put_file("bob", &format!("/{number}.txt"), b"narwhal");
    }
    let world = Setup::hybrid().start_with(sim).await;
    world.provision(ALICE).await;
    world
        .until_status("alice's queue stands", |s| {
            s["pending_documents"].as_i64() > Some(500)
        })
        .await;
    world.provision(BOB).await;
    world
        .until_titles(Some(BOB), "narwhal", "bob's three", |t| t.len() == 3)
        .await;
    let status: Value = world.sync_status().await;
    assert!(
        status["pending_documents"].as_i64() > Some(100),
        "alice was still waiting: {status}"
    );
}

/// Q03: `PostgreSQL` away and back: 503 that names it, then everything goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_database_is_named_and_comes_back() {
    let sim = Simulator::start().await;
    sim.world().put_file("alice", "/a.txt", b"heron");
    let world = Setup::hybrid().start_with(sim).await;
    world.provision(ALICE).await;
    world
        .until_titles(Some(ALICE), "heron", "indexed", |t| t.len() == 1)
        .await;

    world.cut_database().await;

    let deadline = Instant::now() + PATIENCE;
    loop {
        let ready = world.http.get(world.url("/health/ready")).send().await.unwrap();
        if ready.status() == 503 {
            assert!(ready.text().await.unwrap().contains("database"));
            break;
        }
        assert!(Instant::now() < deadline, "the outage was never noticed");
        pause().await;
    }
    assert_eq!(
        world
            .http
            .get(world.url("/health/live"))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );

    world.sim.world().put_file("alice", "/b.txt", b"egret");
    world.restore_database().await;
    world
        .until_titles(Some(ALICE), "egret", "work resumed", |t| t == ["b.txt"])
        .await;
}
