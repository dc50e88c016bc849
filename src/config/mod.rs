//! The configuration: read once at start, all problems reported together.
//!
//! One file per section. [`Config::load`] takes the environment as a map, so that tests need no process
//! environment; every secret may also come from the file named by `<NAME>_FILE`.

mod database;
mod embedding;
mod encryption;
mod mode;
mod nextcloud;
mod oidc;
mod server;
mod sync;
mod telemetry;

pub use database::DatabaseConfig;
pub use embedding::{EmbeddingConfig, EmbeddingProvider};
pub use encryption::EncryptionConfig;
pub use mode::Mode;
pub use nextcloud::NextcloudConfig;
pub use oidc::OidcConfig;
pub use server::{Role, ServerConfig};
pub use sync::SyncConfig;
pub use telemetry::{LogFormat, TelemetryConfig};

/// The whole validated configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// How callers are authenticated.
    pub mode: Mode,
    /// The Nextcloud behind this server.
    pub nextcloud: NextcloudConfig,
    /// Listening, roles, public URL.
    pub server: ServerConfig,
    /// `PostgreSQL`.
    pub database: DatabaseConfig,
    /// Keys for secrets at rest; present in hybrid and OAuth mode with offline access.
    pub encryption: Option<EncryptionConfig>,
    /// OAuth client.
    pub oidc: OidcConfig,
    /// Background sync.
    pub sync: SyncConfig,
    /// Dense vectors.
    pub embedding: EmbeddingConfig,
    /// Logs and metrics.
    pub telemetry: TelemetryConfig,
}
