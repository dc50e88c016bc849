//! A reader learns nothing of what he may not open: no title, no text, no count (fault cases S01, S04, S06, S08).

use crate::ids::AccessSetId;
use crate::search::test_support::{World, ids, principal};
use crate::search::{Algorithm, Granularity, SearchRequest};
use sqlx::PgPool;

const ALGORITHMS: [Algorithm; 3] = [Algorithm::Hybrid, Algorithm::Semantic, Algorithm::Bm25];

#[sqlx::test(migrations = "./migrations")]
async fn s01_identical_documents_of_two_users_stay_apart(pool: PgPool) {
    let world = World::new(pool);
    for id in 1..=5 {
        world
            .add(id, "budget of the orchard", &[("alice", "file", "/orchard.md")])
            .await;
    }
    world
        .add(9, "budget of the orchard", &[("bob", "file", "/orchard.md")])
        .await;
    for algorithm in ALGORITHMS {
        for granularity in [Granularity::Chunk, Granularity::Document] {
            let request = SearchRequest {
                query: "budget orchard".into(),
                algorithm,
                granularity,
                ..SearchRequest::default()
            };
            let answer = world.search("bob", request).await.unwrap();
            assert_eq!(ids(&answer), ["9"]);
            assert_eq!(answer.total_found, 1, "{algorithm:?}: never a count");
            assert_eq!((answer.dropped_documents, answer.verified_chunks), (0, 1));
            assert_eq!(answer.hits[0].title, "bob: /orchard.md");
        }
    }
    assert_eq!(
        world.check.asked_ids(),
        ["9"],
        "Nextcloud is not asked about others' documents either"
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn s01_someone_without_documents_gets_an_empty_answer(pool: PgPool) {
    let world = World::new(pool);
    world.add(1, "budget", &[("alice", "file", "/a.md")]).await;
    let answer = world.words("eve", "budget").await;
    assert_eq!(
        (answer.hits.len(), answer.total_found, answer.degraded),
        (0, 0, None)
    );
    assert!(world.check.batches().is_empty());
}

#[sqlx::test(migrations = "./migrations")]
async fn a_point_with_a_stale_access_set_shows_nothing(pool: PgPool) {
    let world = World::new(pool);
    world
        .add(
            1,
            "budget",
            &[("alice", "file", "/a.md"), ("bob", "file", "/shared/a.md")],
        )
        .await;
    // The scan has seen bob lose the share; the index still carries the old set.
    world.sql("delete from document_readers where uid = 'bob'").await;
    let answer = world.words("bob", "budget").await;
    assert_eq!((answer.hits.len(), answer.total_found), (0, 0));
    assert!(world.check.batches().is_empty());
}

#[sqlx::test(migrations = "./migrations")]
async fn s04_a_share_revoked_a_moment_ago_is_dropped_and_not_counted(pool: PgPool) {
    let world = World::new(pool);
    world
        .add(1, "budget budget budget", &[("bob", "file", "/best.md")])
        .await;
    world.add(2, "budget plan", &[("bob", "file", "/kept.md")]).await;
    assert_eq!(ids(&world.words("bob", "budget").await), ["1", "2"]);
    world.check.revoke(1);
    let answer = world.words("bob", "budget").await;
    assert_eq!(ids(&answer), ["2"]);
    assert_eq!((answer.total_found, answer.dropped_documents), (1, 1));
    assert!(
        (answer.hits[0].score - 1.0).abs() < 1e-6,
        "it ranks as if the other had never been there"
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn s06_a_foreign_document_answers_as_one_that_does_not_exist(pool: PgPool) {
    let world = World::new(pool);
    world.add(1, "secret", &[("alice", "file", "/a.md")]).await;
    let bob = principal("bob");
    let slice = crate::search::context::Slice::new(0, 3, 10).unwrap();
    for id in [
        "1",
        "2",
        "-1",
        "9223372036854775808",
        "1; drop table documents",
        "a\0b",
    ] {
        assert_eq!(
            world
                .service
                .document_checked(&bob, &world.check, "file", id)
                .await
                .unwrap(),
            None
        );
        let context = world
            .service
            .chunk_context_checked(&bob, &world.check, ("file", id), slice)
            .await;
        assert_eq!(context.unwrap(), None);
    }
    assert!(world.check.batches().is_empty());
}

#[sqlx::test(migrations = "./migrations")]
async fn s08_a_removed_document_is_gone_before_the_index_is_purged(pool: PgPool) {
    let world = World::new(pool);
    world.add(1, "budget", &[("alice", "file", "/a.md")]).await;
    world.add(2, "budget", &[("alice", "file", "/b.md")]).await;
    world.sql("delete from documents where native_id = '1'").await;
    let answer = world.words("alice", "budget").await;
    assert_eq!((ids(&answer), answer.total_found), (vec!["2"], 1));
}

#[sqlx::test(migrations = "./migrations")]
async fn s08_a_document_deleted_in_nextcloud_is_gone_before_the_scan(pool: PgPool) {
    let world = World::new(pool);
    world.add(1, "budget", &[("alice", "file", "/a.md")]).await;
    world.check.revoke(1);
    assert_eq!(world.words("alice", "budget").await.hits, []);
    let fetched = world
        .service
        .document_checked(&principal("alice"), &world.check, "file", "1")
        .await
        .unwrap();
    assert_eq!(fetched, None);
}

#[sqlx::test(migrations = "./migrations")]
async fn only_the_visible_generation_is_found(pool: PgPool) {
    let world = World::new(pool);
    let document = world.add(1, "old words", &[("alice", "file", "/a.md")]).await;
    world
        .store_generation(document, 2, "new words", AccessSetId(1))
        .await;
    assert_eq!(world.words("alice", "words").await.hits[0].excerpt, "old words");
    world.sql("update documents set visible_generation = 2").await;
    let answer = world.words("alice", "words").await;
    assert_eq!(
        (answer.hits[0].excerpt.as_str(), answer.total_found),
        ("new words", 1)
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn a_shared_document_is_shown_as_each_reader_sees_it(pool: PgPool) {
    let world = World::new(pool);
    world
        .add(
            7,
            "budget",
            &[
                ("alice", "note", "/Notes/Work/b.md"),
                ("bob", "file", "/from alice/b.md"),
            ],
        )
        .await;
    let alice = world.words("alice", "budget").await.hits.remove(0);
    assert_eq!(
        (alice.doc_type.as_str(), alice.category.as_str()),
        ("note", "Work")
    );
    assert_eq!(alice.url, "https://cloud.example.org/index.php/apps/notes/note/7");
    let bob = world.words("bob", "budget").await.hits.remove(0);
    assert_eq!(
        (bob.doc_type.as_str(), bob.path.as_str()),
        ("file", "/from alice/b.md")
    );
    assert_eq!(bob.url, "https://cloud.example.org/index.php/f/7");
}

#[sqlx::test(migrations = "./migrations")]
async fn searches_of_two_users_side_by_side_stay_apart(pool: PgPool) {
    let world = std::sync::Arc::new(World::new(pool));
    world.add(1, "budget", &[("alice", "file", "/a.md")]).await;
    world.add(2, "budget", &[("bob", "file", "/b.md")]).await;
    let searches: Vec<_> = (0..20)
        .map(|turn| {
            let world = world.clone();
            let (uid, own) = if turn % 2 == 0 {
                ("alice", "1")
            } else {
                ("bob", "2")
            };
            tokio::spawn(async move { (world.words(uid, "budget").await, own) })
        })
        .collect();
    for search in searches {
        let (answer, own) = search.await.unwrap();
        assert_eq!(ids(&answer), [own]);
    }
}
