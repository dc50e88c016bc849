//! GET and PUT of file contents.

use super::path::FilesRoot;
use super::property::http_date;
use super::{Download, OpenFile, Precondition, PutOutcome};
use crate::nextcloud::http::{Answer, Call, bare_etag};
use crate::nextcloud::{NextcloudError, UserSession};
use bytes::Bytes;
use reqwest::{Method, StatusCode};

impl UserSession {
    /// GET of a file, at most `limit` bytes; more → [`NextcloudError::TooLarge`].
    ///
    /// List the path before: Nextcloud answers the GET of a folder with 200 and a page for people (facts §7). That
    /// page has no `ETag`, as every file has, and becomes [`NextcloudError::Rejected`] with status 405.
    pub async fn download(&self, path: &str, limit: u64) -> Result<Download, NextcloudError> {
        let root = FilesRoot::of(self.user())?;
        let answer = self.send(Call::get(root.url_path(path)?)).await?;
        refuse_folder(&answer)?;
        read_download(answer, limit).await
    }

    /// GET of a file whose content is not held here as a whole; at most `limit` bytes, as in [`Self::download`].
    pub async fn open_file(&self, path: &str, limit: u64) -> Result<OpenFile, NextcloudError> {
        let root = FilesRoot::of(self.user())?;
        let answer = self.send(Call::get(root.url_path(path)?).streamed()).await?;
        refuse_folder(&answer)?;
        let answer = answer.only(&[StatusCode::OK])?;
        if answer.length().is_some_and(|length| length > limit) {
            return Err(NextcloudError::TooLarge { limit });
        }
        Ok(OpenFile {
            content_type: answer.header("content-type").map(str::to_owned),
            etag: answer.etag(),
            last_modified: answer.header("last-modified").and_then(http_date),
            length: answer.length(),
            content: answer.pieces(limit),
        })
    }

    /// GET of the beginning of a file, up to about `first` bytes (RFC 9110 §14.2). A server that takes no ranges sends
    /// everything: stop reading when there is enough.
    pub async fn open_beginning(&self, path: &str, first: u64) -> Result<OpenFile, NextcloudError> {
        let root = FilesRoot::of(self.user())?;
        let range = format!("bytes=0-{}", first.saturating_sub(1));
        let call = Call::get(root.url_path(path)?)
            .header("range", &range)?
            .streamed();
        let answer = self.send(call).await?;
        refuse_folder(&answer)?;
        let answer = answer.only(&[StatusCode::OK, StatusCode::PARTIAL_CONTENT])?;
        Ok(OpenFile {
            content_type: answer.header("content-type").map(str::to_owned),
            etag: answer.etag(),
            last_modified: answer.header("last-modified").and_then(http_date),
            length: None,
            content: answer.pieces(u64::MAX),
        })
    }

    /// PUT. A missing parent folder is [`NextcloudError::NotFound`], a folder at the path
    /// [`NextcloudError::Conflict`] (facts §7).
    pub async fn upload(
        &self,
        path: &str,
        content: Bytes,
        content_type: Option<&str>,
        precondition: &Precondition,
    ) -> Result<PutOutcome, NextcloudError> {
        let root = FilesRoot::of(self.user())?;
        let mut call = Call::new(Method::PUT, root.url_path(path)?).body(content);
        if let Some(content_type) = content_type {
            call = call.header("content-type", content_type)?;
        }
        call = match precondition {
            Precondition::Any => call,
            Precondition::Matches(etag) => call.header("if-match", &format!("\"{}\"", bare_etag(etag)))?,
            Precondition::Absent => call.header("if-none-match", "*")?,
        };
        let answer = self
            .send(call)
            .await?
            .only(&[StatusCode::CREATED, StatusCode::NO_CONTENT])?;
        Ok(PutOutcome {
            created: answer.status() == StatusCode::CREATED,
            etag: answer.etag(),
        })
    }
}

/// The GET of a folder answers a page for people, which has no `ETag`.
fn refuse_folder(answer: &Answer) -> Result<(), NextcloudError> {
    let is_page = answer
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("text/html"));
    if is_page && answer.etag().is_none() {
        return Err(NextcloudError::Rejected {
            status: 405,
            message: "a folder has no content of its own".to_owned(),
        });
    }
    Ok(())
}

/// Reads a body of at most `limit` bytes with what its headers say.
pub(in crate::nextcloud) async fn read_download(
    answer: Answer,
    limit: u64,
) -> Result<Download, NextcloudError> {
    // No range was asked for, so anything but 200 is not the whole content.
    let answer = answer.only(&[StatusCode::OK])?;
    let content_type = answer.header("content-type").map(str::to_owned);
    let last_modified = answer.header("last-modified").and_then(http_date);
    let etag = answer.etag();
    Ok(Download {
        bytes: answer.bytes(limit).await?,
        content_type,
        etag,
        last_modified,
    })
}
