//! A stand-in Nextcloud for tests and demonstrations.
//!
//! [`Simulator::start`] opens a server on a free loopback port; its [`World`] is the data behind it
//! (users, files, notes, shares, app passwords), changed directly by a test while clients talk HTTP.
//! Answers have the status codes, headers and body shapes recorded from Nextcloud 34; everything is kept
//! in memory. [`World::faults`] makes chosen requests slow, broken or refused; [`World::oidc`] is its identity
//! provider; [`BrowserSession`] plays the user in front of a browser.
//!
//! ```no_run
//! # async fn example() {
//! use nextcloud_sim::{Effect, FaultRule, Simulator};
//!
//! let nextcloud = Simulator::start().await;
//! nextcloud.world().put_file("alice", "/Documents/plan.md", "# Plan");
//! nextcloud.world().faults().set(FaultRule::new(Effect::Status(503)).method("PROPFIND").times(1));
//! println!("{}", nextcloud.url());
//! # }
//! ```

mod auth;
mod browser;
mod clock;
mod dav;
mod deck;
mod demo;
mod dispatch;
mod faults;
mod http;
mod notes;
mod ocs;
mod oidc;
mod random;
mod requests;
mod server;
mod sharing;
mod tables;
mod web;
mod webhooks;
mod world;

pub use browser::{BrowserError, BrowserSession, Consent, Page};
pub use demo::{DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, load_demo_content, offer_demo_client};
pub use faults::{Effect, FaultId, FaultRule, Faults};
pub use oidc::{IssuedTokens, Oidc, OidcClient, TokenType};
pub use requests::RecordedRequest;
pub use server::Simulator;
pub use webhooks::{AppEvent, Delivered};
pub use world::{CollectionHandle, SharePermissions, World};

/// The suffix of every `oc:id`: constant, so that a client sees one and the same instance.
pub const INSTANCE_ID: &str = "ocsim1234567";
