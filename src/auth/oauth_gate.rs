//! OAuth mode: who may use `/mcp` with an access token, and with which credential Nextcloud is asked for them.

use super::RejectedCredential;
use super::bearer::{Audience, BearerError, BearerVerifier, VerifiedBearer};
use super::grants::AllowedScopes;
use super::scopes::{Scope, ScopeSet};
use super::{AuthError, Caller, Challenge, CredentialProvider, OAuthChallenge, OpenSession, Principal};
use crate::clock::SharedClock;
use crate::nextcloud::Credential;
use async_trait::async_trait;
use chrono::TimeDelta;
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Duration;

/// A token that ends sooner does not go to Nextcloud any more, which destroys the whole grant when it sees an expired
/// one (facts §0 row 1). As long as a request may take.
const PASSED_THROUGH_UNTIL: TimeDelta = TimeDelta::seconds(30);

/// What a caller is told to wait while the database is away.
const DATABASE_RETRY: Duration = Duration::from_secs(10);

/// What [`super::McpGate::oauth`] is made of.
#[derive(Clone)]
pub struct OAuthGate {
    /// Believes tokens.
    pub verifier: Arc<dyn BearerVerifier>,
    /// `ALLOW_BEARER_PASSTHROUGH`: opens sessions with the callers' own tokens; `None` when that is not allowed. Only
    /// tokens that Nextcloud itself issued are passed on (DESIGN §4).
    pub passthrough: Option<Arc<dyn OpenSession>>,
    /// What the callers granted; `None` without `ENABLE_OFFLINE_ACCESS`.
    pub stored: Option<Arc<dyn CredentialProvider>>,
    /// What the callers narrowed this server to; `None` without `ENABLE_OFFLINE_ACCESS`.
    pub allowed: Option<Arc<dyn AllowedScopes>>,
    /// What a caller without a token is told.
    pub challenge: OAuthChallenge,
    /// Time.
    pub clock: SharedClock,
}

impl std::fmt::Debug for OAuthGate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OAuthGate")
            .field("passthrough", &self.passthrough.is_some())
            .field("stored", &self.stored.is_some())
            .finish_non_exhaustive()
    }
}

impl OAuthGate {
    /// The caller behind an `Authorization` header value. Another scheme than Bearer is not even read (case B09).
    pub(super) async fn admit(&self, header: Option<&[u8]>) -> Result<Caller, AuthError> {
        let missing = || AuthError::Missing(Challenge::OAuth(Box::new(self.challenge.clone())));
        let token = bearer_token(header)?.ok_or_else(missing)?;
        let verified = self
            .verifier
            .verify(&token, Audience::Mcp)
            .await
            .map_err(|error| self.refusal(error))?;
        let scopes = scopes_of(&verified);
        let allowed = self.allowed(&verified.principal).await?;
        let caller = self.caller(verified, token)?;
        Ok(caller.restricted_to(scopes).narrowed_to(allowed))
    }

    /// What the user narrowed this server to. Nobody is let in while that cannot be known.
    async fn allowed(&self, principal: &Principal) -> Result<Option<ScopeSet>, AuthError> {
        let Some(allowed) = &self.allowed else {
            return Ok(None);
        };
        allowed.allowed(principal.user()).await.map_err(|error| {
            tracing::error!(%error, "what a user allows cannot be looked up");
            AuthError::ProviderUnavailable {
                reason: "the database is not available".to_owned(),
                retry_after: DATABASE_RETRY,
            }
        })
    }

    fn caller(&self, verified: VerifiedBearer, token: SecretString) -> Result<Caller, AuthError> {
        let Some(sessions) = self.passthrough.as_ref().filter(|_| verified.is_own_nextcloud) else {
            return Ok(Caller::with_stored_credential(
                verified.principal,
                self.stored.clone(),
            ));
        };
        let latest = self.clock.now() + PASSED_THROUGH_UNTIL;
        if verified.expires_at.is_some_and(|end| end <= latest) {
            return Err(self.refusal(BearerError::Refused("it ends within seconds; refresh it")));
        }
        let forget = Arc::new(ForgetToken {
            verifier: Arc::clone(&self.verifier),
            principal: verified.principal.clone(),
        });
        Ok(Caller::new(
            verified.principal,
            Credential::Bearer(token),
            Arc::clone(sessions),
            forget,
        ))
    }

    fn refusal(&self, error: BearerError) -> AuthError {
        match error {
            BearerError::Refused(reason) => {
                let challenge = self.challenge.invalid_token(reason);
                AuthError::Refused(Challenge::OAuth(Box::new(challenge)))
            }
            BearerError::UnknownUser => AuthError::UnknownUser,
            BearerError::Unavailable { reason, retry_after } => {
                AuthError::ProviderUnavailable { reason, retry_after }
            }
        }
    }
}

/// The scopes that a token gives here; `None` only where the operator chose a check that tells of none. Other providers leave the scopes of `OpenID` Connect out of tokens made for a
/// resource (RFC 8707), and asking for a better token would never end: whose token it is was verified, which is all that
/// `openid` says. The `oidc` app keeps them, and leaves out what the client may not have.
fn scopes_of(verified: &VerifiedBearer) -> Option<ScopeSet> {
    let names = verified.scopes.as_ref()?;
    let mut scopes: ScopeSet = names.iter().collect();
    if !verified.is_own_nextcloud {
        scopes.insert(Scope::OPENID);
    }
    Some(scopes)
}

/// The token of a header value; `None` when there is none or it is of another scheme.
fn bearer_token(header: Option<&[u8]>) -> Result<Option<SecretString>, AuthError> {
    let Some((scheme, token)) = header.and_then(split_scheme) else {
        return Ok(None);
    };
    if !scheme.eq_ignore_ascii_case(b"bearer") || token.is_empty() {
        return Ok(None);
    }
    // RFC 6750 §2.1: what is no b64token can be no token of anybody.
    let is_token = token
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte));
    match std::str::from_utf8(token) {
        Ok(token) if is_token => Ok(Some(SecretString::from(token))),
        _ => Err(AuthError::Malformed("a bearer token cannot hold such characters")),
    }
}

fn split_scheme(header: &[u8]) -> Option<(&[u8], &[u8])> {
    let header = header.trim_ascii();
    let space = header.iter().position(|byte| *byte == b' ')?;
    let (scheme, rest) = header.split_at(space);
    Some((scheme, rest.trim_ascii()))
}

/// Nextcloud refused a token that was believed: it is checked anew when it comes again.
struct ForgetToken {
    verifier: Arc<dyn BearerVerifier>,
    principal: Principal,
}

#[async_trait]
impl RejectedCredential for ForgetToken {
    async fn rejected(&self, _credential: &Credential) {
        self.verifier.forget(&self.principal).await;
    }
}

#[cfg(test)]
mod tests;
