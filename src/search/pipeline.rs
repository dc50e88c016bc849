//! One search: read the lists, rank, verify, and read deeper until the page is full or nothing is left.

use super::families::Family;
use super::filters::Filters;
use super::hydrate::{self, Candidate};
use super::names;
use super::order::Order;
use super::phrases::Phrases;
use super::plan::{Plan, plan};
use super::query_syntax::Query;
use super::rank::{Ranked, Ranking};
use super::retrieve::{DEPTHS, Lists, QueryTerms, read_lists};
use super::signals::Signals;
use super::tenant::{self, Scope};
use super::texts::Texts;
use super::verify::{AccessCheck, Question, Verification};
use super::{
    Algorithm, IndexReadiness, IndexState, Reranking, SearchError, SearchRequest, SearchResponse, evidence,
    highlight, project, reorder,
};
use crate::auth::Principal;
use crate::ids::{ChunkId, DocumentId};
use crate::index::{Embedder, Hit, VectorIndex};
use sqlx::PgPool;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};
use url::Url;

/// Documents that one search asks Nextcloud about at most: ten requests.
const MAX_VERIFIED_DOCUMENTS: usize = 1_000;

/// Documents that one request to Nextcloud covers; asking about all of them takes no longer than about a few (facts §7).
const REQUEST: usize = 100;

/// What a search works with.
pub(super) struct Parts {
    pub pool: PgPool,
    pub index: Arc<dyn VectorIndex>,
    pub embedder: Option<Arc<dyn Embedder>>,
    pub terms: Arc<dyn QueryTerms>,
    pub families: Arc<[Arc<dyn Family>]>,
    pub public_url: Url,
    pub readiness: IndexReadiness,
    /// The Nextcloud whose documents are stored, once it is known.
    pub instance: OnceLock<String>,
}

/// One search under way.
struct Search<'a> {
    parts: &'a Parts,
    principal: &'a Principal,
    request: &'a SearchRequest,
    filters: &'a Filters,
    algorithm: Algorithm,
    order: Order<'a>,
    /// Documents called as the query.
    named: Vec<Hit>,
    /// Results to confirm: the page, what stands before it, and one more to know that there is more.
    wanted: usize,
    verification: Verification<'a>,
}

/// A ranking whose best results are answered for.
struct Settled {
    /// Confirmed results, best first.
    results: Vec<Ranked>,
    /// The threshold cut the ranking: reading deeper finds nothing above it.
    cut: bool,
    /// Some of the results wanted could not be asked about any more.
    unasked: bool,
}

/// What the lists hold once they are verified.
struct Confirmed {
    results: Vec<Ranked>,
    chunks: usize,
    /// Why results may be missing.
    limited: Option<String>,
}

/// An answer, and what it was found with.
pub(super) struct Answered {
    pub response: SearchResponse,
    /// The passage of each result, in their order.
    pub chunks: Vec<ChunkId>,
    /// The query's embedding, where one was asked for.
    pub query: Option<Vec<f32>>,
}

impl Answered {
    /// No results, and none left out.
    pub fn nothing(algorithm: Algorithm, degraded: Option<String>) -> Self {
        Self {
            response: SearchResponse::empty(algorithm, degraded),
            chunks: Vec::new(),
            query: None,
        }
    }
}

/// Answers a validated request whose query is not blank.
pub(super) async fn run(
    parts: &Parts,
    principal: &Principal,
    access: &dyn AccessCheck,
    request: &SearchRequest,
    query: &Query,
    filters: &Filters,
    reranking: Option<&Reranking>,
) -> Result<Answered, SearchError> {
    let rebuilding = match parts.readiness.get() {
        IndexState::Ready => None,
        IndexState::Rebuilding => Some("the index is being rebuilt, so results may be missing"),
        IndexState::Unavailable(reason) => return Err(SearchError::Unavailable(reason)),
    };
    let embedder = parts.embedder.as_deref();
    let (mut plan, scope) = tokio::try_join!(plan(request.algorithm, &query.text, embedder), async {
        Ok(Scope::resolve(&parts.pool, principal, filters).await?)
    })?;
    let vectors = parts.readiness.note().filter(|_| plan.vectors.dense.is_some());
    let mut notes: Vec<String> = [rebuilding, plan.degraded.take(), vectors]
        .into_iter()
        .flatten()
        .map(Into::into)
        .collect();
    let Some(scope) = scope else {
        return Ok(Answered::nothing(plan.algorithm, joined(&notes)));
    };
    let terms = parts.terms.terms(&query.text, &scope.languages);
    let signals = Signals::new(&query.text, &terms, embedder, &scope.languages);
    let named = if plan.algorithm == Algorithm::Semantic {
        Vec::new()
    } else {
        plan.vectors.sparse = Some(terms).filter(|terms| !terms.indices.is_empty());
        names::called(&parts.pool, principal, &scope, &query.text).await?
    };
    let mut search = Search {
        parts,
        principal,
        request,
        filters,
        algorithm: plan.algorithm,
        order: Order {
            pool: &parts.pool,
            principal,
            request,
            algorithm: plan.algorithm,
            signals,
            phrases: Phrases::of(query),
            texts: Texts::default(),
        },
        named,
        wanted: (request.offset + request.limit + 1).max(reorder::depth(reranking)),
        verification: Verification::new(access),
    };
    let mut confirmed = search.confirm(&plan, &scope).await?;
    notes.extend(confirmed.limited);
    notes.extend(search.verification.failure().map(Into::into));
    let mut reranked_by = None;
    if let Some(reranking) = reranking {
        match search
            .rerank(reranking, &query.text, &mut confirmed.results)
            .await?
        {
            Ok(()) => reranked_by = Some(&reranking.reranker),
            Err(reason) => notes.push(reason.to_owned()),
        }
    }
    let (mut response, chunks) = search.answer(&confirmed.results, confirmed.chunks, notes).await?;
    response.reranked = reranked_by.is_some();
    response.rerank_model = reranked_by.and_then(|reranker| reranker.model().map(str::to_owned));
    Ok(Answered {
        response,
        chunks,
        query: plan.vectors.dense,
    })
}

impl Search<'_> {
    /// Reads deeper and deeper until enough results are confirmed.
    async fn confirm(&mut self, plan: &Plan, scope: &Scope) -> Result<Confirmed, SearchError> {
        let deepest = DEPTHS[DEPTHS.len() - 1];
        let shallowest = self.wanted.min(deepest);
        let mut depths = DEPTHS.into_iter().filter(|depth| *depth >= shallowest);
        let mut depth = depths.next().unwrap_or(deepest);
        loop {
            let mut lists =
                read_lists(self.parts.index.as_ref(), &plan.vectors, &scope.tenant, depth).await?;
            lists.add_named(&self.named);
            let candidates = self.candidates(&lists, scope).await?;
            lists.retain(|hit| candidates.contains_key(&hit.chunk));
            let Settled {
                results,
                cut,
                unasked,
            } = self.settle(&mut lists, &candidates).await?;
            let chunks = lists
                .chunks()
                .iter()
                .filter_map(|chunk| candidates.get(chunk))
                .filter(|candidate| self.verification.confirmed(candidate.document))
                .count();
            if self.verification.stopped()
                || (!unasked && (results.len() >= self.wanted || lists.exhausted || cut))
            {
                return Ok(Confirmed {
                    results,
                    chunks,
                    limited: None,
                });
            }
            let Some(next) = depths.next().filter(|_| !unasked) else {
                let limited = Some(format!(
                    "only the best {depth} candidates of each list and {} documents were examined; narrow the \
                     query or add filters",
                    self.verification.asked()
                ));
                return Ok(Confirmed {
                    results,
                    chunks,
                    limited,
                });
            };
            depth = next;
        }
    }

    /// The chunks that `PostgreSQL` shows to this reader and that pass the filters.
    async fn candidates(
        &mut self,
        lists: &Lists,
        scope: &Scope,
    ) -> Result<HashMap<ChunkId, Candidate>, SearchError> {
        let pool = &self.parts.pool;
        let mut candidates = hydrate::candidates(pool, self.principal, &lists.chunks()).await?;
        if scope.filter_candidates {
            let documents: HashSet<DocumentId> =
                candidates.values().map(|candidate| candidate.document).collect();
            let documents: Vec<DocumentId> = documents.into_iter().collect();
            let matching =
                tenant::matching(pool, self.principal, self.filters, Some(&documents), i64::MAX).await?;
            let matching: HashSet<DocumentId> = matching.into_iter().collect();
            candidates.retain(|_, candidate| matching.contains(&candidate.document));
        }
        self.order.keep_phrases(&mut candidates).await?;
        self.order.signals.look_at(&candidates, self.parts.terms.as_ref());
        Ok(candidates)
    }

    /// Ranks, asks about the best, takes the refused out of the lists and ranks again, until the best are
    /// confirmed: the order is the one that the lists have without the documents this reader may not open.
    async fn settle(
        &mut self,
        lists: &mut Lists,
        candidates: &HashMap<ChunkId, Candidate>,
    ) -> Result<Settled, SearchError> {
        loop {
            let verification = &self.verification;
            lists.retain(|hit| {
                candidates
                    .get(&hit.chunk)
                    .is_some_and(|candidate| !verification.excludes(candidate.document, &candidate.family))
            });
            let Ranking { mut results, cut } = self.order.rank(lists, candidates, self.wanted).await?;
            let questions = self.open_questions(lists, &results, candidates);
            if questions.is_empty() || self.verification.stopped() {
                let verification = &self.verification;
                let unasked = results
                    .iter()
                    .take(self.wanted)
                    .any(|result| verification.answer(result.document).is_none());
                results.retain(|result| verification.confirmed(result.document));
                // A fused score can still grow when its chunk turns up deeper in the other list.
                return Ok(Settled {
                    results,
                    cut: cut && self.algorithm != Algorithm::Hybrid,
                    unasked,
                });
            }
            self.verification.ask(&questions).await;
        }
    }

    /// The unanswered documents among the results wanted, best first, with those that decide the ranking. The requests
    /// that they need are filled up with other candidates: a few that are dropped then cost no further one, and a
    /// document that was lost a moment ago does not count for the scores of the others.
    fn open_questions(
        &self,
        lists: &Lists,
        results: &[Ranked],
        candidates: &HashMap<ChunkId, Candidate>,
    ) -> Vec<Question> {
        let mut seen = HashSet::new();
        let mut open = |chunks: &mut dyn Iterator<Item = ChunkId>, most: usize| -> Vec<Question> {
            chunks
                .filter_map(|chunk| candidates.get(&chunk))
                .filter(|candidate| self.verification.answer(candidate.document).is_none())
                .filter(|candidate| seen.insert(candidate.document))
                .take(most)
                .map(|candidate| Question {
                    document: candidate.document,
                    family: candidate.family.clone(),
                    native_id: candidate.native_id.clone(),
                })
                .collect()
        };
        let budget = MAX_VERIFIED_DOCUMENTS.saturating_sub(self.verification.asked());
        let wanted = self.wanted.max(self.order.looked_through());
        let mut ranked = results.iter().map(|result| result.chunk);
        let mut questions = open(&mut ranked.by_ref().take(wanted), budget);
        if self.algorithm == Algorithm::Hybrid {
            let mut deciding = evidence::deciding(lists).map(|hit| hit.chunk);
            questions.extend(open(&mut deciding, budget - questions.len()));
        }
        // Even when nothing stands above the threshold: a document that was lost may have pushed others below it.
        if !questions.is_empty() || self.verification.asked() == 0 {
            // Never so many that they would need a request of their own.
            let room = REQUEST * questions.len().div_ceil(REQUEST).max(1) - questions.len();
            let mut others = ranked.chain(lists.chunks());
            questions.extend(open(&mut others, room.min(budget - questions.len())));
        }
        questions
    }

    /// Orders the best confirmed results anew; the reason when that failed.
    async fn rerank(
        &mut self,
        reranking: &Reranking,
        query: &str,
        results: &mut [Ranked],
    ) -> Result<Result<(), &'static str>, SearchError> {
        let best = results.iter().take(reranking.candidates);
        let texts = &mut self.order.texts;
        texts
            .read(&self.parts.pool, self.principal, best.map(|result| result.chunk))
            .await?;
        Ok(reorder::reorder(reranking, query, results, texts).await)
    }

    /// Cuts the page out of the confirmed results and shows it as this reader sees the documents.
    async fn answer(
        self,
        results: &[Ranked],
        verified_chunks: usize,
        mut notes: Vec<String>,
    ) -> Result<(SearchResponse, Vec<ChunkId>), SearchError> {
        let request = self.request;
        let end = results.len().min(request.offset + request.limit);
        let page = results.get(request.offset..end).unwrap_or_default();
        let mut chunks: Vec<ChunkId> = page.iter().map(|result| result.chunk).collect();
        let context = i32::try_from(request.context_chars).unwrap_or(i32::MAX - 1);
        let mut passages = hydrate::passages(&self.parts.pool, self.principal, &chunks, context).await?;
        chunks.retain(|chunk| passages.contains_key(chunk));
        let hits: Vec<_> = page
            .iter()
            .filter_map(|result| Some((passages.remove(&result.chunk)?, result.score)))
            .map(|(passage, score)| {
                let marks = highlight::marks(
                    &passage.excerpt,
                    passage.language,
                    self.order.signals.terms(),
                    self.order.phrases.wanted(),
                    self.parts.terms.as_ref(),
                );
                project::hit(
                    passage,
                    score,
                    request.context_chars,
                    &marks,
                    &self.parts.families,
                    &self.parts.public_url,
                )
            })
            .collect();
        let gone = page.len() - hits.len();
        if gone > 0 {
            notes.push("a document changed during the search and is left out; search again".into());
        }
        let total_found = if results.len() > end {
            request.offset + hits.len() + 1
        } else {
            results.len() - gone
        };
        let response = SearchResponse {
            hits,
            total_found,
            verified_chunks,
            dropped_documents: self.verification.dropped(),
            credential_refused: self.verification.refused(),
            ..SearchResponse::empty(self.algorithm, joined(&notes))
        };
        Ok((response, chunks))
    }
}

fn joined(notes: &[String]) -> Option<String> {
    (!notes.is_empty()).then(|| notes.join("; "))
}
