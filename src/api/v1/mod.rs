//! `/api/v1/…`.

mod access;
mod app_password;
mod revoke;
mod scopes;
mod session;
mod status;
mod vector_sync_status;

pub(super) use access::{access, set_scopes};
pub(super) use app_password::{credential_error, delete, get, post};
pub(super) use revoke::revoke;
pub(super) use scopes::scopes;
pub(super) use session::{Session, session};
pub(super) use status::status;
pub(super) use vector_sync_status::vector_sync_status;
