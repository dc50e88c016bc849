//! `/.well-known/…`.

mod protected_resource;

pub use protected_resource::ProtectedResource;
pub(super) use protected_resource::{of_path, of_server};
