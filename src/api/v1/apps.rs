//! `GET /api/v1/apps`: the apps that Nextcloud shows the caller. Astrolabe offers the webhook presets of these.

use crate::api::ApiError;
use crate::api::extract::AuthenticatedUser;
use crate::api::search_routes::SearchRoutes;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Serialize)]
pub(crate) struct Apps {
    apps: BTreeSet<String>,
}

/// App ids, sorted.
pub(crate) async fn apps(
    State(state): State<SearchRoutes>,
    user: AuthenticatedUser,
) -> Result<Json<Apps>, ApiError> {
    let apps = state.apps(user.principal()).await?;
    Ok(Json(Apps { apps }))
}
