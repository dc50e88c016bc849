//! `POST /api/v1/vector-sync/purge`: takes document types out of the index, everybody's. For administrators.

use super::params::{MAX_NAME, MAX_NAMES, Params};
use crate::api::extract::{AdminUser, Origin};
use crate::api::openapi::{ToBearer, ToDocuments, short_text};
use crate::api::search_routes::DocumentRoutes;
use crate::api::{ApiError, ManagementState};
use crate::audit::{AuditAction, AuditEvent, AuditOrigin};
use crate::ids::UserId;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRef, State};
use http::StatusCode;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// What shall be purged.
pub(crate) struct PurgeBody;

impl PartialSchema for PurgeBody {
    fn schema() -> RefOr<Schema> {
        let types = ArrayBuilder::new()
            .items(short_text(Some(MAX_NAME)))
            .min_items(Some(1))
            .max_items(Some(MAX_NAMES))
            .description(Some("Types of documents."));
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .property("doc_types", types)
            .required("doc_types")
            .into()
    }
}

impl ToSchema for PurgeBody {}

/// What was done.
#[derive(Serialize, ToSchema)]
pub(crate) struct Purged {
    /// Documents removed, by type.
    purged: BTreeMap<String, usize>,
    /// Types whose removal was cut short: asking again goes on with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed: Vec<String>,
}

/// Takes types of documents out of the index, everybody's.
///
/// For members of Nextcloud's group `admin`, who are asked for now.
#[utoipa::path(
    post,
    path = "/api/v1/vector-sync/purge",
    tag = "search",
    security(("bearer" = [])),
    request_body(content = PurgeBody, example = json!({"doc_types": ["deck_card"]})),
    responses(
        (status = 200, description = "How many documents went", body = Purged,
            example = json!({"purged": {"deck_card": 12}})),
        ToBearer, ToDocuments,
    ),
)]
pub(crate) async fn purge(
    State(state): State<DocumentRoutes>,
    AdminUser(admin): AdminUser,
    Origin(origin): Origin,
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
    record(&state, admin.principal().user(), origin, &answer).await;
    Ok(Json(answer))
}

/// A line in the audit trail: what was everybody's is gone at somebody's word.
async fn record(state: &DocumentRoutes, admin: &UserId, origin: AuditOrigin, answer: &Purged) {
    let parts = ManagementState::from_ref(state);
    let parts = parts.parts();
    let mut done: Vec<String> = answer
        .purged
        .iter()
        .map(|(doc_type, count)| format!("{count} of type {doc_type}"))
        .collect();
    done.extend(
        answer
            .failed
            .iter()
            .map(|doc_type| format!("{doc_type} incompletely")),
    );
    parts
        .audit
        .record(AuditEvent {
            at: parts.clock.now(),
            action: AuditAction::IndexPurge,
            actor: Some(admin.clone()),
            subject: None,
            origin,
            detail: Some(format!("took out of the index: {}", done.join(", "))),
        })
        .await;
}
