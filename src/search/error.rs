//! Why a search gave no answer.

use crate::db::DbError;
use crate::index::IndexError;

/// Why a search gave no answer. The texts are fit for clients; causes stay inside.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The request is out of bounds; the text names the field and the bound.
    #[error("{0}")]
    Invalid(String),
    /// The index, the embedding model or Nextcloud cannot answer now; the text says which.
    #[error("search is not available now: {0}")]
    Unavailable(String),
    /// Nextcloud refused the reader's credential: it must not be sent again before a new check.
    #[error("Nextcloud refused the credential when the document was to be verified")]
    CredentialRefused,
    /// Something inside failed.
    #[error("search failed")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<sqlx::Error> for SearchError {
    fn from(error: sqlx::Error) -> Self {
        Self::Internal(Box::new(DbError::from(error)))
    }
}

impl From<IndexError> for SearchError {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::Unavailable(reason) => {
                // The reason may name directories of the server: it is for the log only.
                tracing::warn!(reason, "the search index cannot answer");
                Self::Unavailable(
                    "the search index is missing, damaged or being rebuilt; try again later".into(),
                )
            }
            backend @ IndexError::Backend(_) => Self::Internal(Box::new(backend)),
        }
    }
}

/// A session of another user was handed in to verify this principal's results.
#[derive(Debug, thiserror::Error)]
#[error("the session that verifies results belongs to another user than the principal")]
pub(super) struct ForeignSession;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internals_stay_out_of_the_client_text() {
        let unavailable = SearchError::from(IndexError::Unavailable("/srv/data/index is damaged".into()));
        assert!(matches!(unavailable, SearchError::Unavailable(_)));
        assert!(!unavailable.to_string().contains("/srv"));

        let internal = SearchError::from(IndexError::Backend("segment 7 at /srv/data".into()));
        assert_eq!(internal.to_string(), "search failed");
    }
}
