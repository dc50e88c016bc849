//! Who may call a handler: its signature says so.

use super::{ApiError, ApiState, ClientAddress};
use crate::auth::{AuthError, Challenge, parse_basic};
use crate::ids::UserId;
use crate::nextcloud::Credential;
use axum::extract::{FromRequestParts, Path};
use http::StatusCode;
use http::header::AUTHORIZATION;
use http::request::Parts;
use std::net::{IpAddr, Ipv4Addr};

/// The body for every 403 of the `users/{id}` routes, whether the named user exists or not (case B02).
const NOT_YOURS: &str = "Username does not match path user_id";

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

impl FromRequestParts<ApiState> for ClaimedUser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Self::Rejection> {
        let Path(user) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::new(StatusCode::BAD_REQUEST, "Invalid user_id"))?;
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
        if login_name.as_str() != user {
            return Err(not_yours());
        }
        let client = parts
            .extensions
            .get::<ClientAddress>()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.0);
        Ok(Self {
            user: UserId::new(user),
            credential,
            client,
        })
    }
}

fn missing_basic() -> ApiError {
    ApiError::from(AuthError::Missing(Challenge::Basic)).with_error("Missing BasicAuth credentials")
}
