//! `VECTOR_SYNC_FILES=tagged` and `EXCLUDED_TAGS`, over HTTP against the simulator.

use crate::clock::Clock as _;
use crate::config::{FileSelection, TagRules};
use crate::ids::UserId;
use crate::sync::claim::{self, Phase};
use crate::sync::test_support::Simulated;
use crate::sync::{SyncError, publish};
use nextcloud_sim::{Effect, FaultRule, SharePermissions};
use sqlx::PgPool;
use std::sync::atomic::Ordering;
use std::time::Duration;

const NOTHING: [String; 0] = [];

fn excluding(tag: &str) -> TagRules {
    TagRules {
        selection: FileSelection::All,
        excluded: vec![tag.to_owned()],
    }
}

fn tagged() -> TagRules {
    TagRules {
        selection: FileSelection::Tagged,
        excluded: Vec::new(),
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn excluded_files_and_what_lies_below_excluded_folders_leave_the_index(pool: PgPool) {
    let world = Simulated::tagged(pool, &["files"], excluding("secret")).await;
    let cloud = world.sim.world();
    for path in ["/a.md", "/b.md", "/Private/deep/c.md", "/Private.md"] {
        cloud.put_file("alice", path, "text");
    }
    cloud.tag_file("alice", "/b.md", "secret");
    world.begin(&["alice"]).await;
    assert_eq!(
        world.seen_by("alice").await,
        ["/Private.md", "/Private/deep/c.md", "/a.md"]
    );

    // Tagging changes no ETag; what a scan misses for the first time may be due to a listing cut short.
    let before = cloud.root_etag("alice");
    cloud.tag_file("alice", "/Private", "secret");
    assert_eq!(cloud.root_etag("alice"), before);
    world.later().await;
    world.later().await;
    assert_eq!(world.seen_by("alice").await, ["/Private.md", "/a.md"]);

    cloud.untag_file("alice", "/b.md", "secret");
    world.later().await;
    assert_eq!(world.seen_by("alice").await, ["/Private.md", "/a.md", "/b.md"]);
}

#[sqlx::test(migrations = "./migrations")]
async fn tags_that_cannot_be_read_lift_no_exclusion_and_index_nothing(pool: PgPool) {
    let world = Simulated::tagged(pool, &["files"], excluding("secret")).await;
    let cloud = world.sim.world();
    cloud.put_file("alice", "/a.md", "text");
    cloud.put_file("alice", "/b.md", "text");
    cloud.tag_file("alice", "/b.md", "secret");
    world.begin(&["alice"]).await;
    cloud.put_file("alice", "/c.md", "text");
    for fault in [
        FaultRule::new(Effect::Status(500)).method("REPORT"),
        FaultRule::new(Effect::Status(412)).method("REPORT"),
        FaultRule::new(Effect::Status(404)).path("/remote.php/dav/systemtags"),
        FaultRule::new(Effect::Status(403)).path("/remote.php/dav/systemtags"),
    ] {
        cloud.faults().set(fault);
        world.clock.advance(Duration::from_hours(2));
        let outcomes = world.scan().await;
        assert!(
            outcomes.iter().all(|outcome| outcome.result.is_err()),
            "{outcomes:?}"
        );
        cloud.faults().clear_all();
    }
    assert_eq!(world.seen_by("alice").await, ["/a.md"]);
    world.clock.advance(Duration::from_hours(2));
    world.later().await;
    assert_eq!(world.seen_by("alice").await, ["/a.md", "/c.md"]);
}

#[sqlx::test(migrations = "./migrations")]
async fn only_tagged_files_are_indexed_and_keyword_files_without_vectors(pool: PgPool) {
    let world = Simulated::tagged(pool, &["files"], tagged()).await;
    let cloud = world.sim.world();
    for path in ["/plain.md", "/full.md", "/Words/few.md"] {
        cloud.put_file("alice", path, "text of it");
    }
    world.begin(&["alice"]).await;
    assert_eq!(
        world.seen_by("alice").await,
        NOTHING,
        "without the tags nothing is indexed"
    );

    cloud.tag_file("alice", "/full.md", "vector-index");
    cloud.tag_file("alice", "/Words", "keyword-index");
    world.later().await;
    assert_eq!(world.seen_by("alice").await, ["/Words/few.md", "/full.md"]);
    let embedded = || world.embedder.texts.load(Ordering::SeqCst);
    assert_eq!(embedded(), 1);
    assert_eq!(
        states(&world).await,
        told(&[("/Words/few.md", "indexed", 0), ("/full.md", "indexed", 1)])
    );

    // A better tag: the same text gets its vectors.
    cloud.tag_file("alice", "/Words/few.md", "vector-index");
    world.later().await;
    assert_eq!(embedded(), 2);
    assert_eq!(
        states(&world).await,
        told(&[("/Words/few.md", "indexed", 1), ("/full.md", "indexed", 1)])
    );

    // And a lesser one: they go.
    cloud.untag_file("alice", "/full.md", "vector-index");
    cloud.tag_file("alice", "/full.md", "keyword-index");
    world.later().await;
    assert_eq!(
        states(&world).await,
        told(&[("/Words/few.md", "indexed", 1), ("/full.md", "indexed", 0)])
    );
    assert_eq!(embedded(), 2);
}

#[sqlx::test(migrations = "./migrations")]
async fn an_exclusion_whose_tag_is_not_there_fails_the_scan_and_names_it(pool: PgPool) {
    let world = Simulated::tagged(pool, &["files"], excluding("secret")).await;
    let cloud = world.sim.world();
    cloud.put_file("alice", "/a.md", "text");
    world.engine.enqueue_user(&UserId::new("alice")).await.unwrap();
    let outcomes = world.scan().await;
    let error = outcomes[0].result.as_ref().unwrap_err().to_string();
    assert!(
        error.contains("\"secret\"") && error.contains("EXCLUDED_TAGS"),
        "{error}"
    );
    assert_eq!(world.documents().await, 0);

    cloud.put_file("alice", "/b.md", "text");
    cloud.tag_file("alice", "/b.md", "secret");
    world.clock.advance(Duration::from_hours(2));
    world.later().await;
    assert_eq!(world.seen_by("alice").await, ["/a.md"]);
}

/// A folder of alice's is tagged; bob sees one file of it by another path.
#[sqlx::test(migrations = "./migrations")]
async fn readers_with_different_tags_settle_on_keywords_and_do_not_take_turns(pool: PgPool) {
    let world = Simulated::tagged(pool, &["files"], tagged()).await;
    let cloud = world.sim.world();
    cloud.put_file("alice", "/Full/x.md", "text of it");
    cloud.tag_file("alice", "/Full", "vector-index");
    cloud.tag_file("alice", "/Full/x.md", "keyword-index");
    world.begin(&["alice"]).await;
    let path = "/Full/x.md";
    assert_eq!(states(&world).await, told(&[(path, "indexed", 1)]));

    let share = cloud.share("alice", "/Full/x.md", "bob", SharePermissions::read_only());
    world.engine.enqueue_user(&UserId::new("bob")).await.unwrap();
    world.later().await;
    world.later().await;
    assert_eq!(
        states(&world).await,
        told(&[(path, "indexed", 0)]),
        "bob's tag is the lesser one"
    );
    let generation = || async {
        sqlx::query_scalar::<_, i64>("select visible_generation from documents")
            .fetch_one(&world.pool)
            .await
            .unwrap()
    };
    let before = generation().await;
    for n in 0..2 {
        // New files make both scans list everything that they see.
        cloud.put_file("alice", &format!("/plain{n}.md"), "text");
        world.clock.advance(Duration::from_hours(24));
        world.later().await;
    }
    assert_eq!(generation().await, before, "nothing is read again and again");

    cloud.unshare(share);
    world.later().await;
    world.later().await;
    assert_eq!(
        states(&world).await,
        told(&[(path, "indexed", 1)]),
        "the stricter reader is gone"
    );
}

/// The verdict changes between the claim and the writing: whoever has the old one writes nothing.
#[sqlx::test(migrations = "./migrations")]
async fn a_better_tag_during_phase_1_does_not_leave_a_document_without_vectors(pool: PgPool) {
    let world = Simulated::tagged(pool, &["files"], tagged()).await;
    let cloud = world.sim.world();
    cloud.put_file("alice", "/x.md", "text of it");
    cloud.tag_file("alice", "/x.md", "keyword-index");
    world.engine.enqueue_user(&UserId::new("alice")).await.unwrap();
    cloud.advance_clock(10);
    assert!(world.scan().await[0].result.is_ok());
    let alice = UserId::new("alice");
    let now = world.clock.now();
    let held = claim::claim(&world.pool, Phase::Text, &alice, None, 8, now)
        .await
        .unwrap()
        .remove(0);
    assert!(held.keyword_only);

    cloud.tag_file("alice", "/x.md", "vector-index");
    world.clock.advance(Duration::from_secs(301));
    assert!(world.scan().await[0].result.is_ok());
    let text = ("text of it", None);
    let late = publish::stage(&world.pool, &held, text, Vec::new(), now).await;
    assert!(matches!(late, Err(SyncError::LeaseLost)), "{late:?}");
    world.later().await;
    assert_eq!(states(&world).await, told(&[("/x.md", "indexed", 1)]));
}

fn told(rows: &[(&str, &str, i64)]) -> Vec<(String, String, i64)> {
    rows.iter()
        .map(|(path, state, dense)| ((*path).to_owned(), (*state).to_owned(), *dense))
        .collect()
}

/// Path, state and visible passages with a vector of alice's documents.
async fn states(world: &Simulated) -> Vec<(String, String, i64)> {
    sqlx::query_as(
        "select r.path, d.state, (select count(*) from chunks c where c.document_id = d.id
                and c.generation = d.visible_generation and c.dense is not null)
         from documents d join document_readers r on r.document_id = d.id where r.uid = 'alice' order by r.path collate \"C\"",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap()
}
