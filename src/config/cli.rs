//! Command-line flags that stand above the environment.

use super::{Environment, Role};
use std::path::PathBuf;

/// Flags of `serve` and its siblings; each replaces its environment twin. Secrets have no flag, because
/// every user of the machine can read a command line.
#[derive(Debug, Clone, Default)]
pub struct CliOverrides {
    /// `--host`, twin of `HOST`.
    pub host: Option<String>,
    /// `--port`, twin of `PORT`.
    pub port: Option<u16>,
    /// `--role`, twin of `MCP_ROLE`.
    pub role: Option<Role>,
    /// `--oauth` (`true`) or `--no-oauth` (`false`): forces the mode.
    pub oauth: Option<bool>,
    /// `--nextcloud-host`, twin of `NEXTCLOUD_HOST`.
    pub nextcloud_host: Option<String>,
    /// `--mcp-server-url`, twin of `NEXTCLOUD_MCP_SERVER_URL`.
    pub public_url: Option<String>,
    /// `--data-dir`, twin of `DATA_DIR`.
    pub data_dir: Option<PathBuf>,
    /// `--log-level`, twin of `LOG_LEVEL`.
    pub log_level: Option<String>,
}

impl CliOverrides {
    /// The environment with the flags written over it.
    pub(super) fn over(&self, environment: &Environment) -> Environment {
        let mut merged = environment.clone();
        let port = self.port.map(|port| port.to_string());
        let role = self.role.map(|role| role.name().to_owned());
        let data_dir = self
            .data_dir
            .as_ref()
            .map(|path| path.to_string_lossy().into_owned());
        for (name, value) in [
            ("HOST", &self.host),
            ("PORT", &port),
            ("MCP_ROLE", &role),
            ("NEXTCLOUD_HOST", &self.nextcloud_host),
            ("NEXTCLOUD_MCP_SERVER_URL", &self.public_url),
            ("DATA_DIR", &data_dir),
            ("LOG_LEVEL", &self.log_level),
        ] {
            if let Some(value) = value {
                merged.set(name, value.clone());
            }
        }
        merged
    }
}
