//! A signed token (RFC 7515, RFC 7519): its signature is checked with the provider's keys before anything in it is
//! believed. What the claims mean is the caller's business.

use super::{IdentityProvider, ProviderProblem};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, Header, Validation};
use serde_json::{Map, Value};

/// The claims of a token.
pub type Claims = Map<String, Value>;

/// How far the clocks of the provider and this server may differ.
pub const LEEWAY: TimeDelta = TimeDelta::seconds(30);
/// Longer tokens are refused unread.
const MAX_LENGTH: usize = 32 * 1024;
/// Keys that are tried for a token that names none.
const MAX_CANDIDATES: usize = 8;

/// Why a token is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// The keys that would verify it cannot be had now: nobody can tell.
    #[error(transparent)]
    Provider(#[from] ProviderProblem),
    /// Proven bad (case J01).
    #[error("{0}")]
    Refused(&'static str),
}

/// Header and claims of `token`, its signature verified with a key of `provider`.
///
/// Only asymmetric algorithms count: neither `none` nor an HMAC keyed with the public key passes (RFC 8725 §3.1).
/// `jku`, `jwk`, `x5u` and `x5c` of the header are not looked at (§3.10); a `crit` is refused, since no extension is
/// understood here (RFC 7515 §4.1.11). A key id that nobody knows makes the provider ask once for its keys again.
pub async fn verify_jws(token: &str, provider: &dyn IdentityProvider) -> Result<(Header, Claims), JwsError> {
    let header = acceptable_header(token)?;
    let keys = provider.keys(false).await?;
    match try_keys(token, &header, &keys) {
        Outcome::Verified(claims) => return Ok((header, claims)),
        Outcome::Forged => return Err(JwsError::Refused("its signature is wrong")),
        Outcome::NoKey => {}
    }
    let newer = provider.keys(true).await?;
    match try_keys(token, &header, &newer) {
        Outcome::Verified(claims) => Ok((header, claims)),
        Outcome::Forged => Err(JwsError::Refused("its signature is wrong")),
        Outcome::NoKey => Err(JwsError::Refused("no key of the identity provider signed it")),
    }
}

/// When a token ends by its `exp`, which it must have, given that `exp`, `nbf` and `iat` allow it at `now` (case J03).
pub fn check_times(claims: &Claims, now: DateTime<Utc>) -> Result<DateTime<Utc>, JwsError> {
    let expires_at = time(claims, "exp")?.ok_or(JwsError::Refused("it says no end (exp)"))?;
    if now >= expires_at + LEEWAY {
        return Err(JwsError::Refused("it has expired"));
    }
    for (claim, refusal) in [
        ("nbf", "it is not valid yet (nbf)"),
        ("iat", "it was issued in the future (iat)"),
    ] {
        if time(claims, claim)?.is_some_and(|from| from > now + LEEWAY) {
            return Err(JwsError::Refused(refusal));
        }
    }
    Ok(expires_at)
}

/// The audiences that `aud` names, as text or list (RFC 7519 §4.1.3).
pub fn audiences(claims: &Claims) -> Vec<&str> {
    match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A `NumericDate`: seconds, perhaps with a fraction. Something else under that name is refused, not overlooked.
fn time(claims: &Claims, claim: &str) -> Result<Option<DateTime<Utc>>, JwsError> {
    let Some(value) = claims.get(claim) else {
        return Ok(None);
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "saturates; what is out of range is refused below"
    )]
    let seconds = value
        .as_i64()
        .or_else(|| value.as_f64().map(|seconds| seconds as i64));
    seconds
        .filter(|seconds| (0..=i64::from(u32::MAX) * 4).contains(seconds))
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .map(Some)
        .ok_or(JwsError::Refused("one of its times is no time"))
}

fn acceptable_header(token: &str) -> Result<Header, JwsError> {
    if token.len() > MAX_LENGTH {
        return Err(JwsError::Refused("it is too long"));
    }
    // An unknown `alg`, `none` among them, is no `Algorithm` and ends here.
    let header = jsonwebtoken::decode_header(token)
        .map_err(|_details| JwsError::Refused("it is no signed token of a known algorithm"))?;
    if header.alg.family() == AlgorithmFamily::Hmac {
        return Err(JwsError::Refused("its algorithm is not allowed"));
    }
    if header.crit.is_some() || header.extras.inner().contains_key("b64") {
        return Err(JwsError::Refused(
            "it asks for extensions that are not understood (crit)",
        ));
    }
    Ok(header)
}

enum Outcome {
    Verified(Claims),
    /// The key that the token names did not sign it.
    Forged,
    /// No known key can have signed it: perhaps there are newer ones.
    NoKey,
}

fn try_keys(token: &str, header: &Header, keys: &JwkSet) -> Outcome {
    let validation = signature_only(header.alg);
    let mut named = false;
    let candidates = keys.keys.iter().filter(|key| may_have_signed(key, header));
    for key in candidates.take(MAX_CANDIDATES) {
        named |= header.kid.is_some() && key.common.key_id == header.kid;
        let claims = DecodingKey::from_jwk(key)
            .and_then(|decoding| jsonwebtoken::decode::<Claims>(token, &decoding, &validation));
        if let Ok(verified) = claims {
            return Outcome::Verified(verified.claims);
        }
    }
    if named { Outcome::Forged } else { Outcome::NoKey }
}

/// Times and audience are checked elsewhere: the times by the injected clock, the audience by who asks.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

fn may_have_signed(key: &Jwk, header: &Header) -> bool {
    let common = &key.common;
    let same_id = match (&common.key_id, &header.kid) {
        (Some(id), Some(wanted)) => id == wanted,
        _ => true,
    };
    let for_signatures = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature));
    let same_algorithm = common
        .key_algorithm
        .is_none_or(|algorithm| algorithm == KeyAlgorithm::from(header.alg));
    same_id && for_signatures && same_algorithm && is_of_type(&key.algorithm, header.alg)
}

fn is_of_type(key: &AlgorithmParameters, algorithm: Algorithm) -> bool {
    match (key, algorithm) {
        (AlgorithmParameters::RSA(_), _) => algorithm.family() == AlgorithmFamily::Rsa,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES256) => key.curve == EllipticCurve::P256,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES384) => key.curve == EllipticCurve::P384,
        (AlgorithmParameters::OctetKeyPair(key), Algorithm::EdDSA) => key.curve == EllipticCurve::Ed25519,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
