//! MCP over streamable HTTP: stateless, because a session is not an identity (rmcp does not bind one to a user),
//! and answered in plain JSON where nothing else has to be sent.

use super::{HostPolicy, McpServer};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use std::sync::Arc;

/// The service behind `/mcp`. It trusts the [`crate::auth::Caller`] in the request's extensions, so it must stand
/// behind the layer that puts it there.
pub type McpHttpService = StreamableHttpService<McpServer, NeverSessionManager>;

impl McpServer {
    /// The service for `/mcp`; larger bodies than `max_body_bytes` are answered with 413.
    pub fn http_service(&self, policy: &HostPolicy, max_body_bytes: usize) -> McpHttpService {
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_max_request_body_bytes(max_body_bytes)
            .with_allowed_hosts(policy.hosts.iter().cloned())
            .with_allowed_origins(policy.origins.iter().cloned());
        let server = self.clone();
        StreamableHttpService::new(
            move || Ok(server.clone()),
            Arc::new(NeverSessionManager::default()),
            config,
        )
    }
}
