//! Intervals as bytes.

use shared::interval::Interval;

/// Encodes an interval, once: what travels, and what is stored.
pub(crate) fn encode_interval(interval: &Interval) -> Vec<u8> {
    proto::convert::interval::encode(interval)
}
