//! The server as its clients see it: real HTTP, a real `PostgreSQL`, the real index, a simulated Nextcloud.

mod app_password;
mod bad_input;
mod crash;
mod files;
mod harness;
mod health;
mod isolation;
mod mcp_transport;
mod notes;
mod outage;
mod startup;
mod sync;
