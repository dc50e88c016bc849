//! HTTP: health, status, credentials, and the mount of `/mcp`. The tree mirrors the URLs.
//!
//! | file | concept |
//! |---|---|
//! | `router` | the routes and the layers around them |
//! | `state` | what handlers share |
//! | `management` | the authenticated part of the management API |
//! | `error` | the uniform error body |
//! | `request_id`, `observe`, `limits`, `client_address`, `unread_body` | the layers |
//! | `extract` | who may call a handler, by its signature |
//! | `serve` | listening and graceful shutdown |
//! | `health/…`, `v1/…`, `well_known/…`, `mcp_endpoint` | the endpoints |
//! | `management` | state and routes of the authenticated part of `v1` |
//! | `search_routes` | state and routes of what answers from documents in `v1` |
//! | `openapi/…` | the description of all this, for programs and for people |
//! | `previews` | places for drawing pages of PDFs |
//! | `webhooks/…` | where Nextcloud delivers |
//! | `pages`, `oauth/…`, `app/…` | the pages for people: consent, login, one's own access |

mod app;
mod client_address;
mod error;
mod extract;
mod health;
mod limits;
mod management;
mod mcp_endpoint;
mod oauth;
mod observe;
mod openapi;
pub mod pages;
mod previews;
mod request_id;
mod router;
mod search_routes;
mod serve;
mod starting;
mod state;
mod unread_body;
mod v1;
mod webhooks;
mod well_known;

pub use app::AuditRows;
pub use client_address::ClientAddress;
pub use error::ApiError;
pub use extract::{AdminUser, AuthenticatedUser, OwnPath};
pub use health::{DatabaseProbe, IndexProbe, NextcloudProbe, Probe, Readiness};
pub use management::{ManagementParts, ManagementState};
pub use openapi::openapi_json;
pub use pages::{PagesParts, PagesState};
pub use previews::Previews;
pub use request_id::RequestId;
pub use router::{health_router, router};
pub use search_routes::{DocumentRoutes, Documents, SearchRoutes, SearchRoutesParts};
pub use serve::serve;
pub use starting::starting_router;
pub use state::{ApiState, ApiStateParts, OidcFacts, StatusFacts};
pub use well_known::ProtectedResource;

#[cfg(test)]
mod tests;
