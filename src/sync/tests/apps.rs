//! Cards of Deck and rows of Tables, over HTTP against the simulator.

use crate::sync::SyncError;
use crate::sync::test_support::Simulated;
use nextcloud_sim::{Effect, FaultRule};
use sqlx::PgPool;

const NOTHING: [String; 0] = [];

#[sqlx::test(migrations = "./migrations")]
async fn a_card_is_indexed_with_all_that_stands_on_it(pool: PgPool) {
    let world = Simulated::new(pool, &["deck"]).await;
    let cloud = world.sim.world();
    let board = cloud.add_board("alice", "Harbour");
    let stack = cloud.add_stack(board, "To do");
    let card = cloud.add_card(stack, "Book the ferry", "Two **cars**.");
    cloud.label_card(card, "To review");
    cloud.comment_card(card, "alice", "Which day?");
    cloud.comment_card(card, "bob", "Tuesday.");
    world.begin(&["alice"]).await;
    assert_eq!(world.seen_by("alice").await, ["/Harbour/To do/Book the ferry"]);
    let text = world.text("Book the ferry").await;
    for part in [
        "- Board: Harbour",
        "- List: To do",
        "- Labels: To review",
        "Two **cars**.",
        "Alice (2026-11-24): Which day?",
        "Bob (2026-11-24): Tuesday.",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }

    cloud.comment_card(card, "alice", "Wednesday is better.");
    world.later().await;
    assert!(
        world
            .text("Book the ferry")
            .await
            .contains("Wednesday is better.")
    );

    cloud.rename_board(board, "Port");
    world.later().await;
    assert_eq!(world.seen_by("alice").await, ["/Port/To do/Book the ferry"]);
    assert!(world.text("Book the ferry").await.contains("- Board: Port"));
}

#[sqlx::test(migrations = "./migrations")]
async fn an_unchanged_deck_costs_one_request_and_a_change_one_more(pool: PgPool) {
    let world = Simulated::new(pool, &["deck"]).await;
    let cloud = world.sim.world();
    let boards = [cloud.add_board("alice", "A"), cloud.add_board("alice", "B")];
    let stacks = boards.map(|board| cloud.add_stack(board, "S"));
    cloud.add_card(stacks[0], "One", "1");
    cloud.add_card(stacks[1], "Two", "2");
    world.begin(&["alice"]).await;
    world.asked();
    world.later().await;
    assert_eq!(world.asked(), ["/index.php/apps/deck/api/v1.0/boards"]);

    cloud.add_card(stacks[1], "Three", "3");
    cloud.advance_clock(10);
    world.clock.advance(std::time::Duration::from_secs(301));
    for outcome in world.scan().await {
        outcome.result.unwrap();
    }
    let stacks_asked: Vec<String> = world
        .asked()
        .into_iter()
        .filter(|path| path.ends_with("/stacks"))
        .collect();
    assert_eq!(
        stacks_asked,
        [format!(
            "/index.php/apps/deck/api/v1.0/boards/{}/stacks",
            boards[1]
        )]
    );
}

/// The `ETags` know seconds only: the second change of one second is seen all the same.
#[sqlx::test(migrations = "./migrations")]
async fn two_changes_of_one_second_are_both_seen(pool: PgPool) {
    let world = Simulated::new(pool, &["deck"]).await;
    let cloud = world.sim.world();
    let board = cloud.add_board("alice", "A");
    let stack = cloud.add_stack(board, "S");
    world.begin(&["alice"]).await;
    let card = cloud.add_card(stack, "One", "first");
    world.clock.advance(std::time::Duration::from_secs(301));
    for outcome in world.scan().await {
        outcome.result.unwrap();
    }
    cloud.describe_card(card, "second");
    world.later().await;
    assert!(world.text("One").await.contains("second"));
}

#[sqlx::test(migrations = "./migrations")]
async fn a_shared_board_is_one_document_per_card_and_ends_with_its_last_reader(pool: PgPool) {
    let world = Simulated::new(pool, &["deck"]).await;
    let cloud = world.sim.world();
    let board = cloud.add_board("alice", "Team");
    let stack = cloud.add_stack(board, "S");
    for number in 0..4 {
        cloud.add_card(stack, &format!("Card {number}"), "text");
    }
    cloud.share_board(board, "bob");
    world.begin(&["alice", "bob"]).await;
    assert_eq!(world.documents().await, 4);
    assert_eq!(world.seen_by("bob").await.len(), 4);

    cloud.unshare_board(board, "bob");
    world.later().await;
    world.later().await;
    assert_eq!(world.seen_by("bob").await, NOTHING);
    assert_eq!(world.seen_by("alice").await.len(), 4);

    cloud.archive_board(board, true);
    world.later().await;
    world.later().await;
    assert_eq!(world.documents().await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn cards_put_away_deleted_and_moved_are_followed(pool: PgPool) {
    let world = Simulated::new(pool, &["deck"]).await;
    let cloud = world.sim.world();
    let (shared, own) = (cloud.add_board("alice", "Team"), cloud.add_board("alice", "Own"));
    let (here, there) = (cloud.add_stack(shared, "S"), cloud.add_stack(own, "S"));
    let cards: Vec<i64> = ["a", "b", "c", "d"]
        .iter()
        .map(|title| cloud.add_card(here, title, "x"))
        .collect();
    cloud.share_board(shared, "bob");
    world.begin(&["alice", "bob"]).await;
    cloud.archive_card(cards[0]);
    cloud.delete_card(cards[1]);
    cloud.move_card(cards[2], there);
    world.later().await;
    world.later().await;
    assert_eq!(world.seen_by("alice").await, ["/Own/S/c", "/Team/S/d"]);
    assert_eq!(world.seen_by("bob").await, ["/Team/S/d"]);
    assert_eq!(world.documents().await, 2);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_missing_app_stops_nothing_and_a_broken_one_changes_nothing(pool: PgPool) {
    let world = Simulated::new(pool, &["files", "deck", "tables"]).await;
    let cloud = world.sim.world();
    cloud.put_file("alice", "/a.md", "text");
    let board = cloud.add_board("alice", "A");
    let stack = cloud.add_stack(board, "S");
    cloud.add_card(stack, "One", "1");
    world.begin(&["alice"]).await;
    assert_eq!(world.seen_by("alice").await, ["/A/S/One", "/a.md"]);

    // Broken: nothing is concluded, whatever it answers.
    for status in [404, 500] {
        cloud
            .faults()
            .set(FaultRule::new(Effect::Status(status)).path("/index.php/apps/deck"));
        world.clock.advance(std::time::Duration::from_hours(2));
        let outcomes = world.scan().await;
        let failed: Vec<&str> = outcomes
            .iter()
            .filter(|outcome| outcome.result.is_err())
            .map(|outcome| outcome.source)
            .collect();
        assert_eq!(failed, ["deck"], "{status}");
        cloud.faults().clear_all();
    }
    assert_eq!(world.seen_by("alice").await.len(), 2);

    // Switched off: gone once a second scan says so too.
    cloud.deck_app_enabled(false);
    cloud.put_file("alice", "/b.md", "more");
    world.clock.advance(std::time::Duration::from_hours(2));
    world.later().await;
    world.later().await;
    assert_eq!(world.seen_by("alice").await, ["/a.md", "/b.md"]);

    cloud.deck_app_enabled(true);
    world.later().await;
    assert_eq!(world.seen_by("alice").await, ["/A/S/One", "/a.md", "/b.md"]);
}

#[sqlx::test(migrations = "./migrations")]
async fn rows_follow_their_tables_columns_and_shares(pool: PgPool) {
    let world = Simulated::new(pool, &["tables"]).await;
    let cloud = world.sim.world();
    let table = cloud.add_table("alice", "Ships", &["Name", "Port"]);
    let rows: Vec<i64> = ["Aurora", "Boreas", "Ceto", "Doris"]
        .iter()
        .map(|name| cloud.add_row(table, &[*name, "Kiel"]))
        .collect();
    cloud.share_table(table, "bob");
    world.begin(&["alice", "bob"]).await;
    assert_eq!(world.documents().await, 4);
    let paths = ["/Ships/Aurora", "/Ships/Boreas", "/Ships/Ceto", "/Ships/Doris"];
    assert_eq!(world.seen_by("alice").await, paths);
    assert_eq!(world.seen_by("bob").await, paths);
    assert_eq!(
        world.text("Aurora").await,
        "Aurora\n\n- Table: Ships\n- Name: Aurora\n- Port: Kiel\n"
    );

    cloud.rename_column(table, "Port", "Home port");
    cloud.delete_row(rows[1]);
    world.later().await;
    assert!(world.text("Aurora").await.contains("- Home port: Kiel"));
    assert_eq!(world.documents().await, 3);

    cloud.unshare_table(table, "bob");
    world.later().await;
    world.later().await;
    assert_eq!(world.seen_by("bob").await, NOTHING);
    assert_eq!(world.seen_by("alice").await.len(), 3);
}

/// A lost table and an app switched off look alike (facts §8): an answer without reason is no reason to forget.
#[sqlx::test(migrations = "./migrations")]
async fn a_table_that_is_listed_and_answers_404_is_a_failure(pool: PgPool) {
    let world = Simulated::new(pool, &["tables"]).await;
    let cloud = world.sim.world();
    let table = cloud.add_table("alice", "Ships", &["Name"]);
    cloud.add_row(table, &["Aurora"]);
    world.begin(&["alice"]).await;
    cloud.faults().set(
        FaultRule::new(Effect::Status(404)).path(&format!("/index.php/apps/tables/api/1/tables/{table}/")),
    );
    world.clock.advance(std::time::Duration::from_secs(301));
    let outcomes = world.scan().await;
    assert!(matches!(outcomes[0].result, Err(SyncError::Nextcloud(_))));
    assert_eq!(world.seen_by("alice").await, ["/Ships/Aurora"]);
}
