//! Ends a flow at the callback: every check comes before anything is stored.

use super::flow_store::Flow;
use super::{ConsentService, FlowPurpose, LocalPath, Refusal, Refused, ReturnTo};
use crate::audit::{AuditAction, AuditEvent, AuditOrigin};
use crate::auth::Principal;
use crate::auth::browser::BrowserToken;
use crate::auth::grants::NewGrant;
use crate::auth::oidc::{
    CONSENT_SCOPES, ClientError, CodeExchange, IdTokenClaims, ProviderMetadata, TokenAnswer,
};
use crate::config::BackgroundCredential;
use crate::ids::UserId;
use crate::nextcloud::{Credential, CurrentUser};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use std::sync::Arc;
use url::Url;

/// The query of the callback (RFC 6749 §4.1.2, RFC 9207 §2).
#[derive(Debug, Clone, Default)]
pub struct CallbackQuery {
    /// Names the flow.
    pub state: Option<String>,
    /// On success.
    pub code: Option<SecretString>,
    /// On failure.
    pub error: Option<String>,
    /// On failure, for people.
    pub error_description: Option<String>,
    /// Who answers, where the provider says it.
    pub iss: Option<String>,
}

/// A consent that was stored.
#[derive(Debug, Clone)]
pub struct Consented {
    /// Who consented.
    pub principal: Principal,
    /// Display name at Nextcloud.
    pub display_name: String,
    /// What was stored.
    pub credential: BackgroundCredential,
    /// When it ends by itself; `None`: no end is known.
    pub ends_at: Option<DateTime<Utc>>,
    /// The way back to Nextcloud, with the caller's own `state`.
    pub back: Option<Url>,
}

/// What a flow led to.
#[derive(Debug, Clone)]
pub enum Finished {
    /// Background access was given.
    Consented(Consented),
    /// Somebody logged in.
    LoggedIn {
        /// Who.
        principal: Principal,
        /// The page that was wanted.
        next: LocalPath,
    },
}

/// A flow whose code was exchanged and whose ID token was believed.
struct Verified {
    metadata: Arc<ProviderMetadata>,
    answer: TokenAnswer,
    claims: IdTokenClaims,
    issued_at: DateTime<Utc>,
}

impl ConsentService {
    /// Ends the flow that `query` names in the browser with the cookie `browser`.
    pub async fn finish(
        &self,
        query: CallbackQuery,
        browser: Option<&BrowserToken>,
        origin: &AuditOrigin,
    ) -> Result<Finished, Refused> {
        let unknown = |why: Refusal| Refused {
            why,
            was_consent: false,
            back: None,
        };
        let state = query.state.as_deref().and_then(BrowserToken::parse);
        let state = state.ok_or_else(|| unknown(Refusal::UnknownFlow))?;
        let flow = self.parts.flows.take(&state, browser).await;
        let flow = flow
            .map_err(|error| unknown(error.into()))?
            .ok_or_else(|| unknown(Refusal::UnknownFlow))?;
        match flow.purpose.clone() {
            FlowPurpose::Login { next } => {
                let next = LocalPath::parse(&next).unwrap_or_else(|_| LocalPath::overview());
                let principal = self.login(&flow, query).await.map_err(unknown)?;
                self.audit_login(&principal, origin).await;
                Ok(Finished::LoggedIn { principal, next })
            }
            FlowPurpose::Consent {
                expected,
                return_to,
                caller_state,
            } => {
                let back = return_to
                    .and_then(|to| ReturnTo::parse(&to, &self.parts.urls).ok())
                    .map(|to| to.with_state(caller_state.as_deref()));
                match self.consent(&flow, query, expected.as_ref(), origin).await {
                    Ok(consented) => Ok(Finished::Consented(Consented { back, ..consented })),
                    Err(why) => {
                        self.audit_refusal(&why, expected.as_ref(), origin).await;
                        Err(Refused {
                            why,
                            was_consent: true,
                            back,
                        })
                    }
                }
            }
        }
    }

    async fn login(&self, flow: &Flow, query: CallbackQuery) -> Result<Principal, Refusal> {
        let verified = self.verify(flow, query).await?;
        let principal = self.who_logged_in(&verified).await;
        // A login keeps nothing, and some providers give a refresh token whatever was asked for.
        self.discard(flow, &verified.answer).await;
        principal
    }

    async fn who_logged_in(&self, verified: &Verified) -> Result<Principal, Refusal> {
        let Verified { metadata, claims, .. } = verified;
        let identities = &self.parts.identities;
        let known = identities
            .principal(metadata, &claims.issuer, &claims.subject)
            .await?;
        if let Some(principal) = known {
            return Ok(principal);
        }
        if metadata.is_own_nextcloud {
            return Err(Refusal::UnknownUser);
        }
        match self.ask_nextcloud(verified).await {
            Ok(user) => Ok(identities.confirm(&claims.issuer, &claims.subject, &user).await?),
            Err(Refusal::BearerRefused { .. }) => Err(Refusal::UnknownUser),
            Err(other) => Err(other),
        }
    }

    async fn consent(
        &self,
        flow: &Flow,
        query: CallbackQuery,
        expected: Option<&UserId>,
        origin: &AuditOrigin,
    ) -> Result<Consented, Refusal> {
        let verified = self.verify(flow, query).await?;
        let outcome = self.keep(flow, &verified, expected, origin).await;
        if outcome.is_err() {
            self.discard(flow, &verified.answer).await;
        }
        outcome
    }

    /// Checks what was granted and stores it; an error means that nothing is stored.
    async fn keep(
        &self,
        flow: &Flow,
        verified: &Verified,
        expected: Option<&UserId>,
        origin: &AuditOrigin,
    ) -> Result<Consented, Refusal> {
        let user = self.check_consent(verified, expected).await?;
        let Verified {
            answer,
            claims,
            issued_at,
            ..
        } = verified;
        let principal = self
            .parts
            .identities
            .confirm(&claims.issuer, &claims.subject, &user)
            .await?;
        let asked = || CONSENT_SCOPES.map(str::to_owned).to_vec();
        let grant = NewGrant {
            principal: principal.clone(),
            issuer: claims.issuer.clone(),
            subject: claims.subject.clone(),
            client_id: flow.client_id.clone(),
            scopes: answer.scopes.clone().unwrap_or_else(asked),
            answer: answer.clone(),
            issued_at: *issued_at,
        };
        let ends_at = self.parts.sink.store(grant, origin).await?;
        Ok(Consented {
            principal,
            display_name: user.display_name().to_owned(),
            credential: self.parts.credential,
            ends_at,
            back: None,
        })
    }

    /// Whether what was granted may and can be stored: it lasts, Nextcloud accepts it, and it is of the right user.
    async fn check_consent(
        &self,
        verified: &Verified,
        expected: Option<&UserId>,
    ) -> Result<CurrentUser, Refusal> {
        // An app password is made with the access token alone.
        let must_last = self.parts.credential == BackgroundCredential::RefreshToken;
        if must_last && verified.answer.refresh_token.is_none() {
            return Err(Refusal::NoRefreshToken);
        }
        let user = self.ask_nextcloud(verified).await?;
        match expected {
            Some(expected) if expected != user.id() => Err(Refusal::AnotherUser {
                expected: expected.clone(),
                actual: user.id().clone(),
            }),
            _ => Ok(user),
        }
    }

    async fn verify(&self, flow: &Flow, query: CallbackQuery) -> Result<Verified, Refusal> {
        let parts = &self.parts;
        match query.error {
            Some(code) if code == "access_denied" => return Err(Refusal::Denied),
            Some(code) => {
                return Err(Refusal::ProviderError {
                    code: error_code(&code),
                    description: query.error_description,
                });
            }
            None => {}
        }
        let metadata = parts.provider.metadata().map_err(ClientError::from)?;
        let is_from_elsewhere = query.iss.is_some_and(|issuer| !metadata.accepts_issuer(&issuer));
        let code = query.code.filter(|_| !is_from_elsewhere);
        let exchange = CodeExchange {
            client_id: flow.client_id.clone(),
            code: code.ok_or(Refusal::InvalidCallback)?,
            code_verifier: flow.code_verifier.clone(),
            redirect_uri: parts
                .urls
                .callback()
                .parse()
                .map_err(|error: url::ParseError| Refusal::Internal(error.into()))?,
        };
        // Before the request: lifetimes count from a moment that is not too late.
        let issued_at = parts.clock.now();
        let answer = parts.tokens.exchange_code(&exchange).await?;
        match self.believe(flow, &answer).await {
            Ok(claims) => Ok(Verified {
                metadata,
                answer,
                claims,
                issued_at,
            }),
            Err(why) => {
                self.discard(flow, &answer).await;
                Err(why)
            }
        }
    }

    async fn believe(&self, flow: &Flow, answer: &TokenAnswer) -> Result<IdTokenClaims, Refusal> {
        let missing = || Refusal::IdToken("the token endpoint sent none".to_owned());
        let id_token = answer.id_token.as_ref().ok_or_else(missing)?;
        let id_tokens = &self.parts.id_tokens;
        Ok(id_tokens.verify(id_token, &flow.client_id, &flow.nonce).await?)
    }

    async fn ask_nextcloud(&self, verified: &Verified) -> Result<CurrentUser, Refusal> {
        let credential = Credential::Bearer(verified.answer.access_token.clone());
        let user = self.parts.nextcloud.current_user(&credential).await;
        user.map_err(|error| Refusal::at_nextcloud(error, verified.metadata.is_own_nextcloud))
    }

    /// Ends what was granted and is not stored. A failure is only logged: nobody holds the token any more.
    async fn discard(&self, flow: &Flow, answer: &TokenAnswer) {
        if let Some(token) = &answer.refresh_token
            && let Err(error) = self.parts.tokens.end(&flow.client_id, token).await
        {
            tracing::warn!(%error, "a refresh token that is not kept could not be ended at the provider");
        }
    }

    /// A refusal about nobody known leaves no line: anybody can cause it, as often as they like. The log tells of it.
    async fn audit_refusal(&self, why: &Refusal, expected: Option<&UserId>, origin: &AuditOrigin) {
        let actor = match why {
            Refusal::AnotherUser { actual, .. } => Some(actual),
            _ => None,
        };
        let Some(subject) = expected.or(actor) else {
            return;
        };
        let event = AuditEvent {
            at: self.parts.clock.now(),
            action: AuditAction::ConsentRefused,
            actor: actor.cloned(),
            subject: Some(subject.clone()),
            origin: origin.clone(),
            detail: Some(why.to_string()),
        };
        self.parts.audit.record(event).await;
    }

    async fn audit_login(&self, principal: &Principal, origin: &AuditOrigin) {
        let event = AuditEvent {
            at: self.parts.clock.now(),
            action: AuditAction::Login,
            actor: Some(principal.user().clone()),
            subject: Some(principal.user().clone()),
            origin: origin.clone(),
            detail: None,
        };
        self.parts.audit.record(event).await;
    }
}

/// An error code of RFC 6749 §5.2, whatever was sent: it goes into the log and the audit trail.
fn error_code(sent: &str) -> String {
    sent.chars()
        .filter(|character| character.is_ascii_graphic() || *character == ' ')
        .take(64)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::error_code;

    #[test]
    fn an_error_code_cannot_forge_a_line_of_the_log() {
        assert_eq!(error_code("server_error"), "server_error");
        assert_eq!(error_code("a\r\nERROR b\u{1b}[31m"), "aERROR b[31m");
        assert_eq!(error_code(&"x".repeat(100)).len(), 64);
    }
}
