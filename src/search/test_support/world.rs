//! `PostgreSQL`, index and Nextcloud with documents in them.

use super::{FakeCheck, MemoryIndex, WordEmbedder, WordTerms, embedding};
use crate::auth::Principal;
use crate::ids::{AccessSetId, ChunkId, DocumentId};
use crate::index::{Embedder, Point, VectorIndex};
use crate::nextcloud::CurrentUser;
use crate::search::pipeline::Parts;
use crate::search::retrieve::QueryTerms;
use crate::search::{IndexReadiness, SearchError, SearchRequest, SearchResponse, SearchService, families};
use sqlx::PgPool;
use std::collections::BTreeSet;
use std::sync::Arc;
use url::Url;

/// A verified principal.
pub(in crate::search) fn principal(uid: &str) -> Principal {
    Principal::verified(&CurrentUser::for_test(uid))
}

/// A document's reader: uid, document type, path.
pub(in crate::search) type Reader<'a> = (&'a str, &'a str, &'a str);

/// `PostgreSQL`, index and Nextcloud with documents in them.
pub(in crate::search) struct World {
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
            families: families::all(&pool),
            public_url: Url::parse("https://cloud.example.org").unwrap(),
            readiness: readiness.clone(),
            instance: std::sync::OnceLock::new(),
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

    /// Indexes `count` copies of a text for one reader in one go; Nextcloud lets nobody read them.
    pub async fn add_many(&self, count: i64, text: &str, reader: Reader<'_>) {
        let set = self.access_set(&[reader]).await;
        let rows: Vec<(i64, i64)> = sqlx::query_as(
            "with d as (
                insert into documents (family, native_id, etag, state, visible_generation)
                select 'file', (1000000 + n)::text, 'e', 'indexed', 1 from generate_series(1, $1) n returning id),
             r as (
                insert into document_readers (document_id, uid, doc_type, path, title, seen_scan)
                select id, $2, $3, $4, 't', 1 from d)
             insert into chunks (document_id, generation, ordinal, start_offset, end_offset, text_hash)
             select id, 1, 0, 0, 1, '' from d returning id, document_id",
        )
        .bind(count)
        .bind(reader.0)
        .bind(reader.1)
        .bind(reader.2)
        .fetch_all(&self.pool)
        .await
        .unwrap();
        let points = rows
            .into_iter()
            .map(|(chunk, document)| Point {
                chunk: ChunkId(chunk),
                document: DocumentId(document),
                access_set: AccessSetId(set),
                sparse: WordTerms.terms(text, &[]),
                dense: None,
            })
            .collect();
        self.index.upsert(points).await.unwrap();
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
                sparse: WordTerms.terms(passage, &[]),
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
pub(in crate::search) fn ids(response: &SearchResponse) -> Vec<&str> {
    response.hits.iter().map(|hit| hit.id.as_str()).collect()
}
