//! MCP over standard input and output, for a client that starts this program (single-user mode).

use super::McpServer;
use crate::auth::Caller;
use rmcp::ServiceExt;

/// Why the connection ended badly.
#[derive(Debug, thiserror::Error)]
pub enum StdioError {
    /// The client did not complete the opening.
    #[error("the MCP client did not open the connection: {0}")]
    Opening(String),
    /// The serving task failed.
    #[error("the MCP connection failed: {0}")]
    Serving(#[from] tokio::task::JoinError),
}

/// Serves one client on standard input and output, as `caller`, until it closes. Logs must not go to standard
/// output meanwhile.
pub async fn serve_stdio(server: McpServer, caller: Caller) -> Result<(), StdioError> {
    let running = server
        .with_caller(caller)
        .serve(rmcp::transport::stdio())
        .await
        .map_err(|error| StdioError::Opening(error.to_string()))?;
    running.waiting().await?;
    Ok(())
}
