//! The server as its clients see it: real HTTP, a real `PostgreSQL`, the real index, a simulated Nextcloud.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod app_password;
mod apps;
mod astrolabe;
mod bad_input;
mod consent;
mod crash;
mod embedding;
mod files;
mod formats;
mod groupware;
mod harness;
mod health;
mod isolation;
mod management_search;
mod mcp_transport;
mod notes;
mod oauth;
mod outage;
mod pdf;
mod pdf_preview;
mod process;
mod qdrant;
#[path = "../qdrant_stand_in/mod.rs"]
mod qdrant_stand_in;
mod sandbox;
mod secrets;
mod startup;
mod sync;
mod webhook_ingress;
mod webhooks;
