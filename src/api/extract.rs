//! Who may call a handler: its signature says so.
//!
//! | extractor | proof | whose path |
//! |---|---|---|
//! | [`AuthenticatedUser`] | access token | any |
//! | [`OwnPath`] | access token | the caller's own |
//! | [`AdminUser`] | access token, and Nextcloud says now that it is an administrator | any |
//! | [`super::webhooks::WebhookCaller`] | the secret of a webhook's registration | none |
//! | [`ProvedUser`] | Basic proved at Nextcloud, or access token | the caller's own |
//! | [`ClaimedUser`] | none yet: Basic that the handler proves | the caller's own |

use super::v1::credential_error;
use super::{ApiError, ClientAddress, ManagementState, RequestId};
use crate::audit::AuditOrigin;
use crate::auth::bearer::{Audience, BearerError, VerifiedBearer};
use crate::auth::{AppPasswordError, AuthError, Challenge, Principal, budget_address, parse_basic};
use crate::ids::UserId;
use crate::nextcloud::{Credential, NextcloudError};
use axum::extract::{FromRef, FromRequestParts, RawPathParams};
use http::StatusCode;
use http::header::AUTHORIZATION;
use http::request::Parts;
use secrecy::SecretString;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// The body for every 403 of the Basic routes, whether the named user exists or not (case B02).
const NOT_YOURS: &str = "Username does not match path user_id";
/// The same for access tokens.
const ANOTHER_USER: &str = "The path names another user than the access token";
/// Nextcloud's group of administrators.
const ADMIN_GROUP: &str = "admin";
/// What a caller is told to wait while Nextcloud or the database is away.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// A caller whose access token was made for the management API. The token itself is not here: what came by these
/// routes is never sent to Nextcloud (case O15).
#[derive(Debug, Clone)]
pub struct AuthenticatedUser {
    bearer: VerifiedBearer,
}

impl AuthenticatedUser {
    /// Who it is.
    pub fn principal(&self) -> &Principal {
        &self.bearer.principal
    }

    /// What the token says.
    pub fn bearer(&self) -> &VerifiedBearer {
        &self.bearer
    }
}

impl<S> FromRequestParts<S> for AuthenticatedUser
where
    ManagementState: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let state = ManagementState::from_ref(state);
        let token = bearer_token(parts)?;
        let bearer = state
            .parts()
            .verifier
            .verify(&token, Audience::Management)
            .await?;
        Ok(Self { bearer })
    }
}

/// An [`AuthenticatedUser`] whose path names themself. Any other path is a 403 with one and the same body, whether the
/// named user exists or not.
#[derive(Debug, Clone)]
pub struct OwnPath(pub AuthenticatedUser);

impl FromRequestParts<ManagementState> for OwnPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ManagementState) -> Result<Self, Self::Rejection> {
        let user = AuthenticatedUser::from_request_parts(parts, state).await?;
        require_own_path(parts, state, user.principal()).await?;
        Ok(Self(user))
    }
}

/// 403 unless the path names `principal`.
async fn require_own_path(
    parts: &mut Parts,
    state: &ManagementState,
    principal: &Principal,
) -> Result<(), ApiError> {
    if path_user(parts, state).await? == *principal.user() {
        Ok(())
    } else {
        Err(ApiError::new(StatusCode::FORBIDDEN, "Forbidden").with_message(ANOTHER_USER))
    }
}

/// An [`OwnPath`] for the one answer that must not fail while nobody can tell whether the token is good: then who it
/// was last proven to be of counts (facts §0 row 13). Its 401 has the body that the contract gives this route.
#[derive(Debug, Clone)]
pub(super) struct SessionCaller(pub(super) AuthenticatedUser);

impl FromRequestParts<ManagementState> for SessionCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ManagementState) -> Result<Self, Self::Rejection> {
        let verifier = &state.parts().verifier;
        let token = bearer_token(parts).map_err(ApiError::without_message)?;
        let bearer = match verifier.verify(&token, Audience::Management).await {
            Err(error @ BearerError::Unavailable { .. }) => verifier
                .last_known(&token, Audience::Management)
                .await
                .ok_or(error)?,
            Err(error @ BearerError::Refused(_)) => {
                return Err(ApiError::from(error).without_message());
            }
            answer => answer?,
        };
        require_own_path(parts, state, &bearer.principal).await?;
        Ok(Self(AuthenticatedUser { bearer }))
    }
}

/// An [`AuthenticatedUser`] whom Nextcloud, asked now with their own background credential, counts among its
/// administrators. No token and no stored row makes an administrator.
#[derive(Debug, Clone)]
pub struct AdminUser(pub AuthenticatedUser);

impl<S> FromRequestParts<S> for AdminUser
where
    ManagementState: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let user = AuthenticatedUser::from_request_parts(parts, state).await?;
        let management = ManagementState::from_ref(state);
        let credentials = &management.parts().credentials;
        let no_session = |error| management.no_session(error);
        let uid = user.principal().user();
        let session = credentials.session_for(uid).await.map_err(no_session)?;
        let answer = match session.current_user().await {
            Ok(answer) => answer,
            Err(NextcloudError::Unauthorized) => {
                credentials.rejected(uid).await.map_err(no_session)?;
                return Err(management.provisioning_required());
            }
            Err(error) => {
                let unavailable = ApiError::unavailable("Nextcloud cannot be asked now", error);
                return Err(unavailable.with_retry_after(RETRY_AFTER));
            }
        };
        if answer.id() == uid && answer.groups().iter().any(|group| group == ADMIN_GROUP) {
            Ok(Self(user))
        } else {
            Err(ApiError::new(StatusCode::FORBIDDEN, "Forbidden")
                .with_message("Administrator privileges required"))
        }
    }
}

/// The user of the path, proved by Basic credentials at Nextcloud (OCS v2) or by an access token. Wrong Basic
/// credentials are counted per client address and path user.
#[derive(Debug, Clone)]
pub(super) struct ProvedUser(pub(super) Principal);

impl FromRequestParts<ManagementState> for ProvedUser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ManagementState) -> Result<Self, Self::Rejection> {
        if has_scheme(parts, "bearer") {
            let OwnPath(user) = OwnPath::from_request_parts(parts, state).await?;
            return Ok(Self(user.bearer.principal));
        }
        let claimed = ClaimedUser::from_request_parts(parts, state).await?;
        let Some(app_passwords) = &state.parts().app_passwords else {
            return Err(AuthError::Missing(Challenge::Bearer).into());
        };
        let key = (budget_address(claimed.client), claimed.user.clone());
        let attempts = state.attempts();
        attempts.check(&key).map_err(|full| {
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded")
                .with_retry_after(full.retry_after)
        })?;
        let proof = app_passwords
            .prove(&claimed.user, &claimed.credential, claimed.client)
            .await;
        if matches!(
            &proof,
            Err(AppPasswordError::OtherUser | AppPasswordError::Auth(AuthError::Refused(_)))
        ) {
            attempts.record(key);
        }
        proof.map(Self).map_err(credential_error)
    }
}

/// A caller who *claims* to be the user of the path: Basic name and path agree, the password is unproved.
/// Handlers prove it with [`crate::auth::AppPasswords`], which asks Nextcloud.
#[derive(Debug)]
pub(super) struct ClaimedUser {
    pub(super) user: UserId,
    pub(super) credential: Credential,
    pub(super) client: IpAddr,
}

/// 403 for a credential that is somebody else's.
pub(super) fn not_yours() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, NOT_YOURS)
}

impl<S: Send + Sync> FromRequestParts<S> for ClaimedUser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let user = path_user(parts, state).await?;
        let header = parts.headers.get(AUTHORIZATION).map(http::HeaderValue::as_bytes);
        let credential = match header.map(parse_basic) {
            Some(Ok(credential)) => credential,
            Some(Err(crate::auth::BasicHeaderError::TooLarge)) => return Err(AuthError::TooLarge.into()),
            Some(Err(crate::auth::BasicHeaderError::Malformed(fault))) => {
                return Err(AuthError::Malformed(fault).into());
            }
            _ => return Err(missing_basic()),
        };
        let Credential::Basic { login_name, .. } = &credential else {
            return Err(missing_basic());
        };
        if login_name.as_str() != user.as_str() {
            return Err(not_yours());
        }
        Ok(Self {
            user,
            credential,
            client: client_address(parts),
        })
    }
}

fn missing_basic() -> ApiError {
    ApiError::from(AuthError::Missing(Challenge::Basic)).with_error("Missing BasicAuth credentials")
}

/// From where a request came, for the audit trail.
#[derive(Debug)]
pub(super) struct Origin(pub(super) AuditOrigin);

impl<S: Send + Sync> FromRequestParts<S> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(AuditOrigin {
            address: parts.extensions.get::<ClientAddress>().map(|address| address.0),
            request_id: parts
                .extensions
                .get::<RequestId>()
                .map(|id| id.as_str().to_owned()),
        }))
    }
}

/// The token of the `Authorization` header (RFC 6750 §2.1): exactly two words, the scheme's case does not matter.
fn bearer_token(parts: &Parts) -> Result<SecretString, ApiError> {
    if !has_scheme(parts, "bearer") {
        return Err(AuthError::Missing(Challenge::Bearer).into());
    }
    let words: Vec<&str> = authorization(parts).split_ascii_whitespace().collect();
    match words.as_slice() {
        [_scheme, token] => Ok(SecretString::from(*token)),
        _ => Err(AuthError::Malformed("it must hold the word Bearer and one token").into()),
    }
}

fn has_scheme(parts: &Parts, scheme: &str) -> bool {
    authorization(parts)
        .split_ascii_whitespace()
        .next()
        .is_some_and(|word| word.eq_ignore_ascii_case(scheme))
}

/// The `Authorization` header; empty where there is none that is text.
pub(super) fn authorization(parts: &Parts) -> &str {
    parts
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

fn client_address(parts: &Parts) -> IpAddr {
    parts
        .extensions
        .get::<ClientAddress>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.0)
}

/// `{user_id}` of the path, decoded.
async fn path_user<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<UserId, ApiError> {
    RawPathParams::from_request_parts(parts, state)
        .await
        .ok()
        .and_then(|params| {
            let (_, user) = params.iter().find(|(name, _)| *name == "user_id")?;
            Some(UserId::new(user))
        })
        .ok_or_else(|| ApiError::new(StatusCode::BAD_REQUEST, "Invalid user_id"))
}

impl From<BearerError> for ApiError {
    fn from(error: BearerError) -> Self {
        let text = error.to_string();
        match error {
            BearerError::Refused(_) => Self::unauthorized(Challenge::InvalidToken).with_message(text),
            BearerError::UnknownUser => Self::new(StatusCode::FORBIDDEN, "Forbidden").with_message(text),
            BearerError::Unavailable { retry_after, .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
                    .with_message("the access token cannot be checked now")
                    .with_retry_after(retry_after)
            }
        }
    }
}
