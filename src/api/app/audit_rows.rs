//! A user's lines of the audit trail.

use crate::audit::{AuditError, AuditEvent, PgAuditTrail};
use crate::ids::UserId;
use async_trait::async_trait;

/// Reads what was recorded about a user.
#[async_trait]
pub trait AuditRows: Send + Sync + std::fmt::Debug {
    /// At most `limit` events about `user` or by them, newest first.
    async fn own(&self, user: &UserId, limit: i64) -> Result<Vec<AuditEvent>, AuditError>;
}

#[async_trait]
impl AuditRows for PgAuditTrail {
    async fn own(&self, user: &UserId, limit: i64) -> Result<Vec<AuditEvent>, AuditError> {
        self.of_user(user, limit).await
    }
}
