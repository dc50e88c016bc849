//! The configuration: read once at start, all problems reported together.
//!
//! One file per section. [`Config::load`] takes the environment as a map, so that tests need no process
//! environment; every secret may also come from the file named by `<NAME>_FILE`.

mod cli;
mod database;
mod embedding;
mod encryption;
mod environment;
mod mode;
mod nextcloud;
mod ocr;
mod oidc;
mod problem;
mod qdrant;
mod reader;
mod reference;
mod rerank;
mod server;
mod sync;
mod telemetry;
mod typos;
pub mod variables;

pub use cli::CliOverrides;
pub use database::DatabaseConfig;
pub use embedding::{EmbeddingConfig, EmbeddingProvider, EmbeddingService};
pub use encryption::EncryptionConfig;
pub use environment::Environment;
pub use mode::Mode;
pub use nextcloud::NextcloudConfig;
pub use ocr::OcrConfig;
pub use oidc::{BackgroundCredential, OidcConfig, TokenValidation};
pub use problem::{ConfigErrors, Problem};
pub use qdrant::QdrantConfig;
pub use reference::reference_markdown;
pub use rerank::{RerankConfig, RerankModel};
pub use server::{Role, ServerConfig};
pub use sync::{FileSelection, SyncConfig, TagRules};
pub use telemetry::{LogFormat, TelemetryConfig};

use reader::Reader;

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
    /// The Qdrant server that holds the index; absent: the embedded index.
    pub qdrant: Option<QdrantConfig>,
    /// Keys for secrets at rest; present in hybrid and OAuth mode with offline access.
    pub encryption: Option<EncryptionConfig>,
    /// OAuth client.
    pub oidc: OidcConfig,
    /// Background sync.
    pub sync: SyncConfig,
    /// Text recognition, when a service is named.
    pub ocr: Option<OcrConfig>,
    /// Dense vectors.
    pub embedding: EmbeddingConfig,
    /// Reranking of the best results, where it is wanted.
    pub rerank: Option<RerankConfig>,
    /// Logs and metrics.
    pub telemetry: TelemetryConfig,
    /// Sentences for the log: settings that work but deserve a look, and unknown variables like a known one.
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads and checks everything; `cli` stands above `env`.
    ///
    /// # Errors
    /// [`ConfigErrors`] with every problem found, secrets left out.
    pub fn load(env: &Environment, cli: &CliOverrides) -> Result<Self, ConfigErrors> {
        let env = cli.over(env);
        let mut reader = Reader::new(&env);
        let mode = Mode::load(&mut reader, cli.oauth);
        let nextcloud = NextcloudConfig::load(&mut reader);
        let server = ServerConfig::load(&mut reader, mode.as_ref());
        let role = server.as_ref().map_or(Role::All, |server| server.role);
        let database = DatabaseConfig::load(&mut reader, role);
        let qdrant = QdrantConfig::load(&mut reader, role);
        let encryption = EncryptionConfig::load(&mut reader, mode.as_ref());
        let oidc = OidcConfig::load(&mut reader, mode.as_ref());
        let sync = SyncConfig::load(&mut reader, mode.as_ref());
        let ocr = OcrConfig::load(&mut reader);
        let embedding = EmbeddingConfig::load(&mut reader);
        let rerank = RerankConfig::load(&mut reader);
        let telemetry = TelemetryConfig::load(&mut reader, server.as_ref().map(|server| server.listen));
        let (problems, mut warnings) = reader.finish();
        warnings.extend(typos::warnings(&env));
        match (mode, nextcloud, server, database) {
            (Some(mode), Some(nextcloud), Some(server), Some(database)) if problems.is_empty() => Ok(Self {
                mode,
                nextcloud,
                server,
                database,
                qdrant,
                encryption,
                oidc,
                sync,
                ocr,
                embedding,
                rerank,
                telemetry,
                warnings,
            }),
            _ => Err(ConfigErrors::new(problems)),
        }
    }
}

#[cfg(test)]
mod tests;
