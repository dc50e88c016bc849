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
mod oidc;
mod problem;
mod reader;
mod reference;
mod server;
mod sync;
mod telemetry;
mod typos;
pub mod variables;

pub use cli::CliOverrides;
pub use database::DatabaseConfig;
pub use embedding::{EmbeddingConfig, EmbeddingProvider};
pub use encryption::EncryptionConfig;
pub use environment::Environment;
pub use mode::Mode;
pub use nextcloud::NextcloudConfig;
pub use oidc::{BackgroundCredential, OidcConfig, TokenValidation};
pub use problem::{ConfigErrors, Problem};
pub use reference::reference_markdown;
pub use server::{Role, ServerConfig};
pub use sync::SyncConfig;
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
        let encryption = EncryptionConfig::load(&mut reader, mode.as_ref());
        let oidc = OidcConfig::load(&mut reader, mode.as_ref());
        let sync = SyncConfig::load(&mut reader, mode.as_ref());
        let embedding = EmbeddingConfig::load(&mut reader);
        let telemetry = TelemetryConfig::load(&mut reader, server.as_ref().map(|server| server.listen));
        let (problems, mut warnings) = reader.finish();
        warnings.extend(typos::warnings(&env));
        match (mode, nextcloud, server, database) {
            (Some(mode), Some(nextcloud), Some(server), Some(database)) if problems.is_empty() => Ok(Self {
                mode,
                nextcloud,
                server,
                database,
                encryption,
                oidc,
                sync,
                embedding,
                telemetry,
                warnings,
            }),
            _ => Err(ConfigErrors::new(problems)),
        }
    }
}

#[cfg(test)]
mod tests;
