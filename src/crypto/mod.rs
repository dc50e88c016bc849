//! Secrets at rest: AES-256-GCM with key ids and bound context.

mod envelope;
mod keyring;

pub use envelope::{EnvelopeContext, EnvelopeError};
pub use keyring::Keyring;
