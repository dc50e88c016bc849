//! The MCP server: tools and resources.
//!
//! | file | concept |
//! |---|---|
//! | `server` | the protocol handler: lists, dispatch, errors |
//! | `transport`, `stdio`, `hosts` | the two transports and who may reach the first |
//! | `tool`, `schema`, `arguments` | what a tool is; its schema; arguments checked against it |
//! | `error` | failures as sentences with a next step |
//! | `failure` | what a client is told about a failure |
//! | `permission`, `apps` | what a caller may use: scopes, and apps that the user has |
//! | `links` | links into Nextcloud's web interface |
//! | `backend`, `status_cache` | what tools need from search and sync |
//! | `notes`, `webdav`, `semantic`, `connector`, `provisioning` | the tools, one file each |
//! | `resources` | `nc://…` |

mod apps;
mod arguments;
mod backend;
mod connector;
mod error;
mod failure;
mod hosts;
mod links;
mod notes;
mod permission;
mod provisioning;
mod resources;
mod schema;
mod semantic;
mod server;
mod status_cache;
mod stdio;
mod tool;
mod transport;
mod webdav;

pub use apps::{CapabilitySource, EnabledApps, NextcloudApp, NextcloudCapabilities};
pub use backend::{DocumentSearch, DocumentSearchError};
pub use hosts::HostPolicy;
pub use links::Links;
pub use provisioning::ProvisioningServices;
pub use server::{McpServer, McpServerParts, SemanticBackend};
pub use status_cache::{StatusCache, StatusError, StatusSource};
pub use stdio::{StdioError, serve_stdio};
pub use transport::McpHttpService;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
