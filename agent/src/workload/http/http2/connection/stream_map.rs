//! Which open stream is whose.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::workload::http::http2::exchange::SharedExchange;
use crate::workload::http::http2::frame::StreamId;

/// The open streams.
#[derive(Debug, Default)]
pub(super) struct StreamMap(HashMap<StreamId, SharedExchange, BuildHasherDefault<StreamHasher>>);

/// Spreads the numbers of streams. They are our own, one after another, so that nobody can choose them to collide.
#[derive(Debug, Default)]
struct StreamHasher(u64);

impl StreamMap {
    /// Notes an open stream.
    #[inline]
    pub(super) fn insert(&mut self, stream: StreamId, exchange: SharedExchange) {
        self.0.insert(stream, exchange);
    }

    /// Forgets a stream, and says whose it was.
    #[inline]
    pub(super) fn remove(&mut self, stream: StreamId) -> Option<SharedExchange> {
        self.0.remove(&stream)
    }

    /// Forgets all.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = SharedExchange> {
        self.0.drain().map(|(_, exchange)| exchange)
    }

    /// Whose stream it is, if it is open.
    #[inline]
    pub(super) fn find(&self, stream: StreamId) -> Option<&SharedExchange> {
        self.0.get(&stream)
    }

    /// All open streams.
    pub(super) fn iter(&self) -> impl Iterator<Item = (StreamId, &SharedExchange)> {
        self.0.iter().map(|(stream, exchange)| (*stream, exchange))
    }

    /// How many are open.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is open.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Hasher for StreamHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        /// 2^64 divided by the golden ratio: Knuth's multiplier.
        const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
        self.0 = (self.0 ^ u64::from(number >> 1)).wrapping_mul(MULTIPLIER);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}
