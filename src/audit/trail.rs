//! What the rest of the server sees of the trail.

use super::AuditEvent;
use async_trait::async_trait;

/// The trail could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("the audit trail cannot be used: {0}")]
pub struct AuditError(#[from] sqlx::Error);

/// Takes events. What is audited has happened; a trail that cannot be written is logged, not hidden from the user.
#[async_trait]
pub trait AuditTrail: Send + Sync + std::fmt::Debug {
    /// Appends `event`; a failure is logged as an error.
    async fn record(&self, event: AuditEvent);
}
