//! Contents that are fetched many at a time.

use super::claim::Claimed;
use super::sources::{Content, WantedItem};
use super::{Remote, SyncEngine};
use crate::ids::DocumentId;
use crate::nextcloud::NextcloudError;
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};

/// The text of a note, as the Notes API gives it.
pub fn of_note(bytes: Bytes) -> Content {
    Content {
        bytes,
        mime_type: Some("text/markdown".to_owned()),
    }
}

/// Contents of `documents` that their sources give many at a time. What fails here is fetched one by one, where the
/// error is judged.
///
/// # Errors
/// Only when Nextcloud refuses the user: nothing more may be asked in their name.
pub async fn together(
    engine: &SyncEngine,
    remote: &dyn Remote,
    documents: &[Claimed],
) -> Result<HashMap<DocumentId, Content>, NextcloudError> {
    let mut by_family: BTreeMap<&str, Vec<&Claimed>> = BTreeMap::new();
    for document in documents {
        by_family.entry(&document.family).or_default().push(document);
    }
    let mut contents = HashMap::new();
    for (family, documents) in by_family {
        let Some(source) = engine.source_of(family).filter(|_| documents.len() > 1) else {
            continue;
        };
        let items: Vec<WantedItem> = documents.iter().map(|document| wanted(document)).collect();
        match source.fetch_many(remote, &items).await {
            Ok(mut found) => contents.extend(documents.iter().filter_map(|document| {
                found
                    .remove(&document.native_id)
                    .map(|content| (document.id, content))
            })),
            Err(error @ (NextcloudError::Unauthorized | NextcloudError::AccountDisabled)) => {
                return Err(error);
            }
            Err(error) => tracing::debug!(%error, family, "documents could not be fetched together"),
        }
    }
    Ok(contents)
}

/// The document as a source knows it.
pub fn wanted(document: &Claimed) -> WantedItem {
    WantedItem {
        native_id: document.native_id.clone(),
        etag: document.etag.clone(),
        path: document.path.clone(),
        part: document.part.clone(),
    }
}
