//! The collection on the server: made, checked, and those of earlier embeddings removed.

use super::connection::Connection;
use crate::index::IndexError;
use crate::index::schema::{ACCESS, DENSE, DOCUMENT, SPARSE};
use ::qdrant_client::qdrant::payload_index_params::IndexParams;
use ::qdrant_client::qdrant::vectors_config::Config;
use ::qdrant_client::qdrant::{
    CollectionInfo, CreateCollection, CreateFieldIndexCollection, Distance, FieldType, IntegerIndexParams,
    KeywordIndexParams, Modifier, PayloadIndexParams, SparseIndexConfig, SparseVectorConfig,
    SparseVectorParams, VectorParams, VectorParamsMap, VectorsConfig,
};

/// Makes the collection, or checks that it is as this server makes it. Returns whether it was missing.
pub(super) async fn ensure(
    connection: &Connection,
    name: &str,
    dimension: Option<usize>,
) -> Result<bool, IndexError> {
    let missing = !exists(connection, name).await?;
    if missing {
        let request = &creation(name, dimension)?;
        let created = connection
            .write(|client| async move { client.create_collection(request.clone()).await })
            .await;
        // Another process may have made it meanwhile, or an attempt whose answer was lost.
        if let Err(error) = created
            && !exists(connection, name).await?
        {
            return Err(error);
        }
    }
    let info = info(connection, name).await?;
    check(&info, name, dimension)?;
    for request in &field_indexes(name) {
        if !info.payload_schema.contains_key(&request.field_name) {
            connection
                .write(|client| async move { client.create_field_index(request.clone()).await })
                .await?;
        }
    }
    Ok(missing)
}

/// Whether the collection is there.
pub(super) async fn exists(connection: &Connection, name: &str) -> Result<bool, IndexError> {
    connection
        .read(|client| async move { client.collection_exists(name).await })
        .await
}

/// Removes collections whose name begins with `prefix`, but those of `spared`.
pub(super) async fn remove_others(
    connection: &Connection,
    prefix: &str,
    spared: &[&str],
) -> Result<Vec<String>, IndexError> {
    let all = connection
        .read(|client| async move { client.list_collections().await })
        .await?;
    let others: Vec<String> = all
        .collections
        .into_iter()
        .map(|collection| collection.name)
        .filter(|name| name.starts_with(prefix) && !spared.contains(&name.as_str()))
        .collect();
    for name in &others {
        connection
            .write(|client| async move { client.delete_collection(name.as_str()).await })
            .await?;
    }
    Ok(others)
}

async fn info(connection: &Connection, name: &str) -> Result<CollectionInfo, IndexError> {
    let answer = connection
        .read(|client| async move { client.collection_info(name).await })
        .await?;
    answer
        .result
        .ok_or_else(|| IndexError::Backend(format!("Qdrant tells nothing about {name}")))
}

#[expect(
    deprecated,
    reason = "servers before 1.19 know storage on the disk in this form only"
)]
fn creation(name: &str, dimension: Option<usize>) -> Result<CreateCollection, IndexError> {
    let dense = match dimension {
        None => None,
        Some(dimension) => {
            let size = u64::try_from(dimension).map_err(|error| IndexError::Backend(error.to_string()))?;
            let params = VectorParams {
                size,
                distance: Distance::Cosine.into(),
                on_disk: Some(true),
                ..VectorParams::default()
            };
            Some((DENSE.to_owned(), params))
        }
    };
    let map = VectorParamsMap {
        map: dense.into_iter().collect(),
    };
    let sparse = SparseVectorParams {
        index: Some(SparseIndexConfig {
            on_disk: Some(true),
            ..SparseIndexConfig::default()
        }),
        modifier: Some(Modifier::Idf.into()),
    };
    Ok(CreateCollection {
        collection_name: name.to_owned(),
        on_disk_payload: Some(true),
        vectors_config: Some(VectorsConfig {
            config: Some(Config::ParamsMap(map)),
        }),
        sparse_vectors_config: Some(SparseVectorConfig {
            map: [(SPARSE.to_owned(), sparse)].into(),
        }),
        ..CreateCollection::default()
    })
}

/// The access set is the tenant: the server keeps the points of one together.
fn field_indexes(name: &str) -> [CreateFieldIndexCollection; 2] {
    let index = |field: &str, kind: FieldType, params: IndexParams| CreateFieldIndexCollection {
        collection_name: name.to_owned(),
        wait: Some(true),
        field_name: field.to_owned(),
        field_type: Some(kind.into()),
        field_index_params: Some(PayloadIndexParams {
            index_params: Some(params),
        }),
        ..CreateFieldIndexCollection::default()
    };
    let access = KeywordIndexParams {
        is_tenant: Some(true),
        ..KeywordIndexParams::default()
    };
    let document = IntegerIndexParams {
        lookup: Some(true),
        range: Some(false),
        ..IntegerIndexParams::default()
    };
    [
        index(
            ACCESS,
            FieldType::Keyword,
            IndexParams::KeywordIndexParams(access),
        ),
        index(
            DOCUMENT,
            FieldType::Integer,
            IndexParams::IntegerIndexParams(document),
        ),
    ]
}

/// Refuses a collection that somebody made otherwise: nothing of it is removed, it may not be ours.
fn check(info: &CollectionInfo, name: &str, dimension: Option<usize>) -> Result<(), IndexError> {
    let params = info.config.as_ref().and_then(|config| config.params.as_ref());
    let dense = params
        .and_then(|params| params.vectors_config.as_ref())
        .and_then(|vectors| match &vectors.config {
            Some(Config::ParamsMap(map)) => map.map.get(DENSE),
            _ => None,
        });
    let size = dense.and_then(|dense| usize::try_from(dense.size).ok());
    let cosine = dense.is_none_or(|dense| dense.distance == i32::from(Distance::Cosine));
    let idf = params
        .and_then(|params| params.sparse_vectors_config.as_ref())
        .and_then(|sparse| sparse.map.get(SPARSE))
        .is_some_and(|sparse| sparse.modifier == Some(Modifier::Idf.into()));
    if size == dimension && cosine && idf {
        return Ok(());
    }
    Err(IndexError::Unavailable(format!(
        "the collection {name} on the Qdrant server was made otherwise: delete it there, and it is built anew"
    )))
}
