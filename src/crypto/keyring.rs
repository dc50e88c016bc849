//! The configured keys.

use super::{EnvelopeContext, EnvelopeError};
use crate::config::EncryptionConfig;
use crate::entropy::SharedEntropy;
use secrecy::SecretString;

/// Seals with the current key, opens with the current and the previous one.
#[derive(Clone)]
pub struct Keyring {}

impl Keyring {
    /// A keyring over the configured keys.
    pub fn new(config: &EncryptionConfig, entropy: SharedEntropy) -> Self {
        let _ = (config, entropy);
        todo!()
    }

    /// Encrypts `secret` for the place named by `context`.
    pub fn seal(&self, context: EnvelopeContext<'_>, secret: &SecretString) -> String {
        let _ = (context, secret);
        todo!()
    }

    /// Decrypts what [`Keyring::seal`] made for the same `context`.
    pub fn open(&self, context: EnvelopeContext<'_>, envelope: &str) -> Result<SecretString, EnvelopeError> {
        let _ = (context, envelope);
        todo!()
    }
}
