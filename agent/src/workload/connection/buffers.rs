//! What the workers of a load thread read into [`Intake`]s whose buffers are held only while something is in them.
//!
//! A worker that waits for an answer holds none, so however many workers wait, answers arrive in the few buffers that
//! were used last, which the processor's cache still has. A buffer of its own for each of 500 workers costs misses on every answer.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

use super::stream::Stream;

/// Size of a buffer, and so the longest head of an answer: twice what nginx lets an upstream send by default.
pub(in crate::workload) const INTAKE_BYTES_MAX: usize = 16 * 1024;

/// The buffers of a load thread. There are never more than answers that are being read at once.
#[derive(Debug, Clone, Default)]
pub(in crate::workload) struct Buffers {
    spare: Rc<RefCell<Vec<Box<[u8]>>>>,
}

impl Buffers {
    /// The buffer that came back last, or a new one; what it holds means nothing.
    #[inline]
    fn take(&self) -> Box<[u8]> {
        let spare = self.spare.borrow_mut().pop();
        spare.unwrap_or_else(|| vec![0; INTAKE_BYTES_MAX].into_boxed_slice())
    }

    /// Takes a buffer back; an empty one is none.
    #[inline]
    fn give(&self, buffer: Box<[u8]>) {
        if !buffer.is_empty() {
            self.spare.borrow_mut().push(buffer);
        }
    }
}

/// What a worker has read and not looked at yet; never more than [`INTAKE_BYTES_MAX`].
#[derive(Debug)]
pub(in crate::workload) struct Intake {
    /// Without length while nothing is held.
    buffer: Box<[u8]>,
    filled: usize,
    buffers: Buffers,
}

impl Intake {
    /// Holds nothing; its buffers come from there.
    pub(in crate::workload) fn new(buffers: Buffers) -> Self {
        Self { buffer: Box::default(), filled: 0, buffers }
    }

    /// What was read.
    #[inline]
    pub(in crate::workload) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    /// Whether there is no room for more.
    #[inline]
    pub(in crate::workload) fn is_full(&self) -> bool {
        self.filled > 0 && self.filled == self.buffer.len()
    }

    /// Leaves all behind.
    #[inline]
    pub(in crate::workload) fn clear(&mut self) {
        self.filled = 0;
    }

    /// Leaves the first bytes behind.
    pub(in crate::workload) fn skip(&mut self, count: usize) {
        self.buffer.copy_within(count..self.filled, 0);
        self.filled -= count;
    }

    /// Gives the buffer back: what is in it was looked at.
    #[inline]
    pub(in crate::workload) fn release(&mut self) {
        self.filled = 0;
        self.buffers.give(mem::take(&mut self.buffer));
    }

    /// Reads what is there, without waiting and, when nothing has happened, without asking the kernel.
    #[inline]
    pub(in crate::workload) fn try_read(&mut self, stream: &mut Stream) -> io::Result<usize> {
        self.hold();
        let read = stream.try_read(&mut self.buffer[self.filled..]);
        self.filled += read.as_ref().copied().unwrap_or_default();
        read
    }

    /// Reads behind what is there; 0: the end. While it waits, a buffer is held only if something is in it.
    #[inline]
    pub(in crate::workload) async fn read(&mut self, stream: &mut Stream) -> io::Result<usize> {
        poll_fn(|context| self.poll_read(stream, context)).await
    }

    #[inline]
    fn poll_read(&mut self, stream: &mut Stream, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.hold();
        let mut room = ReadBuf::new(&mut self.buffer[self.filled..]);
        match Pin::new(stream).poll_read(context, &mut room) {
            Poll::Ready(result) => {
                let read = room.filled().len();
                self.filled += read;
                Poll::Ready(result.map(|()| read))
            }
            Poll::Pending => {
                if self.filled == 0 {
                    self.release();
                }
                Poll::Pending
            }
        }
    }

    /// Takes a buffer of the thread's, unless it holds one.
    #[inline]
    fn hold(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = self.buffers.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_that_came_back_last_goes_out_first() {
        let buffers = Buffers::default();
        let (mut one, other) = (buffers.take(), buffers.take());
        one[0] = 7;
        buffers.give(other);
        buffers.give(one);
        assert_eq!(buffers.take()[0], 7);
        assert_eq!(buffers.spare.borrow().len(), 1);
    }

    #[test]
    fn what_holds_nothing_is_no_buffer() {
        let buffers = Buffers::default();
        buffers.give(Box::default());
        assert_eq!(buffers.take().len(), INTAKE_BYTES_MAX);
    }
}
