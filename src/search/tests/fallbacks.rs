//! What is said when a part is missing, and what is never done then.

use crate::nextcloud::NextcloudError;
use crate::search::test_support::{World, ids, principal};
use crate::search::{Algorithm, IndexState, SearchError, SearchRequest};
use sqlx::PgPool;
use std::sync::atomic::Ordering;

fn request(algorithm: Algorithm) -> SearchRequest {
    SearchRequest {
        query: "budget".into(),
        algorithm,
        ..SearchRequest::default()
    }
}

async fn with_one_document(world: World) -> World {
    world.add(1, "budget", &[("alice", "file", "/a.md")]).await;
    world
}

#[sqlx::test(migrations = "./migrations")]
async fn without_an_embedder_hybrid_is_keyword_search_and_says_so(pool: PgPool) {
    let world = with_one_document(World::without_embedder(pool)).await;
    let answer = world.search("alice", request(Algorithm::Hybrid)).await.unwrap();
    assert_eq!(
        (ids(&answer), answer.algorithm_used),
        (vec!["1"], Algorithm::Bm25)
    );
    assert!(answer.degraded.unwrap().contains("EMBEDDING_PROVIDER"));

    let keyword = world.search("alice", request(Algorithm::Bm25)).await.unwrap();
    assert_eq!(keyword.degraded, None, "nothing is missing from what was asked");

    let refused = world
        .search("alice", request(Algorithm::Semantic))
        .await
        .unwrap_err();
    assert!(matches!(&refused, SearchError::Invalid(text) if text.contains("EMBEDDING_PROVIDER")));
}

#[sqlx::test(migrations = "./migrations")]
async fn a_failing_model_leaves_keyword_search(pool: PgPool) {
    let world = with_one_document(World::new(pool)).await;
    world.embedder.broken.store(true, Ordering::SeqCst);
    let answer = world.search("alice", request(Algorithm::Hybrid)).await.unwrap();
    assert_eq!(
        (ids(&answer), answer.algorithm_used),
        (vec!["1"], Algorithm::Bm25)
    );
    assert!(answer.degraded.unwrap().contains("embedding model failed"));
    let refused = world
        .search("alice", request(Algorithm::Semantic))
        .await
        .unwrap_err();
    assert!(matches!(refused, SearchError::Unavailable(_)));
}

#[sqlx::test(migrations = "./migrations")]
async fn while_the_index_is_rebuilt_answers_say_so(pool: PgPool) {
    let world = with_one_document(World::new(pool)).await;
    world.readiness.set(IndexState::Rebuilding);
    let answer = world.search("alice", request(Algorithm::Hybrid)).await.unwrap();
    assert_eq!(ids(&answer), ["1"]);
    assert!(answer.degraded.unwrap().contains("the index is being rebuilt"));
    let nobody = world.search("eve", request(Algorithm::Hybrid)).await.unwrap();
    assert!(nobody.degraded.unwrap().contains("the index is being rebuilt"));

    world
        .readiness
        .set(IndexState::Unavailable("the index cannot be opened".into()));
    let refused = world
        .search("alice", request(Algorithm::Hybrid))
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("the index cannot be opened"));
}

#[sqlx::test(migrations = "./migrations")]
async fn a_broken_index_is_unavailable_without_naming_its_place(pool: PgPool) {
    let world = with_one_document(World::new(pool)).await;
    world.index.broken.store(true, Ordering::SeqCst);
    let refused = world
        .search("alice", request(Algorithm::Hybrid))
        .await
        .unwrap_err();
    assert!(matches!(refused, SearchError::Unavailable(_)));
    assert!(!refused.to_string().contains("/srv"));
}

#[sqlx::test(migrations = "./migrations")]
async fn what_nextcloud_does_not_confirm_is_left_out(pool: PgPool) {
    let world = with_one_document(World::new(pool)).await;
    world
        .check
        .fail_with(|| NextcloudError::Maintenance { retry_after: None });
    let answer = world.search("alice", request(Algorithm::Hybrid)).await.unwrap();
    assert_eq!(
        (answer.hits.len(), answer.total_found, answer.dropped_documents),
        (0, 0, 1)
    );
    assert!(answer.degraded.unwrap().contains("maintenance"));
    assert_eq!(world.check.batches(), [1], "asked once");

    let fetched = world
        .service
        .document_checked(&principal("alice"), &world.check, "file", "1")
        .await;
    assert!(matches!(fetched, Err(SearchError::Unavailable(text)) if text.contains("maintenance")));
}

/// The cards stand above all files, and deeper than the first reading goes.
#[sqlx::test(migrations = "./migrations")]
async fn an_app_that_fails_takes_no_result_of_another_with_it(pool: PgPool) {
    let world = World::new(pool);
    world
        .add_many(300, "budget budget", ("alice", "deck_card", "/b/c"))
        .await;
    world.sql("update documents set family = 'deck_card'").await;
    for id in 1..=5 {
        world.add(id, "budget", &[("alice", "file", "/a.md")]).await;
    }
    world.check.break_family("deck_card");
    for algorithm in [Algorithm::Bm25, Algorithm::Hybrid] {
        let mut page = request(algorithm);
        page.limit = 3;
        let answer = world.search("alice", page).await.unwrap();
        assert_eq!(ids(&answer), ["1", "2", "3"], "{algorithm:?}");
        assert!(answer.degraded.unwrap().contains("did not answer"));
        assert!(answer.dropped_documents > 0);
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_refused_credential_is_told_to_the_door(pool: PgPool) {
    let world = with_one_document(World::new(pool)).await;
    let answer = world.search("alice", request(Algorithm::Hybrid)).await.unwrap();
    assert!(!answer.credential_refused);
    world.check.fail_with(|| NextcloudError::Unauthorized);
    let answer = world.search("alice", request(Algorithm::Hybrid)).await.unwrap();
    assert!(answer.credential_refused && answer.hits.is_empty());
    assert!(
        serde_json::to_value(&answer)
            .unwrap()
            .get("credential_refused")
            .is_none()
    );
    let fetched = world
        .service
        .document_checked(&principal("alice"), &world.check, "file", "1")
        .await;
    assert!(matches!(fetched, Err(SearchError::CredentialRefused)));
}

#[sqlx::test(migrations = "./migrations")]
async fn a_blank_query_finds_nothing_and_asks_nobody(pool: PgPool) {
    let world = with_one_document(World::without_embedder(pool)).await;
    for query in ["", "  \n\u{3000}"] {
        let blank = SearchRequest {
            query: query.into(),
            algorithm: Algorithm::Semantic,
            ..SearchRequest::default()
        };
        let answer = world.search("alice", blank).await.unwrap();
        assert_eq!(
            (answer.hits.len(), answer.total_found, answer.degraded),
            (0, 0, None)
        );
    }
    assert!(world.check.batches().is_empty() && world.index.depths().is_empty());
}

#[sqlx::test(migrations = "./migrations")]
async fn s07_odd_queries_are_answered(pool: PgPool) {
    let world = with_one_document(World::new(pool)).await;
    for query in [
        "🦀",
        "מסמך",
        "%_\\",
        "' or 1=1 --",
        "\u{202e}txet",
        "...",
        &"🦀 ".repeat(5_000),
    ] {
        for algorithm in [Algorithm::Hybrid, Algorithm::Semantic, Algorithm::Bm25] {
            let odd = SearchRequest {
                query: query.into(),
                algorithm,
                ..SearchRequest::default()
            };
            world.search("alice", odd).await.unwrap();
        }
    }
    let too_long = SearchRequest {
        query: "a".repeat(1 << 20),
        ..SearchRequest::default()
    };
    assert!(matches!(
        world.search("alice", too_long).await,
        Err(SearchError::Invalid(_))
    ));
}
