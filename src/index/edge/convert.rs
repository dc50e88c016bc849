//! Our types ↔ the engine's.

use super::store::{ACCESS, DENSE, DOCUMENT, SPARSE};
use crate::ids::{ChunkId, DocumentId};
use crate::index::{Hit, IndexError, Point, SparseVector, TenantFilter};
use qdrant_edge::external::serde_json::{Value, json};
use qdrant_edge::{
    AnyVariants, Condition, FieldCondition, Filter, JsonPath, Match, MatchAny, NamedVectors, OperationError,
    PointId, PointStruct, PointStructPersisted, ScoredPoint, Vector, VectorInternal,
};

/// An engine error without its internals' types.
#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
pub(super) fn backend(error: OperationError) -> IndexError {
    IndexError::Backend(error.to_string())
}

/// The point id of a chunk.
pub(super) fn point_id(chunk: ChunkId) -> Result<PointId, IndexError> {
    let id =
        u64::try_from(chunk.0).map_err(|_| IndexError::Backend(format!("chunk id {chunk} is negative")))?;
    Ok(PointId::NumId(id))
}

/// A path of one payload key.
pub(super) fn path(key: &str) -> Result<JsonPath, IndexError> {
    key.parse()
        .map_err(|()| IndexError::Backend(format!("payload key {key}")))
}

/// A sparse vector for a query or a point.
pub(super) fn sparse(vector: SparseVector) -> VectorInternal {
    VectorInternal::Sparse(qdrant_edge::SparseVector {
        indices: vector.indices,
        values: vector.values,
    })
}

/// A point with its payload; the dense vector is left out when the collection has none.
pub(super) fn point(point: Point, dimension: Option<usize>) -> Result<PointStructPersisted, IndexError> {
    let id = point_id(point.chunk)?;
    let mut vectors = NamedVectors::default().add_vector(SPARSE, Vector(sparse(point.sparse)));
    if let (Some(dense), Some(dimension)) = (point.dense, dimension) {
        check_length(&dense, dimension)?;
        vectors = vectors.add_vector(DENSE, dense);
    }
    let payload = json!({ DOCUMENT: point.document.0, ACCESS: point.access_set.0 });
    Ok(PointStruct::new(id, vectors, payload).into())
}

/// Refuses a vector of another model.
pub(super) fn check_length(vector: &[f32], dimension: usize) -> Result<(), IndexError> {
    if vector.len() == dimension {
        return Ok(());
    }
    Err(IndexError::Backend(format!(
        "a vector of length {} for dimension {dimension}",
        vector.len()
    )))
}

/// One of these integers under a payload key.
pub(super) fn any_of(key: &str, values: impl Iterator<Item = i64>) -> Result<Condition, IndexError> {
    let any = MatchAny {
        any: AnyVariants::Integers(values.collect()),
    };
    Ok(Condition::Field(FieldCondition::new_match(
        path(key)?,
        Match::Any(any),
    )))
}

/// The tenant's filter; `None` when nothing can match.
pub(super) fn tenant_filter(filter: &TenantFilter) -> Result<Option<Filter>, IndexError> {
    if filter.access_sets.is_empty() {
        return Ok(None);
    }
    let mut must = vec![any_of(ACCESS, filter.access_sets.iter().map(|set| set.0))?];
    if let Some(documents) = &filter.documents {
        if documents.is_empty() {
            return Ok(None);
        }
        must.push(any_of(DOCUMENT, documents.iter().map(|document| document.0))?);
    }
    Ok(Some(Filter {
        must: Some(must),
        ..Filter::new()
    }))
}

/// A scored point as a hit.
pub(super) fn hit(point: &ScoredPoint) -> Result<Hit, IndexError> {
    let chunk = match point.id {
        PointId::NumId(id) => i64::try_from(id).ok(),
        PointId::Uuid(_) => None,
    };
    let document = point
        .payload
        .as_ref()
        .and_then(|payload| payload.0.get(DOCUMENT))
        .and_then(Value::as_i64);
    match (chunk, document) {
        (Some(chunk), Some(document)) => Ok(Hit {
            chunk: ChunkId(chunk),
            document: DocumentId(document),
            score: point.score,
        }),
        _ => Err(IndexError::Backend(format!(
            "point {} is not one of ours",
            point.id
        ))),
    }
}
