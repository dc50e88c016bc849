//! `POST /api/v1/vector-sync/purge`: takes document types out of the index, everybody's. For administrators.

use super::params::Params;
use crate::api::ApiError;
use crate::api::extract::AdminUser;
use crate::api::search_routes::DocumentRoutes;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use std::collections::BTreeMap;

/// What was done.
#[derive(Serialize)]
pub(crate) struct Purged {
    /// Documents removed, by type.
    purged: BTreeMap<String, usize>,
    /// Types whose removal was cut short: asking again goes on with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed: Vec<String>,
}

pub(crate) async fn purge(
    State(state): State<DocumentRoutes>,
    AdminUser(admin): AdminUser,
    body: Bytes,
) -> Result<Json<Purged>, ApiError> {
    let types = Params::of_body(&body)
        .and_then(|params| params.names("doc_types"))
        .ok()
        .flatten()
        .filter(|types| !types.is_empty() && !types.iter().any(|name| name.contains('\0')))
        .ok_or_else(|| {
            ApiError::new(StatusCode::BAD_REQUEST, "Bad request")
                .with_message("doc_types must be a list of 1 to 64 document types")
        })?;
    let mut answer = Purged {
        purged: BTreeMap::new(),
        failed: Vec::new(),
    };
    for doc_type in types {
        match state.documents().purge.doc_type(&doc_type).await {
            Ok(count) => {
                tracing::info!(doc_type, count, admin = %admin.principal().user(), "a document type was purged");
                *answer.purged.entry(doc_type).or_default() += count;
            }
            Err(error) => {
                tracing::error!(doc_type, %error, "a document type was not purged completely");
                answer.failed.push(doc_type);
            }
        }
    }
    Ok(Json(answer))
}
