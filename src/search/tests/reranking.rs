//! Reranking: of what the reader may open only, and told with the model's name.

use crate::search::rerank::{RerankError, Reranker};
use crate::search::test_support::{World, ids};
use crate::search::{Reranking, SearchError, SearchRequest};
use async_trait::async_trait;
use sqlx::PgPool;
use std::sync::{Arc, Mutex};

/// Prefers passages that say "best"; keeps what it was given.
#[derive(Default)]
struct Judge {
    passages: Mutex<Vec<String>>,
    fails: bool,
}

#[async_trait]
impl Reranker for Judge {
    async fn scores(&self, _: &str, passages: &[String]) -> Result<Vec<f32>, RerankError> {
        self.passages.lock().unwrap().extend_from_slice(passages);
        if self.fails {
            return Err(RerankError::Timeout);
        }
        let says_best = |passage: &String| f32::from(u8::from(passage.contains("best")));
        Ok(passages.iter().map(says_best).collect())
    }

    fn model(&self) -> Option<&str> {
        Some("judge-1")
    }
}

/// Two documents of Alice, one of Bob, and who reranks them.
async fn world(pool: PgPool, judge: &Arc<Judge>) -> World {
    let mut world = World::new(pool);
    world.service = world.service.with_reranking(Some(Reranking {
        reranker: judge.clone(),
        candidates: 10,
    }));
    for (id, text, uid) in [
        (1, "budget budget", "alice"),
        (2, "best budget of all", "alice"),
        (3, "best budget of the secret plan", "bob"),
    ] {
        let path = format!("/{id}.md");
        world.add(id, text, &[(uid, "file", &path)]).await;
    }
    world
}

fn request(rerank: bool) -> SearchRequest {
    SearchRequest {
        query: "budget".into(),
        rerank,
        ..SearchRequest::default()
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_reranked_answer_tells_the_model_that_ordered_it(pool: PgPool) {
    let judge = Arc::<Judge>::default();
    let world = world(pool, &judge).await;
    let plain = world.search("alice", request(false)).await.unwrap();
    assert_eq!((ids(&plain), plain.reranked), (vec!["1", "2"], false));
    assert_eq!(plain.rerank_model, None);
    assert!(judge.passages.lock().unwrap().is_empty(), "nobody asked it");

    let answer = world.search("alice", request(true)).await.unwrap();
    assert_eq!((ids(&answer), answer.reranked), (vec!["2", "1"], true));
    assert_eq!(answer.rerank_model.as_deref(), Some("judge-1"));
    let passages = judge.passages.lock().unwrap();
    assert_eq!(passages.len(), 2);
    assert!(
        !passages.iter().any(|passage| passage.contains("secret")),
        "what the reader may not open leaves the server never: {passages:?}"
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn a_failed_reranker_is_not_told_as_the_one_that_ordered(pool: PgPool) {
    let judge = Arc::new(Judge {
        fails: true,
        ..Judge::default()
    });
    let world = world(pool, &judge).await;
    let answer = world.search("alice", request(true)).await.unwrap();
    assert_eq!((ids(&answer), answer.reranked), (vec!["1", "2"], false));
    assert_eq!(answer.rerank_model, None);
    assert!(answer.degraded.unwrap().contains("reranking failed"));
}

#[sqlx::test(migrations = "./migrations")]
async fn where_nothing_reranks_asking_for_it_is_refused(pool: PgPool) {
    let world = World::new(pool);
    let refused = world.search("alice", request(true)).await.unwrap_err();
    assert!(matches!(&refused, SearchError::Invalid(text) if text.contains("rerank")));
}
