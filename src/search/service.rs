//! The search that every door (MCP tools, HTTP) goes through.

use super::context::{self, ChunkContext, Slice};
use super::error::ForeignSession;
use super::families;
use super::map::{self, SearchMap};
use super::pipeline::{self, Answered, Parts};
use super::plan;
use super::query_syntax;
use super::request::{check, check_doc_type};
use super::verify::{AccessCheck, SessionCheck};
use super::{
    IndexReadiness, LossListener, Reranking, SearchDocument, SearchError, SearchRequest, SearchResponse,
};
use crate::auth::Principal;
use crate::db::installation;
use crate::index::{Embedder, SparseEncoder, VectorIndex};
use crate::nextcloud::UserSession;
use crate::telemetry::record;
use sqlx::PgPool;
use std::sync::{Arc, OnceLock};
use url::Url;

/// Search over the index, verified at Nextcloud in the same request. Clones share everything.
#[derive(Clone)]
pub struct SearchService {
    parts: Arc<Parts>,
    reranking: Option<Reranking>,
    losses: Option<Arc<dyn LossListener>>,
}

impl SearchService {
    /// `embedder`: `None` = keyword search only. `public_url`: Nextcloud as browsers reach it, for links.
    pub fn new(
        pool: PgPool,
        index: Arc<dyn VectorIndex>,
        embedder: Option<Arc<dyn Embedder>>,
        sparse: Arc<SparseEncoder>,
        public_url: Url,
        readiness: IndexReadiness,
    ) -> Self {
        let families = families::all(&pool);
        Self::from_parts(Parts {
            pool,
            index,
            embedder,
            terms: sparse,
            families,
            public_url,
            readiness,
            instance: OnceLock::new(),
        })
    }

    pub(super) fn from_parts(parts: Parts) -> Self {
        Self {
            parts: Arc::new(parts),
            reranking: None,
            losses: None,
        }
    }

    /// The same search with a reranker for those who ask for it.
    #[must_use]
    pub fn with_reranking(self, reranking: Option<Reranking>) -> Self {
        Self { reranking, ..self }
    }

    /// The same search with somebody who hears of documents that readers have lost.
    #[must_use]
    pub fn with_loss_listener(self, losses: Arc<dyn LossListener>) -> Self {
        Self {
            losses: Some(losses),
            ..self
        }
    }

    /// Whether [`SearchRequest::rerank`] can be asked for.
    pub fn reranks(&self) -> bool {
        self.reranking.is_some()
    }

    /// Answers `request` for `principal`; `session` (of the same user) verifies each result.
    pub async fn search(
        &self,
        principal: &Principal,
        session: &UserSession,
        request: SearchRequest,
    ) -> Result<SearchResponse, SearchError> {
        let began = std::time::Instant::now();
        let access = self.check(principal, session).await?;
        let response = self.search_checked(principal, &access, &request).await?;
        record::search(
            response.algorithm_used.name(),
            response.dropped_documents,
            began.elapsed(),
        );
        Ok(response)
    }

    /// As [`SearchService::search`], with the results drawn as points.
    pub async fn search_map(
        &self,
        principal: &Principal,
        session: &UserSession,
        request: SearchRequest,
    ) -> Result<SearchMap, SearchError> {
        let began = std::time::Instant::now();
        let access = self.check(principal, session).await?;
        let map = self.map_checked(principal, &access, &request).await?;
        record::search(
            map.response.algorithm_used.name(),
            map.response.dropped_documents,
            began.elapsed(),
        );
        Ok(map)
    }

    /// The document types that this server has.
    pub fn doc_types(&self) -> Vec<&'static str> {
        families::known_types(&self.parts.families)
    }

    /// The stored text of a document that the caller may open now (`fetch`): title, text, URL. `None` when
    /// there is no such document for this reader, whoever else may have it.
    pub async fn document(
        &self,
        principal: &Principal,
        session: &UserSession,
        doc_type: &str,
        id: &str,
    ) -> Result<Option<SearchDocument>, SearchError> {
        let access = self.check(principal, session).await?;
        self.document_checked(principal, &access, doc_type, id).await
    }

    /// The code points `start..end` of a document's stored text with at most `context` on each side. `None`
    /// as for [`SearchService::document`], and when the text is shorter.
    #[expect(
        clippy::too_many_arguments,
        reason = "who asks, which document, which part of it"
    )]
    pub async fn chunk_context(
        &self,
        principal: &Principal,
        session: &UserSession,
        doc_type: &str,
        id: &str,
        start: usize,
        end: usize,
        context: usize,
    ) -> Result<Option<ChunkContext>, SearchError> {
        let slice = Slice::new(start, end, context)?;
        let access = self.check(principal, session).await?;
        self.chunk_context_checked(principal, &access, (doc_type, id), slice)
            .await
    }

    pub(super) async fn search_checked(
        &self,
        principal: &Principal,
        access: &dyn AccessCheck,
        request: &SearchRequest,
    ) -> Result<SearchResponse, SearchError> {
        Ok(self.answer(principal, access, request).await?.response)
    }

    pub(super) async fn map_checked(
        &self,
        principal: &Principal,
        access: &dyn AccessCheck,
        request: &SearchRequest,
    ) -> Result<SearchMap, SearchError> {
        let Answered {
            response,
            chunks,
            query,
        } = self.answer(principal, access, request).await?;
        if chunks.len() < 2 {
            return Ok(SearchMap {
                response,
                picture: None,
            });
        }
        let query = match (query, &self.parts.embedder) {
            // A keyword search was not embedded; its results have vectors all the same.
            (None, Some(embedder)) => {
                plan::embed(embedder.as_ref(), &query_syntax::parse(&request.query)?.text)
                    .await
                    .inspect_err(|error| tracing::warn!(%error, "the query could not be embedded"))
                    .ok()
            }
            (query, _) => query,
        };
        let picture = map::picture(&self.parts.pool, &chunks, query).await?;
        Ok(SearchMap { response, picture })
    }

    async fn answer(
        &self,
        principal: &Principal,
        access: &dyn AccessCheck,
        request: &SearchRequest,
    ) -> Result<Answered, SearchError> {
        let known_types = families::known_types(&self.parts.families);
        let filters = request.validate(&known_types)?;
        let query = query_syntax::parse(&request.query)?;
        let Some(filters) = filters
            .narrowed(&query, &known_types)?
            .filter(|_| !query.text.is_empty())
        else {
            return Ok(Answered::nothing(request.algorithm, None));
        };
        let reranking = self.reranking.as_ref().filter(|_| request.rerank);
        check(reranking.is_some() || !request.rerank, || {
            "reranking is not configured on this server; leave out `rerank`".into()
        })?;
        pipeline::run(
            &self.parts,
            principal,
            access,
            request,
            &query,
            &filters,
            reranking,
        )
        .await
    }

    pub(super) async fn document_checked(
        &self,
        principal: &Principal,
        access: &dyn AccessCheck,
        doc_type: &str,
        id: &str,
    ) -> Result<Option<SearchDocument>, SearchError> {
        let Parts {
            pool,
            families,
            public_url,
            ..
        } = self.parts.as_ref();
        check_doc_type(doc_type, &families::known_types(families))?;
        context::document(pool, principal, access, families, public_url, (doc_type, id)).await
    }

    pub(super) async fn chunk_context_checked(
        &self,
        principal: &Principal,
        access: &dyn AccessCheck,
        key: (&str, &str),
        slice: Slice,
    ) -> Result<Option<ChunkContext>, SearchError> {
        check_doc_type(key.0, &families::known_types(&self.parts.families))?;
        context::chunk_context(&self.parts.pool, principal, access, key, slice).await
    }

    /// Another user's session would confirm what that user may read.
    async fn check<'a>(
        &'a self,
        principal: &Principal,
        session: &'a UserSession,
    ) -> Result<SessionCheck<'a>, SearchError> {
        if session.user() != principal.user() {
            return Err(SearchError::Internal(Box::new(ForeignSession)));
        }
        Ok(SessionCheck {
            session,
            families: &self.parts.families,
            instance: self.instance().await?,
            losses: self.losses.as_deref(),
        })
    }

    /// The instance id of the first contact, which never changes after it.
    async fn instance(&self) -> Result<Option<String>, SearchError> {
        if let Some(known) = self.parts.instance.get() {
            return Ok(Some(known.clone()));
        }
        let stored = installation::instance_id(&self.parts.pool)
            .await
            .map_err(|error| SearchError::Internal(Box::new(error)))?;
        if let Some(id) = &stored {
            // Two requests may learn it at one time: it is the same.
            drop(self.parts.instance.set(id.clone()));
        }
        Ok(stored)
    }
}
