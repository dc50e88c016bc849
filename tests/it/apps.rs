//! Cards of Deck, rows of Tables and tagged files, from Nextcloud to the search's answer.

use crate::harness::{ALICE, Account, BOB, Setup, World};
use nextcloud_sim::{Effect, FaultRule, SharePermissions, Simulator};
use serde_json::Value;

const NOTHING: [&str; 0] = [];

/// Waits until exactly these titles are found, whatever their rank.
async fn until(world: &World, account: Account, query: &str, titles: &[&str]) {
    let what = format!("{query} finds {titles:?}");
    world
        .until_titles(Some(account), query, &what, |found| {
            let mut found = found.to_vec();
            found.sort();
            found == titles
        })
        .await;
}

async fn start(sim: Simulator) -> World {
    let world = Setup::hybrid().start_with(sim).await;
    world.provision(ALICE).await;
    world.provision(BOB).await;
    world
}

/// One search result.
async fn first(world: &World, account: Account, query: &str) -> Value {
    world.search(Some(account), query).await["results"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_found_shared_lost_and_deleted() {
    let sim = Simulator::start().await;
    let board = sim.world().add_board("alice", "Harbour");
    let stack = sim.world().add_stack(board, "To do");
    let card = sim
        .world()
        .add_card(stack, "Book the ferry", "Ask about the narwhal.");
    let world = start(sim).await;
    until(&world, ALICE, "narwhal", &["Book the ferry"]).await;
    let hit = first(&world, ALICE, "narwhal").await;
    assert_eq!(hit["doc_type"], "deck_card", "{hit}");
    assert_eq!(hit["id"], card, "{hit}");
    let link = format!("/index.php/apps/deck/board/{board}/card/{card}");
    assert!(
        hit["url"].as_str().is_some_and(|url| url.ends_with(&link)),
        "{hit}"
    );

    let cloud = world.sim.world();
    cloud.comment_card(card, "alice", "The walrus costs extra.");
    until(&world, ALICE, "walrus", &["Book the ferry"]).await;
    assert_eq!(world.titles(Some(BOB), "walrus").await, NOTHING);

    cloud.share_board(board, "bob");
    until(&world, BOB, "walrus", &["Book the ferry"]).await;
    let status = world.sync_status().await;
    assert_eq!(status["indexed_documents"], 1, "one document whoever reads it");

    // Taken back a moment ago: the search asks Nextcloud, whatever the index holds.
    cloud.unshare_board(board, "bob");
    assert_eq!(world.titles(Some(BOB), "walrus").await, NOTHING);
    assert_eq!(world.titles(Some(ALICE), "walrus").await, ["Book the ferry"]);

    cloud.delete_card(card);
    assert_eq!(world.titles(Some(ALICE), "walrus").await, NOTHING);
    world
        .until_status("the card is gone", |status| status["indexed_documents"] == 0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_found_shared_lost_and_deleted() {
    let sim = Simulator::start().await;
    let table = sim.world().add_table("alice", "Ships", &["Name", "Cargo"]);
    let row = sim.world().add_row(table, &["Aurora", "narwhal tusks"]);
    let world = start(sim).await;
    until(&world, ALICE, "narwhal", &["Aurora"]).await;
    let hit = first(&world, ALICE, "narwhal").await;
    assert_eq!(hit["doc_type"], "table_row", "{hit}");
    let link = format!("/index.php/apps/tables/#/table/{table}/row/{row}");
    assert!(
        hit["url"].as_str().is_some_and(|url| url.ends_with(&link)),
        "{hit}"
    );
    until(&world, ALICE, "cargo", &["Aurora"]).await;

    let cloud = world.sim.world();
    cloud.share_table(table, "bob");
    until(&world, BOB, "narwhal", &["Aurora"]).await;
    cloud.unshare_table(table, "bob");
    assert_eq!(world.titles(Some(BOB), "narwhal").await, NOTHING);

    cloud.delete_row(row);
    assert_eq!(world.titles(Some(ALICE), "narwhal").await, NOTHING);
    world
        .until_status("the row is gone", |status| status["indexed_documents"] == 0)
        .await;
}

/// An app that is missing or broken takes nothing else with it.
#[tokio::test(flavor = "multi_thread")]
async fn files_are_found_whatever_the_apps_do() {
    let sim = Simulator::start().await;
    sim.world().put_file("alice", "/a.txt", b"narwhal");
    let board = sim.world().add_board("alice", "Harbour");
    let stack = sim.world().add_stack(board, "To do");
    sim.world().add_card(stack, "Card", "narwhal");
    let world = start(sim).await;
    let both = |found: &[String]| found.len() == 2;
    world
        .until_titles(Some(ALICE), "narwhal", "both are found", both)
        .await;

    let cloud = world.sim.world();
    cloud
        .faults()
        .set(FaultRule::new(Effect::Status(500)).path("/index.php/apps/deck"));
    let answer = world.search(Some(ALICE), "narwhal").await;
    assert_eq!(answer["results"][0]["title"], "a.txt", "{answer}");
    assert_eq!(answer["results"].as_array().map(Vec::len), Some(1), "{answer}");
    assert!(answer["degraded"].is_string(), "{answer}");
    cloud.put_file("alice", "/b.txt", b"walrus");
    until(&world, ALICE, "walrus", &["b.txt"]).await;
    cloud.faults().clear_all();

    cloud.deck_app_enabled(false);
    until(&world, ALICE, "narwhal", &["a.txt"]).await;
    cloud.put_file("alice", "/c.txt", b"ibis");
    until(&world, ALICE, "ibis", &["c.txt"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_excluded_file_is_never_found() {
    let sim = Simulator::start().await;
    for (path, text) in [
        ("/a.txt", "narwhal one"),
        ("/Private/b.txt", "narwhal two"),
        ("/c.txt", "narwhal three"),
    ] {
        sim.world().put_file("alice", path, text);
    }
    // Both exist: a tag to be excluded that nobody can see fails the scan.
    sim.world().tag_file("alice", "/c.txt", "other");
    sim.world().tag_file("alice", "/Private", "secret");
    let world = Setup::hybrid()
        .set("EXCLUDED_TAGS", "other, secret")
        .start_with(sim)
        .await;
    world.provision(ALICE).await;
    until(&world, ALICE, "narwhal", &["a.txt"]).await;
    world.sim.world().tag_file("alice", "/a.txt", "secret");
    until(&world, ALICE, "narwhal", &[]).await;
    world
        .until_status("it left the index", |status| status["indexed_documents"] == 0)
        .await;
    world.sim.world().untag_file("alice", "/Private", "secret");
    until(&world, ALICE, "narwhal", &["b.txt"]).await;
}

/// bob has only a file below a folder that alice's tag excludes: he does not see the tag.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_below_an_excluded_folder_is_found_by_nobody_it_is_shared_with() {
    let sim = Simulator::start().await;
    sim.world().put_file("alice", "/Private/b.txt", b"narwhal two");
    sim.world().put_file("bob", "/c.txt", b"narwhal three");
    // The tag must exist.
    sim.world().tag_file("bob", "/c.txt", "secret");
    sim.world().untag_file("bob", "/c.txt", "secret");
    sim.world()
        .share("alice", "/Private/b.txt", "bob", SharePermissions::read_only());
    let world = Setup::hybrid()
        .set("EXCLUDED_TAGS", "secret")
        .start_with(sim)
        .await;
    world.provision(ALICE).await;
    world.provision(BOB).await;
    until(&world, BOB, "narwhal", &["b.txt", "c.txt"]).await;
    world.sim.world().tag_file("alice", "/Private", "secret");
    until(&world, BOB, "narwhal", &["c.txt"]).await;
    let named = world.titles(Some(BOB), "b.txt").await;
    assert!(!named.contains(&"b.txt".to_owned()), "{named:?}");
    world
        .until_status("it is counted as excluded", |status| {
            status["skipped"]["excluded"] == 1 && status["indexed_documents"] == 1
        })
        .await;
    world.sim.world().untag_file("alice", "/Private", "secret");
    until(&world, BOB, "narwhal", &["b.txt", "c.txt"]).await;
}
