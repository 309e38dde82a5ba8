//! HdrHistogram's V2 compressed form of any bounds, read without building the histogram that its header asks for: that could be of
//! gigabytes.
//!
//! Format: HdrHistogram's `encodeIntoCompressedByteBuffer` with `V2CompressedEncodingCookieBase` 0x1c849304 around
//! `V2EncodingCookieBase` 0x1c849303: a 40-byte header, then zig-zag LEB128 counts with runs of zeros folded.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use shared::histogram::zig_zag;

const COMPRESSED_COOKIE: u32 = 0x1c84_9304 | 0x10;
const COOKIE: u32 = 0x1c84_9303 | 0x10;
const COMPRESSED_HEADER_BYTES: usize = 8;
const HEADER_BYTES: usize = 40;
/// Most bytes of one histogram once it is inflated: a histogram of five digits up to 2⁶³ has 6.3 million buckets, of which few hold
/// anything.
const INFLATED_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// The format's own bound.
const DIGITS_MAX: u32 = 5;

/// Calls `visit(value, count)` for each bucket that holds something, `value` being its midpoint. An error says what was expected.
pub(super) fn each_count(
    encoded: &str,
    mut visit: impl FnMut(f64, u64) -> Result<(), &'static str>,
) -> Result<(), &'static str> {
    let bytes = STANDARD.decode(encoded.trim()).map_err(|_| "a whole histogram in base64")?;
    let inflated = inflated(&bytes)?;
    let layout = Layout::read(&inflated)?;
    let mut rest = &inflated[HEADER_BYTES..];
    let mut index: u64 = 0;
    while !rest.is_empty() {
        let count = zig_zag::take(&mut rest).ok_or("a whole histogram")?;
        if count > 0 {
            let value = layout.midpoint(index).ok_or("counts that fit the histogram's bounds")?;
            visit(value, count.unsigned_abs())?;
        }
        let buckets = if count < 0 { count.unsigned_abs() } else { 1 };
        index = index.checked_add(buckets).ok_or("counts that fit the histogram's bounds")?;
    }
    Ok(())
}

fn inflated(bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
    if bytes.len() < COMPRESSED_HEADER_BYTES || word(bytes, 0) != COMPRESSED_COOKIE {
        return Err("a compressed histogram of HdrHistogram's version 2");
    }
    let mut inflated = Vec::new();
    let decoder = ZlibDecoder::new(&bytes[COMPRESSED_HEADER_BYTES..]);
    decoder
        .take(INFLATED_BYTES_MAX + 1)
        .read_to_end(&mut inflated)
        .map_err(|_| "a histogram that can be inflated")?;
    if inflated.len() as u64 > INFLATED_BYTES_MAX {
        return Err("a histogram of at most 16 MiB");
    }
    if inflated.len() < HEADER_BYTES || word(&inflated, 0) != COOKIE {
        return Err("a histogram of HdrHistogram's version 2");
    }
    if word(&inflated, 4) as usize != inflated.len() - HEADER_BYTES {
        return Err("a whole histogram");
    }
    Ok(inflated)
}

/// What a histogram's bounds say about its buckets.
struct Layout {
    /// log₂ of the width of the finest buckets.
    unit_bits: u32,
    /// log₂ of half the sub-buckets of a doubling.
    half_bits: u32,
    /// What a whole number of the histogram is in the values that were recorded.
    ratio: f64,
}

impl Layout {
    fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        let long = |at: usize| (u64::from(word(bytes, at)) << 32) | u64::from(word(bytes, at + 4));
        let (offset, digits, lowest, ratio) = (word(bytes, 8), word(bytes, 12), long(16), long(32));
        let ratio = f64::from_bits(ratio);
        if offset != 0 || digits > DIGITS_MAX || lowest == 0 || !(ratio.is_finite() && ratio > 0.0) {
            return Err("a histogram whose bounds make sense");
        }
        // Sub-buckets tell two units apart at the last digit: the power of two at or above 2·10^digits.
        let sub_bucket_bits = (2 * 10_u64.pow(digits)).next_power_of_two().ilog2();
        Ok(Self { unit_bits: lowest.ilog2(), half_bits: sub_bucket_bits.max(1) - 1, ratio })
    }

    /// The midpoint of a bucket; `None`: no histogram has that many.
    fn midpoint(&self, index: u64) -> Option<f64> {
        let half = 1_u64 << self.half_bits;
        let doubling = (index >> self.half_bits).saturating_sub(1);
        let sub_bucket = if index < 2 * half { index } else { (index & (half - 1)) + half };
        let shift = u32::try_from(doubling).ok()?.checked_add(self.unit_bits)?;
        if shift + sub_bucket.max(1).ilog2() >= 63 {
            return None;
        }
        let (lowest, width) = (sub_bucket << shift, 1_u64 << shift);
        Some((lowest + width / 2) as f64 * self.ratio)
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};
    use proptest::prelude::*;

    use super::*;

    fn encoded(histogram: &hdrhistogram::Histogram<u64>) -> String {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(histogram, &mut bytes).unwrap();
        STANDARD.encode(bytes)
    }

    proptest! {
        #[test]
        fn histograms_of_any_bounds_are_read_as_their_own_library_reads_them(
            values in prop::collection::vec(1_u64..1_000_000_000, 1..100), digits in 1_u8..=5, lowest in 1_u64..5_000,
        ) {
            let mut theirs = hdrhistogram::Histogram::<u64>::new_with_bounds(lowest, 2_000_000_000_000, digits).unwrap();
            values.iter().for_each(|value| theirs.record(*value).unwrap());
            let mut ours = Vec::new();
            each_count(&encoded(&theirs), |value, count| { ours.push((value, count)); Ok(()) }).unwrap();
            let expected: Vec<(f64, u64)> = theirs
                .iter_recorded()
                .map(|it| (theirs.median_equivalent(it.value_iterated_to()) as f64, it.count_at_value()))
                .collect();
            prop_assert_eq!(ours, expected);
        }

        #[test]
        fn garbage_is_refused_and_never_panics(at in any::<prop::sample::Index>(), byte in any::<u8>(), text in ".{0,80}") {
            let visit = |_, _| Ok(());
            let _refused = each_count(&text, visit);
            let mut histogram = hdrhistogram::Histogram::<u64>::new(3).unwrap();
            histogram.record(77).unwrap();
            let mut bytes = STANDARD.decode(encoded(&histogram)).unwrap();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _refused_or_read = each_count(&STANDARD.encode(bytes), visit);
        }
    }
}
