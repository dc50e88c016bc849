//! `GET /api/v1/scopes`: the scopes that this server uses. Public.

use crate::api::openapi::ErrorBody;
use crate::auth::scopes::ScopeSet;
use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// The scopes that this server uses.
#[derive(Serialize, ToSchema)]
pub(crate) struct Scopes {
    /// True.
    success: bool,
    /// Their names, sorted.
    #[schema(value_type = Vec<String>)]
    scopes: ScopeSet,
}

/// The scopes that this server uses.
#[utoipa::path(
    get,
    path = "/api/v1/scopes",
    tag = "status",
    responses(
        (status = 200, description = "Their names", body = Scopes,
            example = json!({"success": true, "scopes": ["files.read", "notes.read", "semantic.read"]})),
        (status = 404, description = "This server's mode has no scopes", body = ErrorBody),
    ),
)]
pub(crate) async fn scopes() -> Json<Scopes> {
    Json(Scopes {
        success: true,
        scopes: ScopeSet::all(),
    })
}
