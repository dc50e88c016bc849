//! An exact index, an embedder and an encoder of hashed words, and a Nextcloud that says who may read what.

use crate::ids::{AccessSetId, ChunkId, DocumentId};
use crate::index::{
    Embedder, EmbeddingError, Hit, IndexError, IndexStats, Language, Point, Priority, SparseVector,
    TenantFilter, TermAt, VectorIndex,
};
use crate::nextcloud::NextcloudError;
use crate::search::retrieve::QueryTerms;
use crate::search::verify::AccessCheck;
use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

const DIMENSION: usize = 64;

fn word_ids(text: &str) -> BTreeMap<u32, f32> {
    let mut counts = BTreeMap::new();
    for word in text
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        let id = word.bytes().fold(2_166_136_261_u32, |hash, byte| {
            (hash ^ u32::from(byte)).wrapping_mul(16_777_619)
        });
        *counts.entry(id).or_insert(0.0) += 1.0;
    }
    counts
}

/// Words as terms.
pub(in crate::search) struct WordTerms;

impl QueryTerms for WordTerms {
    fn terms(&self, query: &str, _: &[Language]) -> SparseVector {
        let (indices, values) = word_ids(query).into_iter().unzip();
        SparseVector { indices, values }
    }

    fn words(&self, text: &str, _: Option<Language>) -> Vec<TermAt> {
        let mut found = Vec::new();
        let mut start = 0;
        for word in text.split_inclusive(|c: char| !c.is_alphanumeric()) {
            let bare = word.trim_end_matches(|c: char| !c.is_alphanumeric());
            found.extend(word_ids(bare).into_keys().map(|term| TermAt {
                place: start..start + bare.len(),
                term,
            }));
            start += word.len();
        }
        found
    }
}

/// Words hashed into a few dimensions; can be told to fail.
#[derive(Default)]
pub(in crate::search) struct WordEmbedder {
    pub broken: AtomicBool,
}

pub(in crate::search) fn embedding(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0_f32; DIMENSION];
    for (id, count) in word_ids(text) {
        vector[id as usize % DIMENSION] += count;
    }
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    vector
        .iter()
        .map(|value| if length > 0.0 { value / length } else { 0.0 })
        .collect()
}

#[async_trait]
impl Embedder for WordEmbedder {
    fn identity(&self) -> &'static str {
        "words-64"
    }

    fn dimension(&self) -> usize {
        DIMENSION
    }

    async fn embed(&self, texts: Vec<String>, _: Priority) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(EmbeddingError::Inference("out of order".into()));
        }
        Ok(texts.iter().map(|text| embedding(text)).collect())
    }
}

/// Exact search in memory; remembers how deep it was asked.
#[derive(Default)]
pub(in crate::search) struct MemoryIndex {
    points: Mutex<BTreeMap<ChunkId, Point>>,
    depths: Mutex<Vec<usize>>,
    pub broken: AtomicBool,
}

impl MemoryIndex {
    /// Limits of the queries so far.
    pub fn depths(&self) -> Vec<usize> {
        self.depths.lock().unwrap().clone()
    }

    fn best(
        &self,
        filter: &TenantFilter,
        limit: usize,
        score: impl Fn(&Point) -> Option<f32>,
    ) -> Result<Vec<Hit>, IndexError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(IndexError::Unavailable("/srv/index is damaged".into()));
        }
        self.depths.lock().unwrap().push(limit);
        let mut hits: Vec<Hit> = self
            .points
            .lock()
            .unwrap()
            .values()
            .filter(|point| filter.access_sets.contains(&point.access_set))
            .filter(|point| {
                filter
                    .documents
                    .as_ref()
                    .is_none_or(|listed| listed.contains(&point.document))
            })
            .filter_map(|point| {
                Some(Hit {
                    chunk: point.chunk,
                    document: point.document,
                    score: score(point)?,
                })
            })
            .collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.chunk.cmp(&b.chunk)));
        hits.truncate(limit);
        Ok(hits)
    }
}

#[async_trait]
impl VectorIndex for MemoryIndex {
    async fn upsert(&self, points: Vec<Point>) -> Result<(), IndexError> {
        self.points
            .lock()
            .unwrap()
            .extend(points.into_iter().map(|point| (point.chunk, point)));
        Ok(())
    }

    async fn set_dense(&self, vectors: Vec<(ChunkId, Vec<f32>)>) -> Result<(), IndexError> {
        let mut points = self.points.lock().unwrap();
        for (chunk, vector) in vectors {
            if let Some(point) = points.get_mut(&chunk) {
                point.dense = Some(vector);
            }
        }
        Ok(())
    }

    async fn set_access(&self, changes: &[(DocumentId, AccessSetId)]) -> Result<(), IndexError> {
        for point in self.points.lock().unwrap().values_mut() {
            if let Some((_, set)) = changes.iter().find(|(document, _)| *document == point.document) {
                point.access_set = *set;
            }
        }
        Ok(())
    }

    async fn delete(&self, chunks: &[ChunkId]) -> Result<(), IndexError> {
        self.points
            .lock()
            .unwrap()
            .retain(|chunk, _| !chunks.contains(chunk));
        Ok(())
    }

    async fn query_dense(
        &self,
        vector: Vec<f32>,
        filter: &TenantFilter,
        limit: usize,
    ) -> Result<Vec<Hit>, IndexError> {
        self.best(filter, limit, |point| {
            let dense = point.dense.as_ref()?;
            Some(dense.iter().zip(&vector).map(|(a, b)| a * b).sum())
        })
    }

    async fn query_sparse(
        &self,
        query: SparseVector,
        filter: &TenantFilter,
        limit: usize,
    ) -> Result<Vec<Hit>, IndexError> {
        self.best(filter, limit, |point| {
            let weights: BTreeMap<_, _> = point.sparse.indices.iter().zip(&point.sparse.values).collect();
            let sum: f32 = query
                .indices
                .iter()
                .zip(&query.values)
                .filter_map(|(term, weight)| Some(**weights.get(term)? * weight))
                .sum();
            (sum > 0.0).then_some(sum)
        })
    }

    async fn stats(&self) -> Result<IndexStats, IndexError> {
        Ok(IndexStats {
            points: self.points.lock().unwrap().len() as u64,
        })
    }

    async fn clear(&self) -> Result<(), IndexError> {
        self.points.lock().unwrap().clear();
        Ok(())
    }

    async fn maintain(&self) -> Result<(), IndexError> {
        Ok(())
    }
}

/// A Nextcloud that lets one reader open some file ids; remembers the requests.
#[derive(Default)]
pub(in crate::search) struct FakeCheck {
    readable: Mutex<BTreeSet<String>>,
    asked: Mutex<Vec<Vec<String>>>,
    failure: Mutex<Option<fn() -> NextcloudError>>,
    broken: Mutex<BTreeSet<String>>,
}

impl FakeCheck {
    pub fn allowing(ids: impl IntoIterator<Item = i64>) -> Self {
        let check = Self::default();
        ids.into_iter().for_each(|id| check.allow(id));
        check
    }

    pub fn allow(&self, id: i64) {
        self.readable.lock().unwrap().insert(id.to_string());
    }

    pub fn revoke(&self, id: i64) {
        self.readable.lock().unwrap().remove(&id.to_string());
    }

    pub fn fail_with(&self, error: fn() -> NextcloudError) {
        *self.failure.lock().unwrap() = Some(error);
    }

    /// The app of a family answers 500 from now on.
    pub fn break_family(&self, family: &str) {
        self.broken.lock().unwrap().insert(family.to_owned());
    }

    /// Sizes of the requests so far.
    pub fn batches(&self) -> Vec<usize> {
        self.asked.lock().unwrap().iter().map(Vec::len).collect()
    }

    /// Ids that were sent, sorted.
    pub fn asked_ids(&self) -> Vec<String> {
        let ids: BTreeSet<String> = self.asked.lock().unwrap().iter().flatten().cloned().collect();
        ids.into_iter().collect()
    }
}

#[async_trait]
impl AccessCheck for FakeCheck {
    async fn readable(&self, family: &str, native_ids: &[String]) -> Result<HashSet<String>, NextcloudError> {
        self.asked.lock().unwrap().push(native_ids.to_vec());
        if self.broken.lock().unwrap().contains(family) {
            return Err(NextcloudError::ServerError { status: 500 });
        }
        if let Some(failure) = *self.failure.lock().unwrap() {
            return Err(failure());
        }
        let readable = self.readable.lock().unwrap();
        Ok(native_ids
            .iter()
            .filter(|id| readable.contains(*id))
            .cloned()
            .collect())
    }

    fn batch_size(&self, _: &str) -> usize {
        100
    }
}
