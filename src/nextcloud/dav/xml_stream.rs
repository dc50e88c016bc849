//! Bounds what one XML token may hold: a tag or text that never ends must not fill the memory.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

/// Bytes that one token may have.
pub(super) const TOKEN_LIMIT: usize = 256 * 1024;

/// A reader that fails when more than [`TOKEN_LIMIT`] bytes are taken without a call of [`TokenBudget::renew`].
#[derive(Debug)]
pub(super) struct TokenBudget<R> {
    inner: R,
    used: usize,
}

impl<R> TokenBudget<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, used: 0 }
    }

    /// A token is complete.
    pub(super) fn renew(&mut self) {
        self.used = 0;
    }
}

impl<R: AsyncBufRead + Unpin> AsyncBufRead for TokenBudget<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        if this.used > TOKEN_LIMIT {
            return Poll::Ready(Err(io::Error::other("a token of the XML is too long")));
        }
        Pin::new(&mut this.inner).poll_fill_buf(context)
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        let this = self.get_mut();
        this.used = this.used.saturating_add(amount);
        Pin::new(&mut this.inner).consume(amount);
    }
}

impl<R: AsyncBufRead + Unpin> AsyncRead for TokenBudget<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let read = match Pin::new(&mut *this).poll_fill_buf(context) {
            Poll::Ready(Ok(available)) => {
                let amount = available.len().min(buffer.remaining());
                buffer.put_slice(available.get(..amount).unwrap_or_default());
                amount
            }
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return Poll::Pending,
        };
        Pin::new(this).consume(read);
        Poll::Ready(Ok(()))
    }
}
