//! Consent and login flows, and links to the consent page.

mod link;

pub use link::{ConsentLinkError, ConsentLinks};
