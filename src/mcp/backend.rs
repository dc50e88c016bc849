//! What the search tools need.

use crate::auth::Caller;
use crate::search::{SearchDocument, SearchError, SearchRequest, SearchResponse, SearchService};
use async_trait::async_trait;

/// Search in the name of a verified caller.
#[async_trait]
pub trait DocumentSearch: Send + Sync {
    /// Verified results for the caller.
    async fn search(&self, caller: &Caller, request: SearchRequest) -> Result<SearchResponse, SearchError>;
    /// A whole document, if the caller may open it now.
    async fn document(
        &self,
        caller: &Caller,
        doc_type: &str,
        id: &str,
    ) -> Result<Option<SearchDocument>, SearchError>;
}

#[async_trait]
impl DocumentSearch for SearchService {
    async fn search(&self, caller: &Caller, request: SearchRequest) -> Result<SearchResponse, SearchError> {
        let response = Self::search(self, caller.principal(), &caller.session(), request).await?;
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
    ) -> Result<Option<SearchDocument>, SearchError> {
        let answer = Self::document(self, caller.principal(), &caller.session(), doc_type, id).await;
        if matches!(answer, Err(SearchError::CredentialRefused)) {
            caller.credential_rejected().await;
        }
        answer
    }
}
