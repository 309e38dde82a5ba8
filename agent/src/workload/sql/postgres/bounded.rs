//! A connection whose messages are no longer than what may be held: the library holds each row until it is whole.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Largest row that is held: far more than anybody pages through, and little enough for each of many connections.
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Before each message: its type, and its length.
const HEADER_BYTES: usize = 5;
/// What of a message's length is the length itself.
const LENGTH_BYTES: usize = 4;

/// A connection to PostgreSQL that ends at a message too long to be held.
#[derive(Debug)]
pub(super) struct Bounded<S> {
    stream: S,
    reading: Reading,
}

/// Where in the server's messages it is.
#[derive(Debug, Default)]
struct Reading {
    header: [u8; HEADER_BYTES],
    /// How much of the header is there.
    known: usize,
    /// How much of the message is still to come.
    left: usize,
}

/// A message that is longer than what may be held.
#[derive(Debug, thiserror::Error)]
#[error(
    "the database sends {0} bytes at once, a row perhaps, and at most {MESSAGE_BYTES_MAX} are held: select less of it"
)]
pub(super) struct TooLong(usize);

impl<S> Bounded<S> {
    /// A connection from its first message on.
    pub(super) fn new(stream: S) -> Self {
        Self { stream, reading: Reading::default() }
    }
}

impl Reading {
    /// Takes in what was read.
    fn pass(&mut self, mut bytes: &[u8]) -> Result<(), TooLong> {
        loop {
            let (of_message, rest) = bytes.split_at(self.left.min(bytes.len()));
            self.left -= of_message.len();
            if rest.is_empty() {
                return Ok(());
            }
            let (of_header, rest) = rest.split_at((HEADER_BYTES - self.known).min(rest.len()));
            self.header[self.known..self.known + of_header.len()].copy_from_slice(of_header);
            self.known += of_header.len();
            bytes = rest;
            if self.known == HEADER_BYTES {
                let [_, a, b, c, d] = self.header;
                let length = u32::from_be_bytes([a, b, c, d]) as usize;
                if length > MESSAGE_BYTES_MAX {
                    return Err(TooLong(length));
                }
                (self.known, self.left) = (0, length.saturating_sub(LENGTH_BYTES));
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        match polled {
            Poll::Ready(Ok(())) => {
                Poll::Ready(self.reading.pass(&buffer.filled()[before..]).map_err(io::Error::other))
            }
            other => other,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: u32, body: usize) -> Vec<u8> {
        [b"D", &length.to_be_bytes()[..], &vec![0; body]].concat()
    }

    #[test]
    fn messages_pass_however_they_are_cut_until_one_is_too_long() {
        let bytes = [message(4, 0), message(104, 100), message(6, 2)].concat();
        for cut in 1..bytes.len() {
            let mut reading = Reading::default();
            bytes.chunks(cut).for_each(|part| reading.pass(part).unwrap());
            assert_eq!((reading.known, reading.left), (0, 0));
            let too_long = message(1 << 30, 0);
            let error = too_long.chunks(cut).find_map(|part| reading.pass(part).err()).unwrap();
            assert!(error.to_string().contains("1073741824 bytes at once"), "{error}");
        }
    }
}
