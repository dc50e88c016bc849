//! The Nextcloud MCP server: AI clients get safe access to a user's Nextcloud, searched from an index that
//! is kept in step in the background.
//!
//! Data flows one way: [`api`], [`mcp`] and [`worker`] call [`auth`], [`webhooks`], [`sync`] and [`search`], which call
//! [`nextcloud`], [`index`], [`sandbox`], [`documents`] and [`db`]. Nothing below knows who calls it.
//!
//! | module | concept |
//! |---|---|
//! | [`config`] | environment → validated [`config::Config`] |
//! | [`clock`], [`entropy`] | the injected time and random source |
//! | [`ids`] | identifiers that must not be mixed up |
//! | [`crypto`] | secrets at rest |
//! | [`db`] | `PostgreSQL`: pool, private cluster, repositories |
//! | [`auth`] | who is asking: principal, Basic and bearer verification, consent, background credentials |
//! | [`audit`] | who did what to whom |
//! | [`nextcloud`] | the HTTP client, one file per Nextcloud API |
//! | `model_api` | HTTP to embedding and reranking services |
//! | [`documents`] | bytes → text |
//! | [`sandbox`] | untrusted documents read in a child process |
//! | [`index`] | chunks, vectors, the vector index |
//! | [`sync`] | sources, scans, document state |
//! | [`webhooks`] | what Nextcloud tells by itself, as hints for scans |
//! | [`search`] | retrieve, fuse, verify, project |
//! | [`webhooks`] | registrations at Nextcloud, kept as they were asked for |
//! | [`api`], [`mcp`], [`worker`] | the three doors: HTTP, MCP, background jobs |
//! | [`app`] | the program put together |
//! | [`telemetry`] | logs and metrics |

pub mod api;
pub mod app;
pub mod audit;
pub mod auth;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod db;
pub mod documents;
pub mod entropy;
pub mod ids;
pub mod index;
pub mod mcp;
mod model_api;
pub mod nextcloud;
pub mod sandbox;
pub mod search;
pub mod sync;
pub mod telemetry;
pub mod webhooks;
pub mod worker;
