//! The verifier: which way a token is checked, and whose it is.

use super::answers::Answers;
use super::evidence::{AudienceRules, Evidence};
use super::verified::{Audience, BearerError, BearerVerifier, VerifiedBearer};
use super::{introspection, jwt, userinfo};
use crate::auth::oidc::{IdentityProvider, IdpHttp, OAuthClient, ProviderMetadata};
use crate::auth::scopes::Scope;
use crate::auth::{Identities, Principal};
use crate::clock::SharedClock;
use crate::config::TokenValidation;
use crate::entropy::Entropy;
use async_trait::async_trait;
use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Longer tokens are refused unread.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// Questions to the provider at one time; unknown tokens cost no more than that.
const AT_ONCE: usize = 16;
/// Limit for a question with its answer, the wait for a place included. Astrolabe waits hardly longer.
const DEADLINE: Duration = Duration::from_secs(5);
/// A token that says it ends sooner is not shown to the userinfo endpoint, which destroys the grant of one that has
/// ended (facts §0 row 1): twice the time limit of the question, and some difference of the clocks.
const SHOWN_UNTIL: TimeDelta = TimeDelta::seconds(15);
/// What a caller is told to wait when nobody can tell.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// What [`TokenVerifier`] works with.
#[derive(Debug)]
pub struct TokenVerifierParts {
    /// Who issues tokens.
    pub provider: Arc<dyn IdentityProvider>,
    /// As whom the provider is asked about opaque tokens.
    pub client: Arc<dyn OAuthClient>,
    /// Who a subject is at Nextcloud.
    pub identities: Identities,
    /// The way to the provider.
    pub http: IdpHttp,
    /// Which tokens are taken.
    pub rules: AudienceRules,
    /// `TOKEN_VALIDATION`.
    pub validation: TokenValidation,
    /// Time.
    pub clock: SharedClock,
}

/// Verifies access tokens. Clones share what was found out.
#[derive(Clone)]
pub struct TokenVerifier {
    inner: Arc<Inner>,
}

struct Inner {
    parts: TokenVerifierParts,
    answers: Answers,
    places: Semaphore,
    deadline: Duration,
}

impl std::fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenVerifier")
            .field("remembered", &self.inner.answers.len())
            .finish_non_exhaustive()
    }
}

impl TokenVerifier {
    /// A verifier that remembers nothing yet.
    pub fn new(parts: TokenVerifierParts, entropy: &dyn Entropy) -> Self {
        Self::with_deadline(parts, entropy, DEADLINE)
    }

    pub(super) fn with_deadline(
        parts: TokenVerifierParts,
        entropy: &dyn Entropy,
        deadline: Duration,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                parts,
                answers: Answers::new(entropy),
                places: Semaphore::new(AT_ONCE),
                deadline,
            }),
        }
    }
}

#[async_trait]
impl BearerVerifier for TokenVerifier {
    async fn verify(&self, token: &SecretString, audience: Audience) -> Result<VerifiedBearer, BearerError> {
        if !is_token(token.expose_secret()) {
            return Err(BearerError::Refused("it is no token"));
        }
        let inner = &*self.inner;
        let key = inner.answers.key(token, audience);
        let now = inner.parts.clock.now();
        if let Some(outcome) = inner.answers.current(&key, now).await {
            return outcome;
        }
        // On the heap: what is known already must not pay for the size of a request.
        Box::pin(inner.answers.find_out(key, now, inner.check(token, audience))).await
    }

    async fn last_known(&self, token: &SecretString, audience: Audience) -> Option<VerifiedBearer> {
        let answers = &self.inner.answers;
        let now = self.inner.parts.clock.now();
        answers.last_known(answers.key(token, audience), now).await
    }

    async fn forget(&self, principal: &Principal) {
        self.inner.answers.forget(principal).await;
    }
}

impl Inner {
    async fn check(&self, token: &SecretString, audience: Audience) -> Result<VerifiedBearer, BearerError> {
        let metadata = self
            .parts
            .provider
            .metadata()
            .map_err(|problem| unavailable(problem.to_string()))?;
        let evidence = self.evidence(token, &metadata).await?;
        if !self.parts.rules.admit(audience, &evidence) {
            return Err(BearerError::Refused("it was made for another server (aud)"));
        }
        let principal = self
            .parts
            .identities
            .principal(&metadata, &evidence.issuer, &evidence.subject)
            .await
            .map_err(|error| {
                tracing::error!(%error, "the subject of an access token cannot be looked up");
                unavailable("the database is not available".to_owned())
            })?
            .ok_or(BearerError::UnknownUser)?;
        Ok(VerifiedBearer {
            principal,
            scopes: evidence
                .scopes
                .map(|scopes| scopes.iter().map(Scope::to_string).collect()),
            client_id: evidence.client_id,
            expires_at: evidence.expires_at,
            is_own_nextcloud: metadata.is_own_nextcloud,
        })
    }

    /// A JWT is believed by its signature; its failure is final, since asking about it could only weaken the answer.
    async fn evidence(
        &self,
        token: &SecretString,
        metadata: &ProviderMetadata,
    ) -> Result<Evidence, BearerError> {
        let parts = &self.parts;
        let text = token.expose_secret();
        let now = parts.clock.now();
        let is_jwt = jwt::is_jwt(text);
        match (parts.validation, &metadata.introspection_endpoint) {
            (TokenValidation::Userinfo, _) => {
                let end = jwt::says_end(text).filter(|_| is_jwt);
                if end.is_some_and(|end| end <= now + SHOWN_UNTIL) {
                    return Err(BearerError::Refused("it has expired, or ends within seconds"));
                }
                let evidence = self
                    .within_deadline(userinfo::ask(token, metadata, &parts.http))
                    .await?;
                Ok(Evidence {
                    expires_at: end,
                    ..evidence
                })
            }
            (TokenValidation::Auto, _) if is_jwt => {
                jwt::verify(text, &*parts.provider, metadata, &parts.rules, now).await
            }
            (TokenValidation::Auto, Some(endpoint)) => {
                self.within_deadline(async {
                    let client = parts
                        .client
                        .current()
                        .await
                        .map_err(|error| unavailable(error.to_string()))?;
                    let proof = client.authentication(parts.provider.introspection_auth_method());
                    introspection::introspect(token, endpoint, &proof, metadata, &parts.http, now).await
                })
                .await
            }
            (TokenValidation::Auto, None) => Err(BearerError::Refused(
                "it is no JWT, and the identity provider offers no introspection",
            )),
        }
    }

    async fn within_deadline(
        &self,
        question: impl Future<Output = Result<Evidence, BearerError>>,
    ) -> Result<Evidence, BearerError> {
        let in_turn = async {
            let _place = self.places.acquire().await;
            question.await
        };
        timeout(self.deadline, in_turn)
            .await
            .unwrap_or_else(|_elapsed| Err(unavailable("the identity provider does not answer".to_owned())))
    }
}

/// `b64token` of RFC 6750 §2.1, of a length that a real one may have.
fn is_token(text: &str) -> bool {
    (1..=MAX_TOKEN_BYTES).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte))
}

/// Nobody can tell now.
pub(super) fn unavailable(reason: String) -> BearerError {
    tracing::warn!(reason, "an access token cannot be checked");
    BearerError::Unavailable {
        reason,
        retry_after: RETRY_AFTER,
    }
}
