//! Access tokens of callers, verified.

mod verified;

pub use verified::{Audience, BearerError, BearerVerifier, VerifiedBearer};
