//! The commands that do not only look.

use super::output::{report_fatal, say};
use super::signals::shutdown_token;
use super::{AppError, ExitReason, Foundation, RunningServer, StartOptions, index_service, progress};
use crate::api::openapi_json;
use crate::config::{self, Config, Mode};
use crate::telemetry;
use std::process::ExitCode;

/// Serves until a signal.
pub async fn serve(config: Config) -> Result<ExitReason, AppError> {
    start_logs(&config)?;
    let metrics = telemetry::metrics::install().map_err(|error| AppError::Metrics(error.to_string()))?;
    let shutdown = shutdown_token()?;
    let sync_enabled = config.sync.enabled;
    let options = StartOptions {
        metrics: Some(metrics),
        interrupt: shutdown.clone(),
        ..StartOptions::default()
    };
    let server = match RunningServer::start(config, options).await {
        Err(AppError::StoppedAtStart) => return Ok(ExitReason::Done),
        started => started?,
    };
    say(&format!(
        "MCP at http://{0}/mcp · health at http://{0}/health/ready",
        server.address()
    ));
    if sync_enabled && let Some(status) = server.sync_status() {
        tokio::spawn(progress::show_first_sync(status, shutdown.clone()));
    }
    let outcome = tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        failed = server.failed() => Err(failed),
    };
    server.stop().await;
    outcome.map(|()| ExitReason::Done)
}

/// Serves one account over standard input and output.
pub async fn stdio(config: Config) -> Result<ExitReason, AppError> {
    if !matches!(config.mode, Mode::SingleUserBasic { .. }) {
        return Err(AppError::StdioNeedsOneAccount);
    }
    // Standard output belongs to the protocol; logs go to standard error.
    start_logs(&config)?;
    let shutdown = shutdown_token()?;
    let options = StartOptions {
        interrupt: shutdown.clone(),
        ..StartOptions::default()
    };
    let server = match RunningServer::start_without_listener(config, options).await {
        Err(AppError::StoppedAtStart) => return Ok(ExitReason::Done),
        started => started?,
    };
    let outcome = tokio::select! {
        outcome = server.serve_stdio() => outcome,
        () = shutdown.cancelled() => Ok(()),
        failed = server.failed() => Err(failed),
    };
    server.stop().await;
    outcome.map(|()| ExitReason::Done)
}

pub(super) fn start_logs(config: &Config) -> Result<(), AppError> {
    telemetry::init_logs(&config.telemetry)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    Ok(())
}

/// Brings the schema up to date.
pub async fn migrate(config: Config) -> Result<ExitReason, AppError> {
    start_logs(&config)?;
    let foundation = Foundation::open(&config).await?;
    say(&format!(
        "the schema is up to date on {}",
        foundation.postgres_version().await?
    ));
    foundation.close().await;
    Ok(ExitReason::Done)
}

/// Rebuilds the index from the database.
pub async fn reindex(config: Config) -> Result<ExitReason, AppError> {
    start_logs(&config)?;
    let foundation = Foundation::open(&config).await?;
    let outcome = index_service::rebuild_now(&config, &foundation).await;
    foundation.close().await;
    let points = outcome?;
    say(&format!("the index is rebuilt: {points} passages"));
    Ok(ExitReason::Done)
}

/// Prints the description of the HTTP API. No configuration is needed.
pub fn print_openapi() -> ExitCode {
    match openapi_json() {
        Ok(text) => {
            say(&text);
            ExitCode::SUCCESS
        }
        Err(error) => report_fatal(&error),
    }
}

/// Prints every configuration variable as Markdown.
pub fn print_config_reference() -> ExitCode {
    say(config::reference_markdown().trim_end());
    ExitCode::SUCCESS
}
