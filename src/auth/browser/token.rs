//! Random secrets that a browser or a link carries. Only their hashes are stored.

use crate::entropy::Entropy;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Random bytes of a token: 256 bits, twice what RFC 6749 §10.10 asks for.
const BYTES: usize = 32;
/// Characters of those bytes as base64url without padding.
const CHARACTERS: usize = 43;

/// SHA-256 of a token, as it is stored. The token has 256 random bits, so the hash needs neither salt nor stretching.
pub type TokenHash = [u8; 32];

/// 32 random bytes as base64url: a session, the cookie of a flow, an OAuth `state`, the secret of a link.
#[derive(Debug, Clone)]
pub struct BrowserToken(SecretString);

impl BrowserToken {
    /// A new one.
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; BYTES];
        entropy.fill(&mut bytes);
        Self(SecretString::from(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// What somebody sent, when it has the form of a token; nothing else is worth a question to the database.
    pub fn parse(sent: &str) -> Option<Self> {
        let has_form = sent.len() == CHARACTERS
            && sent
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        has_form.then(|| Self(SecretString::from(sent)))
    }

    /// The text: for a cookie, a redirect or a link, never for a log.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The hash that stands in the database.
    pub fn hash(&self) -> TokenHash {
        Sha256::digest(self.expose().as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    #[test]
    fn tokens_differ_and_come_back_from_their_text() {
        let (one, two) = (
            BrowserToken::random(&SystemEntropy),
            BrowserToken::random(&SystemEntropy),
        );
        assert_ne!(one.expose(), two.expose());
        let back = BrowserToken::parse(one.expose()).unwrap();
        assert_eq!(back.hash(), one.hash());
    }

    #[test]
    fn what_is_no_token_is_not_looked_up() {
        let long = "a".repeat(44);
        for sent in ["", "abc", long.as_str(), &"ä".repeat(21), &"a b".repeat(14)] {
            assert!(BrowserToken::parse(sent).is_none(), "{sent:?}");
        }
    }

    #[test]
    fn t14_debug_shows_no_token() {
        let token = BrowserToken::random(&SystemEntropy);
        assert!(!format!("{token:?}").contains(token.expose()));
    }
}
