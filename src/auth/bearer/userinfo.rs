//! Access tokens by the userinfo endpoint (OIDC Core §5.3): the way of the mission's text.
//!
//! Its answer proves whose a token is and nothing else: not which client it was given to, not what it was made for.
//! Any application at the same provider could use the tokens that its users gave it here. So this way is taken only
//! where the operator chose it (`TOKEN_VALIDATION=userinfo`), who then trusts every client of the provider.
//!
//! At the `oidc` app an expired token presented here destroys its grant (facts §0 row 1): a JWT that says it has ended
//! or soon will is never sent, and an opaque one cannot be known to be. One more reason for the default.

use super::evidence::{Evidence, MadeFor};
use super::jwt::scopes;
use super::token_verifier::unavailable;
use super::verified::BearerError;
use crate::auth::oidc::{Claims, IdpHttp, ProviderMetadata};
use http::StatusCode;
use secrecy::SecretString;
use serde_json::Value;

/// Asks the provider whose `token` is.
pub(super) async fn ask(
    token: &SecretString,
    metadata: &ProviderMetadata,
    http: &IdpHttp,
) -> Result<Evidence, BearerError> {
    let endpoint = metadata
        .userinfo_endpoint
        .as_ref()
        .ok_or_else(|| unavailable("the identity provider has no userinfo endpoint".to_owned()))?;
    let answer = http
        .get_with_bearer(endpoint, token)
        .await
        .map_err(|error| unavailable(format!("userinfo: {error}")))?;
    match answer.status {
        StatusCode::OK => {}
        // The `oidc` app says 400 to a bad, expired or missing token (facts §3).
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            return Err(BearerError::Refused("the identity provider does not know it"));
        }
        status => return Err(unavailable(format!("userinfo: HTTP {}", status.as_u16()))),
    }
    let claims: Claims = answer
        .json()
        .map_err(|error| unavailable(format!("userinfo: {error}")))?;
    let subject = claims
        .get("sub")
        .and_then(Value::as_str)
        .ok_or_else(|| unavailable("userinfo: the answer names no subject".to_owned()))?;
    Ok(Evidence {
        issuer: metadata.issuer.clone(),
        subject: subject.to_owned(),
        made_for: MadeFor::ThisServer,
        client_id: None,
        // Most answers name none, and who chose this way goes without.
        scopes: scopes(&claims),
        expires_at: None,
    })
}
