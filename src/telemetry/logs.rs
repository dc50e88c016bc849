//! Log lines on standard error: standard output belongs to MCP in `stdio`.

use crate::config::{LogFormat, TelemetryConfig};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, layer::SubscriberExt};

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `LOG_LEVEL` is not a filter; [`Config::load`](crate::config::Config::load) reports it before.
    #[error("LOG_LEVEL is not a log filter")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The process has a log already.
    #[error("the log is set up already")]
    Twice(#[from] TryInitError),
}

/// Sends the process's log to standard error, for people or one JSON object per line.
///
/// # Errors
/// [`LogError`] for a malformed filter or a second call.
pub fn init_logs(config: &TelemetryConfig) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(&config.log_filter)?;
    Ok(tracing_subscriber::registry()
        .with(filter)
        .with(layer(config.log_format, std::io::stderr))
        .try_init()?)
}

type BoxedLayer = Box<dyn Layer<tracing_subscriber::layer::Layered<EnvFilter, Registry>> + Send + Sync>;

fn layer<W>(format: LogFormat, writer: W) -> BoxedLayer
where
    W: for<'a> fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = fmt::layer().with_writer(writer);
    match format {
        LogFormat::Text => layer
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .boxed(),
        LogFormat::Json => layer
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .boxed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn json_lines_carry_message_fields_and_span() {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let subscriber = tracing_subscriber::registry()
            .with(EnvFilter::new("info"))
            .with(layer(LogFormat::Json, move || writer.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let _span = tracing::info_span!("request", request_id = "r1").entered();
            tracing::info!(count = 3, "done");
            tracing::debug!("not shown");
        });
        let bytes = buffer.0.lock().unwrap().clone();
        let line: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(
            (line["message"].as_str(), line["count"].as_u64()),
            (Some("done"), Some(3))
        );
        assert_eq!(line["span"]["request_id"], "r1");
    }
}
