//! Consented refresh tokens: the store, the broker that keeps them alive, and their revocation.

mod grant;

pub use grant::{CredentialSink, GrantError, NewGrant};
