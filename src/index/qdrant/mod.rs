//! The vector index on a Qdrant server, which several processes can share.
//!
//! Every change waits until the server has applied it (`wait`), so that a write is durable when it returns, as with the
//! embedded index. Every query carries the tenant's filter.

mod collections;
mod connection;
mod convert;

pub use connection::Patience;

use super::schema::{ACCESS, DENSE, SPARSE, TIE_MARGIN};
use super::{Hit, IndexError, IndexStats, Point, SparseVector, TenantFilter, VectorIndex};
use crate::config::QdrantConfig;
use crate::ids::{AccessSetId, ChunkId, DocumentId};
use ::qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use ::qdrant_client::qdrant::vector_input::Variant;
use ::qdrant_client::qdrant::with_payload_selector::SelectorOptions;
use ::qdrant_client::qdrant::{
    CountPoints, DeletePoints, DenseVector, Filter, GetPoints, PointsIdsList, PointsSelector, Query,
    QueryPoints, SetPayloadPoints, UpdatePointVectors, UpsertPoints, VectorInput, WithPayloadSelector, query,
};
use async_trait::async_trait;
use connection::Connection;
use std::collections::{BTreeMap, HashSet};

/// Points per request: with 4,096 dimensions about two megabytes, half of what gRPC servers take by default.
const REQUEST_POINTS: usize = 100;

/// Ids per request.
const REQUEST_IDS: usize = 1_000;

/// A collection on a Qdrant server.
pub struct QdrantIndex {
    connection: Connection,
    collection: String,
    dimension: Option<usize>,
}

impl std::fmt::Debug for QdrantIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QdrantIndex")
            .field("collection", &self.collection)
            .field("dimension", &self.dimension)
            .finish_non_exhaustive()
    }
}

impl QdrantIndex {
    /// The collection on the server that `config` names; `dimension` is `None` when nobody makes dense vectors. Sends
    /// nothing yet.
    ///
    /// # Errors
    /// [`IndexError::Unavailable`] when the URL cannot be used.
    pub fn new(
        config: &QdrantConfig,
        patience: Patience,
        collection: &str,
        dimension: Option<usize>,
    ) -> Result<Self, IndexError> {
        Ok(Self {
            connection: Connection::new(config, patience)?,
            collection: collection.to_owned(),
            dimension,
        })
    }

    /// Makes the collection and its indexes where they are missing. Returns whether the collection was missing: then it
    /// must be filled, see [`super::rebuild()`].
    ///
    /// # Errors
    /// [`IndexError::Unavailable`] also when a collection of this name was made otherwise.
    pub async fn ensure(&self) -> Result<bool, IndexError> {
        collections::ensure(&self.connection, &self.collection, self.dimension).await
    }

    /// Whether the collection is on the server.
    pub async fn exists(&self) -> Result<bool, IndexError> {
        collections::exists(&self.connection, &self.collection).await
    }

    /// Removes collections whose name begins with `prefix`, but this one and `former`; their names.
    pub async fn remove_others(&self, prefix: &str, former: Option<&str>) -> Result<Vec<String>, IndexError> {
        let spared: Vec<&str> = former.into_iter().chain([self.collection.as_str()]).collect();
        collections::remove_others(&self.connection, prefix, &spared).await
    }

    async fn search(
        &self,
        vector: Variant,
        using: &str,
        filter: &TenantFilter,
        limit: usize,
    ) -> Result<Vec<Hit>, IndexError> {
        let Some(filter) = convert::tenant_filter(filter) else {
            return Ok(Vec::new());
        };
        if limit == 0 {
            return Ok(Vec::new());
        }
        let nearest = query::Variant::Nearest(VectorInput {
            variant: Some(vector),
        });
        let request = &QueryPoints {
            collection_name: self.collection.clone(),
            query: Some(Query {
                variant: Some(nearest),
            }),
            using: Some(using.to_owned()),
            filter: Some(filter),
            limit: u64::try_from(limit.saturating_add(TIE_MARGIN)).ok(),
            with_payload: Some(payload(true)),
            ..QueryPoints::default()
        };
        let answer = self
            .connection
            .read(|client| async move { client.query(request.clone()).await })
            .await?;
        let mut hits = answer
            .result
            .iter()
            .map(convert::hit)
            .collect::<Result<Vec<_>, _>>()?;
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.chunk.cmp(&b.chunk)));
        hits.truncate(limit);
        Ok(hits)
    }

    /// Which of these points exist. Asks for ids only: no payload, no vector.
    async fn present(&self, vectors: &[(ChunkId, Vec<f32>)]) -> Result<HashSet<u64>, IndexError> {
        let ids = vectors
            .iter()
            .map(|(chunk, _)| convert::point_id(*chunk))
            .collect::<Result<Vec<_>, _>>()?;
        let request = &GetPoints {
            collection_name: self.collection.clone(),
            ids,
            with_payload: Some(payload(false)),
            ..GetPoints::default()
        };
        let answer = self
            .connection
            .read(|client| async move { client.get_points(request.clone()).await })
            .await?;
        Ok(answer
            .result
            .iter()
            .filter_map(|point| convert::number(point.id.as_ref()))
            .collect())
    }
}

fn payload(wanted: bool) -> WithPayloadSelector {
    WithPayloadSelector {
        selector_options: Some(SelectorOptions::Enable(wanted)),
    }
}

fn selected(filter: Filter) -> PointsSelector {
    PointsSelector {
        points_selector_one_of: Some(PointsSelectorOneOf::Filter(filter)),
    }
}

#[async_trait]
impl VectorIndex for QdrantIndex {
    async fn upsert(&self, points: Vec<Point>) -> Result<(), IndexError> {
        let mut points = points
            .into_iter()
            .map(|point| convert::point(point, self.dimension))
            .collect::<Result<Vec<_>, _>>()?;
        while !points.is_empty() {
            let rest = points.split_off(points.len().min(REQUEST_POINTS));
            let request = &UpsertPoints {
                collection_name: self.collection.clone(),
                wait: Some(true),
                points: std::mem::replace(&mut points, rest),
                ..UpsertPoints::default()
            };
            self.connection
                .write(|client| async move { client.upsert_points(request.clone()).await })
                .await?;
        }
        Ok(())
    }

    async fn set_dense(&self, vectors: Vec<(ChunkId, Vec<f32>)>) -> Result<(), IndexError> {
        let Some(dimension) = self.dimension else {
            return Ok(());
        };
        for (_, vector) in &vectors {
            convert::check_length(vector, dimension)?;
        }
        for part in vectors.chunks(REQUEST_POINTS) {
            // The server refuses the whole request when one point is gone.
            let present = self.present(part).await?;
            let points = part
                .iter()
                .filter(|(chunk, _)| u64::try_from(chunk.0).is_ok_and(|id| present.contains(&id)))
                .map(|(chunk, vector)| convert::point_vectors(*chunk, vector.clone()))
                .collect::<Result<Vec<_>, _>>()?;
            if points.is_empty() {
                continue;
            }
            let request = &UpdatePointVectors {
                collection_name: self.collection.clone(),
                wait: Some(true),
                points,
                ..UpdatePointVectors::default()
            };
            self.connection
                .write(|client| async move { client.update_vectors(request.clone()).await })
                .await?;
        }
        Ok(())
    }

    async fn set_access(&self, changes: &[(DocumentId, AccessSetId)]) -> Result<(), IndexError> {
        // The last change of a document wins, as if they had come one by one.
        let latest: BTreeMap<DocumentId, AccessSetId> = changes.iter().copied().collect();
        let mut by_set: BTreeMap<AccessSetId, Vec<i64>> = BTreeMap::new();
        for (document, set) in latest {
            by_set.entry(set).or_default().push(document.0);
        }
        for (set, documents) in by_set {
            for part in documents.chunks(REQUEST_IDS) {
                let request = &SetPayloadPoints {
                    collection_name: self.collection.clone(),
                    wait: Some(true),
                    payload: [(ACCESS.to_owned(), convert::access(set.0))].into(),
                    points_selector: Some(selected(Filter::must([convert::of_documents(
                        part.iter().copied(),
                    )]))),
                    ..SetPayloadPoints::default()
                };
                self.connection
                    .write(|client| async move { client.set_payload(request.clone()).await })
                    .await?;
            }
        }
        Ok(())
    }

    async fn delete(&self, chunks: &[ChunkId]) -> Result<(), IndexError> {
        for part in chunks.chunks(REQUEST_IDS) {
            let ids = part
                .iter()
                .map(|chunk| convert::point_id(*chunk))
                .collect::<Result<Vec<_>, _>>()?;
            let points = PointsSelector {
                points_selector_one_of: Some(PointsSelectorOneOf::Points(PointsIdsList { ids })),
            };
            let request = &DeletePoints {
                collection_name: self.collection.clone(),
                wait: Some(true),
                points: Some(points),
                ..DeletePoints::default()
            };
            self.connection
                .write(|client| async move { client.delete_points(request.clone()).await })
                .await?;
        }
        Ok(())
    }

    async fn query_dense(
        &self,
        vector: Vec<f32>,
        filter: &TenantFilter,
        limit: usize,
    ) -> Result<Vec<Hit>, IndexError> {
        let Some(dimension) = self.dimension else {
            return Ok(Vec::new());
        };
        convert::check_length(&vector, dimension)?;
        let vector = Variant::Dense(DenseVector { data: vector });
        self.search(vector, DENSE, filter, limit).await
    }

    async fn query_sparse(
        &self,
        query: SparseVector,
        filter: &TenantFilter,
        limit: usize,
    ) -> Result<Vec<Hit>, IndexError> {
        if query.indices.is_empty() {
            return Ok(Vec::new());
        }
        let vector = Variant::Sparse(convert::sparse(query));
        let mut hits = self.search(vector, SPARSE, filter, limit).await?;
        // A passage without any of the words is no answer.
        hits.retain(|hit| hit.score > 0.0);
        Ok(hits)
    }

    async fn stats(&self) -> Result<IndexStats, IndexError> {
        let request = &CountPoints {
            collection_name: self.collection.clone(),
            exact: Some(true),
            ..CountPoints::default()
        };
        let answer = self
            .connection
            .read(|client| async move { client.count(request.clone()).await })
            .await?;
        let counted = answer
            .result
            .ok_or_else(|| IndexError::Backend("Qdrant counted nothing".to_owned()))?;
        Ok(IndexStats {
            points: counted.count,
        })
    }

    /// A collection that is missing is made: a rebuild begins with this.
    async fn clear(&self) -> Result<(), IndexError> {
        if self.ensure().await? {
            return Ok(());
        }
        // The collection stays, so that the searches of other processes go on.
        let request = &DeletePoints {
            collection_name: self.collection.clone(),
            wait: Some(true),
            points: Some(selected(Filter::default())),
            ..DeletePoints::default()
        };
        self.connection
            .write(|client| async move { client.delete_points(request.clone()).await })
            .await?;
        Ok(())
    }

    /// The server keeps itself up.
    async fn maintain(&self) -> Result<(), IndexError> {
        Ok(())
    }
}

#[cfg(test)]
#[path = "../../../tests/qdrant_stand_in/mod.rs"]
mod stand_in;
#[cfg(test)]
mod tests;
