//! Who may deliver, as an extractor.

use crate::api::ApiError;
use crate::api::extract::authorization;
use crate::auth::Challenge;
use crate::telemetry::record;
use crate::webhooks::{Ingress, RegistrationId};
use axum::extract::FromRequestParts;
use http::request::Parts;

/// A caller that holds the secret of a registration of ours: `Authorization: Bearer <registration id>.<secret>`. Every
/// other header gets one and the same 401 (case W01), before the body is read.
#[derive(Debug)]
pub struct WebhookCaller(pub RegistrationId);

impl FromRequestParts<Ingress> for WebhookCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, ingress: &Ingress) -> Result<Self, Self::Rejection> {
        let found = ingress
            .caller(authorization(parts))
            .await
            .inspect_err(|_| record::webhook("not_kept"))?;
        found.map(Self).ok_or_else(|| {
            record::webhook("rejected");
            ApiError::unauthorized(Challenge::InvalidToken)
        })
    }
}
