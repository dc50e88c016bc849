//! Keys for secrets at rest.

use super::reader::Reader;
use super::variables::Variable;
use super::{Mode, variables};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::{ExposeSecret, SecretString};
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

const FIX: &str = "Make one with: openssl rand -base64 32";

impl EncryptionConfig {
    /// The keys, when `mode` stores credentials. A malformed key is a problem in every mode.
    pub(super) fn load(reader: &mut Reader<'_>, mode: Option<&Mode>) -> Option<Self> {
        let required = mode.is_some_and(Mode::stores_credentials);
        if required && !reader.is_set(variables::TOKEN_ENCRYPTION_KEY) {
            let problem = "required, because ENABLE_OFFLINE_ACCESS stores credentials";
            reader.problem(variables::TOKEN_ENCRYPTION_KEY, problem, FIX);
        }
        let current = key(reader, variables::TOKEN_ENCRYPTION_KEY);
        let previous = key(reader, variables::TOKEN_ENCRYPTION_KEY_PREVIOUS);
        if required {
            Some(Self {
                current: current?,
                previous,
            })
        } else {
            None
        }
    }
}

fn key(reader: &mut Reader<'_>, variable: &Variable) -> Option<Zeroizing<[u8; 32]>> {
    let secret = reader.secret(variable)?;
    let key = parse_key(&secret);
    if key.is_none() {
        reader.problem(
            variable,
            "not 32 bytes as base64, base64url or 64 hexadecimal digits",
            FIX,
        );
    }
    key
}

fn parse_key(secret: &SecretString) -> Option<Zeroizing<[u8; 32]>> {
    let text = secret.expose_secret().trim();
    let bytes = if text.len() == 64 {
        hex::decode(text).ok()
    } else {
        let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        [alphabet::STANDARD, alphabet::URL_SAFE]
            .iter()
            .find_map(|alphabet| GeneralPurpose::new(alphabet, config).decode(text).ok())
    };
    let bytes = Zeroizing::new(bytes?);
    bytes.as_slice().try_into().ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fault case T13.
    #[test]
    fn takes_every_documented_form() {
        let bytes = [0xfb; 32];
        let standard = base64::engine::general_purpose::STANDARD.encode(bytes);
        let url_safe = base64::engine::general_purpose::URL_SAFE.encode(bytes);
        assert!(
            standard.contains('+') && url_safe.contains('-'),
            "the sample tells the alphabets apart"
        );
        for text in [
            standard.clone(),
            url_safe.clone(),
            standard.trim_end_matches('=').to_owned(),
            url_safe.trim_end_matches('=').to_owned(),
            hex::encode(bytes),
            hex::encode_upper(bytes),
            format!("  {url_safe}\n"),
        ] {
            let key = parse_key(&SecretString::from(text.clone()));
            assert_eq!(key.as_deref(), Some(&bytes), "{text:?}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        let short = base64::engine::general_purpose::STANDARD.encode([1; 31]);
        let long = base64::engine::general_purpose::STANDARD.encode([1; 33]);
        for text in [
            short,
            long,
            "0".repeat(63),
            "g".repeat(64),
            "a passphrase".to_owned(),
        ] {
            assert!(parse_key(&SecretString::from(text.clone())).is_none(), "{text:?}");
        }
    }
}
