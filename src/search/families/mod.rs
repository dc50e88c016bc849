//! The source families as search knows them: which document types they have, who may read a document now,
//! where a link leads. One file per family.

mod deck;
mod files;
mod groupware;
mod instance;
#[cfg(test)]
pub(super) mod simulated;
mod tables;

pub use deck::DeckFamily;
pub use files::FilesFamily;
pub use groupware::GroupwareFamily;
pub use tables::TablesFamily;

use crate::ids::UserId;
use crate::nextcloud::{NextcloudError, UserSession};
use async_trait::async_trait;
use sqlx::PgPool;
use std::collections::HashSet;
use std::sync::Arc;
use url::Url;

/// One source family. Its name is the `family` of its documents in `PostgreSQL`.
#[async_trait]
pub trait Family: Send + Sync {
    /// `file` …
    fn name(&self) -> &'static str;

    /// The document types that its documents appear as.
    fn doc_types(&self) -> &'static [&'static str];

    /// Most ids that [`Family::readable`] takes at once.
    fn batch_size(&self) -> usize;

    /// Those of `native_ids` (at most [`Family::batch_size`]) that the session's user may read at this moment,
    /// in as few requests as the API allows. An error means that nothing is known about any of them. The documents
    /// belong to the Nextcloud `instance`: ids of another one mean something else, so its answer is an error.
    async fn readable(
        &self,
        session: &UserSession,
        native_ids: &[String],
        instance: Option<&str>,
    ) -> Result<HashSet<String>, NextcloudError>;

    /// Link to a document in Nextcloud's web interface at `public_url`, for `reader`.
    fn url(&self, public_url: &Url, reader: &UserId, doc_type: &str, native_id: &str) -> String;

    /// As [`Family::url`], for families whose links name the part that holds the document too.
    fn url_in(
        &self,
        public_url: &Url,
        reader: &UserId,
        doc_type: &str,
        native_id: &str,
        _part: &str,
    ) -> String {
        self.url(public_url, reader, doc_type, native_id)
    }
}

/// Every family of this server; `pool` tells what scans have seen.
pub(super) fn all(pool: &PgPool) -> Arc<[Arc<dyn Family>]> {
    let families: [Arc<dyn Family>; 5] = [
        Arc::new(FilesFamily),
        Arc::new(GroupwareFamily::calendars()),
        Arc::new(GroupwareFamily::address_books()),
        Arc::new(DeckFamily::new(pool.clone())),
        Arc::new(TablesFamily),
    ];
    Arc::new(families)
}

/// The family of that name.
pub(super) fn named<'a>(families: &'a [Arc<dyn Family>], name: &str) -> Option<&'a dyn Family> {
    families
        .iter()
        .map(AsRef::as_ref)
        .find(|family| family.name() == name)
}

/// The document types of all families.
pub(super) fn known_types(families: &[Arc<dyn Family>]) -> Vec<&'static str> {
    families
        .iter()
        .flat_map(|family| family.doc_types())
        .copied()
        .collect()
}
