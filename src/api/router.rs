//! The routes and the layers around them.

use super::{
    ApiError, ApiState, health, limits, management, mcp_endpoint, observe, openapi, pages, search_routes, v1,
    webhooks, well_known,
};
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any_service, get};
use http::StatusCode;
use std::any::Any;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;

/// Every route of this server, with its layers. Outermost first: observe, panic, header bound.
pub fn router(state: ApiState) -> Router {
    let parts = state.parts();
    let mcp = parts.mcp.http_service(&parts.hosts, limits::MAX_BODY_BYTES);
    let mcp = Router::new()
        .route("/mcp", any_service(mcp))
        .route_layer(from_fn_with_state(state.clone(), mcp_endpoint::require_scope))
        .route_layer(from_fn_with_state(state.clone(), mcp_endpoint::require_caller));
    let mut router = Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/api/openapi.json", get(openapi::openapi))
        .route("/api/docs", get(openapi::docs))
        .merge(pages::assets())
        .route("/api/v1/status", get(v1::status))
        .route("/api/v1/vector-sync/status", get(v1::vector_sync_status));
    if parts.protected_resource.is_some() {
        router = router
            .route(
                "/.well-known/oauth-protected-resource",
                get(well_known::of_server),
            )
            .route(
                "/.well-known/oauth-protected-resource/{*path}",
                get(well_known::of_path),
            );
    }
    if parts.app_passwords.is_some() {
        router = router.route(
            "/api/v1/users/{user_id}/app-password",
            get(v1::get).post(v1::post).delete(v1::delete),
        );
    }
    if let Some(ingress) = &parts.webhook_ingress {
        router = router.merge(webhooks::routes(ingress.clone()));
    }
    if let Some(management) = &parts.management {
        router = router.merge(management::routes(management.clone()));
    }
    if let Some(routes) = &parts.search_routes {
        router = router.merge(search_routes::routes(routes.clone()));
    }
    if let Some(pages) = &parts.pages {
        router = router.merge(pages::routes(pages.clone()));
    }
    // `/mcp` bounds its bodies itself, by the same figure, and says 413 where this layer could only cut them off.
    router
        .layer(RequestBodyLimitLayer::new(limits::MAX_BODY_BYTES))
        .merge(mcp)
        .fallback(|| async { ApiError::of_status(StatusCode::NOT_FOUND) })
        .layer(from_fn(limits::bound_headers))
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(from_fn_with_state(state.clone(), observe::observe))
        .with_state(state)
}

/// Health alone, for a process without an API.
pub fn health_router(state: ApiState) -> Router {
    Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .fallback(|| async { ApiError::of_status(StatusCode::NOT_FOUND) })
        .layer(from_fn(limits::bound_headers))
        .with_state(state)
}

#[derive(Debug, thiserror::Error)]
#[error("a handler panicked: {0}")]
struct Panicked(String);

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature that the panic layer asks for"
)]
fn answer_panic(panic: Box<dyn Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    ApiError::internal(Panicked(text)).into_response()
}
