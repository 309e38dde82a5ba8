//! A connection whose other end has said something.
//!
//! Under TLS 1.3 a client is through with the handshake before the server has looked at its certificate. One that is refused would
//! learn so at its first call, or see a connection that closes and be none the wiser. A server of HTTP/2 speaks first
//! (RFC 9113, 3.4), so that waiting for its first bytes tells.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// Bytes that are read ahead at most.
const AHEAD_BYTES: usize = 64;

/// A connection, and what was heard on it and not read yet.
pub(super) struct Heard<S> {
    stream: S,
    first: Vec<u8>,
}

impl<S: AsyncRead + Unpin> Heard<S> {
    /// Waits until the other end says something.
    ///
    /// # Errors
    /// When it says that it does not want us, or leaves.
    pub(super) async fn from(mut stream: S) -> io::Result<Self> {
        let mut first = vec![0; AHEAD_BYTES];
        let read = stream.read(&mut first).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        first.truncate(read);
        Ok(Self { stream, first })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Heard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let taken = self.first.len().min(buffer.remaining());
        buffer.put_slice(&self.first[..taken]);
        self.first.drain(..taken);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Heard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
