//! What must hold of any bytes that say they are a histogram; the fuzzer and a test of `shared` both ask it.

use fleetmark_shared::histogram::encoded::ENCODED_BYTES_MAX;
use fleetmark_shared::histogram::{EncodedHistogram, Histogram};

/// Panics unless the bytes are refused, or are a histogram that adds up in every way of reading it.
pub fn holds(bytes: &[u8]) {
    let Ok(encoded) = EncodedHistogram::parse(bytes) else { return };
    assert_eq!(encoded.as_bytes(), bytes, "bytes that are stored are the bytes that came");
    assert!(bytes.len() <= ENCODED_BYTES_MAX);
    let decoded = encoded.decode();
    assert_eq!(decoded.count(), encoded.count());
    let in_buckets: u64 = decoded.recorded().map(|bucket| bucket.count).sum();
    assert_eq!(in_buckets, encoded.count(), "every value lies in a bucket");
    // Another writer may fold zeros in another way, but what it meant survives being written anew.
    let anew = EncodedHistogram::encode(&decoded);
    assert_eq!(EncodedHistogram::parse(anew.as_bytes()).as_ref(), Ok(&anew));
    assert_eq!(anew.decode(), decoded);
    let mut sum: Histogram = Histogram::new();
    sum.record(1);
    sum.add_encoded(&encoded);
    let mut expected = decoded;
    expected.record(1);
    assert_eq!(sum, expected, "decoding into a sum is decoding and adding");
}
