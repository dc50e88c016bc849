//! `/api/v1/…`.

mod access;
mod app_password;
mod apps;
mod chunk_context;
mod params;
mod pdf_preview;
mod picture;
mod purge;
mod revoke;
mod scopes;
mod search;
mod search_body;
mod search_fields;
mod session;
mod status;
mod vector_sync_status;
mod vector_viz;
mod webhooks;

/// What these routes say of themselves.
#[derive(utoipa::OpenApi)]
#[openapi(paths(
    access::access,
    access::set_scopes,
    app_password::get,
    app_password::post,
    app_password::delete,
    apps::apps,
    chunk_context::chunk_context,
    pdf_preview::pdf_preview,
    purge::purge,
    revoke::revoke,
    scopes::scopes,
    search::search,
    session::session,
    status::status,
    vector_sync_status::vector_sync_status,
    vector_viz::vector_viz,
    webhooks::list_webhooks,
    webhooks::create_webhook,
    webhooks::delete_webhook,
))]
pub(super) struct Described;

pub(super) use access::{access, set_scopes};
pub(super) use app_password::{credential_error, delete, get, post};
pub(super) use apps::apps;
pub(super) use chunk_context::chunk_context;
pub(super) use pdf_preview::pdf_preview;
pub(super) use purge::purge;
pub(super) use revoke::revoke;
pub(super) use scopes::scopes;
pub(super) use search::search;
pub(super) use session::{Session, session};
pub(super) use status::status;
pub(super) use vector_sync_status::vector_sync_status;
pub(super) use vector_viz::vector_viz;
pub(super) use webhooks::{create_webhook, delete_webhook, list_webhooks};
