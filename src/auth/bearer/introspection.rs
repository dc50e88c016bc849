//! Opaque access tokens: the provider is asked what they are (RFC 7662).
//!
//! At the `oidc` app the answer's `aud` is the client that owns the token, not the resource, but `active: true` is
//! said only to that owner, or to the client whose id or `resource_url` *is* the token's resource (facts §3). So there
//! an active token was made for this server: by its own client, or with its resource. Another provider says `active`
//! to anybody it knows; there the audience decides.

use super::evidence::{Evidence, MadeFor};
use super::jwt::scopes;
use super::token_verifier::unavailable;
use super::verified::BearerError;
use crate::auth::oidc::{Claims, ClientAuthentication, IdpAnswer, IdpHttp, ProviderMetadata, audiences};
use chrono::{DateTime, Utc};
use http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

/// Asks `endpoint` about `token` as a client that proves itself by `authentication`.
pub(super) async fn introspect(
    token: &SecretString,
    endpoint: &Url,
    authentication: &ClientAuthentication,
    metadata: &ProviderMetadata,
    http: &IdpHttp,
    now: DateTime<Utc>,
) -> Result<Evidence, BearerError> {
    let form = [
        ("token", token.expose_secret()),
        ("token_type_hint", "access_token"),
    ];
    let answer = http
        .post_form(endpoint, &form, authentication)
        .await
        .map_err(|error| unavailable(format!("introspection: {error}")))?;
    let claims = claims(&answer)?;
    read(&claims, authentication.client_id(), metadata, now)
}

/// The answer's claims. A refusal of *this server's* client says nothing about the token.
fn claims(answer: &IdpAnswer) -> Result<Claims, BearerError> {
    match answer.status {
        StatusCode::OK => answer
            .json()
            .map_err(|error| unavailable(format!("introspection: {error}"))),
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(unavailable(
            "introspection: the identity provider refuses this server's OAuth client".to_owned(),
        )),
        status => Err(unavailable(format!("introspection: HTTP {}", status.as_u16()))),
    }
}

fn read(
    claims: &Claims,
    own_client: &str,
    metadata: &ProviderMetadata,
    now: DateTime<Utc>,
) -> Result<Evidence, BearerError> {
    match claims.get("active") {
        Some(Value::Bool(true)) => {}
        Some(Value::Bool(false)) => return Err(BearerError::Refused("it is not active")),
        _ => {
            return Err(unavailable(
                "introspection: the answer does not say `active`".to_owned(),
            ));
        }
    }
    let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
    if text("token_type").is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer"))
        || claims.contains_key("cnf")
    {
        return Err(BearerError::Refused("it is no bearer token"));
    }
    let issuer = text("iss").unwrap_or(&metadata.issuer);
    if !metadata.accepts_issuer(issuer) {
        return Err(BearerError::Refused("its issuer is not accepted here (iss)"));
    }
    let expires_at = end(claims, metadata.is_own_nextcloud);
    if expires_at.is_some_and(|end| end <= now) {
        return Err(BearerError::Refused("it has expired"));
    }
    if time(claims, "nbf").is_some_and(|begin| begin > now) {
        return Err(BearerError::Refused("it is not valid yet (nbf)"));
    }
    let client_id = text("client_id").or_else(|| text("azp")).map(str::to_owned);
    let made_for = if metadata.is_own_nextcloud || client_id.as_deref() == Some(own_client) {
        MadeFor::ThisServer
    } else {
        MadeFor::Named(audiences(claims).into_iter().map(str::to_owned).collect())
    };
    Ok(Evidence {
        issuer: issuer.to_owned(),
        subject: text("sub").ok_or(BearerError::UnknownUser)?.to_owned(),
        made_for,
        client_id,
        scopes: Some(scopes(claims).unwrap_or_default()),
        expires_at,
    })
}

/// When the token ends. The `oidc` app doubles the lifetime in `exp` (facts §0 row 5), and presenting a token past its
/// real end destroys the grant (row 1), so half of it counts.
fn end(claims: &Claims, is_doubled: bool) -> Option<DateTime<Utc>> {
    let exp = time(claims, "exp")?;
    match time(claims, "iat") {
        Some(iat) if is_doubled && iat < exp => Some(iat + (exp - iat) / 2),
        _ => Some(exp),
    }
}

fn time(claims: &Claims, claim: &str) -> Option<DateTime<Utc>> {
    let seconds = claims.get(claim)?.as_i64()?;
    // What is no time is long over.
    Some(DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::UNIX_EPOCH))
}
