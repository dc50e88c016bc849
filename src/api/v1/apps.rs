//! `GET /api/v1/apps`: the apps that Nextcloud shows the caller. Astrolabe offers the webhook presets of these.

use crate::api::ApiError;
use crate::api::extract::AuthenticatedUser;
use crate::api::openapi::{ToBearer, ToDocuments};
use crate::api::search_routes::SearchRoutes;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// What Nextcloud shows the caller.
#[derive(Serialize, ToSchema)]
pub(crate) struct Apps {
    /// Ids of apps, sorted.
    apps: BTreeSet<String>,
}

/// The apps that Nextcloud shows the caller.
#[utoipa::path(
    get,
    path = "/api/v1/apps",
    tag = "webhooks",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Their ids", body = Apps,
            example = json!({"apps": ["calendar", "files", "notes"]})),
        ToBearer, ToDocuments,
    ),
)]
pub(crate) async fn apps(
    State(state): State<SearchRoutes>,
    user: AuthenticatedUser,
) -> Result<Json<Apps>, ApiError> {
    let apps = state.apps(user.principal()).await?;
    Ok(Json(Apps { apps }))
}
