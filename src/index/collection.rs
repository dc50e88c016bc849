//! Which collection holds the vectors, and what happens when the embedding model changes.
//!
//! The name carries the embedding identity, so vectors of two models never meet. The table `index_collections` has one
//! row for the collection in use and, while that one waits for vectors, one for the former.

use sqlx::{PgConnection, PgPool};

/// Raised when points of older versions can no longer be used: the payload, the sparse encoding or the vectors' names
/// have changed.
const SCHEMA_VERSION: u32 = 2;

/// How the name of every collection of this server begins, those of earlier versions too.
pub const PREFIX: &str = "chunks-v";

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
    format!("{PREFIX}{SCHEMA_VERSION}-{slug}")
}

/// The collection in use, and the identity of the embedding that it is of; `None` before the first start.
pub async fn in_use(pool: &PgPool) -> Result<Option<(String, String)>, sqlx::Error> {
    let row = sqlx::query!(
        "select name, embedding_identity from index_collections where retired_at is null
         order by created_at desc limit 1"
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| (row.name, row.embedding_identity)))
}

/// Compares the collection in use with the one for this identity; changes nothing.
pub async fn compare(
    connection: &mut PgConnection,
    identity: Option<&str>,
) -> Result<CollectionChange, sqlx::Error> {
    let wanted = name(identity);
    let used = sqlx::query_scalar!(
        "select name from index_collections where retired_at is null order by created_at desc limit 1"
    )
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
/// transaction. When only our own encoding has changed, they stay. The new collection's index is empty and must be
/// rebuilt.
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
        let same_model = sqlx::query_scalar!(
            r#"select embedding_identity = $1 as "same!" from index_collections
               where retired_at is null order by created_at desc limit 1"#,
            identity.unwrap_or(KEYWORD_ONLY)
        )
        .fetch_optional(&mut *transaction)
        .await?;
        if same_model == Some(true) {
            // Only the points look different: they are made anew from what is stored, within seconds.
            sqlx::query!("delete from index_collections")
                .execute(&mut *transaction)
                .await?;
        } else {
            forget_dense(&mut transaction, identity.is_some()).await?;
            // A former one that never was succeeded has no vectors of its successor's time: it goes. One without
            // vectors, of another encoding, or that nobody succeeds, is of no use.
            sqlx::query!(
                "delete from index_collections
                 where retired_at is not null or dimension is null or not $1 or not starts_with(name, $2)",
                identity.is_some(),
                format!("{PREFIX}{SCHEMA_VERSION}-")
            )
            .execute(&mut *transaction)
            .await?;
            sqlx::query!("update index_collections set retired_at = now()")
                .execute(&mut *transaction)
                .await?;
        }
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

/// The collection of the former embedding, as long as it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerCollection {
    /// Its name.
    pub name: String,
    /// Identity of its embedding.
    pub identity: String,
    /// Length of its vectors.
    pub dimension: usize,
    /// How its embedding is made, as [`remember_settings`] was told.
    pub settings: Option<serde_json::Value>,
}

/// The collection that still answers beside the one in use.
pub async fn former(pool: &PgPool) -> Result<Option<FormerCollection>, sqlx::Error> {
    let row = sqlx::query!(
        r#"select name, embedding_identity, dimension as "dimension!", embedding_settings from index_collections
           where retired_at is not null and dimension is not null order by retired_at desc limit 1"#
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.and_then(|row| {
        Some(FormerCollection {
            name: row.name,
            identity: row.embedding_identity,
            dimension: usize::try_from(row.dimension).ok()?,
            settings: row.embedding_settings,
        })
    }))
}

/// Notes how the embedding of the collection in use is made, for the time when it is the former one.
pub async fn remember_settings(
    pool: &PgPool,
    identity: Option<&str>,
    settings: Option<&serde_json::Value>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update index_collections set embedding_settings = $2
         where retired_at is null and name = $1 and embedding_settings is distinct from $2",
        name(identity),
        settings
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Whether every document that waited for vectors at the change has them, or was given up. Nobody waits for the
/// documents that only paused accounts read: they get no vectors until somebody acts, which may be never.
pub async fn is_succeeded(pool: &PgPool) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select not exists (
             select from documents d join index_collections c on c.retired_at is null
             where d.state = 'searchable' and d.state_changed_at <= c.created_at and exists (
               select from document_readers r join users u on u.uid = r.uid and u.sync_state = 'active'
               where r.document_id = d.id)) as "succeeded!""#
    )
    .fetch_one(pool)
    .await
}

/// The former collection answers no more.
pub async fn forget_former(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from index_collections where retired_at is not null")
        .execute(pool)
        .await?;
    Ok(())
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
            "chunks-v2-all-minilm-l6-v2-int8-384"
        );
        assert_eq!(name(None), "chunks-v2-none");
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn a_new_encoding_keeps_the_vectors_of_the_same_model(pool: PgPool) {
        sqlx::raw_sql(
            "insert into index_collections (name, embedding_identity, dimension) values ('chunks-v1-a-2', 'a@2', 2);
             insert into documents (family, native_id, etag, state, visible_generation, dense_chunk_count)
               values ('file', '1', 'e', 'indexed', 1, 1)",
        )
        .execute(&pool)
        .await
        .unwrap();
        let change = adopt(&pool, Some("a@2"), Some(2)).await.unwrap();
        assert_eq!(
            change,
            CollectionChange::Changed {
                old: "chunks-v1-a-2".into()
            }
        );
        let state: (String, i32) = sqlx::query_as("select state, dense_chunk_count from documents")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(state, ("indexed".to_owned(), 1));
        assert_eq!(
            adopt(&pool, Some("a@2"), Some(2)).await.unwrap(),
            CollectionChange::Same
        );
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
            "insert into users (uid) values ('alice');
             insert into documents (family, native_id, etag, state, visible_generation, dense_chunk_count)
               values ('file', '1', 'e', 'indexed', 1, 1);
             insert into document_readers (document_id, uid, doc_type, path, title, seen_scan)
               select id, 'alice', 'file', '', '', 1 from documents;
             insert into chunks (document_id, generation, ordinal, start_offset, end_offset, text_hash, dense)
               select id, 1, 0, 0, 4, '', '\\x0000' from documents",
        )
        .execute(&pool)
        .await
        .unwrap();
        let old = name(Some("a@2"));
        let settings = serde_json::json!({"provider": "a"});
        for identity in ["a@2", "not in use"] {
            let told = remember_settings(&pool, Some(identity), Some(&settings)).await;
            told.unwrap();
        }
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
        let former = FormerCollection {
            name: name(Some("a@2")),
            identity: "a@2".to_owned(),
            dimension: 2,
            settings: Some(settings),
        };
        assert_eq!(super::former(&pool).await.unwrap(), Some(former));
        assert!(!is_succeeded(&pool).await.unwrap());
        sqlx::raw_sql("update documents set state = 'indexed'")
            .execute(&pool)
            .await
            .unwrap();
        assert!(is_succeeded(&pool).await.unwrap());
        // One that changed later has vectors of the new model only.
        let later = "update documents set state = 'searchable', state_changed_at = now() + interval '1 s'";
        sqlx::raw_sql(later).execute(&pool).await.unwrap();
        assert!(is_succeeded(&pool).await.unwrap());
        assert_eq!(
            adopt(&pool, Some("b@3"), Some(3)).await.unwrap(),
            CollectionChange::Same
        );
        // Back and forth: only the last one stays.
        for identity in ["a@2", "b@3"] {
            adopt(&pool, Some(identity), Some(2)).await.unwrap();
        }
        assert_eq!(super::former(&pool).await.unwrap().unwrap().identity, "a@2");
        forget_former(&pool).await.unwrap();
        assert_eq!(super::former(&pool).await.unwrap(), None);
        let (in_use, _) = in_use(&pool).await.unwrap().unwrap();
        assert_eq!(in_use, name(Some("b@3")));
        let old = name(Some("b@3"));
        assert_eq!(
            adopt(&pool, None, None).await.unwrap(),
            CollectionChange::Changed { old }
        );
        assert_eq!(super::former(&pool).await.unwrap(), None, "words have no former");
        let state: String = sqlx::query_scalar("select state from documents")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(state, "indexed");
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn a_paused_reader_holds_up_no_change_of_the_model(pool: PgPool) {
        adopt(&pool, Some("a@2"), Some(2)).await.unwrap();
        sqlx::raw_sql(
            "insert into users (uid) values ('alice'), ('bob');
             insert into documents (family, native_id, etag, state, visible_generation, dense_chunk_count)
               values ('file', 'alice', 'e', 'indexed', 1, 1), ('file', 'bob', 'e', 'indexed', 1, 1);
             insert into document_readers (document_id, uid, doc_type, path, title, seen_scan)
               select id, native_id, 'file', '', '', 1 from documents",
        )
        .execute(&pool)
        .await
        .unwrap();
        adopt(&pool, Some("b@3"), Some(3)).await.unwrap();
        sqlx::raw_sql("update users set sync_state = 'paused', sync_state_reason = 'x' where uid = 'bob'")
            .execute(&pool)
            .await
            .unwrap();
        assert!(!is_succeeded(&pool).await.unwrap(), "alice waits");
        sqlx::raw_sql("update documents set state = 'indexed' where native_id = 'alice'")
            .execute(&pool)
            .await
            .unwrap();
        assert!(is_succeeded(&pool).await.unwrap(), "only bob's is left");
    }
}
