//! Ranked lists from the index.

use crate::ids::{ChunkId, DocumentId};
use crate::index::{
    Hit, IndexError, Language, SparseEncoder, SparseVector, TenantFilter, TermAt, VectorIndex,
};
use std::collections::{BTreeSet, HashSet};

/// How deep the lists are read, one step after the other, until enough verified results are found. Steps
/// instead of a depth that follows the page, so that neighbouring pages are cut from one ranking.
pub(super) const DEPTHS: [usize; 4] = [200, 1_000, 4_000, 10_000];

/// The terms of a query. The index's encoder is the real one; tests bring their own.
pub(super) trait QueryTerms: Send + Sync {
    /// Term weights of the words, for documents in any of `languages`.
    fn terms(&self, query: &str, languages: &[Language]) -> SparseVector;

    /// The words of a document's text with their places.
    fn words(&self, text: &str, language: Option<Language>) -> Vec<TermAt>;
}

impl QueryTerms for SparseEncoder {
    fn terms(&self, query: &str, languages: &[Language]) -> SparseVector {
        self.query(query, languages)
    }

    fn words(&self, text: &str, language: Option<Language>) -> Vec<TermAt> {
        Self::words(self, text, language)
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
    /// Documents called as the query, which stand in neither list; in no order.
    pub named: Vec<Hit>,
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
            .chain(&self.named)
            .map(|hit| hit.chunk)
            .collect();
        all.into_iter().collect()
    }

    /// Leaves out the hits that `keep` refuses, in every list.
    pub fn retain(&mut self, keep: impl Fn(&Hit) -> bool) {
        for list in [&mut self.dense, &mut self.sparse].into_iter().flatten() {
            list.retain(&keep);
        }
        self.named.retain(&keep);
    }

    /// Adds documents by their names, except those that were found anyway.
    pub fn add_named(&mut self, named: &[Hit]) {
        let found: HashSet<DocumentId> = self
            .dense
            .iter()
            .chain(&self.sparse)
            .flatten()
            .map(|hit| hit.document)
            .collect();
        let missing = named.iter().filter(|hit| !found.contains(&hit.document));
        self.named = missing.copied().collect();
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
        named: Vec::new(),
        exhausted,
    })
}
