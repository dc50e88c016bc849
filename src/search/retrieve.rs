//! Ranked lists from the index.

use crate::ids::ChunkId;
use crate::index::{Hit, IndexError, SparseEncoder, SparseVector, TenantFilter, VectorIndex};
use std::collections::BTreeSet;

/// How deep the lists are read, one step after the other, until enough verified results are found. Steps
/// instead of a depth that follows the page, so that neighbouring pages are cut from one ranking.
pub(super) const DEPTHS: [usize; 4] = [200, 1_000, 4_000, 10_000];

/// The terms of a query. The index's encoder is the real one; tests bring their own.
pub(super) trait QueryTerms: Send + Sync {
    /// Term weights of the words.
    fn terms(&self, query: &str) -> SparseVector;
}

impl QueryTerms for SparseEncoder {
    fn terms(&self, query: &str) -> SparseVector {
        self.query(query)
    }
}

/// A query as the index understands it. An absent vector means that its list is not asked.
#[derive(Debug, Clone, Default)]
pub(super) struct QueryVectors {
    /// Embedding.
    pub dense: Option<Vec<f32>>,
    /// Terms.
    pub sparse: Option<SparseVector>,
}

/// The lists that were asked, each best first.
#[derive(Debug, Clone, Default)]
pub(super) struct Lists {
    /// By cosine.
    pub dense: Option<Vec<Hit>>,
    /// By BM25.
    pub sparse: Option<Vec<Hit>>,
    /// Every list ended before the depth asked: reading deeper finds nothing more.
    pub exhausted: bool,
}

impl Lists {
    /// Every chunk of any list, once, by id.
    pub fn chunks(&self) -> Vec<ChunkId> {
        let all: BTreeSet<ChunkId> = self
            .dense
            .iter()
            .chain(&self.sparse)
            .flatten()
            .map(|hit| hit.chunk)
            .collect();
        all.into_iter().collect()
    }

    /// Leaves out the hits that `keep` refuses, in every list.
    pub fn retain(&mut self, keep: impl Fn(&Hit) -> bool) {
        for list in [&mut self.dense, &mut self.sparse].into_iter().flatten() {
            list.retain(&keep);
        }
    }
}

/// Reads both lists at once, `depth` hits each. The tenant filter is part of each query.
pub(super) async fn read_lists(
    index: &dyn VectorIndex,
    query: &QueryVectors,
    tenant: &TenantFilter,
    depth: usize,
) -> Result<Lists, IndexError> {
    let dense = async {
        match &query.dense {
            Some(vector) => index.query_dense(vector.clone(), tenant, depth).await.map(Some),
            None => Ok(None),
        }
    };
    let sparse = async {
        match &query.sparse {
            Some(terms) => index.query_sparse(terms.clone(), tenant, depth).await.map(Some),
            None => Ok(None),
        }
    };
    let (dense, sparse) = tokio::try_join!(dense, sparse)?;
    let exhausted = [&dense, &sparse]
        .into_iter()
        .flatten()
        .all(|list| list.len() < depth);
    Ok(Lists {
        dense,
        sparse,
        exhausted,
    })
}
