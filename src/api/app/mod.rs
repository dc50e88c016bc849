//! What a user sees of their own access: `/app`.
//!
//! | file | route or concept |
//! |---|---|
//! | `overview` | `GET /app` |
//! | `revoke` | `POST /app/revoke` |
//! | `search` | `GET /app/search` |
//! | `search_form` | what its form asks for |
//! | `marked` | a text in pieces, some of which are marked |
//! | `webhooks/…` | the administrator's panel, `POST /app/webhooks` |
//! | `words` | states and actions in plain words |
//! | `audit_rows` | a user's lines of the audit trail |

mod audit_rows;
mod marked;
mod overview;
mod revoke;
mod search;
mod search_form;
mod webhooks;
mod words;

pub use audit_rows::AuditRows;
pub(super) use overview::overview;
pub(super) use revoke::revoke;
pub(super) use search::search;
pub(super) use webhooks::switch;
