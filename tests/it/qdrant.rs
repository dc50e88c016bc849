//! The index on a Qdrant server: a stand-in that fails the test when anything is read without a tenant filter.

use crate::harness::{ALICE, Account, BOB, PATIENCE, Setup, World, pause};
use crate::qdrant_stand_in::{API_KEY, Fault, StandIn};
use nextcloud_sim::Simulator;
use serde_json::json;
use std::time::{Duration, Instant};

/// How the names of collections begin by default.
const PREFIX: &str = "nextcloud-mcp-chunks-v";

fn on(stand_in: &StandIn, setup: Setup) -> Setup {
    setup
        .set("QDRANT_URL", &stand_in.url())
        .set("QDRANT_API_KEY", API_KEY)
}

/// Waits until the stand-in holds what is wanted.
async fn until_stored(stand_in: &StandIn, what: &str, holds: impl Fn(&[(String, usize)]) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds(&stand_in.collections()) {
        assert!(Instant::now() < deadline, "{what}: {:?}", stand_in.collections());
        pause().await;
    }
}

/// As `World::until_titles` by words, also while the search cannot answer.
async fn until_found(world: &World, account: Account, query: &str, wanted: &[&str]) {
    until_found_by(world, account, "bm25", query, wanted).await;
}

async fn until_found_by(world: &World, account: Account, algorithm: &str, query: &str, wanted: &[&str]) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = world
            .call(
                Some(account),
                "nc_semantic_search",
                json!({"query": query, "algorithm": algorithm}),
            )
            .await;
        let titles: Vec<&str> = answer["structuredContent"]["results"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|hit| hit["title"].as_str())
            .collect();
        if titles == wanted {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{query} never finds {wanted:?}: {answer}"
        );
        pause().await;
    }
}

/// Words and meaning, shares, and a collection that somebody removes.
#[tokio::test(flavor = "multi_thread")]
async fn the_whole_server_works_on_a_qdrant_server() {
    let stand_in = StandIn::start();
    let sim = Simulator::start().await;
    sim.world()
        .put_file("alice", "/Team/otter.md", b"Otters hold hands while they sleep.");
    sim.world()
        .put_file("bob", "/walrus.md", b"A walrus has long tusks.");
    let share = sim.world().share(
        "alice",
        "/Team",
        "bob",
        nextcloud_sim::SharePermissions::read_only(),
    );
    let setup = Setup::hybrid().set("EMBEDDING_PROVIDER", "embedded");
    let world = on(&stand_in, setup).start_with(sim).await;
    world.provision(ALICE).await;
    world.provision(BOB).await;
    until_found(&world, ALICE, "otters", &["otter.md"]).await;
    until_found(&world, BOB, "tusks", &["walrus.md"]).await;
    until_found(&world, BOB, "otters", &["otter.md"]).await;
    world
        .until_status("all is embedded", |status| status["indexed_documents"] == 2)
        .await;
    assert!(
        !world.data_dir().join("index").exists(),
        "nothing is kept in files"
    );
    let stored = stand_in.collections();
    assert!(
        matches!(&stored[..], [(name, 2)] if name.starts_with(PREFIX)),
        "{stored:?}"
    );

    let meaning = "animals that sleep";
    until_found_by(&world, ALICE, "semantic", meaning, &["otter.md"]).await;

    world.sim.world().unshare(share);
    until_found(&world, BOB, "otters", &[]).await;
    until_found_by(&world, BOB, "semantic", meaning, &["walrus.md"]).await;

    // Removed by an administrator: built anew from the database, vectors too.
    stand_in.lose(&stored[0].0);
    until_stored(&stand_in, "rebuilt", |now| now == stored).await;
    until_found(&world, ALICE, "otters", &["otter.md"]).await;
    until_found_by(&world, ALICE, "semantic", meaning, &["otter.md"]).await;
}

/// Fault case Q10: what is deleted and written while the server is away reaches it when it is back.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_forgotten_while_the_server_is_away() {
    let stand_in = StandIn::start();
    let sim = Simulator::start().await;
    sim.world().put_file("alice", "/old.md", b"The ibex climbs.");
    let world = on(&stand_in, Setup::hybrid()).start_with(sim).await;
    world.provision(ALICE).await;
    until_found(&world, ALICE, "ibex", &["old.md"]).await;

    // Small mishaps pass unnoticed.
    stand_in.inject("upsert", Fault::Cut, 1);
    stand_in.inject("query", Fault::Slow(Duration::from_millis(10)), 1);
    world
        .sim
        .world()
        .put_file("alice", "/old.md", b"The ibex and the chamois climb.");
    until_found(&world, ALICE, "chamois", &["old.md"]).await;
    assert!(stand_in.requests("upsert") >= 3 && stand_in.requests("query") >= 2);
    until_stored(&stand_in, "the old version is gone", |now| now[0].1 == 1).await;

    stand_in.inject("*", Fault::Unavailable, usize::MAX);
    world.sim.world().delete_path("alice", "/old.md");
    world
        .sim
        .world()
        .put_file("alice", "/new.md", b"The lapwing flies.");
    world
        .until_status("the deletion is noticed", |status| {
            status["indexed_documents"] == 0
        })
        .await;
    let mut sql = world.sql().await;
    let waiting: i64 = sqlx::query_scalar("select count(*) from index_tombstones")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    assert_eq!(waiting, 1, "the deletion waits for the server");
    assert_eq!(stand_in.collections()[0].1, 1);

    stand_in.heal();
    until_found(&world, ALICE, "lapwing", &["new.md"]).await;
    until_found(&world, ALICE, "ibex", &[]).await;
    until_stored(&stand_in, "one point, the new one's", |now| now[0].1 == 1).await;
}

/// A process that answers, one that works, and one that is started with another embedding (fault case Q12).
#[tokio::test(flavor = "multi_thread")]
async fn processes_share_the_index_and_never_mix_vectors() {
    let stand_in = StandIn::start();
    let sim = Simulator::start().await;
    sim.world().put_file("alice", "/otter.md", b"Otters hold hands.");
    let setup = on(&stand_in, Setup::hybrid()).set("MCP_ROLE", "api");
    let world = setup.start_with(sim).await;
    world.provision(ALICE).await;
    let early = world
        .call(Some(ALICE), "nc_semantic_search", json!({"query": "otters"}))
        .await;
    assert_eq!(early["isError"], true, "nobody has built an index yet: {early}");

    let worker = world.start_beside(&[("MCP_ROLE", "worker")]).await;
    until_found(&world, ALICE, "otters", &["otter.md"]).await;
    let there = |path: &str| format!("http://{}{path}", worker.address());
    let health = world.http.get(there("/health/live")).send().await.unwrap();
    let mcp = world.http.post(there("/mcp")).send().await.unwrap();
    assert_eq!((health.status().as_u16(), mcp.status().as_u16()), (200, 404));
    let old = stand_in.collections();
    assert!(matches!(&old[..], [(_, 1)]), "{old:?}");

    let other = world
        .start_beside(&[("MCP_ROLE", "worker"), ("EMBEDDING_PROVIDER", "embedded")])
        .await;
    until_stored(
        &stand_in,
        "the new collection alone",
        |now| matches!(now, [(name, 1)] if *name != old[0].0),
    )
    .await;
    // The processes with the former settings neither write nor answer from the wrong collection.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = world
            .call(Some(ALICE), "nc_semantic_search", json!({"query": "otters"}))
            .await;
        if answer["isError"] == true {
            break;
        }
        assert!(Instant::now() < deadline, "still answers: {answer}");
        pause().await;
    }
    other.stop().await;
    worker.stop().await;
    assert_eq!(stand_in.collections().len(), 1);
}

/// Leases belong to processes that may be alive: one that starts beside them leaves them alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_starts_leaves_the_leases_of_others() {
    let stand_in = StandIn::start();
    let sim = Simulator::start().await;
    sim.world().put_file("alice", "/otter.md", b"Otters hold hands.");
    let setup = on(&stand_in, Setup::hybrid()).set("MCP_ROLE", "api");
    let world = setup.start_with(sim).await;
    let mut sql = world.sql().await;
    sqlx::query(
        "insert into documents (family, native_id, etag, lease_until, lease_generation)
         values ('file', 'leased', 'e', now() + interval '1 h', 7)",
    )
    .execute(&mut sql)
    .await
    .unwrap();
    let worker = world.start_beside(&[("MCP_ROLE", "worker")]).await;
    world.provision(ALICE).await;
    until_found(&world, ALICE, "otters", &["otter.md"]).await;
    let lease: (bool, i64) = sqlx::query_as(
        "select lease_until is not null, lease_generation from documents where native_id = 'leased'",
    )
    .fetch_one(&mut sql)
    .await
    .unwrap();
    assert_eq!(lease, (true, 7));
    worker.stop().await;
}

/// The former collection is given up when it is certain that it is gone, not while nobody can tell.
#[tokio::test(flavor = "multi_thread")]
async fn a_former_collection_is_not_forgotten_while_the_server_is_away() {
    let stand_in = StandIn::start();
    let sim = Simulator::start().await;
    sim.world().put_file("alice", "/otter.md", b"Otters hold hands.");
    let setup = Setup::hybrid().set("EMBEDDING_PROVIDER", "embedded");
    let mut world = on(&stand_in, setup).start_with(sim).await;
    world.provision(ALICE).await;
    until_found(&world, ALICE, "otters", &["otter.md"]).await;
    world.stop().await;
    let mut sql = world.sql().await;
    sqlx::query(
        "insert into index_collections (name, embedding_identity, dimension, retired_at)
         select 'chunks-v2-former', embedding_identity, dimension, now() from index_collections",
    )
    .execute(&mut sql)
    .await
    .unwrap();
    stand_in.inject("*", Fault::Unavailable, usize::MAX);
    world.restart().await;
    let formers = "select count(*) from index_collections where retired_at is not null";
    let kept: i64 = sqlx::query_scalar(formers).fetch_one(&mut sql).await.unwrap();
    assert_eq!(kept, 1, "nobody knows yet whether it is there");

    stand_in.heal();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let kept: i64 = sqlx::query_scalar(formers).fetch_one(&mut sql).await.unwrap();
        if kept == 0 {
            break;
        }
        assert!(Instant::now() < deadline, "it is never given up");
        pause().await;
    }
    until_found(&world, ALICE, "otters", &["otter.md"]).await;
}
