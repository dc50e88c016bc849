//! The order of a search's candidates: ranked, with what their texts tell.

use super::duplicates::collapse;
use super::hydrate::Candidate;
use super::phrases::Phrases;
use super::rank::{Ranking, rank};
use super::retrieve::Lists;
use super::signals::Signals;
use super::texts::Texts;
use super::{Algorithm, Granularity, SearchRequest};
use crate::auth::Principal;
use crate::ids::ChunkId;
use sqlx::PgPool;
use std::collections::{HashMap, HashSet};

/// Best candidates that are looked through for the whole query as a phrase.
const LOOKED_THROUGH: usize = 30;
/// Results compared at one time to find those that say the same.
const COMPARED: usize = 50;

/// Ranks for one search; remembers the texts it has read.
pub(super) struct Order<'a> {
    pub pool: &'a PgPool,
    pub principal: &'a Principal,
    pub request: &'a SearchRequest,
    pub algorithm: Algorithm,
    pub signals: Signals,
    pub phrases: Phrases,
    pub texts: Texts,
}

impl Order<'_> {
    /// Leaves out the candidates without the phrases that are asked for.
    pub async fn keep_phrases(
        &mut self,
        candidates: &mut HashMap<ChunkId, Candidate>,
    ) -> Result<(), sqlx::Error> {
        if self.phrases.are_wanted() {
            self.texts
                .read(self.pool, self.principal, candidates.keys().copied())
                .await?;
            candidates.retain(|_, candidate| self.phrases.stand_in(candidate, &self.texts));
        }
        Ok(())
    }

    /// The candidates that stand in the lists, best first, with near-duplicates left out among the first `wanted`.
    /// What is decided depends on nothing but the lists, so that neighbouring pages are cut from one ranking.
    pub async fn rank(
        &mut self,
        lists: &Lists,
        candidates: &HashMap<ChunkId, Candidate>,
        wanted: usize,
    ) -> Result<Ranking, sqlx::Error> {
        let mut ranking = self.ranked(lists, candidates, &HashSet::new());
        if self.looked_through() > 0 {
            let best: HashSet<ChunkId> = ranking
                .results
                .iter()
                .take(LOOKED_THROUGH)
                .map(|result| result.chunk)
                .collect();
            self.texts
                .read(self.pool, self.principal, best.iter().copied())
                .await?;
            ranking = self.ranked(lists, candidates, &best);
        }
        if self.request.granularity == Granularity::Chunk {
            self.collapse(&mut ranking, wanted).await?;
        }
        Ok(ranking)
    }

    /// How many of the best results decide the order of the others by what their texts hold.
    pub fn looked_through(&self) -> usize {
        if self.algorithm != Algorithm::Semantic && self.phrases.may_lift() {
            LOOKED_THROUGH
        } else {
            0
        }
    }

    fn ranked(
        &self,
        lists: &Lists,
        candidates: &HashMap<ChunkId, Candidate>,
        looked_through: &HashSet<ChunkId>,
    ) -> Ranking {
        let lift = |chunk| {
            if looked_through.contains(&chunk) {
                self.phrases.lift(chunk, &self.texts)
            } else {
                0.0
            }
        };
        rank(
            lists,
            candidates,
            self.request,
            self.algorithm,
            &self.signals,
            &lift,
        )
    }

    /// Compares until `wanted` results stay or all are compared.
    async fn collapse(&mut self, ranking: &mut Ranking, wanted: usize) -> Result<(), sqlx::Error> {
        let all = ranking.results.clone();
        let mut examined = 0;
        loop {
            examined = (examined + wanted.max(COMPARED)).min(all.len());
            let mut per_document = HashMap::new();
            for result in &all[..examined] {
                *per_document.entry(result.document).or_insert(0_usize) += 1;
            }
            let siblings = all[..examined]
                .iter()
                .filter(|result| per_document[&result.document] > 1)
                .map(|result| result.chunk);
            self.texts.read(self.pool, self.principal, siblings).await?;
            ranking.results.clone_from(&all);
            let kept = collapse(&mut ranking.results, examined, &self.texts);
            if kept >= wanted || examined == all.len() {
                return Ok(());
            }
        }
    }
}
