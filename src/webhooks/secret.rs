//! What a delivery is believed by: `Authorization: Bearer <registration id>.<secret>`.

use super::RegistrationId;
use crate::entropy::Entropy;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Random bytes of a secret.
const BYTES: usize = 32;
/// Longest header that is looked at; ours have less than half of it.
const LONGEST: usize = 256;

/// The secret of one registration: 256 random bits as base64url.
#[derive(Debug, Clone)]
pub struct WebhookSecret(SecretString);

impl WebhookSecret {
    /// A new one.
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; BYTES];
        entropy.fill(&mut bytes);
        Self(SecretString::from(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// One that was stored.
    pub(super) fn stored(secret: SecretString) -> Self {
        Self(secret)
    }

    /// The text, to be sealed.
    pub(super) fn text(&self) -> &SecretString {
        &self.0
    }

    /// SHA-256, as it is stored. The secret has 256 random bits, so the hash needs neither salt nor stretching.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.expose_secret().as_bytes()).into()
    }

    /// The value of the `Authorization` header that Nextcloud shall send.
    pub fn header(&self, id: &RegistrationId) -> SecretString {
        SecretString::from(format!("Bearer {}.{}", id.as_str(), self.0.expose_secret()))
    }

    /// The registration and the secret that such a header names; `None` when it has another form. Nothing is proved
    /// by it.
    pub fn parse_header(value: &str) -> Option<(RegistrationId, Self)> {
        if value.len() > LONGEST {
            return None;
        }
        let (scheme, token) = value.split_once(' ')?;
        let (id, secret) = token.trim().split_once('.')?;
        (scheme.eq_ignore_ascii_case("bearer") && !id.is_empty() && !secret.is_empty())
            .then(|| (RegistrationId::new(id), Self(SecretString::from(secret))))
    }
}

/// The hashes of a registration's secrets.
#[derive(Debug, Clone)]
pub struct SecretHashes {
    /// Of the secret that stands.
    pub current: Vec<u8>,
    /// Of the one before the last rotation.
    pub previous: Option<Vec<u8>>,
    /// When the previous one ends; `None`: not before Nextcloud has the current one.
    pub previous_until: Option<DateTime<Utc>>,
}

impl SecretHashes {
    /// Whether `secret` is good at `now`. Takes the same time for every secret.
    pub fn accept(&self, secret: &WebhookSecret, now: DateTime<Utc>) -> bool {
        let hash = secret.hash();
        let current = hash.as_slice().ct_eq(&self.current);
        let previous = self.previous.as_deref().unwrap_or_default();
        let previous_stands = self.previous_until.is_none_or(|until| now < until);
        bool::from(current | (hash.as_slice().ct_eq(previous) & u8::from(previous_stands).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use std::time::Duration;

    #[test]
    fn the_header_names_the_registration_and_its_secret() {
        let (id, secret) = (RegistrationId::new("01AB"), WebhookSecret::random(&SystemEntropy));
        let header = secret.header(&id);
        let (named, sent) = WebhookSecret::parse_header(header.expose_secret()).unwrap();
        assert_eq!((named, sent.hash()), (id, secret.hash()));
        let long = format!("Bearer a.{}", "x".repeat(LONGEST));
        for other in [
            "",
            "Bearer",
            "Bearer abc",
            "Bearer .a",
            "Bearer a.",
            "Basic a.b",
            &long,
        ] {
            assert!(WebhookSecret::parse_header(other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_previous_secret_is_good_until_its_end() {
        let secrets = [(); 3].map(|()| WebhookSecret::random(&SystemEntropy));
        let now: DateTime<Utc> = "2026-11-23T05:00:00Z".parse().unwrap();
        let hashes = |previous_until| SecretHashes {
            current: secrets[0].hash().to_vec(),
            previous: Some(secrets[1].hash().to_vec()),
            previous_until,
        };
        let later = now + Duration::from_secs(1);
        for (until, good) in [(None, true), (Some(later), true), (Some(now), false)] {
            let hashes = hashes(until);
            assert!(hashes.accept(&secrets[0], now));
            assert_eq!(hashes.accept(&secrets[1], now), good);
            assert!(!hashes.accept(&secrets[2], now));
        }
        let alone = SecretHashes {
            previous: None,
            ..hashes(None)
        };
        assert!(alone.accept(&secrets[0], now) && !alone.accept(&secrets[1], now));
    }
}
