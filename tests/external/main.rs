//! The server against software that others wrote: `oidc-provider` from npm, a certified `OpenID` provider, as an
//! identity provider outside of Nextcloud, and the official MCP client for Python as a client in OAuth mode.
//!
//! `scripts/test` installs both and hands over where they are; without them every test here fails.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "the suite `it` uses the rest")]
#[path = "../it/harness.rs"]
mod harness;

mod bearer;
mod consent;
mod identity_provider;
mod outage;
mod person;
mod python_client;
mod refresh;
mod registration;
mod revocation;
mod software;
mod world;
