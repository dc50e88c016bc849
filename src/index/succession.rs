//! The index of a former embedding goes on answering until its successor is complete.
//!
//! After a change of the model every passage needs a new vector, which takes hours where there are many. Meanwhile queries
//! by meaning are embedded by the former model and answered from the former collection; words are found in the new one
//! as soon as it is filled. Deletions and changes of access reach both: nobody finds, and nothing keeps, what must be gone.
//! New passages get vectors in the new collection only.

use super::{
    Embedder, EmbeddingError, Hit, IndexError, IndexStats, Point, Priority, SparseVector, TenantFilter,
    VectorIndex,
};
use crate::ids::{AccessSetId, ChunkId, DocumentId};
use async_trait::async_trait;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The collection of the former embedding, and who embeds queries for it.
pub struct Former {
    /// Its points.
    pub index: Arc<dyn VectorIndex>,
    /// Its model.
    pub embedder: Arc<dyn Embedder>,
}

/// What is known of the former index.
enum State {
    /// There is none.
    None,
    /// It is away: it must hear of every change when it is back, so changes wait with it.
    Awaited,
    /// It answers.
    Open(Arc<Former>),
}

/// The index in use and, while an embedding succeeds another, the former one.
pub struct Succession {
    current: Arc<dyn VectorIndex>,
    former: RwLock<State>,
    /// The current index has all words.
    is_filled: AtomicBool,
}

impl Succession {
    /// `is_filled`: the current index has every passage, if not every vector.
    pub fn new(current: Arc<dyn VectorIndex>, former: Option<Former>, is_filled: bool) -> Self {
        Self {
            current,
            former: RwLock::new(former.map_or(State::None, |former| State::Open(Arc::new(former)))),
            is_filled: AtomicBool::new(is_filled),
        }
    }

    /// The current index has every passage, or has not any more.
    pub fn set_filled(&self, is_filled: bool) {
        self.is_filled.store(is_filled, Ordering::Release);
    }

    /// Whether the former index still answers.
    pub fn is_under_way(&self) -> bool {
        self.former().is_some()
    }

    /// The former index answers from now on.
    pub fn follow(&self, former: Former) {
        self.replace(State::Open(Arc::new(former)));
    }

    /// There is a former index, but it cannot be opened yet: deletions and changes of access fail until it can, and must
    /// be tried again.
    pub fn await_former(&self) {
        self.replace(State::Awaited);
    }

    /// The former index answers no more; returns whether it did, or was awaited.
    pub fn end(&self) -> bool {
        !matches!(self.replace(State::None), State::None)
    }

    fn replace(&self, state: State) -> State {
        let mut former = self.former.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut former, state)
    }

    fn former(&self) -> Option<Arc<Former>> {
        match &*self.former.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(former) => Some(Arc::clone(former)),
            State::None | State::Awaited => None,
        }
    }

    /// The former index, to be changed.
    fn former_to_change(&self) -> Result<Option<Arc<Former>>, IndexError> {
        match &*self.former.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(former) => Ok(Some(Arc::clone(former))),
            State::None => Ok(None),
            State::Awaited => Err(IndexError::Unavailable(
                "the index of the former embedding cannot be opened yet".to_owned(),
            )),
        }
    }

    /// What became of a change of the former index. One that is broken is given up: it must not hold up its successor.
    fn judged(&self, changed: Result<(), IndexError>) -> Result<(), IndexError> {
        match changed {
            Err(IndexError::Backend(error)) => {
                tracing::error!(error, "the index of the former embedding is given up");
                self.end();
                Ok(())
            }
            other => other,
        }
    }
}

#[async_trait]
impl VectorIndex for Succession {
    async fn upsert(&self, points: Vec<Point>) -> Result<(), IndexError> {
        self.current.upsert(points).await
    }

    async fn set_dense(&self, vectors: Vec<(ChunkId, Vec<f32>)>) -> Result<(), IndexError> {
        self.current.set_dense(vectors).await
    }

    async fn set_access(&self, changes: &[(DocumentId, AccessSetId)]) -> Result<(), IndexError> {
        self.current.set_access(changes).await?;
        match self.former_to_change()? {
            Some(former) => self.judged(former.index.set_access(changes).await),
            None => Ok(()),
        }
    }

    async fn delete(&self, chunks: &[ChunkId]) -> Result<(), IndexError> {
        self.current.delete(chunks).await?;
        match self.former_to_change()? {
            Some(former) => self.judged(former.index.delete(chunks).await),
            None => Ok(()),
        }
    }

    /// By the former index, where the vector may be of its model.
    async fn query_dense(
        &self,
        vector: Vec<f32>,
        filter: &TenantFilter,
        limit: usize,
    ) -> Result<Vec<Hit>, IndexError> {
        match self.former() {
            Some(former) if former.embedder.dimension() == vector.len() => {
                former.index.query_dense(vector, filter, limit).await
            }
            _ => self.current.query_dense(vector, filter, limit).await,
        }
    }

    /// By the former index as long as the current one lacks passages.
    async fn query_sparse(
        &self,
        query: SparseVector,
        filter: &TenantFilter,
        limit: usize,
    ) -> Result<Vec<Hit>, IndexError> {
        match self.former() {
            Some(former) if !self.is_filled.load(Ordering::Acquire) => {
                former.index.query_sparse(query, filter, limit).await
            }
            _ => self.current.query_sparse(query, filter, limit).await,
        }
    }

    async fn stats(&self) -> Result<IndexStats, IndexError> {
        self.current.stats().await
    }

    async fn clear(&self) -> Result<(), IndexError> {
        self.current.clear().await
    }

    async fn maintain(&self) -> Result<(), IndexError> {
        self.current.maintain().await
    }
}

/// Embeds queries by the model whose index answers them, and passages always by the current one.
pub struct SucceedingEmbedder {
    current: Arc<dyn Embedder>,
    succession: Arc<Succession>,
}

impl SucceedingEmbedder {
    /// `current`: the configured embedder.
    pub fn new(current: Arc<dyn Embedder>, succession: Arc<Succession>) -> Self {
        Self { current, succession }
    }
}

#[async_trait]
impl Embedder for SucceedingEmbedder {
    fn identity(&self) -> &str {
        self.current.identity()
    }

    /// Of a query's vector.
    fn dimension(&self) -> usize {
        self.succession
            .former()
            .map_or_else(|| self.current.dimension(), |former| former.embedder.dimension())
    }

    async fn embed(&self, texts: Vec<String>, priority: Priority) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        match self
            .succession
            .former()
            .filter(|_| priority == Priority::Interactive)
        {
            Some(former) => former.embedder.embed(texts, priority).await,
            None => self.current.embed(texts, priority).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::EdgeIndex;
    use crate::index::contract::{filter, ids, point};

    /// Embeds every text in one direction.
    struct Fixed(Vec<f32>);

    #[async_trait]
    impl Embedder for Fixed {
        fn identity(&self) -> &'static str {
            "fixed"
        }

        fn dimension(&self) -> usize {
            self.0.len()
        }

        async fn embed(&self, texts: Vec<String>, _: Priority) -> Result<Vec<Vec<f32>>, EmbeddingError> {
            Ok(vec![self.0.clone(); texts.len()])
        }
    }

    async fn by_words(index: &Succession, set: i64) -> Vec<i64> {
        let query = SparseVector {
            indices: vec![7],
            values: vec![1.0],
        };
        ids(&index.query_sparse(query, &filter(&[set]), 10).await.unwrap())
    }

    async fn by_meaning(index: &Succession, embedder: &dyn Embedder, set: i64) -> Vec<i64> {
        let vectors = embedder
            .embed(vec!["q".into()], Priority::Interactive)
            .await
            .unwrap();
        let vector = vectors.into_iter().next().unwrap();
        assert_eq!(vector.len(), embedder.dimension());
        ids(&index.query_dense(vector, &filter(&[set]), 10).await.unwrap())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_former_answers_until_its_successor_is_complete() {
        let dir = tempfile::tempdir().unwrap();
        let open = |name: &str, dimension| {
            let opened = EdgeIndex::open(&dir.path().join(name), name, Some(dimension)).unwrap();
            Arc::new(opened.index)
        };
        let (old, new) = (open("old", 4), open("new", 2));
        old.upsert(vec![
            point(10, 1, 1.0, Some([1.0, 0.0, 0.0, 0.0])),
            point(20, 1, 2.0, Some([0.5, 0.5, 0.0, 0.0])),
            point(30, 1, 3.0, Some([0.0, 1.0, 0.0, 0.0])),
        ])
        .await
        .unwrap();
        let former = Former {
            index: old.clone(),
            embedder: Arc::new(Fixed(vec![1.0, 0.0, 0.0, 0.0])),
        };
        let index = Arc::new(Succession::new(new.clone(), Some(former), false));
        let embedder = SucceedingEmbedder::new(Arc::new(Fixed(vec![0.0, 1.0])), index.clone());
        assert_eq!(by_words(&index, 1).await, [30, 20, 10], "the new one is empty");
        assert_eq!(by_meaning(&index, &embedder, 1).await, [10, 20, 30]);

        for chunk in [10, 20, 30, 40] {
            index.upsert(vec![point(chunk, 1, 1.0, None)]).await.unwrap();
        }
        index.set_filled(true);
        assert_eq!(
            by_words(&index, 1).await,
            [10, 20, 30, 40],
            "a new one is found by words"
        );
        assert_eq!(by_meaning(&index, &embedder, 1).await, [10, 20, 30]);

        // What is taken away is gone from both.
        index.delete(&[ChunkId(10)]).await.unwrap();
        index
            .set_access(&[(DocumentId(2), AccessSetId(9))])
            .await
            .unwrap();
        assert_eq!(by_meaning(&index, &embedder, 1).await, [30]);
        assert_eq!(by_meaning(&index, &embedder, 9).await, [20]);
        assert_eq!(old.stats().await.unwrap().points, 2);

        let passages = embedder
            .embed(vec!["p".into()], Priority::Background)
            .await
            .unwrap();
        index
            .set_dense(vec![(ChunkId(40), passages[0].clone())])
            .await
            .unwrap();
        assert!(index.is_under_way() && index.end() && !index.is_under_way());
        assert_eq!(by_meaning(&index, &embedder, 1).await, [40]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_change_passes_by_a_former_index_that_is_away() {
        let dir = tempfile::tempdir().unwrap();
        let open = |name: &str| {
            let opened = EdgeIndex::open(&dir.path().join(name), name, Some(4)).unwrap();
            Arc::new(opened.index)
        };
        let (old, new) = (open("old"), open("new"));
        for index in [&old, &new] {
            index.upsert(vec![point(10, 1, 1.0, None)]).await.unwrap();
        }
        let index = Succession::new(new, None, true);
        index.await_former();
        assert!(!index.is_under_way());
        assert_eq!(by_words(&index, 1).await, [10], "searches go on");
        let away = |changed| matches!(changed, Err(IndexError::Unavailable(_)));
        assert!(away(index.delete(&[ChunkId(10)]).await));
        assert!(away(index.set_access(&[(DocumentId(1), AccessSetId(9))]).await));
        assert_eq!(
            by_words(&index, 1).await,
            [0; 0],
            "what is deleted is found no more"
        );

        index.follow(Former {
            index: old.clone(),
            embedder: Arc::new(Fixed(vec![1.0, 0.0, 0.0, 0.0])),
        });
        assert!(index.is_under_way());
        index.delete(&[ChunkId(10)]).await.unwrap();
        assert_eq!(old.stats().await.unwrap().points, 0);
        index.await_former();
        assert!(index.end() && !index.end());
        index.delete(&[ChunkId(10)]).await.unwrap();
    }
}
