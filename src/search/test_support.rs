//! Doubles for the tests of this module: an exact index, an embedder and an encoder of hashed words, a
//! Nextcloud that says who may read what, and a world to fill with documents.

use super::families;
use super::pipeline::Parts;
use super::retrieve::QueryTerms;
use super::verify::AccessCheck;
use super::{IndexReadiness, SearchError, SearchRequest, SearchResponse, SearchService};
use crate::auth::Principal;
use crate::ids::{AccessSetId, ChunkId, DocumentId};
use crate::index::{
    Embedder, EmbeddingError, Hit, IndexError, IndexStats, Point, Priority, SparseVector, TenantFilter,
    VectorIndex,
};
use crate::nextcloud::{CurrentUser, NextcloudError};
use async_trait::async_trait;
use sqlx::PgPool;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use url::Url;

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
pub(super) struct WordTerms;

impl QueryTerms for WordTerms {
    fn terms(&self, query: &str) -> SparseVector {
        let (indices, values) = word_ids(query).into_iter().unzip();
        SparseVector { indices, values }
    }
}

/// Words hashed into a few dimensions; can be told to fail.
#[derive(Default)]
pub(super) struct WordEmbedder {
    pub broken: AtomicBool,
}

pub(super) fn embedding(text: &str) -> Vec<f32> {
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
pub(super) struct MemoryIndex {
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
pub(super) struct FakeCheck {
    readable: Mutex<BTreeSet<String>>,
    asked: Mutex<Vec<Vec<String>>>,
    failure: Mutex<Option<fn() -> NextcloudError>>,
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
    async fn readable(&self, _: &str, native_ids: &[String]) -> Result<HashSet<String>, NextcloudError> {
        self.asked.lock().unwrap().push(native_ids.to_vec());
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

/// A verified principal.
pub(super) fn principal(uid: &str) -> Principal {
    let answer: CurrentUser =
        serde_json::from_value(serde_json::json!({ "id": uid, "displayname": uid, "groups": [] })).unwrap();
    Principal::verified(&answer)
}

/// A document's reader: uid, document type, path.
pub(super) type Reader<'a> = (&'a str, &'a str, &'a str);

/// `PostgreSQL`, index and Nextcloud with documents in them.
pub(super) struct World {
    pub pool: PgPool,
    pub index: Arc<MemoryIndex>,
    pub embedder: Arc<WordEmbedder>,
    pub readiness: IndexReadiness,
    pub check: FakeCheck,
    pub service: SearchService,
}

impl World {
    pub fn new(pool: PgPool) -> Self {
        Self::build(pool, true)
    }

    pub fn without_embedder(pool: PgPool) -> Self {
        Self::build(pool, false)
    }

    fn build(pool: PgPool, embeds: bool) -> Self {
        let index = Arc::new(MemoryIndex::default());
        let embedder = Arc::new(WordEmbedder::default());
        let readiness = IndexReadiness::default();
        let service = SearchService::from_parts(Parts {
            pool: pool.clone(),
            index: index.clone(),
            embedder: embeds.then(|| embedder.clone() as Arc<dyn Embedder>),
            terms: Arc::new(WordTerms),
            families: families::all(),
            public_url: Url::parse("https://cloud.example.org").unwrap(),
            readiness: readiness.clone(),
        });
        Self {
            pool,
            index,
            embedder,
            readiness,
            check: FakeCheck::default(),
            service,
        }
    }

    /// Indexes a document; its chunks are the paragraphs. Everyone asked about may read it.
    pub async fn add(&self, native_id: i64, text: &str, readers: &[Reader<'_>]) -> DocumentId {
        self.check.allow(native_id);
        let set = self.access_set(readers).await;
        let document: i64 = sqlx::query_scalar(
            "insert into documents (family, native_id, etag, mime_type, modified_at, state, visible_generation,
                                    access_set_id, indexed_access_set_id, chunk_count)
             values ('file', $1, 'e', 'text/markdown', '2026-01-01T00:00:00Z', 'indexed', 1, $2, $2, $3)
             returning id",
        )
        .bind(native_id.to_string())
        .bind(set)
        .bind(i32::try_from(text.split("\n\n").count()).unwrap())
        .fetch_one(&self.pool)
        .await
        .unwrap();
        for (uid, doc_type, path) in readers {
            sqlx::query(
                "insert into document_readers (document_id, uid, doc_type, path, title, seen_scan)
                 values ($1, $2, $3, $4, $5, 1)",
            )
            .bind(document)
            .bind(uid)
            .bind(doc_type)
            .bind(path)
            .bind(format!("{uid}: {path}"))
            .execute(&self.pool)
            .await
            .unwrap();
        }
        self.store_generation(DocumentId(document), 1, text, AccessSetId(set))
            .await;
        DocumentId(document)
    }

    async fn access_set(&self, readers: &[Reader<'_>]) -> i64 {
        let members: BTreeSet<&str> = readers.iter().map(|reader| reader.0).collect();
        for uid in &members {
            sqlx::query("insert into users (uid, notes_path) values ($1, 'Notes') on conflict do nothing")
                .bind(uid)
                .execute(&self.pool)
                .await
                .unwrap();
        }
        let set: i64 = sqlx::query_scalar(
            "insert into access_sets (members) values ($1)
             on conflict (members) do update set members = excluded.members returning id",
        )
        .bind(members.iter().map(ToString::to_string).collect::<Vec<_>>())
        .fetch_one(&self.pool)
        .await
        .unwrap();
        for uid in &members {
            sqlx::query(
                "insert into access_set_members (uid, access_set_id) values ($1, $2) on conflict do nothing",
            )
            .bind(uid)
            .bind(set)
            .execute(&self.pool)
            .await
            .unwrap();
        }
        set
    }

    /// Stores text, chunks and points of one generation.
    pub async fn store_generation(
        &self,
        document: DocumentId,
        generation: i64,
        text: &str,
        set: AccessSetId,
    ) {
        sqlx::query("insert into document_texts (document_id, generation, text) values ($1, $2, $3)")
            .bind(document.0)
            .bind(generation)
            .bind(text)
            .execute(&self.pool)
            .await
            .unwrap();
        let mut start = 0;
        for (ordinal, passage) in text.split("\n\n").enumerate() {
            let end = start + passage.chars().count();
            let chunk: i64 = sqlx::query_scalar(
                "insert into chunks (document_id, generation, ordinal, start_offset, end_offset, text_hash)
                 values ($1, $2, $3, $4, $5, '') returning id",
            )
            .bind(document.0)
            .bind(generation)
            .bind(i32::try_from(ordinal).unwrap())
            .bind(i32::try_from(start).unwrap())
            .bind(i32::try_from(end).unwrap())
            .fetch_one(&self.pool)
            .await
            .unwrap();
            let point = Point {
                chunk: ChunkId(chunk),
                document,
                access_set: set,
                sparse: WordTerms.terms(passage),
                dense: Some(embedding(passage)),
            };
            self.index.upsert(vec![point]).await.unwrap();
            start = end + 2;
        }
    }

    /// Runs SQL that a test needs once.
    pub async fn sql(&self, statement: &'static str) {
        sqlx::query(statement).execute(&self.pool).await.unwrap();
    }

    /// Searches as a user.
    pub async fn search(&self, uid: &str, request: SearchRequest) -> Result<SearchResponse, SearchError> {
        self.service
            .search_checked(&principal(uid), &self.check, &request)
            .await
    }

    /// Searches as a user for words, everything else at its default.
    pub async fn words(&self, uid: &str, query: &str) -> SearchResponse {
        self.search(
            uid,
            SearchRequest {
                query: query.into(),
                ..SearchRequest::default()
            },
        )
        .await
        .unwrap()
    }
}

/// Native ids of the results, in order.
pub(super) fn ids(response: &SearchResponse) -> Vec<&str> {
    response.hits.iter().map(|hit| hit.id.as_str()).collect()
}
