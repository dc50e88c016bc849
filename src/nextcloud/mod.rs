//! The Nextcloud client: one HTTP factory, typed errors, one file per API.
//!
//! [`Nextcloud`] knows the server; [`UserSession`] adds a user and a credential. Every request carries
//! `OCS-APIRequest: true` (facts §0 row 7), no cookie jar exists (row 17), redirects are followed for
//! same-origin GET only, and one gate per host limits concurrency and backs off (row 9, `Retry-After`).

mod app_password;
mod dav;
mod deck;
mod error;
mod failure;
pub mod groupware;
mod http;
mod notes;
mod ocs;
mod tables;
mod webhooks;

pub use dav::{DavEntry, Depth, Download, FileQuery, OpenFile, Precondition, PutOutcome, SystemTag};
pub use deck::{Assignment, Board, BoardList, Boards, Card, CardComment, Label, Participant, Stack};
pub use error::NextcloudError;
pub(crate) use failure::{plain_text, retry_after};
pub use http::{Credential, Nextcloud, UserSession};
pub(crate) use http::{USER_AGENT, transport_text, unbuilt, with_trust};
pub use notes::{Note, NoteChanges, NoteSettings, NotesPage};
pub use ocs::{CurrentUser, MenuApp, ServerStatus};
pub use tables::{Cell, Row, Table, TableColumn, row_id};
pub use webhooks::{NewWebhook, Webhook};
