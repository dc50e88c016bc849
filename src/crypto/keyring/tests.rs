//! Fault cases T01, T03 and T14 for the keyring.

use super::*;
use crate::entropy::SystemEntropy;
use proptest::prelude::*;
use std::sync::Arc;

const CONTEXT: EnvelopeContext<'_> = EnvelopeContext {
    user: "alice",
    table: "app_passwords",
    column: "password",
};

fn config(current: u8, previous: Option<u8>) -> EncryptionConfig {
    EncryptionConfig {
        current: Zeroizing::new([current; 32]),
        previous: previous.map(|byte| Zeroizing::new([byte; 32])),
    }
}

fn keyring(current: u8, previous: Option<u8>) -> Keyring {
    Keyring::new(&config(current, previous), Arc::new(SystemEntropy))
}

#[test]
fn opens_what_it_sealed() {
    let ring = keyring(1, None);
    let sealed = ring.seal(CONTEXT, &SecretString::from("käse-Password"));
    assert!(sealed.starts_with(&format!("v1.{}.", ring.current_key_id())));
    assert_eq!(
        ring.open(CONTEXT, &sealed).unwrap().expose_secret(),
        "käse-Password"
    );
}

#[test]
fn two_seals_of_one_secret_differ() {
    let ring = keyring(1, None);
    let secret = SecretString::from("same");
    assert_ne!(ring.seal(CONTEXT, &secret), ring.seal(CONTEXT, &secret));
}

#[test]
fn the_previous_key_opens_and_the_current_one_seals() {
    let old = keyring(1, None);
    let sealed = old.seal(CONTEXT, &SecretString::from("s"));
    let rotated = keyring(2, Some(1));
    assert_eq!(rotated.open(CONTEXT, &sealed).unwrap().expose_secret(), "s");
    assert_ne!(rotated.current_key_id(), old.current_key_id());
    assert_eq!(
        keyring(2, None).open(CONTEXT, &sealed).unwrap_err(),
        EnvelopeError::UnknownKey
    );
}

#[test]
fn rewrapping_moves_a_secret_to_the_current_key_and_nothing_else() {
    let old = keyring(1, None);
    let sealed = old.seal(CONTEXT, &SecretString::from("s"));
    assert!(old.is_current(&sealed) && old.rewrap(CONTEXT, &sealed).unwrap().is_none());

    let rotated = keyring(2, Some(1));
    assert!(!rotated.is_current(&sealed));
    let renewed = rotated.rewrap(CONTEXT, &sealed).unwrap().unwrap();
    assert!(renewed.starts_with(&rotated.current_prefix()));
    assert_eq!(
        keyring(2, None).open(CONTEXT, &renewed).unwrap().expose_secret(),
        "s"
    );

    let elsewhere = EnvelopeContext {
        user: "bob",
        ..CONTEXT
    };
    assert_eq!(
        rotated.rewrap(elsewhere, &sealed).unwrap_err(),
        EnvelopeError::Rejected
    );
    assert_eq!(
        keyring(3, None).rewrap(CONTEXT, &sealed).unwrap_err(),
        EnvelopeError::UnknownKey
    );
    assert!(!rotated.is_current("v1.garbage"));
}

#[test]
fn another_context_is_rejected() {
    let ring = keyring(1, None);
    let sealed = ring.seal(CONTEXT, &SecretString::from("s"));
    for other in [
        EnvelopeContext {
            user: "bob",
            ..CONTEXT
        },
        EnvelopeContext {
            table: "grants",
            ..CONTEXT
        },
        EnvelopeContext {
            column: "token",
            ..CONTEXT
        },
        // The same letters, cut elsewhere.
        EnvelopeContext {
            user: "aliceapp",
            table: "_passwords",
            column: "password",
        },
    ] {
        assert_eq!(
            ring.open(other, &sealed).unwrap_err(),
            EnvelopeError::Rejected,
            "{other:?}"
        );
    }
}

#[test]
fn an_unknown_version_is_told_apart_from_garbage() {
    let ring = keyring(1, None);
    let sealed = ring.seal(CONTEXT, &SecretString::from("s"));
    let newer = sealed.replacen("v1", "v2", 1);
    assert_eq!(
        ring.open(CONTEXT, &newer).unwrap_err(),
        EnvelopeError::UnknownVersion
    );
    for garbage in [
        "",
        "v1",
        "v1.",
        "v1.aabbccdd",
        "v1.aabbccdd.",
        "v1.aabbccdd.AAAA",
        "plain text",
        "vx.a.b",
    ] {
        assert_eq!(
            ring.open(CONTEXT, garbage).unwrap_err(),
            EnvelopeError::Malformed,
            "{garbage:?}"
        );
    }
}

#[test]
fn debug_shows_no_key() {
    let shown = format!("{:?} {:?}", keyring(0xab, Some(0xcd)), config(0xab, Some(0xcd)));
    assert!(
        !shown.contains("171") && !shown.contains("abab") && !shown.contains("205"),
        "{shown}"
    );
}

proptest! {
    #[test]
    fn any_changed_byte_is_an_error(secret in ".{0,40}", position in any::<prop::sample::Index>(), flip in 1u8..=255) {
        let ring = keyring(1, Some(2));
        let mut bytes = ring.seal(CONTEXT, &SecretString::from(secret)).into_bytes();
        let position = position.index(bytes.len());
        bytes[position] ^= flip;
        if let Ok(text) = String::from_utf8(bytes) {
            prop_assert!(ring.open(CONTEXT, &text).is_err());
        }
    }

    #[test]
    fn any_truncation_is_an_error(secret in ".{0,40}", length in any::<prop::sample::Index>()) {
        let ring = keyring(1, None);
        let sealed = ring.seal(CONTEXT, &SecretString::from(secret));
        prop_assert!(ring.open(CONTEXT, &sealed[..length.index(sealed.len())]).is_err());
    }

    #[test]
    fn garbage_is_an_error(text in "(v1\\.[0-9a-f]{8}\\.)?\\PC{0,80}") {
        prop_assert!(keyring(1, None).open(CONTEXT, &text).is_err());
    }
}
