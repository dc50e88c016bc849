//! The text of a document: which of it is fetched, and who reads it.

use super::index_document::Job;
use super::sources::{Source, WantedItem};
use super::{Remote, SyncEngine, SyncError, claim, contents};
use crate::documents::{
    self, ByteStream, Content, ExtractError, ExtractedText, FileFault, Format, SkipReason, extract,
};
use crate::nextcloud::NextcloudError;
use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// The family whose documents have formats; others give text.
const FILES: &str = "file";

/// What came of it.
#[derive(Debug)]
pub(super) enum Reading {
    /// Text.
    Text(ExtractedText),
    /// There is none in this version.
    Skipped(SkipReason),
    /// This version harms whoever reads it.
    Faulty(FileFault),
    /// Nextcloud did not hand it out.
    Refused(NextcloudError),
    /// This attempt failed; after too many the document is given up.
    Failed(String),
    /// Something that reading takes is away; the document is not to blame.
    Later(String),
}

/// Reads a document: what needs no parser in this process, everything else through the engine's extractor, which gets
/// the content as a stream.
pub(super) async fn read(engine: &SyncEngine, source: &dyn Source, job: &Job) -> Result<Reading, SyncError> {
    let name = job.document.path.rsplit('/').next().unwrap_or_default();
    if let Some(content) = &job.content {
        return Ok(decode(content.bytes.clone(), content.mime_type.clone(), name).await);
    }
    let item = contents::wanted(&job.document);
    if source.family() != FILES {
        // Its name is a title, which says nothing about a format.
        return Ok(match source.fetch(&*job.remote, &item).await {
            Ok(content) => decode(content.bytes, content.mime_type, "").await,
            Err(error) => Reading::Refused(error),
        });
    }
    let mime = job.document.mime_type.as_deref();
    let format = documents::is_candidate(mime, name, None, u64::MAX);
    if !format.is_ok_and(|format| format.needs_parser() || format == Format::Image) {
        return Ok(match source.fetch(&*job.remote, &item).await {
            Ok(content) => decode(content.bytes, mime.map(str::to_owned).or(content.mime_type), name).await,
            Err(error) => Reading::Refused(error),
        });
    }
    // Its turn may have come late, and reading it may take a while.
    claim::renew(&engine.pool, &job.document, engine.clock.now()).await?;
    let content = RemoteContent {
        source,
        remote: &*job.remote,
        item,
        failure: Arc::default(),
    };
    let extracted = engine.extractor.text(&content, mime, name).await;
    Ok(match (extracted, content.into_failure()) {
        (Ok(text), _) => Reading::Text(text),
        (Err(ExtractError::Later(_) | ExtractError::Failed(_)), Some(error)) => Reading::Refused(error),
        (Err(ExtractError::Failed(reason)), None) => Reading::Failed(reason),
        (Err(ExtractError::Later(reason)), None) => Reading::Later(reason),
        (Err(ExtractError::Skipped(reason)), _) => Reading::Skipped(reason),
        (Err(ExtractError::Fault(fault)), _) => Reading::Faulty(fault),
    })
}

/// Text that no parser is needed for.
async fn decode(bytes: Bytes, mime: Option<String>, name: &str) -> Reading {
    let name = name.to_owned();
    let extracted = tokio::task::spawn_blocking(move || extract(&bytes, mime.as_deref(), &name)).await;
    match extracted {
        Ok(Ok(text)) => Reading::Text(text),
        Ok(Err(reason)) => Reading::Skipped(reason),
        Err(_panicked) => Reading::Faulty(FileFault::Crashed),
    }
}

/// A document at its source. Remembers how Nextcloud failed, which decides what becomes of the user and the host.
struct RemoteContent<'a> {
    source: &'a dyn Source,
    remote: &'a dyn Remote,
    item: WantedItem,
    failure: Arc<Mutex<Option<NextcloudError>>>,
}

impl RemoteContent<'_> {
    fn into_failure(self) -> Option<NextcloudError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[async_trait]
impl Content for RemoteContent<'_> {
    async fn open(&self, first: Option<u64>) -> io::Result<ByteStream> {
        let failure = Arc::clone(&self.failure);
        let note = move |error: NextcloudError| {
            let text = error.to_string();
            *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            io::Error::other(text)
        };
        match self.source.open(self.remote, &self.item, first).await {
            Ok(opened) => Ok(opened.content.map_err(note).boxed()),
            Err(error) => Err(note(error)),
        }
    }
}
