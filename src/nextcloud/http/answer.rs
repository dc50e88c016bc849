//! A successful answer whose body is still to be read, within limits.

use super::gate::Ticket;
use super::request::transport_text;
use crate::nextcloud::NextcloudError;
use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt, TryStreamExt};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use std::io;

/// Largest JSON body: a chunk of notes with their contents fits many times.
const JSON_LIMIT: u64 = 64 * 1024 * 1024;

/// An answer. It keeps its place at the gate until it is dropped.
#[derive(Debug)]
pub(in crate::nextcloud) struct Answer {
    response: reqwest::Response,
    ticket: Ticket,
}

impl Answer {
    pub(super) fn new(response: reqwest::Response, ticket: Ticket) -> Self {
        Self { response, ticket }
    }

    pub(super) fn healthy(mut self) -> Self {
        self.ticket.alive();
        self
    }

    pub(super) fn ticket(&mut self) -> &mut Ticket {
        &mut self.ticket
    }

    /// HTTP status.
    pub(in crate::nextcloud) fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// All headers.
    pub(in crate::nextcloud) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// A header as text.
    pub(in crate::nextcloud) fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// The `ETag` without quotes.
    pub(in crate::nextcloud) fn etag(&self) -> Option<String> {
        self.header("etag")
            .or_else(|| self.header("oc-etag"))
            .map(|etag| bare_etag(etag).to_owned())
    }

    /// Refuses a success of another kind than the API promises: a proxy's or a log-in page says 200 to anything.
    pub(in crate::nextcloud) fn only(self, promised: &[StatusCode]) -> Result<Self, NextcloudError> {
        if promised.contains(&self.status()) {
            return Ok(self);
        }
        Err(NextcloudError::Malformed(format!(
            "an unexpected HTTP {}",
            self.status().as_u16()
        )))
    }

    /// The whole body, refused as soon as it is known to be larger than `limit`.
    pub(in crate::nextcloud) async fn bytes(mut self, limit: u64) -> Result<Bytes, NextcloudError> {
        if self
            .response
            .content_length()
            .is_some_and(|length| length > limit)
        {
            return Err(NextcloudError::TooLarge { limit });
        }
        let mut body = BytesMut::new();
        while let Some(piece) = self.response.chunk().await.map_err(|error| cut_off(&error))? {
            if u64::try_from(body.len() + piece.len()).is_ok_and(|length| length > limit) {
                return Err(NextcloudError::TooLarge { limit });
            }
            body.extend_from_slice(&piece);
        }
        Ok(body.freeze())
    }

    /// The body as JSON.
    pub(in crate::nextcloud) async fn json<T: DeserializeOwned>(self) -> Result<T, NextcloudError> {
        self.json_within(JSON_LIMIT).await
    }

    /// The body as JSON, refused when it is larger than `limit` bytes.
    pub(in crate::nextcloud) async fn json_within<T: DeserializeOwned>(
        self,
        limit: u64,
    ) -> Result<T, NextcloudError> {
        let body = self.bytes(limit).await?;
        serde_json::from_slice(&body).map_err(|error| {
            NextcloudError::Malformed(match error.classify() {
                serde_json::error::Category::Eof => "the JSON ends too early".to_owned(),
                serde_json::error::Category::Syntax | serde_json::error::Category::Io => {
                    "not JSON".to_owned()
                }
                serde_json::error::Category::Data => "the JSON has another shape than expected".to_owned(),
            })
        })
    }

    /// The body as it arrives. The place at the gate is kept until the stream ends.
    pub(in crate::nextcloud) fn stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send {
        let Self { response, ticket } = self;
        response
            .bytes_stream()
            .map_err(|error| io::Error::other(cut_off(&error)))
            .inspect_ok(move |_piece| {
                let _held = &ticket;
            })
    }

    /// The body piece by piece, at most `limit` bytes; what is more, or cut off, is the last item. The place at the gate
    /// is kept until the stream is dropped.
    pub(in crate::nextcloud) fn pieces(
        self,
        limit: u64,
    ) -> BoxStream<'static, Result<Bytes, NextcloudError>> {
        let pieces = stream::try_unfold((self, 0_u64), move |(mut answer, before)| async move {
            let piece = answer.response.chunk().await.map_err(|error| cut_off(&error))?;
            let Some(piece) = piece else { return Ok(None) };
            let so_far = before.saturating_add(piece.len() as u64);
            if so_far > limit {
                return Err(NextcloudError::TooLarge { limit });
            }
            Ok(Some((piece, (answer, so_far))))
        });
        pieces.boxed()
    }

    /// Length of the body, when it was told.
    pub(in crate::nextcloud) fn length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// The start of an error's body: what can be had of it, for its message only.
    pub(super) async fn error_body(&mut self, limit: usize) -> Bytes {
        let mut body = BytesMut::new();
        while let Ok(Some(piece)) = self.response.chunk().await {
            let room = limit.saturating_sub(body.len());
            body.extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or_default());
            if body.len() >= limit {
                break;
            }
        }
        body.freeze()
    }
}

/// An `ETag` without quotes and without the mark that a compressing proxy adds.
pub(in crate::nextcloud) fn bare_etag(etag: &str) -> &str {
    etag.trim().trim_start_matches("W/").trim_matches('"')
}

/// The connection broke in the middle of a body, so nothing may be concluded from what arrived.
fn cut_off(error: &reqwest::Error) -> NextcloudError {
    if error.is_timeout() {
        NextcloudError::Unreachable(transport_text(error))
    } else {
        NextcloudError::Malformed("the answer was cut off".to_owned())
    }
}
