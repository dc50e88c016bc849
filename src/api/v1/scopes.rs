//! `GET /api/v1/scopes`: the scopes that this server uses. Public.

use crate::auth::scopes::ScopeSet;
use axum::Json;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct Scopes {
    success: bool,
    scopes: ScopeSet,
}

/// The scopes, sorted by name.
pub(crate) async fn scopes() -> Json<Scopes> {
    Json(Scopes {
        success: true,
        scopes: ScopeSet::all(),
    })
}
