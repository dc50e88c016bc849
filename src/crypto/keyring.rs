//! The configured keys.

use super::envelope::{Envelope, NONCE_LENGTH, VERSION};
use super::{EnvelopeContext, EnvelopeError};
use crate::config::EncryptionConfig;
use crate::entropy::SharedEntropy;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Separates the key id from every other use of a hash of the key.
const KEY_ID_DOMAIN: &[u8] = b"nextcloud-mcp-server/key-id/v1\0";

/// Seals with the current key, opens with the current and the previous one.
#[derive(Clone)]
pub struct Keyring {
    current: Key,
    previous: Option<Key>,
    entropy: SharedEntropy,
}

/// A key and the id that envelopes name it by.
#[derive(Clone)]
struct Key {
    id: String,
    bytes: Zeroizing<[u8; 32]>,
}

impl Key {
    fn new(bytes: &Zeroizing<[u8; 32]>) -> Self {
        let digest = Sha256::new()
            .chain_update(KEY_ID_DOMAIN)
            .chain_update(bytes.as_slice())
            .finalize();
        let id = hex::encode(&digest[..4]);
        Self {
            id,
            bytes: bytes.clone(),
        }
    }

    fn cipher(&self) -> Aes256Gcm {
        let bytes: &[u8; 32] = &self.bytes;
        Aes256Gcm::new(bytes.into())
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring")
            .field("current", &self.current.id)
            .finish_non_exhaustive()
    }
}

impl Keyring {
    /// A keyring over the configured keys.
    pub fn new(config: &EncryptionConfig, entropy: SharedEntropy) -> Self {
        Self {
            current: Key::new(&config.current),
            previous: config.previous.as_ref().map(Key::new),
            entropy,
        }
    }

    /// Id of the key that seals: eight hexadecimal digits, not secret.
    pub fn current_key_id(&self) -> &str {
        &self.current.id
    }

    /// What every envelope of the current key begins with: `v1.<key id>.`.
    pub fn current_prefix(&self) -> String {
        format!("{VERSION}.{}.", self.current.id)
    }

    /// Whether `envelope` names the current key. It is not opened.
    pub fn is_current(&self, envelope: &str) -> bool {
        Envelope::parse(envelope).is_ok_and(|envelope| envelope.key_id == self.current.id)
    }

    /// The secret in `envelope`, sealed anew with the current key; `None` when it is the current key's already.
    ///
    /// # Errors
    /// [`EnvelopeError`] as [`Keyring::open`].
    pub fn rewrap(
        &self,
        context: EnvelopeContext<'_>,
        envelope: &str,
    ) -> Result<Option<String>, EnvelopeError> {
        if self.is_current(envelope) {
            return Ok(None);
        }
        let secret = self.open(context, envelope)?;
        Ok(Some(self.seal(context, &secret)))
    }

    /// Encrypts `secret` for the place named by `context`.
    #[expect(
        clippy::missing_panics_doc,
        clippy::expect_used,
        reason = "AES-GCM refuses only plaintexts beyond 64 GiB, which no secret reaches"
    )]
    pub fn seal(&self, context: EnvelopeContext<'_>, secret: &SecretString) -> String {
        let mut nonce = [0; NONCE_LENGTH];
        self.entropy.fill(&mut nonce);
        let payload = Payload {
            msg: secret.expose_secret().as_bytes(),
            aad: &context.associated_data(&self.current.id),
        };
        let ciphertext = self
            .current
            .cipher()
            .encrypt(&Nonce::from(nonce), payload)
            .expect("a secret below 64 GiB");
        Envelope {
            key_id: &self.current.id,
            nonce,
            ciphertext,
        }
        .format()
    }

    /// Decrypts what [`Keyring::seal`] made for the same `context`.
    ///
    /// # Errors
    /// [`EnvelopeError`]: malformed, of an unknown version or key, or not authentic for this context.
    pub fn open(&self, context: EnvelopeContext<'_>, envelope: &str) -> Result<SecretString, EnvelopeError> {
        let envelope = Envelope::parse(envelope)?;
        let key = std::iter::once(&self.current)
            .chain(&self.previous)
            .find(|key| key.id == envelope.key_id)
            .ok_or(EnvelopeError::UnknownKey)?;
        let payload = Payload {
            msg: &envelope.ciphertext,
            aad: &context.associated_data(&key.id),
        };
        let plaintext = key
            .cipher()
            .decrypt(&Nonce::from(envelope.nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| EnvelopeError::Rejected)?;
        let text = std::str::from_utf8(&plaintext).map_err(|_| EnvelopeError::Rejected)?;
        Ok(SecretString::from(text))
    }
}

#[cfg(test)]
mod tests;
