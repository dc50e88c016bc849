//! What every [`VectorIndex`] must do, as tests that any back end can be run through. Each expects an empty index with
//! dense dimension 4.

use super::{Hit, Point, SparseVector, TenantFilter, VectorIndex};
use crate::ids::{AccessSetId, ChunkId, DocumentId};
use std::sync::Arc;

/// Dense dimension of the indexes under test.
pub const DIMENSION: usize = 4;

/// An index under test.
pub type Index = Arc<dyn VectorIndex>;

/// A point of document `chunk / 10`, with term 7 weighted by `weight`.
///
/// # Panics
/// When `chunk` is negative or beyond the term ids.
pub fn point(chunk: i64, access_set: i64, weight: f32, dense: Option<[f32; 4]>) -> Point {
    Point {
        chunk: ChunkId(chunk),
        document: DocumentId(chunk / 10),
        access_set: AccessSetId(access_set),
        sparse: SparseVector {
            indices: vec![7, 1_000 + u32::try_from(chunk).unwrap()],
            values: vec![weight, 1.0],
        },
        dense: dense.map(Vec::from),
    }
}

/// A filter of these access sets.
pub fn filter(access_sets: &[i64]) -> TenantFilter {
    TenantFilter {
        access_sets: access_sets.iter().copied().map(AccessSetId).collect(),
        documents: None,
    }
}

/// Chunk ids of hits, in order.
pub fn ids(hits: &[Hit]) -> Vec<i64> {
    hits.iter().map(|hit| hit.chunk.0).collect()
}

fn terms(indices: &[u32]) -> SparseVector {
    SparseVector {
        indices: indices.to_vec(),
        values: vec![1.0; indices.len()],
    }
}

async fn sparse(index: &Index, access_sets: &[i64]) -> Vec<i64> {
    ids(&index
        .query_sparse(terms(&[7]), &filter(access_sets), 100)
        .await
        .unwrap())
}

/// Runs all of them, emptying the index between.
///
/// # Panics
/// When the index breaks the contract.
pub async fn all(index: Index) {
    upsert_and_query(&index).await;
    index.clear().await.unwrap();
    tenants_are_apart(&index).await;
    index.clear().await.unwrap();
    writes_are_idempotent(&index).await;
    index.clear().await.unwrap();
    dense_vectors_come_later(&index).await;
    index.clear().await.unwrap();
    access_changes_move_documents(&index).await;
    index.clear().await.unwrap();
    ties_are_ordered_by_id(&index).await;
    index.clear().await.unwrap();
    upkeep_changes_no_answer(&index).await;
    index.clear().await.unwrap();
    concurrent_writes_all_arrive(&index).await;
    index.clear().await.unwrap();
    assert_eq!(index.stats().await.unwrap().points, 0);
    assert!(sparse(&index, &[1, 2, 3]).await.is_empty());
}

async fn upsert_and_query(index: &Index) {
    let points = vec![
        point(10, 1, 2.0, Some([1.0, 0.0, 0.0, 0.0])),
        point(11, 1, 1.0, Some([0.6, 0.8, 0.0, 0.0])),
        point(20, 1, 3.0, Some([0.0, 1.0, 0.0, 0.0])),
    ];
    index.upsert(points).await.unwrap();
    assert_eq!(index.stats().await.unwrap().points, 3);
    let hits = index
        .query_dense(vec![2.0, 0.0, 0.0, 0.0], &filter(&[1]), 10)
        .await
        .unwrap();
    assert_eq!(ids(&hits), [10, 11, 20]);
    assert_eq!(hits[0].document, DocumentId(1));
    assert!((hits[0].score - 1.0).abs() < 1e-3 && (hits[1].score - 0.6).abs() < 1e-3);
    assert_eq!(sparse(index, &[1]).await, [20, 10, 11]);
    assert_eq!(
        index
            .query_sparse(terms(&[7]), &filter(&[1]), 2)
            .await
            .unwrap()
            .len(),
        2
    );
    assert!(
        index
            .query_sparse(terms(&[7]), &filter(&[1]), 0)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        index
            .query_sparse(terms(&[99]), &filter(&[1]), 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        index
            .query_sparse(terms(&[]), &filter(&[1]), 10)
            .await
            .unwrap()
            .is_empty()
    );
    // A rare term outweighs a common one.
    let hits = index
        .query_sparse(terms(&[7, 1_011]), &filter(&[1]), 10)
        .await
        .unwrap();
    assert_eq!(ids(&hits)[0], 11);
    assert!(index.query_dense(vec![1.0; 3], &filter(&[1]), 10).await.is_err());
}

async fn tenants_are_apart(index: &Index) {
    index
        .upsert(vec![
            point(10, 1, 2.0, Some([1.0; 4])),
            point(20, 2, 9.0, Some([1.0; 4])),
        ])
        .await
        .unwrap();
    assert_eq!(sparse(index, &[1]).await, [10]);
    assert_eq!(sparse(index, &[2, 3]).await, [20]);
    assert_eq!(sparse(index, &[1, 2]).await, [20, 10]);
    assert!(sparse(index, &[]).await.is_empty());
    assert!(
        index
            .query_dense(vec![1.0; 4], &filter(&[]), 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        ids(&index.query_dense(vec![1.0; 4], &filter(&[2]), 10).await.unwrap()),
        [20]
    );
    let mut some = filter(&[1, 2]);
    some.documents = Some(vec![DocumentId(2), DocumentId(77)]);
    assert_eq!(
        ids(&index.query_sparse(terms(&[7]), &some, 10).await.unwrap()),
        [20]
    );
    some.documents = Some(vec![]);
    assert!(
        index
            .query_sparse(terms(&[7]), &some, 10)
            .await
            .unwrap()
            .is_empty()
    );
}

async fn writes_are_idempotent(index: &Index) {
    for _ in 0..2 {
        index
            .upsert(vec![point(10, 1, 2.0, None), point(11, 1, 3.0, None)])
            .await
            .unwrap();
        assert_eq!(index.stats().await.unwrap().points, 2);
    }
    // A replaced point has nothing of the old one.
    index.upsert(vec![point(10, 2, 5.0, None)]).await.unwrap();
    assert_eq!(sparse(index, &[1]).await, [11]);
    assert_eq!(sparse(index, &[2]).await, [10]);
    for _ in 0..2 {
        index.delete(&[ChunkId(10), ChunkId(999)]).await.unwrap();
        assert_eq!(index.stats().await.unwrap().points, 1);
    }
    index.upsert(vec![]).await.unwrap();
    index.delete(&[]).await.unwrap();
    index.set_access(&[]).await.unwrap();
    index.set_dense(vec![]).await.unwrap();
}

async fn dense_vectors_come_later(index: &Index) {
    index
        .upsert(vec![point(10, 1, 2.0, None), point(11, 1, 1.0, None)])
        .await
        .unwrap();
    assert!(
        index
            .query_dense(vec![1.0; 4], &filter(&[1]), 10)
            .await
            .unwrap()
            .is_empty()
    );
    let vector = vec![0.0, 0.0, 1.0, 0.0];
    index
        .set_dense(vec![
            (ChunkId(11), vector.clone()),
            (ChunkId(404), vector.clone()),
        ])
        .await
        .unwrap();
    let hits = index.query_dense(vector, &filter(&[1]), 10).await.unwrap();
    assert_eq!(ids(&hits), [11]);
    assert_eq!(sparse(index, &[1]).await, [10, 11]);
    assert_eq!(index.stats().await.unwrap().points, 2);
    assert!(index.set_dense(vec![(ChunkId(10), vec![1.0])]).await.is_err());
}

async fn access_changes_move_documents(index: &Index) {
    let dense = Some([0.5; 4]);
    index
        .upsert(vec![
            point(10, 1, 3.0, dense),
            point(11, 1, 2.0, dense),
            point(20, 1, 1.0, dense),
        ])
        .await
        .unwrap();
    let changes = [
        (DocumentId(1), AccessSetId(2)),
        (DocumentId(2), AccessSetId(3)),
        (DocumentId(9), AccessSetId(1)),
    ];
    index.set_access(&changes).await.unwrap();
    assert!(sparse(index, &[1]).await.is_empty());
    assert_eq!(sparse(index, &[2]).await, [10, 11]);
    assert_eq!(
        ids(&index.query_dense(vec![0.5; 4], &filter(&[3]), 10).await.unwrap()),
        [20]
    );
}

async fn ties_are_ordered_by_id(index: &Index) {
    for chunk in [15, 12, 19, 11, 14] {
        index
            .upsert(vec![point(chunk, 1, 1.0, Some([1.0, 0.0, 0.0, 0.0]))])
            .await
            .unwrap();
    }
    assert_eq!(sparse(index, &[1]).await, [11, 12, 14, 15, 19]);
    let hits = index
        .query_dense(vec![1.0, 0.0, 0.0, 0.0], &filter(&[1]), 3)
        .await
        .unwrap();
    assert_eq!(ids(&hits), [11, 12, 14]);
}

async fn upkeep_changes_no_answer(index: &Index) {
    let points = (0..3_000_u16).map(|n| {
        let angle = f32::from(n) / 3_000.0;
        point(
            10 + i64::from(n),
            1 + i64::from(n % 3),
            1.0 + angle,
            Some([angle.cos(), angle.sin(), 0.0, 0.0]),
        )
    });
    index.upsert(points.collect()).await.unwrap();
    let gone: Vec<ChunkId> = (0..1_500).map(|n| ChunkId(10 + n)).collect();
    index.delete(&gone).await.unwrap();
    let before = sparse(index, &[1]).await;
    assert_eq!(before.len(), 100);
    index.maintain().await.unwrap();
    assert_eq!(sparse(index, &[1]).await, before);
    assert_eq!(index.stats().await.unwrap().points, 1_500);
    // Writes after upkeep count, also to points from before it.
    let survivor = ChunkId(3_009);
    index
        .set_dense(vec![(survivor, vec![0.0, 0.0, 0.0, 1.0])])
        .await
        .unwrap();
    let hits = index
        .query_dense(vec![0.0, 0.0, 0.0, 1.0], &filter(&[1, 2, 3]), 1)
        .await
        .unwrap();
    assert_eq!(ids(&hits), [survivor.0]);
    index
        .set_access(&[(DocumentId(300), AccessSetId(8))])
        .await
        .unwrap();
    assert_eq!(sparse(index, &[8]).await.len(), 10);
    index.maintain().await.unwrap();
    assert_eq!(sparse(index, &[8]).await.len(), 10);
}

async fn concurrent_writes_all_arrive(index: &Index) {
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..16_i64 {
        let index = Arc::clone(index);
        tasks.spawn(async move {
            for n in 0..10 {
                let chunk = 1_000 * (task + 1) + n;
                index
                    .upsert(vec![point(chunk, 1, 1.0, Some([1.0; 4]))])
                    .await
                    .unwrap();
                let mut own = filter(&[1]);
                own.documents = Some(vec![DocumentId(chunk / 10)]);
                // A write can be read once it has returned.
                let hits = index.query_sparse(terms(&[7]), &own, 100).await.unwrap();
                assert!(ids(&hits).contains(&chunk));
            }
        });
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
    assert_eq!(index.stats().await.unwrap().points, 160);
}
