//! Why a command failed, in words for the operator.

use crate::audit::AuditError;
use crate::auth::oidc::IdpHttpError;
use crate::db::{DbError, MigrateError, OpenError, installation};
use crate::documents::OcrUnusable;
use crate::index::{EmbeddingError, IndexError, RebuildError};
use crate::nextcloud::NextcloudError;
use crate::search::rerank::RerankError;
use crate::sync::SyncError;
use crate::telemetry::LogError;
use std::net::SocketAddr;

/// Why a command failed. The text is read by an operator.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The database cannot be opened.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The schema cannot be brought up to date.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// The database was written with another key.
    #[error(transparent)]
    Key(#[from] installation::KeyCheckError),
    /// A query failed.
    #[error(transparent)]
    Query(#[from] DbError),
    /// The Nextcloud client cannot be built.
    #[error(transparent)]
    Nextcloud(#[from] NextcloudError),
    /// The client for the identity provider cannot be built.
    #[error("the client for the identity provider cannot be built: {0}")]
    IdentityProvider(#[from] IdpHttpError),
    /// The index cannot be opened or built.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The index cannot be rebuilt.
    #[error(transparent)]
    Rebuild(#[from] RebuildError),
    /// The embedding model cannot be used.
    #[error(transparent)]
    Embedding(#[from] EmbeddingError),
    /// The OCR service cannot be used as configured.
    #[error(transparent)]
    Ocr(#[from] OcrUnusable),
    /// The reranker cannot be used.
    #[error(transparent)]
    Rerank(#[from] RerankError),
    /// The sync failed.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {source}. Choose another with --port or HOST/PORT")]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The log output cannot be set up.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The metrics cannot be set up.
    #[error("the metrics cannot be set up: {0}")]
    Metrics(String),
    /// Another input or output error.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// `stdio` without an account.
    #[error("stdio serves one account: set NEXTCLOUD_USERNAME and NEXTCLOUD_PASSWORD")]
    StdioNeedsOneAccount,
    /// The audit trail cannot be read.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// `rotate-keys` without keys.
    #[error(
        "no secrets are stored in this mode: rotate-keys needs the server's own environment, with \
         ENABLE_OFFLINE_ACCESS=true and TOKEN_ENCRYPTION_KEY"
    )]
    NoKeys,
    /// `reindex` without sync.
    #[error("there is no index: set VECTOR_SYNC_ENABLED=true")]
    NoIndex,
    /// A signal came before the server stood.
    #[error("stopped before the server stood")]
    StoppedAtStart,
    /// A part of the server ended although nobody asked it to.
    #[error("{0} ended unexpectedly")]
    PartEnded(&'static str),
    /// MCP over standard input and output failed.
    #[error("MCP over standard input and output failed: {0}")]
    Stdio(String),
}
