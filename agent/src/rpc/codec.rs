//! Intervals as bytes.

use shared::interval::Interval;

/// The most bytes that a coordinator takes for one.
pub(crate) const INTERVAL_BYTES_MAX: usize = proto::convert::interval::INTERVAL_BYTES_MAX;

/// Encodes an interval, once: what travels, and what is stored.
pub(crate) fn encode_interval(interval: &Interval) -> Vec<u8> {
    proto::convert::interval::encode(interval)
}
