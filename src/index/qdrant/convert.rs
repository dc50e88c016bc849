//! Our types ↔ Qdrant's.

use crate::ids::{ChunkId, DocumentId};
use crate::index::schema::{ACCESS, DENSE, DOCUMENT, SPARSE};
use crate::index::{Hit, IndexError, Point, SparseVector, TenantFilter};
use ::qdrant_client::QdrantError;
use ::qdrant_client::qdrant::point_id::PointIdOptions;
use ::qdrant_client::qdrant::value::Kind;
use ::qdrant_client::qdrant::{
    Condition, DenseVector, Filter, NamedVectors, PointId, PointStruct, PointVectors, ScoredPoint,
    SparseVector as QdrantSparse, Value, Vector, Vectors, vectors,
};
use std::time::Duration;

/// gRPC status codes, as <https://grpc.io/docs/guides/status-codes/> numbers them.
mod code {
    pub(super) const CANCELLED: i32 = 1;
    pub(super) const UNKNOWN: i32 = 2;
    pub(super) const DEADLINE_EXCEEDED: i32 = 4;
    pub(super) const NOT_FOUND: i32 = 5;
    pub(super) const PERMISSION_DENIED: i32 = 7;
    pub(super) const RESOURCE_EXHAUSTED: i32 = 8;
    pub(super) const ABORTED: i32 = 10;
    pub(super) const INTERNAL: i32 = 13;
    pub(super) const UNAVAILABLE: i32 = 14;
    pub(super) const UNAUTHENTICATED: i32 = 16;
}

/// A request that failed.
pub(super) struct Failure {
    /// In words for the operator.
    pub(super) error: IndexError,
    /// The next attempt may succeed.
    pub(super) transient: bool,
    /// What the server asked to wait.
    pub(super) wait: Option<Duration>,
}

impl Failure {
    /// The time-out passed.
    pub(super) fn no_answer() -> Self {
        Self::transient("Qdrant did not answer in time".to_owned())
    }

    fn transient(reason: String) -> Self {
        Self {
            error: IndexError::Unavailable(reason),
            transient: true,
            wait: None,
        }
    }

    fn lasting(error: IndexError) -> Self {
        Self {
            error,
            transient: false,
            wait: None,
        }
    }
}

/// What a client's error means. The metadata of an answer stays out of the text.
pub(super) fn failure(error: QdrantError) -> Failure {
    let (status, wait) = match error {
        QdrantError::ResponseError { status } => (status, None),
        QdrantError::ResourceExhaustedError {
            status,
            retry_after_seconds,
        } => (status, Some(Duration::from_secs(retry_after_seconds))),
        other => return Failure::lasting(IndexError::Backend(other.to_string())),
    };
    let message = status.message();
    let refused = || IndexError::Unavailable("Qdrant refuses the API key: check QDRANT_API_KEY".to_owned());
    match i32::from(status.code()) {
        code::UNAUTHENTICATED | code::PERMISSION_DENIED => Failure::lasting(refused()),
        // A proxy's or the server's own answer to a missing key comes as plain HTTP.
        code::UNKNOWN if message.contains("401") || message.contains("403") => Failure::lasting(refused()),
        code::NOT_FOUND => Failure::lasting(IndexError::Unavailable(format!("Qdrant: {message}"))),
        code::CANCELLED
        | code::UNKNOWN
        | code::DEADLINE_EXCEEDED
        | code::ABORTED
        | code::INTERNAL
        | code::UNAVAILABLE => Failure::transient(format!("Qdrant: {message}")),
        code::RESOURCE_EXHAUSTED => Failure {
            wait,
            ..Failure::transient(format!("Qdrant is overloaded: {message}"))
        },
        _ => Failure::lasting(IndexError::Backend(format!("Qdrant: {message}"))),
    }
}

/// The point id of a chunk.
pub(super) fn point_id(chunk: ChunkId) -> Result<PointId, IndexError> {
    let id =
        u64::try_from(chunk.0).map_err(|_| IndexError::Backend(format!("chunk id {chunk} is negative")))?;
    Ok(PointId {
        point_id_options: Some(PointIdOptions::Num(id)),
    })
}

/// The number in a point id.
pub(super) fn number(id: Option<&PointId>) -> Option<u64> {
    match id?.point_id_options {
        Some(PointIdOptions::Num(number)) => Some(number),
        _ => None,
    }
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

/// A sparse vector as the wire has it.
pub(super) fn sparse(vector: SparseVector) -> QdrantSparse {
    QdrantSparse {
        indices: vector.indices,
        values: vector.values,
    }
}

fn dense(data: Vec<f32>) -> Vector {
    DenseVector { data }.into()
}

fn named(vectors: impl IntoIterator<Item = (&'static str, Vector)>) -> Vectors {
    let vectors = vectors
        .into_iter()
        .map(|(name, vector)| (name.to_owned(), vector))
        .collect();
    Vectors {
        vectors_options: Some(vectors::VectorsOptions::Vectors(NamedVectors { vectors })),
    }
}

fn integer(number: i64) -> Value {
    Value {
        kind: Some(Kind::IntegerValue(number)),
    }
}

/// The payload value of an access set. A keyword: only keyword indexes know tenants.
pub(super) fn access(set: i64) -> Value {
    Value {
        kind: Some(Kind::StringValue(set.to_string())),
    }
}

/// A point with its payload; the dense vector is left out when the collection has none.
pub(super) fn point(point: Point, dimension: Option<usize>) -> Result<PointStruct, IndexError> {
    let id = point_id(point.chunk)?;
    let mut vectors: Vec<(_, Vector)> = vec![(SPARSE, sparse(point.sparse).into())];
    if let (Some(data), Some(dimension)) = (point.dense, dimension) {
        check_length(&data, dimension)?;
        vectors.push((DENSE, dense(data)));
    }
    Ok(PointStruct {
        id: Some(id),
        vectors: Some(named(vectors)),
        payload: [
            (DOCUMENT.to_owned(), integer(point.document.0)),
            (ACCESS.to_owned(), access(point.access_set.0)),
        ]
        .into(),
    })
}

/// The dense vector of a point that exists.
pub(super) fn point_vectors(chunk: ChunkId, data: Vec<f32>) -> Result<PointVectors, IndexError> {
    Ok(PointVectors {
        id: Some(point_id(chunk)?),
        vectors: Some(named([(DENSE, dense(data))])),
    })
}

/// Points of any of these documents.
pub(super) fn of_documents(documents: impl Iterator<Item = i64>) -> Condition {
    Condition::matches(DOCUMENT, documents.collect::<Vec<i64>>())
}

/// The tenant's filter; `None` when nothing can match.
pub(super) fn tenant_filter(filter: &TenantFilter) -> Option<Filter> {
    if filter.access_sets.is_empty() {
        return None;
    }
    let sets: Vec<String> = filter.access_sets.iter().map(|set| set.0.to_string()).collect();
    let mut must = vec![Condition::matches(ACCESS, sets)];
    if let Some(documents) = &filter.documents {
        if documents.is_empty() {
            return None;
        }
        must.push(of_documents(documents.iter().map(|document| document.0)));
    }
    Some(Filter::must(must))
}

/// A scored point as a hit.
pub(super) fn hit(point: &ScoredPoint) -> Result<Hit, IndexError> {
    let chunk = number(point.id.as_ref()).and_then(|id| i64::try_from(id).ok());
    let document = match point.payload.get(DOCUMENT).and_then(|value| value.kind.as_ref()) {
        Some(Kind::IntegerValue(document)) => Some(*document),
        _ => None,
    };
    match (chunk, document) {
        (Some(chunk), Some(document)) => Ok(Hit {
            chunk: ChunkId(chunk),
            document: DocumentId(document),
            score: point.score,
        }),
        _ => Err(IndexError::Backend(
            "Qdrant answered a point that is not one of ours".to_owned(),
        )),
    }
}
