//! HTTP: health, status, credentials, and the mount of `/mcp`. The tree mirrors the URLs.
//!
//! | file | concept |
//! |---|---|
//! | `router` | the routes and the layers around them |
//! | `state` | what handlers share |
//! | `error` | the uniform error body |
//! | `request_id`, `observe`, `limits`, `client_address` | the layers |
//! | `extract` | who may call a handler, by its signature |
//! | `serve` | listening and graceful shutdown |
//! | `health/…`, `v1/…`, `mcp_endpoint` | the endpoints |

mod client_address;
mod error;
mod extract;
mod health;
mod limits;
mod mcp_endpoint;
mod observe;
mod request_id;
mod router;
mod serve;
mod starting;
mod state;
mod v1;

pub use client_address::ClientAddress;
pub use error::ApiError;
pub use health::{DatabaseProbe, IndexProbe, NextcloudProbe, Probe, Readiness};
pub use request_id::RequestId;
pub use router::router;
pub use serve::serve;
pub use starting::starting_router;
pub use state::{ApiState, ApiStateParts, StatusFacts};

#[cfg(test)]
mod tests;
