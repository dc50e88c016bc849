//! Who may deliver, as an extractor.

use crate::api::ApiError;
use crate::auth::Challenge;
use crate::telemetry::record;
use crate::webhooks::{Ingress, RegistrationId};
use axum::extract::{FromRef, FromRequestParts};
use http::header::AUTHORIZATION;
use http::request::Parts;

/// A caller that holds the secret of a registration of ours: `Authorization: Bearer <registration id>.<secret>`. Every
/// other header gets one and the same 401 (case W01), before the body is read.
#[derive(Debug)]
pub struct WebhookCaller(pub RegistrationId);

impl<S> FromRequestParts<S> for WebhookCaller
where
    Ingress: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let ingress = Ingress::from_ref(state);
        let header = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let found = ingress
            .caller(header.unwrap_or_default())
            .await
            .inspect_err(|_| record::webhook("not_kept"))?;
        found.map(Self).ok_or_else(|| {
            record::webhook("rejected");
            ApiError::unauthorized(Challenge::InvalidToken)
        })
    }
}
