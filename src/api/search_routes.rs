//! The routes that answer from documents: what their handlers share, and the routes.
//!
//! Whoever calls them is known by an access token that is not sent on (case O15). Nextcloud is asked with what the
//! caller granted this server before.

use super::{ApiError, ManagementState, Previews, v1};
use crate::auth::{Principal, Rejection};
use crate::nextcloud::{NextcloudError, UserSession};
use crate::search::{ChunkContext, SearchError, SearchMap, SearchRequest, SearchResponse, SearchService};
use crate::sync::Purge;
use axum::Router;
use axum::extract::FromRef;
use axum::routing::{MethodRouter, get, post};
use http::StatusCode;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// What a caller is told to wait while Nextcloud, the index or the database is away.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// What [`SearchRoutes`] is made of.
pub struct SearchRoutesParts {
    /// Who is asking, and what they granted.
    pub management: ManagementState,
    /// The documents; `None` when sync is off.
    pub documents: Option<Documents>,
    /// Draws pages of PDFs.
    pub previews: Previews,
}

/// The documents that sync keeps.
#[derive(Clone)]
pub struct Documents {
    /// Search in them.
    pub search: SearchService,
    /// Takes a type of them out of the index.
    pub purge: Purge,
    /// Algorithms that a search may name.
    pub search_types: &'static [&'static str],
}

/// What the handlers share. Cheap to clone.
#[derive(Clone)]
pub struct SearchRoutes {
    parts: Arc<SearchRoutesParts>,
}

impl std::fmt::Debug for SearchRoutes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SearchRoutes")
            .field("documents", &self.parts.documents.is_some())
            .finish_non_exhaustive()
    }
}

/// [`SearchRoutes`] where there are documents. Cheap to clone.
#[derive(Clone)]
pub struct DocumentRoutes {
    routes: SearchRoutes,
    documents: Documents,
}

impl FromRef<SearchRoutes> for ManagementState {
    fn from_ref(routes: &SearchRoutes) -> Self {
        routes.parts.management.clone()
    }
}

impl FromRef<DocumentRoutes> for ManagementState {
    fn from_ref(state: &DocumentRoutes) -> Self {
        state.routes.parts.management.clone()
    }
}

/// The routes; their layers are the router's.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(state: SearchRoutes) -> Router<S> {
    let documents = match state.documents() {
        Some(documents) => with_documents(
            post(v1::search),
            post(v1::vector_viz),
            get(v1::chunk_context),
            post(v1::purge),
        )
        .with_state(documents),
        None => with_documents(
            post(sync_is_off),
            post(sync_is_off),
            get(sync_is_off),
            post(sync_is_off),
        ),
    };
    Router::new()
        .route("/api/v1/apps", get(v1::apps))
        .route("/api/v1/pdf-preview", get(v1::pdf_preview))
        .with_state(state)
        .merge(documents)
}

fn with_documents<S: Clone + Send + Sync + 'static>(
    search: MethodRouter<S>,
    vector_viz: MethodRouter<S>,
    chunk_context: MethodRouter<S>,
    purge: MethodRouter<S>,
) -> Router<S> {
    Router::new()
        .route("/api/v1/search", search)
        .route("/api/v1/vector-viz/search", vector_viz)
        .route("/api/v1/chunk-context", chunk_context)
        .route("/api/v1/vector-sync/purge", purge)
}

/// Told before anybody is asked who they are: it says nothing about anyone.
async fn sync_is_off() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "Vector sync is disabled on this server")
        .with_message("Set VECTOR_SYNC_ENABLED=true to switch it on.")
}

impl DocumentRoutes {
    pub(super) fn documents(&self) -> &Documents {
        &self.documents
    }

    /// Verified results for `principal`.
    pub(super) async fn search(
        &self,
        principal: &Principal,
        request: SearchRequest,
    ) -> Result<SearchResponse, ApiError> {
        let search = &self.documents.search;
        let mut turns = Turns::new(&self.routes, principal);
        loop {
            let session = turns.session().await?;
            let response = search
                .search(principal, &session, request.clone())
                .await
                .map_err(search_error)?;
            if !response.credential_refused {
                return Ok(response);
            }
            turns.refused().await?;
        }
    }

    /// The same, with the results drawn as points.
    pub(super) async fn search_map(
        &self,
        principal: &Principal,
        request: SearchRequest,
    ) -> Result<SearchMap, ApiError> {
        let search = &self.documents.search;
        let mut turns = Turns::new(&self.routes, principal);
        loop {
            let session = turns.session().await?;
            let map = search
                .search_map(principal, &session, request.clone())
                .await
                .map_err(search_error)?;
            if !map.response.credential_refused {
                return Ok(map);
            }
            turns.refused().await?;
        }
    }

    /// A passage of a document that `principal` may open now.
    pub(super) async fn chunk_context(
        &self,
        principal: &Principal,
        (doc_type, id): (&str, &str),
        (start, end, context): (usize, usize, usize),
    ) -> Result<Option<ChunkContext>, ApiError> {
        let search = &self.documents.search;
        let mut turns = Turns::new(&self.routes, principal);
        loop {
            let session = turns.session().await?;
            let answer = search
                .chunk_context(principal, &session, doc_type, id, start, end, context)
                .await;
            match answer {
                Err(SearchError::CredentialRefused) => turns.refused().await?,
                answer => return answer.map_err(search_error),
            }
        }
    }
}

impl SearchRoutes {
    /// State over `parts`.
    pub fn new(parts: SearchRoutesParts) -> Self {
        Self {
            parts: Arc::new(parts),
        }
    }

    /// What answers from documents; `None` when sync is off.
    pub fn documents(&self) -> Option<DocumentRoutes> {
        let documents = self.parts.documents.clone()?;
        Some(DocumentRoutes {
            routes: self.clone(),
            documents,
        })
    }

    /// Where pages of PDFs are drawn.
    pub(super) fn previews(&self) -> &Previews {
        &self.parts.previews
    }

    /// Asks Nextcloud in the name of `principal`, with what they granted.
    pub(super) async fn as_user<T, F>(
        &self,
        principal: &Principal,
        ask: impl Fn(UserSession) -> F,
    ) -> Result<Result<T, NextcloudError>, ApiError>
    where
        F: Future<Output = Result<T, NextcloudError>>,
    {
        let mut turns = Turns::new(self, principal);
        loop {
            let session = turns.session().await?;
            match ask(session).await {
                Err(NextcloudError::Unauthorized) => turns.refused().await?,
                answer => return Ok(answer),
            }
        }
    }

    /// The ids of the apps that Nextcloud shows `principal`.
    pub(super) async fn apps(&self, principal: &Principal) -> Result<BTreeSet<String>, ApiError> {
        self.as_user(principal, |session| async move { session.shown_apps().await })
            .await?
            .map_err(|error| {
                ApiError::unavailable("Nextcloud cannot be asked now", error).with_retry_after(RETRY_AFTER)
            })
    }
}

/// Work in a principal's own name: once more when the credential was replaced while it was in use.
struct Turns<'a> {
    routes: &'a SearchRoutes,
    principal: &'a Principal,
    again: bool,
}

impl<'a> Turns<'a> {
    fn new(routes: &'a SearchRoutes, principal: &'a Principal) -> Self {
        Self {
            routes,
            principal,
            again: false,
        }
    }

    /// A session with what the principal granted; never with what came with the request.
    async fn session(&self) -> Result<UserSession, ApiError> {
        let credentials = &self.routes.parts.management.parts().credentials;
        credentials
            .session_for(self.principal.user())
            .await
            .map_err(|error| self.routes.parts.management.no_session(error))
    }

    /// Nextcloud answered 401: an error unless another turn makes sense.
    async fn refused(&mut self) -> Result<(), ApiError> {
        let management = &self.routes.parts.management;
        let rejection = management
            .parts()
            .credentials
            .rejected(self.principal.user())
            .await
            .map_err(|error| management.no_session(error))?;
        match rejection {
            Rejection::Superseded if !self.again => {
                self.again = true;
                Ok(())
            }
            Rejection::Superseded | Rejection::Dropped => Err(management.provisioning_required()),
        }
    }
}

fn search_error(error: SearchError) -> ApiError {
    match error {
        SearchError::Invalid(text) => ApiError::new(StatusCode::BAD_REQUEST, text),
        SearchError::Unavailable(text) => {
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, text).with_retry_after(RETRY_AFTER)
        }
        error @ (SearchError::CredentialRefused | SearchError::Internal(_)) => ApiError::internal(error),
    }
}
