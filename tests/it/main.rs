//! The server as its clients see it: real HTTP, a real `PostgreSQL`, the real index, a simulated Nextcloud.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod app_password;
mod bad_input;
mod consent;
mod crash;
mod files;
mod harness;
mod health;
mod isolation;
mod management_search;
mod mcp_transport;
mod notes;
mod oauth;
mod outage;
mod secrets;
mod startup;
mod sync;
mod webhook_ingress;
mod webhooks;
