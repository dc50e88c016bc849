//! What no handler read of a request's body.
//!
//! An answer is often ready before the body is there: nobody reads the body of a request without credentials. hyper then
//! closes the connection behind the answer without having said so, and a client that uses the connection again loses its
//! next request. So the rest is read before the answer goes out (RFC 9112 §9.3); an answer that cannot wait for it says
//! `Connection: close` (§9.6).

use super::limits::MAX_BODY_BYTES;
use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use futures::{Stream, StreamExt};
use http::HeaderValue;
use http::header::{CONNECTION, EXPECT};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::oneshot;

/// Longest that an answer waits for the rest of its request.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// The outermost layer of all: leaves a connection that goes on, or says that it does not. Waits no longer than `patience`.
pub(super) async fn settle(State(patience): State<Duration>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let invited = !request.headers().contains_key(EXPECT);
    let (head, body) = request.into_parts();
    let (back, mut handed_back) = oneshot::channel();
    let lent = Lent {
        rest: Some(Rest {
            body: body.into_data_stream(),
            invited,
            broken: false,
        }),
        back: Some(back),
    };
    let mut response = next.run(Request::from_parts(head, Body::from_stream(lent))).await;
    // Nothing is handed back of a body that was read to its end, or that somebody is still reading.
    if let Ok(rest) = handed_back.try_recv()
        && !rest.discarded(patience).await
    {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A body with a handler, which hands back what it did not read.
struct Lent {
    /// None after the end.
    rest: Option<Rest>,
    back: Option<oneshot::Sender<Rest>>,
}

struct Rest {
    body: BodyDataStream,
    /// Whether the client sends the body without being asked for it, or was asked: reading asks (RFC 9110 §10.1.1).
    invited: bool,
    broken: bool,
}

impl Stream for Lent {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(rest) = &mut self.rest else {
            return Poll::Ready(None);
        };
        rest.invited = true;
        let piece = std::task::ready!(rest.body.poll_next_unpin(context));
        match &piece {
            Some(piece) => rest.broken |= piece.is_err(),
            None => self.rest = None,
        }
        Poll::Ready(piece)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(rest), Some(back)) = (self.rest.take(), self.back.take()) {
            // Refused only where the request was given up: then there is no answer to wait with.
            drop(back.send(rest));
        }
    }
}

impl Rest {
    /// Reads to the end and keeps nothing; false where the end is not to be had.
    async fn discarded(mut self, patience: Duration) -> bool {
        let announced = HttpBody::size_hint(&self.body).lower();
        let bearable = usize::try_from(announced).is_ok_and(|bytes| bytes <= MAX_BODY_BYTES);
        if self.broken || !self.invited || !bearable {
            return false;
        }
        let to_the_end = async {
            let mut left = MAX_BODY_BYTES;
            while let Some(piece) = self.body.next().await {
                match piece.ok().and_then(|piece| left.checked_sub(piece.len())) {
                    Some(bytes) => left = bytes,
                    None => return false,
                }
            }
            true
        };
        tokio::time::timeout(patience, to_the_end).await.unwrap_or(false)
    }
}
