//! A connection whose reads and writes end at a deadline. The kernel limits each call by itself, so that bytes which trickle would hold
//! an operation for as long as they come: each further call is given what time is left.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// How far the kernel's limit may be from the time that is left before it is set anew: whoever is fast never has it set, which would be
/// measured with each message.
const LIMIT_SLACK: Duration = Duration::from_millis(50);

/// A connection that blocks no longer than it may.
#[derive(Debug)]
pub(super) struct Stream {
    socket: TcpStream,
    /// How long the kernel lets one call wait; zero: it was not told.
    limit: Duration,
}

/// How long it is until a deadline.
///
/// # Errors
/// When it is over.
pub(super) fn until(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::Error::new(io::ErrorKind::TimedOut, "it took longer than an operation may"));
    }
    Ok(left)
}

impl Stream {
    /// Without delay of small segments.
    pub(super) fn new(socket: TcpStream) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        Ok(Self { socket, limit: Duration::ZERO })
    }

    /// Writes all of them by the deadline.
    pub(super) fn write_all(&mut self, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
        while !bytes.is_empty() {
            self.limit(deadline)?;
            let written = self.socket.write(bytes);
            bytes = &bytes[moved(written, io::ErrorKind::WriteZero)?..];
        }
        Ok(())
    }

    /// Fills all of it by the deadline.
    pub(super) fn read_exact(&mut self, mut room: &mut [u8], deadline: Instant) -> io::Result<()> {
        while !room.is_empty() {
            self.limit(deadline)?;
            let read = self.socket.read(room);
            room = &mut room[moved(read, io::ErrorKind::UnexpectedEof)?..];
        }
        Ok(())
    }

    /// Has the next call end by the deadline, or hardly later.
    fn limit(&mut self, deadline: Instant) -> io::Result<()> {
        let left = until(deadline)?;
        if self.limit.is_zero() || self.limit.abs_diff(left) > LIMIT_SLACK {
            self.socket.set_read_timeout(Some(left))?;
            self.socket.set_write_timeout(Some(left))?;
            self.limit = left;
        }
        Ok(())
    }

    /// The socket itself.
    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }
}

/// How many bytes a call moved. One that was only interrupted, or gave up a little early, moved none; the deadline ends those.
fn moved(call: io::Result<usize>, none: io::ErrorKind) -> io::Result<usize> {
    match call {
        Ok(0) => Err(none.into()),
        Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => Ok(0),
        moved => moved,
    }
}
