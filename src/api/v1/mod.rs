//! `/api/v1/…`.

mod access;
mod app_password;
mod apps;
mod chunk_context;
mod params;
mod picture;
mod purge;
mod revoke;
mod scopes;
mod search;
mod search_body;
mod session;
mod status;
mod vector_sync_status;
mod vector_viz;
mod webhooks;

pub(super) use access::{access, set_scopes};
pub(super) use app_password::{credential_error, delete, get, post};
pub(super) use apps::apps;
pub(super) use chunk_context::chunk_context;
pub(super) use purge::purge;
pub(super) use revoke::revoke;
pub(super) use scopes::scopes;
pub(super) use search::search;
pub(super) use session::{Session, session};
pub(super) use status::status;
pub(super) use vector_sync_status::vector_sync_status;
pub(super) use vector_viz::vector_viz;
pub(super) use webhooks::{create_webhook, delete_webhook, list_webhooks};
