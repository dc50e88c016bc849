//! Who turns a stream of bytes into text.

use super::{ExtractedText, Format, HEADER_BYTES, SkipReason, extract, is_candidate};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use futures::stream::BoxStream;
use std::io;

/// A file as it arrives.
pub type ByteStream = BoxStream<'static, io::Result<Bytes>>;

/// What a file did to the process that read it. It would do so again: the file is given up until it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FileFault {
    /// Reading it took more memory than the child process may have.
    #[error("reading the file took more memory than is allowed")]
    OutOfMemory,
    /// Reading it took longer than the child process may run.
    #[error("reading the file took longer than is allowed")]
    TimedOut,
    /// The parser crashed.
    #[error("the parser crashed while it read the file")]
    Crashed,
}

/// Why no text came of a stream.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// The file has no text; that stays so until it changes.
    #[error(transparent)]
    Skipped(#[from] SkipReason),
    /// The file is harmful to its reader.
    #[error(transparent)]
    Fault(#[from] FileFault),
    /// This attempt failed, and nobody can tell whether for the file's sake: it counts.
    #[error("{0}")]
    Failed(String),
    /// The stream broke off, or what reading takes is away: the file is not to blame.
    #[error("{0}")]
    Later(String),
}

/// A file that can be read more than once.
#[async_trait]
pub trait Content: Send + Sync {
    /// The file from its beginning; with `first` only so many bytes are wanted, and no more need to come.
    async fn open(&self, first: Option<u64>) -> io::Result<ByteStream>;
}

/// Extracts text from files.
#[async_trait]
pub trait TextExtractor: Send + Sync {
    /// The text of a file; `mime` and `name` tell its format, as for [`extract`].
    ///
    /// # Errors
    /// [`ExtractError`] says whose fault it is, and with it whether to try again.
    async fn text(
        &self,
        content: &dyn Content,
        mime: Option<&str>,
        name: &str,
    ) -> Result<ExtractedText, ExtractError>;
}

/// Reads in this process: formats without a parser, and what tests made themselves.
#[derive(Debug, Clone, Copy, Default)]
pub struct InProcessExtractor;

#[async_trait]
impl TextExtractor for InProcessExtractor {
    async fn text(
        &self,
        content: &dyn Content,
        mime: Option<&str>,
        name: &str,
    ) -> Result<ExtractedText, ExtractError> {
        let is_image = is_candidate(mime, name, None, u64::MAX) == Ok(Format::Image);
        let bytes = read(content, is_image.then_some(HEADER_BYTES)).await?;
        let (mime, name) = (mime.map(str::to_owned), name.to_owned());
        tokio::task::spawn_blocking(move || extract(&bytes, mime.as_deref(), &name))
            .await
            .map_err(|_panicked| FileFault::Crashed)?
            .map_err(ExtractError::Skipped)
    }
}

/// All bytes, or the `first` ones.
async fn read(content: &dyn Content, first: Option<u64>) -> Result<BytesMut, ExtractError> {
    let later = |error: io::Error| ExtractError::Later(error.to_string());
    let wanted = first.map_or(usize::MAX, |first| usize::try_from(first).unwrap_or(usize::MAX));
    let mut stream = content.open(first).await.map_err(later)?;
    let mut bytes = BytesMut::new();
    while bytes.len() < wanted
        && let Some(piece) = stream.try_next().await.map_err(later)?
    {
        bytes.extend_from_slice(&piece);
    }
    bytes.truncate(wanted);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;
    use futures::stream;
    use std::sync::Mutex;

    /// Pieces of a file, and what was asked for.
    struct Pieces {
        pieces: Vec<Result<&'static [u8], &'static str>>,
        asked: Mutex<Vec<Option<u64>>>,
    }

    #[async_trait]
    impl Content for Pieces {
        async fn open(&self, first: Option<u64>) -> io::Result<ByteStream> {
            self.asked.lock().unwrap().push(first);
            let pieces: Vec<_> = self
                .pieces
                .iter()
                .map(|piece| piece.map(Bytes::from_static).map_err(io::Error::other))
                .collect();
            Ok(stream::iter(pieces).boxed())
        }
    }

    fn pieces(pieces: &[Result<&'static [u8], &'static str>]) -> Pieces {
        Pieces {
            pieces: pieces.to_vec(),
            asked: Mutex::default(),
        }
    }

    #[tokio::test]
    async fn a_file_in_pieces_is_read_whole() {
        let content = pieces(&[
            Ok("Fä".as_bytes().split_at(2).0),
            Ok(&"ä".as_bytes()[1..]),
            Ok(b"hre"),
        ]);
        let text = InProcessExtractor.text(&content, None, "a.txt").await.unwrap();
        assert_eq!(text.text, "Fähre");
        assert_eq!(*content.asked.lock().unwrap(), [None]);
    }

    #[tokio::test]
    async fn of_a_picture_only_the_beginning_is_asked_for() {
        let content = pieces(&[Ok(b"\x89PNG\r\n\x1a\n")]);
        InProcessExtractor.text(&content, None, "a.png").await.unwrap();
        assert_eq!(*content.asked.lock().unwrap(), [Some(HEADER_BYTES)]);
    }

    #[tokio::test]
    async fn a_stream_that_breaks_says_nothing_about_the_file() {
        let broken = pieces(&[Ok(b"a"), Err("the line went dead")]);
        let error = InProcessExtractor.text(&broken, None, "a.txt").await.unwrap_err();
        assert!(matches!(error, ExtractError::Later(why) if why.contains("line")));
        let empty = pieces(&[]);
        let error = InProcessExtractor.text(&empty, None, "a.txt").await.unwrap_err();
        assert!(matches!(error, ExtractError::Skipped(SkipReason::Empty)));
    }
}
