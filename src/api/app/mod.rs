//! What a user sees of their own access: `/app`.
//!
//! | file | route or concept |
//! |---|---|
//! | `overview` | `GET /app` |
//! | `revoke` | `POST /app/revoke` |
//! | `words` | states and actions in plain words |
//! | `audit_rows` | a user's lines of the audit trail |

mod audit_rows;
mod overview;
mod revoke;
mod words;

pub use audit_rows::AuditRows;
pub(super) use overview::overview;
pub(super) use revoke::revoke;
