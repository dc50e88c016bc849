//! Keys for secrets at rest.

use zeroize::Zeroizing;

/// `TOKEN_ENCRYPTION_KEY` and its predecessor.
#[derive(Clone)]
pub struct EncryptionConfig {
    /// `TOKEN_ENCRYPTION_KEY`: encrypts and decrypts.
    pub current: Zeroizing<[u8; 32]>,
    /// `TOKEN_ENCRYPTION_KEY_PREVIOUS`: decrypts only.
    pub previous: Option<Zeroizing<[u8; 32]>>,
}

impl std::fmt::Debug for EncryptionConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EncryptionConfig([REDACTED])")
    }
}
