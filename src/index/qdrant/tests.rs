//! Fault case Q10, and the contract on the stand-in and on a real server.

use super::stand_in::{API_KEY, Fault, StandIn};
use super::*;
use crate::index::contract::{self, DIMENSION, filter, ids, point};
use secrecy::SecretString;
use std::sync::Arc;
use std::time::{Duration, Instant};
use url::Url;

const COLLECTION: &str = "chunks-v1-test-4";

/// Waits so short that faults cost no time.
const SHORT: Patience = Patience {
    read: Duration::from_millis(500),
    write: Duration::from_millis(500),
    read_attempts: 2,
    write_attempts: 4,
    first_wait: Duration::from_millis(1),
};

fn config(url: &str, key: &str) -> QdrantConfig {
    QdrantConfig {
        url: Url::parse(url).unwrap(),
        api_key: Some(SecretString::from(key)),
        collection_prefix: String::new(),
    }
}

fn index_of(stand_in: &StandIn, dimension: Option<usize>) -> QdrantIndex {
    QdrantIndex::new(&config(&stand_in.url(), API_KEY), SHORT, COLLECTION, dimension).unwrap()
}

async fn ready(stand_in: &StandIn) -> QdrantIndex {
    let index = index_of(stand_in, Some(DIMENSION));
    assert!(index.ensure().await.unwrap());
    index
}

async fn found(index: &QdrantIndex) -> Vec<i64> {
    let query = SparseVector {
        indices: vec![7],
        values: vec![1.0],
    };
    ids(&index.query_sparse(query, &filter(&[1]), 100).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds() {
    let stand_in = StandIn::start();
    let patient = Patience {
        read: Duration::from_secs(30),
        ..Patience::default()
    };
    let config = config(&stand_in.url(), API_KEY);
    let index = QdrantIndex::new(&config, patient, COLLECTION, Some(DIMENSION)).unwrap();
    assert!(index.ensure().await.unwrap());
    contract::all(Arc::new(index)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds_on_a_real_server() {
    let Ok(url) = dotenvy::var("TEST_QDRANT_URL") else {
        eprintln!("skipped: TEST_QDRANT_URL names no Qdrant server");
        return;
    };
    let config = QdrantConfig {
        url: Url::parse(&url).unwrap(),
        api_key: dotenvy::var("TEST_QDRANT_API_KEY").ok().map(SecretString::from),
        collection_prefix: String::new(),
    };
    let name = format!("contract-{}", uuid::Uuid::new_v4().simple());
    let index = QdrantIndex::new(&config, Patience::default(), &name, Some(DIMENSION)).unwrap();
    assert!(index.ensure().await.unwrap());
    let index = Arc::new(index);
    let checked = tokio::spawn(contract::all(index.clone())).await;
    // Goes whatever came out.
    let other = QdrantIndex::new(&config, Patience::default(), "contract-", None).unwrap();
    other.remove_others(&name, None).await.unwrap();
    checked.unwrap();
}

#[tokio::test]
async fn a_collection_is_made_once_and_one_made_otherwise_is_refused() {
    let stand_in = StandIn::start();
    let index = ready(&stand_in).await;
    assert!(!index.ensure().await.unwrap());
    assert_eq!(stand_in.requests("create_collection"), 1);
    assert_eq!(stand_in.requests("create_field_index"), 2);
    // The name carries the dimension; this is somebody else's.
    let other = index_of(&stand_in, Some(8)).ensure().await;
    assert!(matches!(other, Err(IndexError::Unavailable(reason)) if reason.contains("made otherwise")));
    assert_eq!(stand_in.collections(), [(COLLECTION.to_owned(), 0)]);
}

#[tokio::test]
async fn without_an_embedder_only_keywords_are_searched() {
    let stand_in = StandIn::start();
    let index = index_of(&stand_in, None);
    assert!(index.ensure().await.unwrap());
    index
        .upsert(vec![point(10, 1, 1.0, Some([1.0; 4]))])
        .await
        .unwrap();
    index.set_dense(vec![(ChunkId(10), vec![1.0; 4])]).await.unwrap();
    let dense = index.query_dense(vec![1.0; 4], &filter(&[1]), 10).await;
    assert!(dense.unwrap().is_empty());
    assert_eq!(found(&index).await, [10]);
}

#[tokio::test]
async fn only_collections_of_ours_are_removed() {
    let stand_in = StandIn::start();
    let index = ready(&stand_in).await;
    for name in ["chunks-v1-old-384", "chunks-v1-former-384", "somebody-elses"] {
        let other = QdrantIndex::new(&config(&stand_in.url(), API_KEY), SHORT, name, None).unwrap();
        other.ensure().await.unwrap();
    }
    assert_eq!(
        index
            .remove_others("chunks-v", Some("chunks-v1-former-384"))
            .await
            .unwrap(),
        ["chunks-v1-old-384"]
    );
    let names: Vec<String> = stand_in.collections().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["chunks-v1-former-384", COLLECTION, "somebody-elses"]);
}

#[tokio::test]
async fn a_lost_collection_is_told_and_made_again() {
    let stand_in = StandIn::start();
    let index = ready(&stand_in).await;
    stand_in.lose(COLLECTION);
    assert!(matches!(index.stats().await, Err(IndexError::Unavailable(_))));
    assert!(!index.exists().await.unwrap());
    index.clear().await.unwrap();
    assert_eq!(index.stats().await.unwrap().points, 0);
    assert!(found(&index).await.is_empty());
}

/// Fault case Q10: down at upsert, at delete.
#[tokio::test]
async fn changes_are_repeated_while_the_server_is_away() {
    let stand_in = StandIn::start();
    let index = ready(&stand_in).await;
    stand_in.inject("upsert", Fault::Unavailable, 3);
    index.upsert(vec![point(10, 1, 1.0, None)]).await.unwrap();
    // The change was made, but its answer was lost: making it again changes nothing.
    stand_in.inject("upsert", Fault::Cut, 1);
    index.upsert(vec![point(11, 1, 2.0, None)]).await.unwrap();
    assert_eq!(found(&index).await, [11, 10]);
    stand_in.inject("delete", Fault::Cut, 1);
    stand_in.inject("delete", Fault::Unavailable, 1);
    index.delete(&[ChunkId(10)]).await.unwrap();
    assert_eq!(found(&index).await, [11]);

    stand_in.inject("*", Fault::Unavailable, 1_000);
    let failed = index.delete(&[ChunkId(11)]).await;
    assert!(matches!(failed, Err(IndexError::Unavailable(_))), "{failed:?}");
    let failed = index.upsert(vec![point(12, 1, 1.0, None)]).await;
    assert!(matches!(failed, Err(IndexError::Unavailable(_))), "{failed:?}");
    stand_in.heal();
    assert_eq!(found(&index).await, [11]);
}

/// Fault case Q10: slow. Nobody waits for an answer of half a minute.
#[tokio::test]
async fn slow_answers_are_given_up() {
    let stand_in = StandIn::start();
    let index = ready(&stand_in).await;
    index.upsert(vec![point(10, 1, 1.0, None)]).await.unwrap();
    let slow = Fault::Slow(Duration::from_secs(30));
    stand_in.inject("query", slow, 1);
    let began = Instant::now();
    assert_eq!(found(&index).await, [10], "the second attempt answers");
    stand_in.inject("*", slow, 1_000);
    let failed = index.stats().await;
    assert!(matches!(&failed, Err(IndexError::Unavailable(reason)) if reason.contains("in time")));
    assert!(began.elapsed() < Duration::from_secs(15));
}

#[tokio::test]
async fn a_refused_key_is_said_at_once_and_not_shown() {
    let stand_in = StandIn::start();
    let config = config(&stand_in.url(), "wrong-hidden-key");
    let index = QdrantIndex::new(&config, SHORT, COLLECTION, Some(DIMENSION)).unwrap();
    let refused = index.ensure().await.unwrap_err().to_string();
    assert!(refused.contains("QDRANT_API_KEY"), "{refused}");
    assert!(!format!("{refused} {index:?} {config:?}").contains("hidden"));
}

#[tokio::test]
async fn a_server_that_is_nowhere_is_told() {
    let config = config("http://127.0.0.1:9", "key");
    let index = QdrantIndex::new(&config, SHORT, COLLECTION, None).unwrap();
    assert!(matches!(index.stats().await, Err(IndexError::Unavailable(_))));
}
