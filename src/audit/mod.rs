//! The audit trail: who did what to whom, when and from where. No secrets.

mod event;
mod pg_trail;
mod trail;

pub use event::{AuditAction, AuditEvent, AuditOrigin};
pub use pg_trail::{AuditFilter, PgAuditTrail, RecordedEvent};
pub use trail::{AuditError, AuditTrail};
