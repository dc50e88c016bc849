//! The text form of an encrypted secret: `v1.<key id>.<base64url nonce‖ciphertext>`.

/// What a ciphertext belongs to; part of the AAD, so that a swapped row does not decrypt.
#[derive(Debug, Clone, Copy)]
pub struct EnvelopeContext<'a> {
    /// Owner of the secret.
    pub user: &'a str,
    /// Table it stands in.
    pub table: &'a str,
    /// Column it stands in.
    pub column: &'a str,
}

/// Why a ciphertext could not be opened.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EnvelopeError {
    /// Not `v1.<key id>.<base64url>`.
    #[error("the stored ciphertext is malformed")]
    Malformed,
    /// A version this binary does not know.
    #[error("the stored ciphertext has an unknown version")]
    UnknownVersion,
    /// Neither the current nor the previous key.
    #[error("the stored ciphertext was made with a key that is not configured")]
    UnknownKey,
    /// Wrong key, wrong context or damaged.
    #[error("the stored ciphertext does not decrypt")]
    Rejected,
}
