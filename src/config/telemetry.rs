//! Logs and metrics.

use super::reader::Reader;
use super::server::address;
use super::variables;
use std::net::SocketAddr;
use tracing_subscriber::EnvFilter;

/// Shape of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Logs and metrics.
#[derive(Debug, Clone)]
pub struct TelemetryConfig {
    /// `LOG_FORMAT`.
    pub log_format: LogFormat,
    /// `LOG_LEVEL`, a tracing filter such as `info` or `info,nextcloud_mcp_server=debug`.
    pub log_filter: String,
    /// `METRICS_ENABLED`, `METRICS_HOST`, `METRICS_PORT`: where Prometheus scrapes; `None` = off.
    pub metrics_listen: Option<SocketAddr>,
}

impl TelemetryConfig {
    pub(super) fn load(reader: &mut Reader<'_>, server: Option<SocketAddr>) -> Self {
        let log_format = match reader
            .text(variables::LOG_FORMAT)
            .map(str::to_ascii_lowercase)
            .as_deref()
        {
            None | Some("text") => LogFormat::Text,
            Some("json") => LogFormat::Json,
            Some(_) => {
                reader.problem(variables::LOG_FORMAT, "unknown format", "Write text or json.");
                LogFormat::Text
            }
        };
        let log_filter = reader
            .text(variables::LOG_LEVEL)
            .unwrap_or(variables::LOG_LEVEL.default)
            .to_owned();
        if EnvFilter::try_new(&log_filter).is_err() {
            reader.problem(
                variables::LOG_LEVEL,
                "not a log filter",
                "Write error, warn, info, debug or trace, or a filter such as info,nextcloud_mcp_server=debug.",
            );
        }
        let enabled = reader.flag(variables::METRICS_ENABLED, true);
        let port = reader.number(variables::METRICS_PORT, 9090, 1..=u16::MAX);
        let address = address(reader, variables::METRICS_HOST);
        let metrics_listen = enabled.then(|| SocketAddr::new(address, port));
        if metrics_listen.is_some() && metrics_listen == server {
            reader.problem(
                variables::METRICS_PORT,
                "the server listens there",
                "Choose another port.",
            );
        }
        Self {
            log_format,
            log_filter,
            metrics_listen,
        }
    }
}
