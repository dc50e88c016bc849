//! `/api/v1/…`.

mod app_password;
mod status;
mod vector_sync_status;

pub(super) use app_password::{delete, get, post};
pub(super) use status::status;
pub(super) use vector_sync_status::vector_sync_status;
