//! Which collection holds the vectors, and what happens when the embedding model changes.
//!
//! The name carries the embedding identity, so vectors of two models never meet; the table `index_collections` has one
//! row, the collection in use.

use sqlx::{PgConnection, PgPool};

/// Raised when points of older versions can no longer be used: the payload, the sparse encoding or the vectors' names
/// have changed.
const SCHEMA_VERSION: u32 = 1;

/// Identity when nobody makes dense vectors.
const KEYWORD_ONLY: &str = "none";

/// What the embedding model in use means for what is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CollectionChange {
    /// As before.
    Same,
    /// The first start.
    New,
    /// Another model made the stored vectors: they must not be mixed.
    Changed {
        /// The collection used so far.
        old: String,
    },
}

/// Name of the collection for an embedding identity (`None`: keyword search only), fit for a directory and for Qdrant.
pub fn name(identity: Option<&str>) -> String {
    let slug: String = identity
        .unwrap_or(KEYWORD_ONLY)
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    format!("chunks-v{SCHEMA_VERSION}-{slug}")
}

/// Compares the collection in use with the one for this identity; changes nothing.
pub async fn compare(
    connection: &mut PgConnection,
    identity: Option<&str>,
) -> Result<CollectionChange, sqlx::Error> {
    let wanted = name(identity);
    let used = sqlx::query_scalar!("select name from index_collections order by created_at desc limit 1")
        .fetch_optional(connection)
        .await?;
    Ok(match used {
        None => CollectionChange::New,
        Some(used) if used == wanted => CollectionChange::Same,
        Some(old) => CollectionChange::Changed { old },
    })
}

/// Makes the collection for this identity the one in use. When the model has changed, the stored dense vectors go and
/// complete documents wait for new ones (state `searchable`; with keyword search only they are complete); all in one
/// transaction. The new collection's index is empty and must be rebuilt.
pub async fn adopt(
    pool: &PgPool,
    identity: Option<&str>,
    dimension: Option<usize>,
) -> Result<CollectionChange, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    // Two processes that start together must not both decide.
    sqlx::query!("lock table index_collections in exclusive mode")
        .execute(&mut *transaction)
        .await?;
    let change = compare(&mut transaction, identity).await?;
    if change == CollectionChange::Same {
        return Ok(change);
    }
    if matches!(change, CollectionChange::Changed { .. }) {
        forget_dense(&mut transaction, identity.is_some()).await?;
        sqlx::query!("delete from index_collections")
            .execute(&mut *transaction)
            .await?;
    }
    sqlx::query!(
        "insert into index_collections (name, embedding_identity, dimension) values ($1, $2, $3)",
        name(identity),
        identity.unwrap_or(KEYWORD_ONLY),
        dimension.and_then(|dimension| i32::try_from(dimension).ok()),
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(change)
}

async fn forget_dense(connection: &mut PgConnection, embeds: bool) -> Result<(), sqlx::Error> {
    sqlx::query!("update chunks set dense = null where dense is not null")
        .execute(&mut *connection)
        .await?;
    sqlx::query!(
        "update documents set dense_chunk_count = 0, dense_indexed_at = null
         where dense_chunk_count <> 0 or dense_indexed_at is not null"
    )
    .execute(&mut *connection)
    .await?;
    let (from, to) = if embeds {
        ("indexed", "searchable")
    } else {
        ("searchable", "indexed")
    };
    // What waits for vectors, or was given up while it waited, starts afresh with the new model.
    sqlx::query!(
        "update documents set state = $2, state_changed_at = now(), attempts = 0, due_at = now(), reason = null,
                lease_until = null, lease_generation = lease_generation + 1
         where state = $1
            or ($1 = 'indexed' and (state = 'searchable'
                or state = 'dead' and visible_generation > 0 and indexed_etag = etag))",
        from,
        to,
    )
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_slugs() {
        assert_eq!(
            name(Some("all-MiniLM-L6-v2-int8@384")),
            "chunks-v1-all-minilm-l6-v2-int8-384"
        );
        assert_eq!(name(None), "chunks-v1-none");
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn a_changed_model_never_mixes_vectors(pool: PgPool) {
        assert_eq!(
            adopt(&pool, Some("a@2"), Some(2)).await.unwrap(),
            CollectionChange::New
        );
        assert_eq!(
            adopt(&pool, Some("a@2"), Some(2)).await.unwrap(),
            CollectionChange::Same
        );
        sqlx::raw_sql(
            "insert into documents (family, native_id, etag, state, visible_generation, dense_chunk_count)
               values ('file', '1', 'e', 'indexed', 1, 1);
             insert into chunks (document_id, generation, ordinal, start_offset, end_offset, text_hash, dense)
               select id, 1, 0, 0, 4, '', '\\x0000' from documents",
        )
        .execute(&pool)
        .await
        .unwrap();
        let old = name(Some("a@2"));
        assert_eq!(
            adopt(&pool, Some("b@3"), Some(3)).await.unwrap(),
            CollectionChange::Changed { old }
        );
        let state: (String, i64, i32) = sqlx::query_as(
            "select state, (select count(*) from chunks where dense is not null), dense_chunk_count from documents",
        )
        .fetch_one(&pool)
        .await
        .unwrap();
        assert_eq!(state, ("searchable".to_owned(), 0, 0));
        assert_eq!(
            adopt(&pool, Some("b@3"), Some(3)).await.unwrap(),
            CollectionChange::Same
        );
        let old = name(Some("b@3"));
        assert_eq!(
            adopt(&pool, None, None).await.unwrap(),
            CollectionChange::Changed { old }
        );
        let state: String = sqlx::query_scalar("select state from documents")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(state, "indexed");
    }
}
