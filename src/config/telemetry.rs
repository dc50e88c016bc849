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
            .unwrap_or(variables::LOG_LEVEL.default);
        let log_filter = filter(log_filter).unwrap_or_else(|| {
            reader.problem(
                variables::LOG_LEVEL,
                "not a log filter",
                "Write error, warn, info, debug or trace, or a filter such as info,nextcloud_mcp_server=debug.",
            );
            variables::LOG_LEVEL.default.to_owned()
        });
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

/// The filter in the form that `tracing` reads. That takes a bare word it does not know for a module, and so would
/// show nothing at all for `verbose` or Python's `WARNING`.
fn filter(text: &str) -> Option<String> {
    let directives: Option<Vec<String>> = text
        .split(',')
        .map(str::trim)
        .map(|directive| match directive.to_ascii_lowercase().as_str() {
            "warning" => Some("warn".to_owned()),
            "critical" | "fatal" => Some("error".to_owned()),
            level @ ("off" | "error" | "warn" | "info" | "debug" | "trace") => Some(level.to_owned()),
            _ => directive.contains(['=', '[']).then(|| directive.to_owned()),
        })
        .collect();
    let filter = directives?.join(",");
    EnvFilter::try_new(&filter).ok().map(|_| filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_as_people_write_them() {
        assert_eq!(filter("INFO").as_deref(), Some("info"));
        assert_eq!(filter("WARNING").as_deref(), Some("warn"));
        assert_eq!(filter("info, sqlx=debug").as_deref(), Some("info,sqlx=debug"));
        assert_eq!(filter("verbose"), None);
        assert_eq!(filter("sqlx=loud"), None);
    }
}
