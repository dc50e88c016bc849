//! Access tokens of identity providers outside of Nextcloud: `user_oidc` with a provider that has `--check-bearer`,
//! `--mapping-uid sub` and `selfencoded_bearer_validation_audience_check=false` (facts §4).
//!
//! A stand-in: JWTs are believed by issuer and lifetime, their signature and audience are not looked at. Opaque
//! tokens are refused, as measured.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::Oidc;
use crate::auth::Credentials;
use crate::http::Incoming;
use crate::world::{State, World};

impl Oidc<'_> {
    /// Believes the JWTs of this issuer at OCS, DAV and apps from now on: the user is the one named by `sub`.
    pub fn trust_issuer(self, issuer: &str) {
        let mut state = self.world.write();
        state.oidc.trusted_issuers.insert(issuer.to_owned());
    }
}

/// The user whose token of a trusted issuer this is.
pub(super) fn user_of(state: &State, token: &str) -> Option<String> {
    let claims = claims(token)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let is_alive = claims
        .get("exp")
        .and_then(Value::as_i64)
        .is_some_and(|end| state.now() < end);
    if !is_alive || !state.oidc.trusted_issuers.contains(text("iss")?) {
        return None;
    }
    text("sub").map(str::to_owned)
}

/// Whether a request's bearer is of a trusted issuer: no app password is made with such a one
/// (recording `bearer/v8.10.1_selfencoded_jwt_aud_client/apppassword_create`).
pub(crate) fn is_of_trusted_issuer(world: &World, request: &Incoming) -> bool {
    match Credentials::of(request) {
        Credentials::Bearer(token) => user_of(&world.read(), &token).is_some(),
        Credentials::None | Credentials::Basic { .. } => false,
    }
}

fn claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}
