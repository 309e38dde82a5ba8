//! HdrHistogram's V2 form, uncompressed: a 40-byte header, then zig-zag LEB128 counts with runs of zeros folded.
//!
//! Format: HdrHistogram's `encodeIntoByteBuffer` with `V2EncodingCookieBase` 0x1c849303. A stranger's bytes
//! are checked in full before anything is allocated for them: the header alone could ask for gigabytes.

use super::zig_zag;
use super::{
    BUCKETS, Bucket, Counter, HIGHEST_TRACKABLE, Histogram, LOWEST_DISCERNIBLE, SIGNIFICANT_DIGITS,
    highest_in, lowest_in,
};

const COOKIE: u32 = 0x1c84_9303 | 0x10;
const HEADER_BYTES: usize = 40;
/// No well-formed histogram of our bounds is longer: every bucket with the longest possible count.
pub const ENCODED_BYTES_MAX: usize = HEADER_BYTES + BUCKETS * zig_zag::BYTES_MAX;

/// Why bytes are not one of our histograms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Shorter than a header, longer than any histogram, or cut within a count.
    #[error("the histogram's {0} bytes are not a whole histogram")]
    Length(usize),
    /// The first four bytes name another format.
    #[error("the histogram's cookie is {0:#010x} instead of 0x1c849313 (HdrHistogram V2, uncompressed)")]
    Cookie(u32),
    /// Bounds, digits or scale are not fleetmark's.
    #[error("the histogram's bounds are not 1 to 3600000000000 with 3 digits")]
    Bounds,
    /// The counts run past the last bucket, a run of zeros is empty, or the sum exceeds 64 bits.
    #[error("the histogram's counts do not fit its bounds")]
    Counts,
}

/// A histogram in its V2 form that is known to decode: what intervals carry and the store keeps.
#[derive(Clone, PartialEq, Eq)]
pub struct EncodedHistogram {
    bytes: Vec<u8>,
    count: u64,
}

impl EncodedHistogram {
    /// Encodes a histogram.
    pub fn encode<C: Counter>(histogram: &Histogram<C>) -> Self {
        let mut bytes = vec![0; HEADER_BYTES];
        let used =
            histogram.counts().iter().rposition(|count| (*count).into() > 0).map_or(0, |last| last + 1);
        let mut zeros: i64 = 0;
        for count in &histogram.counts()[..used] {
            let count: u64 = (*count).into();
            if count == 0 {
                zeros += 1;
                continue;
            }
            if zeros > 0 {
                zig_zag::push(&mut bytes, -zeros);
                zeros = 0;
            }
            zig_zag::push(&mut bytes, i64::try_from(count).unwrap_or(i64::MAX));
        }
        let payload_bytes = (bytes.len() - HEADER_BYTES) as u32;
        bytes[0..4].copy_from_slice(&COOKIE.to_be_bytes());
        bytes[4..8].copy_from_slice(&payload_bytes.to_be_bytes());
        // Bytes 8..12 are the normalising offset, which is 0.
        bytes[12..16].copy_from_slice(&SIGNIFICANT_DIGITS.to_be_bytes());
        bytes[16..24].copy_from_slice(&LOWEST_DISCERNIBLE.to_be_bytes());
        bytes[24..32].copy_from_slice(&HIGHEST_TRACKABLE.to_be_bytes());
        bytes[32..40].copy_from_slice(&1.0_f64.to_be_bytes());
        Self { bytes, count: histogram.count() }
    }

    /// Checks a stranger's bytes in full and keeps them as they are.
    ///
    /// # Errors
    /// [`DecodeError`] names the first thing that is wrong.
    pub fn parse(bytes: impl Into<Vec<u8>>) -> Result<Self, DecodeError> {
        let bytes = bytes.into();
        let payload = check_header(&bytes)?;
        let mut count: u64 = 0;
        walk(payload, |_, more| {
            count = count.checked_add(more).ok_or(DecodeError::Counts)?;
            Ok(())
        })?;
        Ok(Self { bytes, count })
    }

    /// The bytes of the V2 form.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many values it holds.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The sum of its values, each taken as the midpoint of its bucket, without decoding into a histogram.
    pub fn sum(&self) -> u128 {
        let mut sum: u128 = 0;
        walk(&self.bytes[HEADER_BYTES..], |index, count| {
            let bucket = Bucket { lowest: lowest_in(index), highest: highest_in(index), count };
            sum = sum.saturating_add(bucket.midpoint() as u128 * u128::from(count));
            Ok(())
        })
        .expect("an EncodedHistogram was checked when it was made");
        sum
    }

    /// Decodes into a histogram of its own.
    pub fn decode(&self) -> Histogram {
        let mut histogram = Histogram::new();
        histogram.add_encoded(self);
        histogram
    }
}

impl std::fmt::Debug for EncodedHistogram {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("EncodedHistogram")
            .field("count", &self.count)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}

impl<C: Counter> Histogram<C> {
    /// Adds an encoded histogram without an intermediate one.
    pub fn add_encoded(&mut self, encoded: &EncodedHistogram) {
        walk(&encoded.bytes[HEADER_BYTES..], |bucket, count| {
            self.add_to_bucket(bucket, count);
            Ok(())
        })
        .expect("an EncodedHistogram was checked when it was made");
    }
}

fn check_header(bytes: &[u8]) -> Result<&[u8], DecodeError> {
    if bytes.len() < HEADER_BYTES || bytes.len() > ENCODED_BYTES_MAX {
        return Err(DecodeError::Length(bytes.len()));
    }
    let (header, payload) = bytes.split_at(HEADER_BYTES);
    let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let long = |at: usize| (u64::from(word(at)) << 32) | u64::from(word(at + 4));
    if word(0) != COOKIE {
        return Err(DecodeError::Cookie(word(0)));
    }
    if word(4) as usize != payload.len() {
        return Err(DecodeError::Length(bytes.len()));
    }
    let has_our_bounds = word(8) == 0
        && word(12) == SIGNIFICANT_DIGITS
        && long(16) == LOWEST_DISCERNIBLE
        && long(24) == HIGHEST_TRACKABLE
        && long(32) == 1.0_f64.to_bits();
    if !has_our_bounds {
        return Err(DecodeError::Bounds);
    }
    Ok(payload)
}

/// Calls `visit(bucket, count)` for each bucket that holds something.
fn walk(
    payload: &[u8],
    mut visit: impl FnMut(usize, u64) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut rest = payload;
    let mut bucket: usize = 0;
    while !rest.is_empty() {
        let value = zig_zag::take(&mut rest).ok_or(DecodeError::Length(HEADER_BYTES + payload.len()))?;
        if value < 0 {
            let zeros = usize::try_from(value.unsigned_abs()).map_err(|_| DecodeError::Counts)?;
            bucket = bucket.checked_add(zeros).filter(|next| *next <= BUCKETS).ok_or(DecodeError::Counts)?;
        } else {
            if bucket >= BUCKETS {
                return Err(DecodeError::Counts);
            }
            if value > 0 {
                visit(bucket, value.unsigned_abs())?;
            }
            bucket += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[u64]) -> Histogram {
        let mut histogram = Histogram::new();
        values.iter().for_each(|value| histogram.record(*value));
        histogram
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_the_same(values in prop::collection::vec(0..=HIGHEST_TRACKABLE, 0..300)) {
            let histogram = of(&values);
            let encoded = EncodedHistogram::encode(&histogram);
            prop_assert_eq!(encoded.count(), histogram.count());
            prop_assert_eq!(&encoded.decode(), &histogram);
            let mean = histogram.mean().unwrap_or_default() * histogram.count() as f64;
            prop_assert!((encoded.sum() as f64 - mean).abs() <= 1e-9 * mean);
            prop_assert_eq!(EncodedHistogram::parse(encoded.as_bytes()), Ok(encoded));
        }

        #[test]
        fn the_hdrhistogram_crate_reads_ours_and_we_read_its(values in prop::collection::vec(1..=HIGHEST_TRACKABLE, 1..300)) {
            let ours = of(&values);
            let encoded = EncodedHistogram::encode(&ours);
            let theirs: hdrhistogram::Histogram<u64> = Deserializer::new().deserialize(&mut encoded.as_bytes()).unwrap();
            prop_assert_eq!(theirs.len(), ours.count());
            let mut bytes = Vec::new();
            V2Serializer::new().serialize(&theirs, &mut bytes).unwrap();
            prop_assert_eq!(EncodedHistogram::parse(bytes).unwrap().decode(), ours);
        }

        #[test]
        fn garbage_is_refused_and_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), values in prop::collection::vec(0..1_000_000_u64, 0..50), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            prop_assert!(EncodedHistogram::parse(bytes).is_err());
            let mut damaged = EncodedHistogram::encode(&of(&values)).as_bytes().to_vec();
            let at = at.index(damaged.len());
            damaged[at] = byte;
            if let Ok(read) = EncodedHistogram::parse(damaged) {
                prop_assert_eq!(read.decode().count(), read.count());
            }
        }
    }

    #[test]
    fn a_run_of_zeros_past_the_end_is_refused() {
        let mut bytes = EncodedHistogram::encode(&of(&[])).as_bytes().to_vec();
        zig_zag::push(&mut bytes, i64::MIN + 1);
        let payload_bytes = (bytes.len() - HEADER_BYTES) as u32;
        bytes[4..8].copy_from_slice(&payload_bytes.to_be_bytes());
        assert_eq!(EncodedHistogram::parse(bytes), Err(DecodeError::Counts));
    }
}
