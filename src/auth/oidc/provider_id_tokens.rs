//! ID tokens verified with the provider's keys (`OpenID` Connect Core §3.1.3.7, cases J01 and O05).

use super::{
    Claims, IdTokenClaims, IdTokenError, IdTokens, IdentityProvider, JwsError, ProviderMetadata, audiences,
    check_times, verify_jws,
};
use crate::clock::SharedClock;
use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// Verifies ID tokens of the known provider.
#[derive(Debug)]
pub struct ProviderIdTokens {
    provider: Arc<dyn IdentityProvider>,
    clock: SharedClock,
}

impl ProviderIdTokens {
    /// Tokens of `provider`, at the time of `clock`.
    pub fn new(provider: Arc<dyn IdentityProvider>, clock: SharedClock) -> Self {
        Self { provider, clock }
    }
}

#[async_trait]
impl IdTokens for ProviderIdTokens {
    async fn verify(
        &self,
        id_token: &SecretString,
        client_id: &str,
        nonce: &str,
    ) -> Result<IdTokenClaims, IdTokenError> {
        let metadata = self.provider.metadata()?;
        let (header, claims) = verify_jws(id_token.expose_secret(), self.provider.as_ref()).await?;
        // RFC 9068 §2.1: an access token is no proof of a login.
        if header
            .typ
            .is_some_and(|typ| typ.to_ascii_lowercase().contains("at+jwt"))
        {
            return Err(refused("it is an access token"));
        }
        check_times(&claims, self.clock.now())?;
        if !claims.contains_key("iat") {
            return Err(refused("it says no time of issue (iat)"));
        }
        check_audience(&claims, client_id)?;
        let told = text(&claims, "nonce").unwrap_or_default();
        if nonce.is_empty() || !bool::from(told.as_bytes().ct_eq(nonce.as_bytes())) {
            return Err(refused("its nonce is not the one that was sent"));
        }
        identity(&claims, &metadata)
    }
}

impl From<JwsError> for IdTokenError {
    fn from(error: JwsError) -> Self {
        match error {
            JwsError::Provider(problem) => Self::Provider(problem),
            JwsError::Refused(reason) => refused(reason),
        }
    }
}

fn check_audience(claims: &Claims, client_id: &str) -> Result<(), IdTokenError> {
    let audiences = audiences(claims);
    if !audiences.contains(&client_id) {
        return Err(refused("it was made for another client (aud)"));
    }
    match text(claims, "azp") {
        Some(party) if party != client_id => Err(refused("it was given to another client (azp)")),
        None if audiences.len() > 1 => Err(refused("it does not say which client it was given to (azp)")),
        _ => Ok(()),
    }
}

fn identity(claims: &Claims, metadata: &ProviderMetadata) -> Result<IdTokenClaims, IdTokenError> {
    let issuer = text(claims, "iss").filter(|issuer| metadata.accepts_issuer(issuer));
    let subject = text(claims, "sub").filter(|subject| !subject.is_empty());
    match (issuer, subject) {
        (None, _) => Err(refused("its issuer is not an accepted one (iss)")),
        (_, None) => Err(refused("it names nobody (sub)")),
        (Some(issuer), Some(subject)) => Ok(IdTokenClaims {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            name: text(claims, "name").map(str::to_owned),
        }),
    }
}

fn text<'a>(claims: &'a Claims, claim: &str) -> Option<&'a str> {
    claims.get(claim).and_then(Value::as_str)
}

fn refused(reason: &str) -> IdTokenError {
    IdTokenError::Refused(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{FixedProvider, SigningKey, own_nextcloud};
    use super::*;
    use crate::clock::ManualClock;
    use chrono::DateTime;
    use jsonwebtoken::{Algorithm, Header};
    use serde_json::json;
    use std::time::Duration;

    const ISSUER: &str = "https://cloud.example.test";
    const NOW: i64 = 1_780_000_000;

    struct Checker {
        tokens: ProviderIdTokens,
        clock: Arc<ManualClock>,
    }

    fn checker() -> Checker {
        let clock = ManualClock::at(DateTime::from_timestamp(NOW, 0).unwrap());
        let provider = FixedProvider::new(own_nextcloud(ISSUER), vec![SigningKey::first().jwk("one")]);
        Checker {
            tokens: ProviderIdTokens::new(Arc::new(provider), clock.clone()),
            clock,
        }
    }

    fn good() -> Value {
        json!({
            "iss": ISSUER, "sub": "alice", "aud": "the-client", "azp": "the-client", "exp": NOW + 900,
            "iat": NOW, "nbf": NOW, "nonce": "n-1", "name": "Alice",
        })
    }

    fn with(claim: &str, value: Value) -> Value {
        let mut claims = good();
        claims[claim] = value;
        claims
    }

    impl Checker {
        async fn verify(&self, token: &str) -> Result<IdTokenClaims, IdTokenError> {
            self.tokens
                .verify(&SecretString::from(token), "the-client", "n-1")
                .await
        }

        async fn claims(&self, claims: &Value) -> Result<IdTokenClaims, IdTokenError> {
            self.verify(&SigningKey::first().sign("one", claims)).await
        }
    }

    #[tokio::test]
    async fn the_id_token_of_a_consent_says_who_it_was() {
        let checker = checker();
        let expected = IdTokenClaims {
            issuer: ISSUER.to_owned(),
            subject: "alice".to_owned(),
            name: Some("Alice".to_owned()),
        };
        assert_eq!(checker.claims(&good()).await.unwrap(), expected);
        assert!(
            checker
                .claims(&with("iss", json!(format!("{ISSUER}/"))))
                .await
                .is_ok()
        );
        assert!(
            checker
                .claims(&with("aud", json!(["other", "the-client"])))
                .await
                .is_ok()
        );
    }

    #[tokio::test]
    async fn o05_any_other_claim_is_refused() {
        let checker = checker();
        for (claim, value) in [
            ("nonce", json!("n-2")),
            ("nonce", json!(null)),
            ("nonce", json!("")),
            ("iss", json!("https://evil.example.test")),
            ("iss", json!(null)),
            ("aud", json!("other")),
            ("aud", json!(["other"])),
            ("aud", json!(null)),
            ("azp", json!("other")),
            ("sub", json!("")),
            ("sub", json!(7)),
            ("exp", json!(NOW - 61)),
            ("exp", json!(null)),
            ("nbf", json!(NOW + 61)),
            ("iat", json!(NOW + 61)),
        ] {
            let outcome = checker.claims(&with(claim, value.clone())).await;
            assert!(
                matches!(outcome, Err(IdTokenError::Refused(_))),
                "{claim} {value}"
            );
        }
        for missing in ["azp", "iat"] {
            let mut claims = with("aud", json!(["other", "the-client"]));
            claims.as_object_mut().unwrap().remove(missing);
            assert!(checker.claims(&claims).await.is_err(), "{missing}");
        }
        let empty = checker
            .tokens
            .verify(
                &SigningKey::first().sign("one", &with("nonce", json!(""))).into(),
                "the-client",
                "",
            )
            .await;
        assert!(empty.is_err());
    }

    #[tokio::test]
    async fn o05_j01_a_forged_id_token_is_refused() {
        let checker = checker();
        let forged = SigningKey::second().sign("one", &good());
        assert!(matches!(
            checker.verify(&forged).await,
            Err(IdTokenError::Refused(_))
        ));
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some("one".to_owned());
        header.typ = Some("at+JWT".to_owned());
        let access_token = SigningKey::first().sign_with(&header, &good());
        assert!(checker.verify(&access_token).await.is_err());
    }

    #[tokio::test]
    async fn it_ends_by_the_injected_clock() {
        let checker = checker();
        let token = SigningKey::first().sign("one", &good());
        checker.clock.advance(Duration::from_secs(929));
        assert!(checker.verify(&token).await.is_ok());
        checker.clock.advance(Duration::from_secs(2));
        assert!(checker.verify(&token).await.is_err());
    }
}
