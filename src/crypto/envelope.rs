//! The text form of an encrypted secret: `v1.<key id>.<base64url nonce‖ciphertext>`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The only version so far; also part of the AAD.
pub(super) const VERSION: &str = "v1";
/// Bytes of an AES-GCM nonce.
pub(super) const NONCE_LENGTH: usize = 12;
/// Bytes of an AES-GCM tag: no ciphertext is shorter.
const TAG_LENGTH: usize = 16;

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

impl EnvelopeContext<'_> {
    /// The AAD: every part preceded by its length, so that no two contexts give the same bytes.
    pub(super) fn associated_data(&self, key_id: &str) -> Vec<u8> {
        let mut data = Vec::new();
        for part in [VERSION, key_id, self.user, self.table, self.column] {
            data.extend_from_slice(&(part.len() as u64).to_be_bytes());
            data.extend_from_slice(part.as_bytes());
        }
        data
    }
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

/// An envelope taken apart.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) key_id: &'a str,
    pub(super) nonce: [u8; NONCE_LENGTH],
    pub(super) ciphertext: Vec<u8>,
}

impl<'a> Envelope<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, EnvelopeError> {
        let (version, rest) = text.split_once('.').ok_or(EnvelopeError::Malformed)?;
        if version != VERSION {
            let looks_like_one = version
                .strip_prefix('v')
                .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
            return Err(if looks_like_one {
                EnvelopeError::UnknownVersion
            } else {
                EnvelopeError::Malformed
            });
        }
        let (key_id, body) = rest.split_once('.').ok_or(EnvelopeError::Malformed)?;
        let bytes = URL_SAFE_NO_PAD
            .decode(body)
            .map_err(|_| EnvelopeError::Malformed)?;
        let (nonce, ciphertext) = bytes.split_first_chunk().ok_or(EnvelopeError::Malformed)?;
        if ciphertext.len() < TAG_LENGTH {
            return Err(EnvelopeError::Malformed);
        }
        Ok(Self {
            key_id,
            nonce: *nonce,
            ciphertext: ciphertext.to_vec(),
        })
    }

    pub(super) fn format(&self) -> String {
        let mut body = self.nonce.to_vec();
        body.extend_from_slice(&self.ciphertext);
        format!("{VERSION}.{}.{}", self.key_id, URL_SAFE_NO_PAD.encode(body))
    }
}
