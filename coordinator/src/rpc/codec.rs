//! What the bytes of an interval mean.

use proto::convert::{ConvertError, interval};
use shared::interval::Interval;

/// Decodes and checks an interval in full.
///
/// # Errors
/// Names the first field that breaks the wire's rules.
pub(crate) fn decode_interval(bytes: &[u8]) -> Result<Interval, ConvertError> {
    interval::decode(bytes)
}

/// Encodes an interval as an agent would.
pub(crate) fn encode_interval(it: &Interval) -> Vec<u8> {
    interval::encode(it)
}
