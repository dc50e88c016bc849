//! A token endpoint's success (RFC 6749 §5.1), read so that nonsense beside the tokens loses no token (case T11).

use super::TokenAnswer;
use oauth2::basic::BasicTokenType;
use oauth2::{AccessToken, RefreshToken, Scope, TokenResponse};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::time::Duration;

/// No token lives longer than ten years; a larger number is nonsense.
const LONGEST_LIFETIME: u64 = 10 * 366 * 24 * 60 * 60;

/// The answer as it is read.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct LenientTokens {
    access_token: AccessToken,
    #[serde(default = "bearer")]
    token_type: BasicTokenType,
    #[serde(default, deserialize_with = "lifetime", skip_serializing)]
    expires_in: Option<Duration>,
    /// Tells when the refresh token ends; the `oidc` app's own addition (facts §0 row 4).
    #[serde(default, deserialize_with = "lifetime", skip_serializing)]
    refresh_expires_in: Option<Duration>,
    #[serde(default)]
    refresh_token: Option<RefreshToken>,
    #[serde(default)]
    id_token: Option<AccessToken>,
    #[serde(default, rename = "scope", deserialize_with = "scopes", skip_serializing)]
    scopes: Option<Vec<Scope>>,
}

fn bearer() -> BasicTokenType {
    BasicTokenType::Bearer
}

/// A positive whole number of seconds; everything else says nothing.
fn lifetime<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let seconds = Value::deserialize(deserializer)?.as_u64();
    Ok(seconds
        .filter(|seconds| (1..=LONGEST_LIFETIME).contains(seconds))
        .map(Duration::from_secs))
}

fn scopes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Scope>>, D::Error> {
    let text = Value::deserialize(deserializer)?;
    Ok(text.as_str().map(|text| {
        text.split_whitespace()
            .map(|scope| Scope::new(scope.to_owned()))
            .collect()
    }))
}

impl TokenResponse for LenientTokens {
    type TokenType = BasicTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &BasicTokenType {
        &self.token_type
    }

    fn expires_in(&self) -> Option<Duration> {
        self.expires_in
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        self.scopes.as_ref()
    }
}

impl From<LenientTokens> for TokenAnswer {
    fn from(tokens: LenientTokens) -> Self {
        let given = |text: String| Some(text).filter(|text| !text.is_empty()).map(SecretString::from);
        Self {
            access_token: SecretString::from(tokens.access_token.into_secret()),
            refresh_token: tokens
                .refresh_token
                .map(RefreshToken::into_secret)
                .and_then(given),
            expires_in: tokens.expires_in,
            refresh_expires_in: tokens.refresh_expires_in,
            id_token: tokens.id_token.map(AccessToken::into_secret).and_then(given),
            scopes: tokens
                .scopes
                .map(|scopes| scopes.iter().map(|scope| scope.to_string()).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use serde_json::json;

    fn read(answer: &Value) -> TokenAnswer {
        serde_json::from_value::<LenientTokens>(answer.clone())
            .unwrap()
            .into()
    }

    #[test]
    fn the_answer_of_the_oidc_app_is_understood() {
        let answer = read(&json!({
            "access_token": "access", "token_type": "Bearer", "expires_in": 900, "id_token": "id",
            "refresh_token": "refresh", "refresh_expires_in": 1800,
        }));
        assert_eq!(answer.access_token.expose_secret(), "access");
        assert_eq!(answer.refresh_token.unwrap().expose_secret(), "refresh");
        assert_eq!(answer.id_token.unwrap().expose_secret(), "id");
        assert_eq!(answer.expires_in, Some(Duration::from_mins(15)));
        assert_eq!(answer.refresh_expires_in, Some(Duration::from_mins(30)));
        assert_eq!(answer.scopes, None);
    }

    #[test]
    fn t11_a_lifetime_that_is_none_loses_no_token() {
        for nonsense in [
            json!(null),
            json!(0),
            json!(-1),
            json!("900"),
            json!(1.5),
            json!([900]),
            json!(u64::MAX),
        ] {
            let answer = read(&json!({
                "access_token": "access", "expires_in": nonsense, "refresh_expires_in": nonsense, "scope": nonsense,
                "refresh_token": null,
            }));
            assert_eq!(answer.expires_in, None, "{nonsense}");
            assert_eq!(answer.refresh_expires_in, None, "{nonsense}");
            assert!(answer.refresh_token.is_none() && answer.id_token.is_none());
        }
        let bare = read(&json!({"access_token": "access"}));
        assert!(bare.refresh_token.is_none() && bare.expires_in.is_none());
        assert!(
            read(&json!({"access_token": "a", "refresh_token": ""}))
                .refresh_token
                .is_none()
        );
        let scopes = read(&json!({"access_token": "a", "scope": "openid  profile"})).scopes;
        assert_eq!(scopes, Some(vec!["openid".to_owned(), "profile".to_owned()]));
    }

    #[test]
    fn nothing_of_it_is_shown() {
        let read: LenientTokens = serde_json::from_value(json!({
            "access_token": "hidden-a", "refresh_token": "hidden-r", "id_token": "hidden-i",
        }))
        .unwrap();
        assert!(!format!("{read:?}").contains("hidden"));
        assert!(!format!("{:?}", TokenAnswer::from(read)).contains("hidden"));
    }
}
