//! `GET /api/v1/pdf-preview`: a page of one of the caller's PDFs as a picture. The file goes from Nextcloud through a
//! child process that draws it; it is never whole in this one.

use super::params::{Params, bad};
use crate::api::ApiError;
use crate::api::extract::AuthenticatedUser;
use crate::api::openapi::{ToBearer, ToDocuments, ToPreviews, Written, in_query, whole};
use crate::api::previews::Turn;
use crate::api::search_routes::SearchRoutes;
use crate::nextcloud::{NextcloudError, OpenFile};
use crate::sandbox::{PdfPageError, RenderedPage, SandboxError};
use axum::Json;
use axum::extract::{RawQuery, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};

/// Largest PDF, in bytes.
const MAX_PDF_BYTES: u64 = 50 * 1024 * 1024;
const MAX_PATH_BYTES: usize = 4096;
const MAX_PAGE: usize = 10_000;
/// Pixels per point.
const SCALES: std::ops::RangeInclusive<f32> = 0.5..=5.0;
const DEFAULT_SCALE: f32 = 2.0;

/// What a caller is told to wait while Nextcloud or a child fails.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// The picture.
#[derive(Serialize, ToSchema)]
pub(crate) struct Preview {
    /// True.
    success: bool,
    /// PNG, in base64.
    image: String,
    /// As it was asked for.
    page_number: u32,
    /// Pages of the document.
    total_pages: u32,
}

/// What is asked for.
#[derive(Debug, PartialEq)]
struct Wanted {
    /// Below the root of the user's files; starts with `/`.
    path: String,
    page: u32,
    scale: f32,
}

/// The parameters of the query.
struct WantedParams;

impl IntoParams for WantedParams {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let path = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            // No character takes more than four bytes.
            .max_length(Some(MAX_PATH_BYTES / 4))
            .description(Some(
                "Path of the file below the root of the caller's files; one with `..` is refused.",
            ));
        let scale = ObjectBuilder::new()
            .schema_type(Type::Number)
            .minimum(Some(f64::from(*SCALES.start())))
            .maximum(Some(f64::from(*SCALES.end())))
            .default(Some(json!(DEFAULT_SCALE)))
            .description(Some("Pixels per point."));
        let page = whole(Written::InQuery, &(1..=MAX_PAGE), Some(1), "The page, from 1.");
        vec![
            in_query(
                "file_path",
                true,
                path.build().into(),
                json!("/Reports/ferry.pdf"),
            ),
            in_query("page", false, page, json!(1)),
            in_query("scale", false, scale.build().into(), json!(2.0)),
        ]
    }
}

/// A page of one of the caller's PDFs as a picture.
///
/// PDFs of at most 50 MB. The page is drawn in a process of its own, with bounds on its memory and time.
#[utoipa::path(
    get,
    path = "/api/v1/pdf-preview",
    tag = "search",
    security(("bearer" = [])),
    params(WantedParams),
    responses(
        (status = 200, description = "The page", body = Preview, example = json!({
            "success": true, "image": "iVBORw0KGgo=", "page_number": 1, "total_pages": 12
        })),
        ToBearer, ToDocuments, ToPreviews,
    ),
)]
pub(crate) async fn pdf_preview(
    State(state): State<SearchRoutes>,
    user: Result<AuthenticatedUser, ApiError>,
    RawQuery(query): RawQuery,
) -> Result<Json<Preview>, ApiError> {
    answer(&state, user, query.as_deref())
        .await
        .map(Json)
        .map_err(|error| error.with_field("success", false))
}

async fn answer(
    state: &SearchRoutes,
    user: Result<AuthenticatedUser, ApiError>,
    query: Option<&str>,
) -> Result<Preview, ApiError> {
    let user = user?;
    let wanted = Wanted::read(&Params::of_query(query))?;
    let turn = state.previews().turn(user.principal().user()).await?;
    let path = wanted.path.as_str();
    let opened = state
        .as_user(user.principal(), |session| async move {
            session.open_file(path, MAX_PDF_BYTES).await
        })
        .await?;
    let RenderedPage { png, total_pages } = draw(turn, &wanted, opened.map_err(not_opened)?).await?;
    Ok(Preview {
        success: true,
        image: STANDARD.encode(&png),
        page_number: wanted.page,
        total_pages,
    })
}

async fn draw(turn: Turn, wanted: &Wanted, file: OpenFile) -> Result<RenderedPage, ApiError> {
    // Nextcloud does not always tell a length before.
    let grown = AtomicBool::new(false);
    let content = file.content.inspect(|piece| {
        if matches!(piece, Err(NextcloudError::TooLarge { .. })) {
            grown.store(true, Ordering::Relaxed);
        }
    });
    match turn.draw(wanted.page, wanted.scale, content).await {
        Ok(page) => page.map_err(refused),
        Err(_) if grown.load(Ordering::Relaxed) => Err(too_large()),
        Err(error) => Err(not_drawn(error)),
    }
}

impl Wanted {
    fn read(params: &Params) -> Result<Self, ApiError> {
        let path = params
            .text("file_path")?
            .filter(|path| !path.is_empty())
            .ok_or_else(|| bad("Missing required parameter: file_path"))?;
        let page = params.integer("page", 1..=MAX_PAGE, 1)?;
        Ok(Self {
            path: below_root(path).ok_or_else(|| bad("Invalid file path"))?,
            page: u32::try_from(page).unwrap_or(u32::MAX),
            scale: params.number("scale", SCALES, DEFAULT_SCALE)?,
        })
    }
}

/// A path without doubled slashes; what climbs is refused, not resolved.
fn below_root(path: &str) -> Option<String> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let plain = !segments.is_empty()
        && path.len() <= MAX_PATH_BYTES
        && !path.chars().any(char::is_control)
        && !segments.iter().any(|segment| matches!(*segment, "." | ".."));
    plain.then(|| format!("/{}", segments.join("/")))
}

/// One answer for what is not there, what the caller may not read, and a folder.
fn not_opened(error: NextcloudError) -> ApiError {
    match error {
        NextcloudError::NotFound(_)
        | NextcloudError::Forbidden(_)
        | NextcloudError::Rejected { status: 405, .. } => {
            ApiError::new(StatusCode::NOT_FOUND, "PDF file not found")
        }
        NextcloudError::Rejected { status: 400, .. } => bad("Invalid file path"),
        NextcloudError::TooLarge { .. } => too_large(),
        error => ApiError::unavailable("Nextcloud cannot be asked now", error).with_retry_after(RETRY_AFTER),
    }
}

fn too_large() -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("The PDF is larger than {} MB", MAX_PDF_BYTES / 1024 / 1024),
    )
}

/// What the document or the request is to blame for.
fn refused(error: PdfPageError) -> ApiError {
    let status = match error {
        PdfPageError::NotAPdf => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        PdfPageError::Encrypted => StatusCode::UNPROCESSABLE_ENTITY,
        PdfPageError::Damaged | PdfPageError::NoSuchPage { .. } => StatusCode::BAD_REQUEST,
    };
    ApiError::new(status, error.to_string())
}

fn not_drawn(error: SandboxError) -> ApiError {
    let lasting = |text: &'static str| ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, text);
    match error {
        SandboxError::OutOfMemory => lasting("The page takes too much memory to be drawn"),
        SandboxError::Timeout => lasting("The page takes too long to be drawn"),
        SandboxError::OutputTooLarge { .. } => {
            lasting("The picture of the page is too large; ask for a smaller scale")
        }
        error if error.is_transient() => {
            ApiError::unavailable("The page cannot be drawn now", error).with_retry_after(RETRY_AFTER)
        }
        _died => lasting("The page cannot be drawn"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn read(query: &str) -> Result<Wanted, ApiError> {
        Wanted::read(&Params::of_query(Some(query)))
    }

    fn told(error: &ApiError) -> String {
        let body: Value = serde_json::from_slice(&error.body(None)).unwrap();
        body["error"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_request_is_read_as_astrolabe_sends_it() {
        let wanted = read("file_path=%2FReports%2F%2Fa%20b.pdf&page=3&scale=1.5").unwrap();
        assert_eq!(
            wanted,
            Wanted {
                path: "/Reports/a b.pdf".to_owned(),
                page: 3,
                scale: 1.5
            }
        );
        let defaults = read("file_path=x..y.pdf").unwrap();
        assert_eq!((defaults.path.as_str(), defaults.page), ("/x..y.pdf", 1));
        assert!((defaults.scale - DEFAULT_SCALE).abs() < f32::EPSILON);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (query, text) in [
            ("", "Missing required parameter: file_path"),
            ("file_path=", "Missing required parameter: file_path"),
            ("file_path=/", "Invalid file path"),
            ("file_path=/a/../../bob/x.pdf", "Invalid file path"),
            ("file_path=..%2Fx.pdf", "Invalid file path"),
            ("file_path=./x.pdf", "Invalid file path"),
            ("file_path=a%00b.pdf", "Invalid file path"),
            ("file_path=a%0d%0ab.pdf", "Invalid file path"),
            ("file_path=x&page=0", "Invalid page: must be between 1 and 10000"),
            (
                "file_path=x&page=10001",
                "Invalid page: must be between 1 and 10000",
            ),
            ("file_path=x&page=one", "Invalid page: must be an integer"),
            (
                "file_path=x&scale=0.4",
                "Invalid scale: must be between 0.5 and 5",
            ),
            (
                "file_path=x&scale=5.1",
                "Invalid scale: must be between 0.5 and 5",
            ),
            (
                "file_path=x&scale=NaN",
                "Invalid scale: must be between 0.5 and 5",
            ),
            ("file_path=x&scale=big", "Invalid scale: must be a number"),
        ] {
            assert_eq!(told(&read(query).unwrap_err()), text, "{query}");
        }
        let long = format!("file_path={}", "a".repeat(MAX_PATH_BYTES + 1));
        assert_eq!(told(&read(&long).unwrap_err()), "Invalid file path");
    }

    #[test]
    fn who_is_to_blame_decides_the_status() {
        let status = |error: ApiError| {
            let response = axum::response::IntoResponse::into_response(error);
            response.status().as_u16()
        };
        assert_eq!(status(refused(PdfPageError::NotAPdf)), 415);
        assert_eq!(status(refused(PdfPageError::Encrypted)), 422);
        assert_eq!(status(refused(PdfPageError::Damaged)), 400);
        assert_eq!(status(not_drawn(SandboxError::Timeout)), 422);
        assert_eq!(status(not_drawn(SandboxError::Garbled)), 422);
        assert_eq!(status(not_drawn(SandboxError::Input("cut".to_owned()))), 503);
        assert_eq!(status(not_opened(NextcloudError::Forbidden(String::new()))), 404);
        assert_eq!(status(not_opened(NextcloudError::TooLarge { limit: 1 })), 413);
        assert_eq!(
            status(not_opened(NextcloudError::Maintenance { retry_after: None })),
            503
        );
    }
}
