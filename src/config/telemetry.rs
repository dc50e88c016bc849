//! Logs and metrics.

use std::net::SocketAddr;

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
