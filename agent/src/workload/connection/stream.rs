//! A connection's bytes, over TCP, a Unix socket or TLS: which of them is looked at once per call.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

/// An open connection.
#[derive(Debug)]
pub(in crate::workload) enum Stream {
    /// Plain text over TCP.
    Tcp(TcpStream),
    /// Plain text over a Unix socket.
    Unix(UnixStream),
    /// TLS over TCP; boxed, as its buffers are large and most connections have none.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Reads what is there, without waiting and, when nothing has happened, without asking the kernel. Over TLS
    /// this also takes in messages that are not for us, like tickets.
    pub(in crate::workload) fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.try_read(buffer),
            Stream::Unix(stream) => stream.try_read(buffer),
            Stream::Tls(stream) => {
                let (mut context, mut buffer) = (Context::from_waker(Waker::noop()), ReadBuf::new(buffer));
                match Pin::new(&mut **stream).poll_read(&mut context, &mut buffer) {
                    Poll::Ready(read) => read.map(|()| buffer.filled().len()),
                    Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
                }
            }
        }
    }

    /// Writes all of it, at once as far as the socket takes it. `sent` grows with each part, so that it is true
    /// even when the operation is given up on the way.
    #[inline]
    pub(in crate::workload) async fn send(&mut self, bytes: &[u8], sent: &mut u64) -> io::Result<()> {
        let rest = self.send_at_once(bytes, sent)?;
        if rest.is_empty() { Ok(()) } else { self.send_waiting(rest, sent).await }
    }

    /// Writes what the socket takes without waiting; gives what is left, which is all of it over TLS.
    #[inline]
    pub(in crate::workload) fn send_at_once<'a>(
        &self,
        bytes: &'a [u8],
        sent: &mut u64,
    ) -> io::Result<&'a [u8]> {
        let tried = match self {
            Stream::Tcp(stream) => stream.try_write(bytes),
            Stream::Unix(stream) => stream.try_write(bytes),
            Stream::Tls(_) => Ok(0),
        };
        match tried {
            Ok(wrote) => {
                *sent += wrote as u64;
                Ok(&bytes[wrote..])
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(bytes),
            Err(error) => Err(error),
        }
    }

    /// Writes all of it, waiting for room.
    pub(in crate::workload) async fn send_waiting(
        &mut self,
        mut rest: &[u8],
        sent: &mut u64,
    ) -> io::Result<()> {
        while !rest.is_empty() {
            let wrote = self.write(rest).await?;
            if wrote == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            *sent += wrote as u64;
            rest = &rest[wrote..];
        }
        self.flush().await
    }
}

/// Passes a call on to whatever the stream is.
macro_rules! each {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream.get_mut() {
            Stream::Tcp($inner) => {
                let $inner = Pin::new($inner);
                $call
            }
            Stream::Unix($inner) => {
                let $inner = Pin::new($inner);
                $call
            }
            Stream::Tls($inner) => {
                let $inner = Pin::new(&mut **$inner);
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(self, stream => stream.poll_read(context, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        each!(self, stream => stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self, stream => stream.poll_write_vectored(context, pieces))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Stream::Tcp(stream) => stream.is_write_vectored(),
            Stream::Unix(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => stream.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => stream.poll_shutdown(context))
    }
}
