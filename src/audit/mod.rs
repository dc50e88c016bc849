//! The audit trail: who did what to whom, when and from where. No secrets.

mod event;
mod trail;

pub use event::{AuditAction, AuditEvent, AuditOrigin};
pub use trail::{AuditError, AuditTrail};
