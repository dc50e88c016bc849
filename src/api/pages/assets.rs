//! Style sheet, icon and script, part of the binary.

use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

/// The page names the version in the address, so that a new one is fetched at once.
const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=86400");

pub(super) async fn style() -> Response {
    asset(
        "text/css; charset=utf-8",
        include_str!("../../../assets/style.css"),
    )
}

pub(super) async fn icon() -> Response {
    asset("image/svg+xml", include_str!("../../../assets/icon.svg"))
}

pub(super) async fn map() -> Response {
    asset(
        "text/javascript; charset=utf-8",
        include_str!("../../../assets/map.js"),
    )
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CACHE_CONTROL, CACHED),
    ];
    (headers, text).into_response()
}
