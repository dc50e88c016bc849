//! Requests to the Qdrant server: time-outs, retries, errors in words.

use super::convert;
use crate::config::QdrantConfig;
use crate::index::IndexError;
use ::qdrant_client::{Qdrant, QdrantError};
use secrecy::ExposeSecret;
use std::sync::Arc;
use std::time::Duration;

/// How long a wait asked for by the server may be.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// How long answers are waited for, and how often requests are repeated. Every request may be repeated: all of them
/// are idempotent.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a query: a person waits.
    pub read: Duration,
    /// For a change.
    pub write: Duration,
    /// Attempts at a query.
    pub read_attempts: u32,
    /// Attempts at a change.
    pub write_attempts: u32,
    /// Wait before the second attempt; it doubles.
    pub first_wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            read: Duration::from_secs(5),
            write: Duration::from_secs(30),
            read_attempts: 2,
            write_attempts: 4,
            first_wait: Duration::from_millis(250),
        }
    }
}

/// A connection that is made at the first request and again after it broke.
pub(super) struct Connection {
    client: Arc<Qdrant>,
    patience: Patience,
}

/// What a request is for.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Read,
    Write,
}

impl Connection {
    /// Sends nothing yet.
    pub(super) fn new(config: &QdrantConfig, patience: Patience) -> Result<Self, IndexError> {
        // `Url` ends in a slash, which gRPC paths would follow.
        let mut builder = Qdrant::from_url(config.url.as_str().trim_end_matches('/'))
            .skip_compatibility_check()
            .timeout(patience.write)
            .connect_timeout(patience.read);
        if let Some(key) = &config.api_key {
            builder.set_api_key(key.expose_secret());
        }
        let client = builder
            .build()
            .map_err(|error| IndexError::Unavailable(format!("QDRANT_URL cannot be used: {error}")))?;
        Ok(Self {
            client: Arc::new(client),
            patience,
        })
    }

    /// A question.
    pub(super) async fn read<T, F>(&self, call: impl Fn(Arc<Qdrant>) -> F) -> Result<T, IndexError>
    where
        F: Future<Output = Result<T, QdrantError>>,
    {
        self.request(Kind::Read, call).await
    }

    /// A change.
    pub(super) async fn write<T, F>(&self, call: impl Fn(Arc<Qdrant>) -> F) -> Result<T, IndexError>
    where
        F: Future<Output = Result<T, QdrantError>>,
    {
        self.request(Kind::Write, call).await
    }

    async fn request<T, F>(&self, kind: Kind, call: impl Fn(Arc<Qdrant>) -> F) -> Result<T, IndexError>
    where
        F: Future<Output = Result<T, QdrantError>>,
    {
        let (limit, attempts) = match kind {
            Kind::Read => (self.patience.read, self.patience.read_attempts),
            Kind::Write => (self.patience.write, self.patience.write_attempts),
        };
        let mut wait = self.patience.first_wait;
        let mut attempt = 1;
        loop {
            let failure = match tokio::time::timeout(limit, call(Arc::clone(&self.client))).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => convert::failure(error),
                Err(_) => convert::Failure::no_answer(),
            };
            if !failure.transient || attempt >= attempts {
                return Err(failure.error);
            }
            tracing::debug!(error = %failure.error, attempt, "Qdrant did not answer; asking again");
            tokio::time::sleep(failure.wait.unwrap_or(wait).min(LONGEST_WAIT)).await;
            wait *= 2;
            attempt += 1;
        }
    }
}
