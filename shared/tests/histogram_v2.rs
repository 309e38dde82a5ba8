//! The decoder of the wire's histograms against arbitrary and damaged bytes: the property that `fuzz/` looks at, in CI.

#[path = "../../fuzz/properties/histogram_v2.rs"]
mod histogram_v2;

use fleetmark_shared::histogram::{EncodedHistogram, HIGHEST_TRACKABLE, Histogram};
use proptest::prelude::*;

/// Bytes before the counts; those from the fifth to the eighth tell how many there are after them.
const HEADER_BYTES: usize = 40;

/// One way of damaging bytes.
#[derive(Debug, Clone)]
enum Damage {
    Set(prop::sample::Index, u8),
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
    Cut(prop::sample::Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = any::<prop::sample::Index>;
    // Bytes that mean much here: zero, the longest count, the least and the most of a byte.
    let byte = || prop_oneof![any::<u8>(), Just(0), Just(1), Just(0x7f), Just(0x80), Just(0xff)];
    prop_oneof![
        (place(), byte()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        (place(), 0..8_u32).prop_map(|(at, bit)| Damage::Flip(at, 1 << bit)),
        (place(), prop::collection::vec(byte(), 1..12)).prop_map(|(at, more)| Damage::Insert(at, more)),
        (place(), 1..12_usize).prop_map(|(at, count)| Damage::Remove(at, count)),
        place().prop_map(Damage::Cut),
    ]
}

fn damaged(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        let at = |index: &prop::sample::Index| index.index(bytes.len().max(1)).min(bytes.len());
        match damage {
            Damage::Set(index, byte) => {
                let at = at(index);
                bytes.splice(at..(at + 1).min(bytes.len()), [*byte]);
            }
            Damage::Flip(index, bit) => {
                let at = at(index);
                bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= bit);
            }
            Damage::Insert(index, more) => {
                let at = at(index);
                bytes.splice(at..at, more.iter().copied());
            }
            Damage::Remove(index, count) => {
                let at = at(index);
                bytes.drain(at..(at + count).min(bytes.len()));
            }
            Damage::Cut(index) => bytes.truncate(at(index)),
        }
    }
    bytes
}

/// Makes the header tell the right number of bytes, so that what is damaged is read beyond it.
fn with_length_told(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(payload_bytes) = bytes.len().checked_sub(HEADER_BYTES) {
        bytes[4..8].copy_from_slice(&(payload_bytes as u32).to_be_bytes());
    }
    bytes
}

fn encoded(values: &[(u64, u64)]) -> Vec<u8> {
    let mut histogram: Histogram = Histogram::new();
    values.iter().for_each(|(value, times)| histogram.record_many(*value, *times));
    EncodedHistogram::encode(&histogram).as_bytes().to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn arbitrary_bytes_are_refused_or_add_up(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        histogram_v2::holds(&bytes);
        let mut after_a_header = encoded(&[]);
        after_a_header.extend(&bytes);
        histogram_v2::holds(&with_length_told(after_a_header));
    }

    #[test]
    fn damaged_histograms_are_refused_or_add_up(
        values in prop::collection::vec((0..=HIGHEST_TRACKABLE, 1..1_u64 << 40), 0..20), damages in prop::collection::vec(damage(), 1..5), is_told in any::<bool>()
    ) {
        let bytes = damaged(encoded(&values), &damages);
        histogram_v2::holds(&if is_told { with_length_told(bytes) } else { bytes });
    }
}

#[test]
fn a_histogram_of_the_most_values_that_can_be_told_adds_up() {
    // Two buckets with the highest count each: their sum just fits, one more does not.
    let mut bytes = encoded(&[]);
    let highest = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    bytes.extend([highest, highest].concat());
    histogram_v2::holds(&with_length_told(bytes.clone()));
    assert!(EncodedHistogram::parse(with_length_told(bytes.clone())).is_ok());
    bytes.extend(highest);
    assert!(EncodedHistogram::parse(with_length_told(bytes)).is_err());
}
