//! Places for drawing pages of PDFs: few at a time, and nobody has them all.

use super::ApiError;
use crate::ids::UserId;
use crate::sandbox::{PdfPageError, Place, RenderedPage, Sandbox, SandboxError};
use bytes::Bytes;
use futures::Stream;
use http::StatusCode;
use moka::future::Cache;
use std::fmt::Display;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How long a request waits for others to be drawn.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a caller is told to wait who came in vain.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// Users remembered, and for how long after their last preview.
const USERS: u64 = 10_000;
const REMEMBERED: Duration = Duration::from_mins(10);

/// Where pages are drawn. Cheap to clone; clones share the places.
#[derive(Debug, Clone)]
pub struct Previews {
    sandbox: Sandbox,
    /// One user's own share of the places.
    shares: Cache<UserId, Arc<Semaphore>>,
    share: usize,
    patience: Duration,
}

/// The right to draw one page now.
#[derive(Debug)]
pub(super) struct Turn {
    place: Place,
    _of_user: OwnedSemaphorePermit,
}

impl Turn {
    /// See [`Place::render_pdf_page`].
    pub(super) async fn draw<S, E>(
        self,
        page: u32,
        scale: f32,
        content: S,
    ) -> Result<Result<RenderedPage, PdfPageError>, SandboxError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: Display,
    {
        let Self { place, _of_user } = self;
        place.render_pdf_page(page, scale, content).await
    }
}

impl Previews {
    /// Places of their own in `sandbox`, two at least, so that neither background work nor one user keeps another
    /// waiting: one user has half of them.
    pub fn new(sandbox: Sandbox) -> Self {
        let places = thread::available_parallelism().map_or(1, usize::from).max(2);
        Self {
            sandbox: sandbox.with_places(places),
            shares: Cache::builder()
                .max_capacity(USERS)
                .time_to_idle(REMEMBERED)
                .build(),
            share: places / 2,
            patience: PATIENCE,
        }
    }

    /// Waits for a place for `user`, not for long.
    pub(super) async fn turn(&self, user: &UserId) -> Result<Turn, ApiError> {
        let share = async { Arc::new(Semaphore::new(self.share)) };
        let share = self.shares.get_with(user.clone(), share).await;
        let waiting = async {
            let of_user = share.acquire_owned().await.map_err(std::io::Error::other)?;
            let place = self.sandbox.place().await?;
            Ok::<_, SandboxError>(Turn {
                place,
                _of_user: of_user,
            })
        };
        match timeout(self.patience, waiting).await {
            Ok(turn) => turn.map_err(ApiError::internal),
            Err(_elapsed) => Err(ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many pages are being drawn now",
            )
            .with_retry_after(RETRY_AFTER)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;
    use http::header::RETRY_AFTER;

    #[tokio::test]
    async fn one_user_never_has_all_places() {
        let mut previews = Previews::new(Sandbox::new());
        previews.patience = Duration::from_millis(20);
        let (alice, bob) = (UserId::new("alice"), UserId::new("bob"));
        let mut hers = Vec::new();
        for _ in 0..previews.share {
            hers.push(previews.turn(&alice).await.expect("within the share"));
        }
        let refused = previews.turn(&alice).await.unwrap_err().into_response();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers()[RETRY_AFTER], "5");
        assert!(previews.turn(&bob).await.is_ok());
        hers.pop();
        assert!(previews.turn(&alice).await.is_ok());
    }
}
