//! What the search tools need.

use crate::auth::{Caller, CredentialError};
use crate::search::{SearchDocument, SearchError, SearchRequest, SearchResponse, SearchService};
use async_trait::async_trait;

/// Why a search in a caller's name gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum DocumentSearchError {
    /// Nextcloud, which must confirm every result, cannot be asked in the caller's name.
    #[error(transparent)]
    Session(#[from] CredentialError),
    /// The search itself.
    #[error(transparent)]
    Search(#[from] SearchError),
}

/// Search in the name of a verified caller.
#[async_trait]
pub trait DocumentSearch: Send + Sync {
    /// Whether results can be reranked.
    fn reranks(&self) -> bool {
        false
    }

    /// Verified results for the caller.
    async fn search(
        &self,
        caller: &Caller,
        request: SearchRequest,
    ) -> Result<SearchResponse, DocumentSearchError>;
    /// A whole document, if the caller may open it now.
    async fn document(
        &self,
        caller: &Caller,
        doc_type: &str,
        id: &str,
    ) -> Result<Option<SearchDocument>, DocumentSearchError>;
}

#[async_trait]
impl DocumentSearch for SearchService {
    fn reranks(&self) -> bool {
        Self::reranks(self)
    }

    async fn search(
        &self,
        caller: &Caller,
        request: SearchRequest,
    ) -> Result<SearchResponse, DocumentSearchError> {
        let session = caller.session().await?;
        let response = Self::search(self, caller.principal(), &session, request).await?;
        if response.credential_refused {
            caller.credential_rejected().await;
        }
        Ok(response)
    }

    async fn document(
        &self,
        caller: &Caller,
        doc_type: &str,
        id: &str,
    ) -> Result<Option<SearchDocument>, DocumentSearchError> {
        let session = caller.session().await?;
        let answer = Self::document(self, caller.principal(), &session, doc_type, id).await;
        if matches!(answer, Err(SearchError::CredentialRefused)) {
            caller.credential_rejected().await;
        }
        Ok(answer?)
    }
}
