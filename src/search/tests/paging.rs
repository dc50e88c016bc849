//! Pages, totals, and how much is asked for them.

use crate::search::test_support::{World, ids};
use crate::search::{Algorithm, Granularity, SearchRequest};
use sqlx::PgPool;

const ALICE: (&str, &str, &str) = ("alice", "file", "/a.md");

fn page(offset: usize, limit: usize) -> SearchRequest {
    SearchRequest {
        query: "budget".into(),
        offset,
        limit,
        ..SearchRequest::default()
    }
}

async fn filled(pool: PgPool, documents: i64) -> World {
    let world = World::new(pool);
    for id in 1..=documents {
        world.add(id, "budget", &[ALICE]).await;
    }
    world
}

#[sqlx::test(migrations = "./migrations")]
async fn pages_join_without_gap_or_repetition(pool: PgPool) {
    let world = filled(pool, 25).await;
    let mut all = Vec::new();
    for (offset, total) in [(0, 11), (10, 21), (20, 25), (30, 25), (1_000_000, 25)] {
        let answer = world.search("alice", page(offset, 10)).await.unwrap();
        assert_eq!(answer.total_found, total, "offset {offset}");
        assert_eq!(answer.degraded, None);
        all.extend(ids(&answer).into_iter().map(str::to_owned));
    }
    let expected: Vec<String> = (1..=25).map(|id| id.to_string()).collect();
    assert_eq!(all, expected, "equal scores are ordered by document");
}

#[sqlx::test(migrations = "./migrations")]
async fn the_total_is_exact_when_the_page_ends_with_the_last_result(pool: PgPool) {
    let world = filled(pool, 10).await;
    assert_eq!(world.search("alice", page(0, 10)).await.unwrap().total_found, 10);
    world.check.revoke(3);
    assert_eq!(world.search("alice", page(0, 10)).await.unwrap().total_found, 9);
    assert_eq!(
        world.search("alice", page(0, 9)).await.unwrap().total_found,
        9,
        "the denied one is no remainder"
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn a_search_asks_nextcloud_once_and_not_about_everything(pool: PgPool) {
    let world = filled(pool, 150).await;
    world.check.revoke(1);
    world.check.revoke(2);
    let answer = world.search("alice", page(0, 10)).await.unwrap();
    assert_eq!((answer.hits.len(), answer.dropped_documents), (10, 2));
    assert_eq!(
        world.check.batches(),
        [100],
        "one request, filled up with candidates beyond the page"
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn a_full_page_of_hundred_documents_needs_no_third_request(pool: PgPool) {
    let world = filled(pool, 150).await;
    let answer = world.search("alice", page(0, 100)).await.unwrap();
    assert_eq!((answer.hits.len(), answer.total_found), (100, 101));
    assert_eq!(world.check.batches(), [100, 50]);
}

#[sqlx::test(migrations = "./migrations")]
async fn chunks_of_one_document_are_verified_once(pool: PgPool) {
    let world = World::new(pool);
    world
        .add(1, "budget one\n\nbudget two\n\nbudget three", &[ALICE])
        .await;
    let chunks = world.search("alice", page(0, 10)).await.unwrap();
    assert_eq!((ids(&chunks), chunks.verified_chunks), (vec!["1", "1", "1"], 3));
    assert_eq!(world.check.batches(), [1]);
    let documents = SearchRequest {
        granularity: Granularity::Document,
        ..page(0, 10)
    };
    let documents = world.search("alice", documents).await.unwrap();
    assert_eq!((ids(&documents), documents.total_found), (vec!["1"], 1));
}

#[sqlx::test(migrations = "./migrations")]
async fn lists_are_read_deeper_when_the_best_are_refused(pool: PgPool) {
    let world = filled(pool, 230).await;
    for id in 1..=220 {
        world.check.revoke(id);
    }
    let request = SearchRequest {
        algorithm: Algorithm::Bm25,
        ..page(0, 5)
    };
    let answer = world.search("alice", request).await.unwrap();
    assert_eq!(ids(&answer), ["221", "222", "223", "224", "225"]);
    assert_eq!((answer.total_found, answer.degraded.as_deref()), (6, None));
    assert_eq!(world.index.depths(), [200, 1_000]);
}

#[sqlx::test(migrations = "./migrations")]
async fn one_document_of_many_chunks_does_not_hide_the_others(pool: PgPool) {
    let world = World::new(pool);
    world
        .add(1, &vec!["budget budget"; 300].join("\n\n"), &[ALICE])
        .await;
    world.add(2, "budget", &[ALICE]).await;
    let request = SearchRequest {
        algorithm: Algorithm::Bm25,
        granularity: Granularity::Document,
        ..page(0, 10)
    };
    let answer = world.search("alice", request).await.unwrap();
    assert_eq!((ids(&answer), answer.total_found), (vec!["1", "2"], 2));
}

#[sqlx::test(migrations = "./migrations")]
async fn a_threshold_limits_the_count_too(pool: PgPool) {
    let world = World::new(pool);
    world
        .add(
            1,
            "budget budget budget budget budget budget budget budget",
            &[ALICE],
        )
        .await;
    world.add(2, "budget", &[ALICE]).await;
    let request = SearchRequest {
        algorithm: Algorithm::Bm25,
        score_threshold: 0.4,
        ..page(0, 10)
    };
    let answer = world.search("alice", request).await.unwrap();
    assert_eq!((ids(&answer), answer.total_found), (vec!["1"], 1));
    assert_eq!(world.check.batches(), [2]);
}

#[sqlx::test(migrations = "./migrations")]
async fn an_endless_row_of_refusals_ends_after_ten_requests(pool: PgPool) {
    let world = World::new(pool);
    world.add(1, "budget", &[ALICE]).await;
    world.add_many(1_200, "budget", ALICE).await;
    world.check.revoke(1);
    let request = SearchRequest {
        algorithm: Algorithm::Bm25,
        ..page(0, 100)
    };
    let answer = world.search("alice", request).await.unwrap();
    assert_eq!(
        (answer.hits.len(), answer.total_found, answer.dropped_documents),
        (0, 0, 1_000)
    );
    assert!(answer.degraded.unwrap().contains("1000 documents were examined"));
    assert!(world.check.batches().iter().sum::<usize>() == 1_000);
}
