//! The server against software that others wrote: `oidc-provider` from npm, a certified `OpenID` provider, as an
//! identity provider outside of Nextcloud, the official MCP client for Python as a client in OAuth mode, schemathesis, which
//! tests the HTTP API by its description, and Chromium as the browser of a person who searches.
//!
//! `scripts/test` installs them and hands over where they are; without them every test here fails.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "the suite `it` uses the rest")]
#[path = "../it/harness.rs"]
mod harness;
#[expect(dead_code, reason = "the suite `it` uses the rest")]
#[path = "../support/pdf_file.rs"]
mod pdf_file;

mod bearer;
mod consent;
mod description;
mod identity_provider;
mod outage;
mod person;
mod python_client;
mod refresh;
mod registration;
mod revocation;
mod search_page;
mod software;
mod world;
