//! Access tokens that carry their claims (RFC 9068): believed by signature, without asking anybody.

use super::evidence::{AudienceRules, Evidence, MadeFor};
use super::token_verifier::unavailable;
use super::verified::BearerError;
use crate::auth::oidc::{
    Claims, IdentityProvider, JwsError, ProviderMetadata, audiences, check_times, verify_jws,
};
use crate::auth::scopes::ScopeSet;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jsonwebtoken::Header;
use serde_json::{Map, Value};

/// Claims that only ID tokens have (OIDC Core §2, §3.1.3.6, §3.3.2.11).
const ID_TOKEN_CLAIMS: [&str; 3] = ["nonce", "at_hash", "c_hash"];
/// Claims that an access token has and the ID token of the `oidc` app has not (facts §3); `scp` is another name that
/// is in use for `scope`.
const ACCESS_TOKEN_CLAIMS: [&str; 3] = ["client_id", "scope", "scp"];

impl From<JwsError> for BearerError {
    fn from(error: JwsError) -> Self {
        match error {
            JwsError::Refused(why) => Self::Refused(why),
            JwsError::Provider(problem) => unavailable(problem.to_string()),
        }
    }
}

/// Whether `token` is in the form of a JWT: three parts, the first a JSON object with an `alg`, whatever it says.
pub(super) fn is_jwt(token: &str) -> bool {
    let mut parts = token.split('.');
    let (Some(header), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    part(header).is_some_and(|header| header.contains_key("alg"))
}

/// When a JWT says of itself that it ends; `None` when it does not say it. Nothing is proven by it: it may only shorten
/// what follows from a proof.
pub(super) fn says_end(token: &str) -> Option<DateTime<Utc>> {
    let claims = part(token.split('.').nth(1)?)?;
    let exp = claims.get("exp")?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "saturates; what is no time is long over"
    )]
    let seconds = exp.as_i64().or_else(|| exp.as_f64().map(|exp| exp as i64));
    let end = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    Some(end.unwrap_or(DateTime::UNIX_EPOCH))
}

fn part(text: &str) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Believes `token` by its signature, issuer and times, and that it is an access token (cases J01 to J03).
pub(super) async fn verify(
    token: &str,
    provider: &dyn IdentityProvider,
    metadata: &ProviderMetadata,
    rules: &AudienceRules,
    now: DateTime<Utc>,
) -> Result<Evidence, BearerError> {
    let (header, claims) = verify_jws(token, provider).await?;
    let expires_at = check_times(&claims, now)?;
    let text = |claim: &str| claims.get(claim).and_then(Value::as_str).map(str::to_owned);
    let issuer = text("iss").ok_or(BearerError::Refused("it names no issuer (iss)"))?;
    if !metadata.accepts_issuer(&issuer) {
        return Err(BearerError::Refused("its issuer is not accepted here (iss)"));
    }
    let named = audiences(&claims);
    require_access_token(&header, &claims, rules.name_this_server(&named))?;
    if claims.contains_key("cnf") {
        // Whoever holds it must prove a key (RFC 7800, RFC 9449), which nobody checks here.
        return Err(BearerError::Refused("it is bound to a key (cnf)"));
    }
    Ok(Evidence {
        issuer,
        subject: text("sub").ok_or(BearerError::UnknownUser)?,
        made_for: MadeFor::Named(named.into_iter().map(str::to_owned).collect()),
        client_id: text("client_id").or_else(|| text("azp")),
        scopes: Some(scopes(&claims).unwrap_or_default()),
        expires_at: Some(expires_at),
    })
}

/// Tells an access token from an ID token and from other JWTs of the same provider (RFC 8725 §3.11, RFC 9068 §4).
///
/// `at+jwt` says it. A plain `JWT` does not: it must have no claim that belongs to ID tokens, and one that belongs to
/// access tokens, or name this server as its audience, which an ID token never does: its audience is a client.
fn require_access_token(
    header: &Header,
    claims: &Claims,
    names_this_server: bool,
) -> Result<(), BearerError> {
    const NOT_ONE: BearerError = BearerError::Refused("it is no access token");
    let kind = header.typ.as_deref().unwrap_or("jwt").to_ascii_lowercase();
    match kind.strip_prefix("application/").unwrap_or(&kind) {
        "at+jwt" => return Ok(()),
        "jwt" => {}
        _ => return Err(NOT_ONE),
    }
    // Some providers name the kind among the claims.
    let named_kind = claims.get("typ").and_then(Value::as_str).unwrap_or("Bearer");
    let is_other = !named_kind.eq_ignore_ascii_case("bearer")
        || claims.contains_key("events")
        || ID_TOKEN_CLAIMS.iter().any(|claim| claims.contains_key(*claim));
    let is_access_token = names_this_server
        || ACCESS_TOKEN_CLAIMS
            .iter()
            .any(|claim| claims.contains_key(*claim));
    if is_other || !is_access_token {
        return Err(NOT_ONE);
    }
    Ok(())
}

/// `scope` as a text (RFC 9068 §2.2.3) or a list, else `scp`.
pub(super) fn scopes(claims: &Claims) -> Option<ScopeSet> {
    match claims.get("scope").or_else(|| claims.get("scp"))? {
        Value::String(text) => Some(ScopeSet::parse(text)),
        Value::Array(names) => Some(names.iter().filter_map(Value::as_str).collect()),
        // Told, but unreadable: it allows nothing.
        _ => Some(ScopeSet::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn encoded(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    #[test]
    fn only_three_parts_with_a_header_are_a_jwt() {
        let header = encoded(&json!({"alg": "none"}));
        assert!(is_jwt(&format!("{header}.x.")));
        for opaque in [
            String::new(),
            "l9NC5mtjH5cyJLdvbHEUcwd6qcJ0Dg85".into(),
            "a.b.c".into(),
            format!("{header}.x"),
            format!("{header}.x.y.z.e"),
            format!("{}.x.y", encoded(&json!({"typ": "JWT"}))),
            format!("{}.x.y", encoded(&json!([1]))),
        ] {
            assert!(!is_jwt(&opaque), "{opaque}");
        }
    }

    #[test]
    fn an_end_is_read_without_believing_the_token() {
        let says = |claims: Value| says_end(&format!("x.{}.y", encoded(&claims))).map(|end| end.timestamp());
        assert_eq!(says(json!({"exp": 1000})), Some(1000));
        assert_eq!(says(json!({"exp": 999.5})), Some(999));
        for no_time in [json!("soon"), json!(i64::MAX), json!(1e300), json!(null)] {
            assert_eq!(says(json!({"exp": no_time})), Some(0), "long over");
        }
        assert_eq!(says(json!({})), None);
        assert_eq!(says_end("opaque"), None);
    }

    #[test]
    fn scopes_are_read_as_text_and_as_list() {
        let read = |claims: Value| scopes(claims.as_object().unwrap()).map(|scopes| scopes.names());
        assert_eq!(
            read(json!({"scope": "openid notes:read"})).unwrap(),
            ["notes.read", "openid"]
        );
        assert_eq!(read(json!({"scp": ["openid"]})).unwrap(), ["openid"]);
        assert_eq!(read(json!({"scope": 7})).unwrap(), Vec::<String>::new());
        assert_eq!(read(json!({})), None);
    }

    #[test]
    fn id_tokens_and_others_are_told_from_access_tokens() {
        let header = |typ: Option<&str>| Header {
            typ: typ.map(str::to_owned),
            ..Header::default()
        };
        let check = |typ: Option<&str>, claims: Value, ours: bool| {
            require_access_token(&header(typ), claims.as_object().unwrap(), ours).is_ok()
        };
        let access = json!({"client_id": "a", "scope": "openid"});
        for typ in [
            Some("at+JWT"),
            Some("at+jwt"),
            Some("application/at+jwt"),
            Some("JWT"),
            None,
        ] {
            assert!(check(typ, access.clone(), false), "{typ:?}");
        }
        for typ in ["logout+jwt", "dpop+jwt", "id_token+jwt", "secevent+jwt", ""] {
            assert!(!check(Some(typ), access.clone(), true), "{typ}");
        }
        // The ID token of the `oidc` app as it was recorded (`token_jwt_resource_mcp`).
        assert!(!check(
            Some("JWT"),
            json!({"azp": "a", "acr": "0", "jti": "13"}),
            false
        ));
        assert!(check(Some("JWT"), json!({"azp": "a"}), true));
        for claim in [
            json!({"nonce": "n"}),
            json!({"at_hash": "h"}),
            json!({"events": {}}),
            json!({"typ": "ID"}),
            json!({"typ": "Refresh"}),
        ] {
            let mut claims = access.clone();
            claims
                .as_object_mut()
                .unwrap()
                .append(&mut claim.as_object().unwrap().clone());
            assert!(!check(Some("JWT"), claims, true), "{claim}");
        }
    }
}
