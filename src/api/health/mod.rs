//! `/health/…`: whether the process lives, and whether it can serve.

mod live;
mod probes;
mod readiness;
mod ready;

pub(super) use live::live;
pub use probes::{DatabaseProbe, IndexProbe, NextcloudProbe, Probe};
pub use readiness::Readiness;
pub(super) use ready::ready;

/// What these routes say of themselves.
#[derive(utoipa::OpenApi)]
#[openapi(paths(live::live, ready::ready))]
pub(super) struct Described;
