//! The signing keys, made once per process on first use, and the key set document.

use std::sync::OnceLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::RsaPublicKey;
use rsa::pkcs1::DecodeRsaPublicKey as _;
use rsa::traits::PublicKeyParts as _;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::shared;
use crate::http::Reply;
use crate::world::State;

/// Nextcloud's key has 4096 bits; half of that is made and used in a fraction of the time.
const SIZE: KeySize = KeySize::Rsa2048;

/// One key in use and one to rotate to; all simulators of a process share them.
static KEYS: [OnceLock<SigningKey>; 2] = [OnceLock::new(), OnceLock::new()];

struct SigningKey {
    kid: String,
    pair: RsaKeyPair,
    modulus: String,
    exponent: String,
}

#[expect(
    clippy::expect_used,
    reason = "a simulator that cannot make a key cannot go on; the message says why"
)]
fn generate() -> SigningKey {
    let pair = RsaKeyPair::generate(SIZE).expect("the system's random source");
    let public = RsaPublicKey::from_pkcs1_der(pair.public_key().as_ref()).expect("a fresh key can be read");
    let modulus = public.n().to_bytes_be();
    let digest = hex::encode(Sha256::digest(&modulus));
    SigningKey {
        kid: format!(
            "{}-{}-{}-{}-{}",
            &digest[..8],
            &digest[8..12],
            &digest[12..16],
            &digest[16..20],
            &digest[20..32]
        ),
        pair,
        modulus: URL_SAFE_NO_PAD.encode(modulus),
        exponent: URL_SAFE_NO_PAD.encode(public.e().to_bytes_be()),
    }
}

fn current(state: &State) -> &'static SigningKey {
    KEYS[state.oidc.key % KEYS.len()].get_or_init(generate)
}

/// A JWT of this `typ`, signed with RS256. By hand, for weeks of refreshes are simulated: the pure Rust
/// signers take ten times as long.
#[expect(clippy::expect_used, reason = "signing with a generated key does not fail")]
pub(super) fn sign(state: &State, typ: &str, claims: &Map<String, Value>) -> String {
    let key = current(state);
    let header = json!({"typ": typ, "alg": "RS256", "kid": key.kid}).to_string();
    let claims = Value::Object(claims.clone()).to_string();
    let text = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let mut signature = vec![0; key.pair.public_modulus_len()];
    key.pair
        .sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            text.as_bytes(),
            &mut signature,
        )
        .expect("a generated key signs");
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// `GET /apps/oidc/jwks`.
pub(super) fn jwks(state: &State) -> Reply {
    let key = current(state);
    let document = json!({"keys": [{
        "kty": "RSA",
        "use": "sig",
        "key_ops": ["verify"],
        "alg": "RS256",
        "kid": key.kid,
        "n": key.modulus,
        "e": key.exponent,
    }]});
    shared(Reply::json(200, &document), "GET")
}
