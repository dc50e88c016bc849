//! The source families as search knows them: which document types they have, who may read a document now,
//! where a link leads. One file per family.

mod files;

pub use files::FilesFamily;

use crate::nextcloud::{NextcloudError, UserSession};
use async_trait::async_trait;
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

    /// Link to a document in Nextcloud's web interface at `public_url`.
    fn url(&self, public_url: &Url, doc_type: &str, native_id: &str) -> String;
}

/// Every family of this server.
pub(super) fn all() -> Arc<[Arc<dyn Family>]> {
    let families: [Arc<dyn Family>; 1] = [Arc::new(FilesFamily)];
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
