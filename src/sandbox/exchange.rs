//! Feeding a child and listening to it, within limits on time and length.

use super::frame::MAX_LINE;
use super::{Limits, SandboxError};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use std::fmt::Display;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin};
use tokio::time::timeout;

/// Longest that a document may take to arrive. The source has limits of its own; this one frees the place in any case.
const INPUT_PATIENCE: Duration = Duration::from_mins(10);
/// How long a child may live on after it closed its output.
const END_PATIENCE: Duration = Duration::from_secs(5);
/// How much of standard error is looked at.
const COMPLAINT_BYTES: usize = 4 * 1024;
/// Read at once.
const PIECE_BYTES: usize = 64 * 1024;

/// What a child wrote before it closed its output.
pub(super) struct Said {
    /// Standard output.
    pub(super) output: Bytes,
    /// The beginning of standard error.
    pub(super) complaint: Bytes,
}

/// Sends the request and the document, and takes what comes back.
pub(super) async fn exchange<S, E>(
    child: &mut Child,
    request: Bytes,
    input: S,
    limits: &Limits,
) -> Result<Said, SandboxError>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: Display,
{
    let missing = || io::Error::other("the child has no standard streams");
    let stdin = child.stdin.take().ok_or_else(missing)?;
    let stdout = child.stdout.take().ok_or_else(missing)?;
    let stderr = child.stderr.take().ok_or_else(missing)?;
    let listening =
        async { tokio::try_join!(read_output(stdout, limits.output_bytes), read_complaint(stderr)) };
    let feeding = timeout(INPUT_PATIENCE, feed(stdin, request, input));
    tokio::pin!(listening, feeding);
    let (output, complaint) = tokio::select! {
        fed = &mut feeding => {
            fed.unwrap_or_else(|_elapsed| Err(SandboxError::Input("it did not arrive in time".to_owned())))?;
            let heard = timeout(limits.time, &mut listening).await;
            heard.map_err(|_elapsed| SandboxError::Timeout)??
        }
        // It died, or had enough: how it ended says which.
        heard = &mut listening => heard?,
    };
    Ok(Said { output, complaint })
}

/// Waits for the child's end; `None` when it did not come and had to be brought about.
pub(super) async fn end(child: &mut Child) -> Option<io::Result<ExitStatus>> {
    if let Ok(status) = timeout(END_PATIENCE, child.wait()).await {
        return Some(status);
    }
    match child.kill().await {
        Ok(()) => None,
        Err(error) => Some(Err(error)),
    }
}

/// An error of the stream leaves the document cut: the caller ends the child and looks at no answer.
async fn feed<S, E>(mut stdin: ChildStdin, request: Bytes, mut input: S) -> Result<(), SandboxError>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: Display,
{
    let mut next = Some(request);
    while let Some(piece) = next {
        // A child that no longer reads has its reason, which its end tells.
        if stdin.write_all(&piece).await.is_err() {
            return Ok(());
        }
        next = input
            .next()
            .await
            .transpose()
            .map_err(|error| SandboxError::Input(error.to_string()))?;
    }
    Ok(())
}

async fn read_output(mut output: impl AsyncRead + Unpin, limit: u64) -> Result<Bytes, SandboxError> {
    let mut taken = BytesMut::new();
    loop {
        taken.reserve(PIECE_BYTES);
        if output.read_buf(&mut taken).await? == 0 {
            return Ok(taken.freeze());
        }
        if taken.len() as u64 > limit.saturating_add(MAX_LINE) {
            return Err(SandboxError::OutputTooLarge { limit });
        }
    }
}

/// Reads to the end, so that the child is never stopped by a full pipe, and keeps the beginning.
async fn read_complaint(mut complaint: impl AsyncRead + Unpin) -> Result<Bytes, SandboxError> {
    let (mut kept, mut piece) = (BytesMut::new(), vec![0; COMPLAINT_BYTES]);
    loop {
        let length = complaint.read(&mut piece).await?;
        if length == 0 {
            return Ok(kept.freeze());
        }
        let room = COMPLAINT_BYTES - kept.len();
        kept.extend_from_slice(&piece[..length.min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_endless_output_is_cut_and_endless_complaints_are_read_away() {
        let endless = tokio::io::repeat(b'x');
        assert!(matches!(
            read_output(endless, 1_000).await,
            Err(SandboxError::OutputTooLarge { limit: 1_000 })
        ));
        let long = tokio::io::repeat(b'y').take(1_000_000);
        assert_eq!(read_complaint(long).await.unwrap().len(), COMPLAINT_BYTES);
    }
}
