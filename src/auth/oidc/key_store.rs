//! The table `provider_keys`: the last good discovery document and key set, for the hours in which the provider is
//! away, over a restart too.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgPool;
use url::Url;

/// A row.
#[derive(Debug, Clone)]
pub(super) struct Remembered {
    /// Where the document was found.
    pub(super) discovery_url: String,
    pub(super) document: Value,
    /// A key set (RFC 7517 §5).
    pub(super) keys: Value,
    pub(super) fetched_at: DateTime<Utc>,
}

/// The table.
#[derive(Debug, Clone)]
pub(super) struct KeyStore {
    pool: PgPool,
}

impl KeyStore {
    pub(super) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Keeps `remembered` as the last good one of `issuer`.
    pub(super) async fn put(&self, issuer: &str, remembered: &Remembered) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "insert into provider_keys (issuer, discovery_url, document, keys, fetched_at) values ($1, $2, $3, $4, $5)
             on conflict (issuer) do update
             set discovery_url = excluded.discovery_url, document = excluded.document, keys = excluded.keys,
                 fetched_at = excluded.fetched_at",
            issuer,
            remembered.discovery_url,
            remembered.document,
            remembered.keys,
            remembered.fetched_at,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The newest one that was found at one of `places`, when it was fetched after `since`.
    pub(super) async fn newest(
        &self,
        places: &[Url],
        since: DateTime<Utc>,
    ) -> Result<Option<Remembered>, sqlx::Error> {
        let places: Vec<String> = places.iter().map(Url::to_string).collect();
        sqlx::query_as!(
            Remembered,
            "select discovery_url, document, keys, fetched_at from provider_keys
             where discovery_url = any($1) and fetched_at > $2
             order by fetched_at desc limit 1",
            &places,
            since,
        )
        .fetch_optional(&self.pool)
        .await
    }
}
