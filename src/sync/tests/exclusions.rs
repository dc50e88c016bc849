//! `EXCLUDED_TAGS` on a folder and readers who do not see that folder, over HTTP against the simulator.

use crate::clock::Clock as _;
use crate::config::{FileSelection, TagRules};
use crate::ids::UserId;
use crate::sync::claim::{self, Phase};
use crate::sync::test_support::Simulated;
use crate::sync::{Purge, SyncError, SyncStatusService, publish, unannounced_changes};
use chrono::{DateTime, Utc};
use nextcloud_sim::{Effect, FaultRule, SharePermissions};
use sqlx::PgPool;
use std::time::Duration;

const NOTHING: [String; 0] = [];

/// A file of alice's with which bob has nothing but a share of it, so that he does not see its folder.
async fn world(pool: PgPool) -> Simulated {
    let rules = TagRules {
        selection: FileSelection::All,
        excluded: vec!["secret".to_owned()],
    };
    let world = Simulated::tagged(pool, &["files"], rules).await;
    let cloud = world.sim.world();
    cloud.put_file("alice", "/Plans/x.md", "plans of hers");
    cloud.put_file("alice", "/free.md", "free for all");
    cloud.share("alice", "/Plans/x.md", "bob", SharePermissions::all());
    cloud.tag_file("alice", "/Plans", "secret");
    world
}

async fn join(world: &Simulated, user: &str) {
    world.engine.enqueue_user(&UserId::new(user)).await.unwrap();
    world.later().await;
}

/// bob finds nothing, and nothing of the file is stored anywhere.
async fn assert_out(world: &Simulated, why: &str) {
    assert_eq!(world.seen_by("bob").await, NOTHING, "{why}");
    let states: Vec<(String, Option<String>)> = sqlx::query_as(
        "select d.state, d.reason from documents d join document_readers r on r.document_id = d.id where r.uid = 'bob'",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert_eq!(
        states,
        [("skipped".to_owned(), Some("excluded".to_owned()))],
        "{why}"
    );
    let texts: Vec<String> = sqlx::query_scalar("select text from document_texts")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert!(
        texts.iter().all(|text| text == "free for all"),
        "{why}: {texts:?}"
    );
    let chunks: Vec<i64> = sqlx::query_scalar(
        "select c.id from chunks c join documents d on d.id = c.document_id
         and d.visible_generation = c.generation order by c.id",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    let points: Vec<i64> = world.index.contents().into_iter().map(|point| point.0).collect();
    assert_eq!(points, chunks, "{why}: no point is left behind");
}

fn was_fetched(world: &Simulated) -> bool {
    let asked = world.sim.world().requests();
    asked
        .iter()
        .any(|request| request.method == "GET" && request.path.ends_with("/x.md"))
}

#[sqlx::test(migrations = "./migrations")]
async fn a_file_below_an_excluded_folder_is_not_indexed_for_who_sees_only_the_file(pool: PgPool) {
    let world = world(pool).await;
    world.begin(&["alice"]).await;
    join(&world, "bob").await;
    assert_out(&world, "alice's scan came first").await;
    assert_eq!(world.seen_by("alice").await, ["/free.md"]);

    let cloud = world.sim.world();
    cloud.put_file("alice", "/Plans/x.md", "other plans");
    world.later().await;
    assert_out(&world, "it changed").await;
    cloud.put_file("bob", "/x.md", "plans of his");
    cloud.put_file("alice", "/free.md", "free for all");
    world.later().await;
    assert_out(&world, "the scans were pruned").await;
    world.clock.advance(Duration::from_hours(24));
    world.later().await;
    assert_out(&world, "the scans listed everything").await;
    assert!(!was_fetched(&world), "its content was never asked for");

    let bob = UserId::new("bob");
    let status = SyncStatusService::new(world.pool.clone(), world.clock.clone());
    let status = status.status(Some(&bob)).await.unwrap();
    assert_eq!(status.skipped, [("excluded".to_owned(), 1)]);
    assert_eq!(
        (
            status.indexed_documents,
            status.pending_documents,
            status.status.as_str()
        ),
        (0, 0, "idle")
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn what_was_indexed_for_another_reader_goes_and_comes_back_when_the_tag_is_taken_away(pool: PgPool) {
    let world = world(pool).await;
    world.sim.world().untag_file("alice", "/Plans", "secret");
    world.begin(&["bob"]).await;
    assert_eq!(
        world.seen_by("bob").await,
        ["/x.md"],
        "nobody's tag tells anything"
    );
    world.sim.world().tag_file("alice", "/Plans", "secret");
    join(&world, "alice").await;
    assert_out(&world, "bob's scan came first").await;

    let cloud = world.sim.world();
    cloud.put_file("bob", "/x.md", "plans of both");
    world.later().await;
    assert_out(&world, "it changed").await;

    cloud.untag_file("alice", "/Plans", "secret");
    cloud
        .faults()
        .set(FaultRule::new(Effect::Status(500)).method("REPORT"));
    world.clock.advance(Duration::from_secs(301));
    let outcomes = world.scan().await;
    assert!(outcomes.iter().all(|outcome| outcome.result.is_err()));
    cloud.faults().clear_all();
    assert_out(&world, "the tags could not be read").await;

    world.clock.advance(Duration::from_hours(1));
    world.later().await;
    assert_eq!(world.seen_by("bob").await, ["/x.md"]);
    assert_eq!(world.seen_by("alice").await, ["/Plans/x.md", "/free.md"]);
    assert_eq!(world.text("x.md").await, "plans of both");
    assert!(was_fetched(&world));

    cloud.tag_file("alice", "/Plans", "secret");
    world.later().await;
    assert_out(&world, "the tag is back").await;
    cloud.move_path("alice", "/Plans/x.md", "/x.md");
    world.later().await;
    assert_eq!(
        world.seen_by("alice").await,
        ["/free.md", "/x.md"],
        "it was moved out"
    );
    assert_eq!(world.seen_by("bob").await, ["/x.md"]);
    assert_eq!(places(&world).await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn the_leaving_of_who_excluded_it_gives_it_back_to_the_others(pool: PgPool) {
    let world = world(pool).await;
    world.begin(&["alice", "bob"]).await;
    assert_out(&world, "both are there").await;

    let purge = Purge::new(world.pool.clone(), world.clock.clone());
    purge.doc_type("file").await.unwrap();
    sqlx::query("update scans set due_at = 'infinity' where uid = 'alice'")
        .execute(&world.pool)
        .await
        .unwrap();
    world.later().await;
    assert_out(&world, "a purge lifts no exclusion").await;

    sqlx::query("update users set sync_state = 'paused', sync_state_reason = 'credential_rejected' where uid = 'alice'")
        .execute(&world.pool)
        .await
        .unwrap();
    world.later().await;
    assert_out(&world, "a pause lifts no exclusion").await;

    sqlx::query("update users set sync_state_reason = 'removed' where uid = 'alice'")
        .execute(&world.pool)
        .await
        .unwrap();
    world.engine.remove_user(&UserId::new("alice")).await.unwrap();
    world.later().await;
    assert_eq!(world.seen_by("bob").await, ["/x.md"]);
    assert_eq!(places(&world).await, 0);
}

/// Who sees the file also at a place that is not excluded, which a pruned scan lists alone.
#[sqlx::test(migrations = "./migrations")]
async fn the_excluded_place_counts_for_who_sees_the_file_at_two(pool: PgPool) {
    let world = world(pool).await;
    let cloud = world.sim.world();
    let folder = cloud.share("alice", "/Plans", "bob", SharePermissions::read_only());
    world.begin(&["bob"]).await;
    assert_out(&world, "one of two places").await;
    let full_walk = || async {
        sqlx::query_scalar::<_, DateTime<Utc>>("select full_walk_at from scans")
            .fetch_one(&world.pool)
            .await
            .unwrap()
    };
    let before = full_walk().await;
    for n in 0..2 {
        cloud.put_file("bob", &format!("/free{n}.md"), "free for all");
        world.later().await;
        let found: Vec<String> = world.seen_by("bob").await;
        assert!(!found.contains(&"/x.md".to_owned()), "{found:?}");
    }
    assert_eq!(full_walk().await, before, "the scans were pruned");
    cloud.unshare(folder);
    world.later().await;
    assert!(world.seen_by("bob").await.contains(&"/x.md".to_owned()));
}

/// A listing that only looks complete, such as one of a storage that is away, lifts no exclusion at once.
#[sqlx::test(migrations = "./migrations")]
async fn many_exclusions_that_vanish_at_once_are_lifted_by_a_second_scan(pool: PgPool) {
    let world = world(pool).await;
    let cloud = world.sim.world();
    for n in 0..25 {
        cloud.put_file("bob", &format!("/Big/{n}.md"), "big");
    }
    cloud.tag_file("bob", "/Big", "secret");
    let share = cloud.share("bob", "/Big", "alice", SharePermissions::read_only());
    world.begin(&["alice"]).await;
    assert_eq!(places(&world).await, 26);
    cloud.unshare(share);
    world.later().await;
    assert_eq!(places(&world).await, 26);
    world.later().await;
    assert_eq!(places(&world).await, 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn an_exclusion_during_phase_1_takes_the_document_from_its_worker(pool: PgPool) {
    let world = world(pool).await;
    let (alice, bob) = (UserId::new("alice"), UserId::new("bob"));
    world.engine.enqueue_user(&bob).await.unwrap();
    world.sim.world().advance_clock(10);
    assert!(world.scan().await[0].result.is_ok());
    let now = world.clock.now();
    let held = claim::claim(&world.pool, Phase::Text, &bob, None, 8, now)
        .await
        .unwrap()
        .remove(0);
    world.engine.enqueue_user(&alice).await.unwrap();
    assert!(world.scan().await[0].result.is_ok());
    let text = ("plans of hers", None);
    let late = publish::stage(&world.pool, &held, text, Vec::new(), now).await;
    assert!(matches!(late, Err(SyncError::LeaseLost)), "{late:?}");
    world.later().await;
    assert_out(&world, "nothing was published").await;
}

/// Webhooks are not to be told silent because of files that nobody finds.
#[sqlx::test(migrations = "./migrations")]
async fn changes_of_excluded_files_are_not_counted_as_unannounced(pool: PgPool) {
    let world = world(pool).await;
    world.begin(&["alice", "bob"]).await;
    sqlx::query("update scans set completed_at = '2020-01-01'")
        .execute(&world.pool)
        .await
        .unwrap();
    let cloud = world.sim.world();
    cloud.put_file("alice", "/Plans/x.md", "other plans");
    cloud.put_file("bob", "/mine.md", "his own");
    world.later().await;
    let counted: i64 = unannounced_changes(&world.pool)
        .await
        .unwrap()
        .iter()
        .map(|found| found.changes)
        .sum();
    assert_eq!(counted, 1, "his own");
}

/// Places at which somebody sees an excluded file.
async fn places(world: &Simulated) -> i64 {
    sqlx::query_scalar("select count(*) from exclusions")
        .fetch_one(&world.pool)
        .await
        .unwrap()
}
