//! How many requests the whole server took: what a load generator's own count is held against.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// As many digits as the largest count has.
pub(super) const COUNT_BYTES: usize = 20;

/// A count shared by all event loops. `/health` and `/count` are no part of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally(Arc<AtomicU64>);

/// A count as text: a decimal number with spaces before it, always of the same length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CountText([u8; COUNT_BYTES]);

impl Tally {
    /// One more request was read to its last byte.
    pub(super) fn note(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// All requests so far.
    pub(super) fn text(&self) -> CountText {
        CountText::of(self.0.load(Ordering::Relaxed))
    }
}

impl CountText {
    /// The text of a count.
    pub(super) fn of(mut count: u64) -> Self {
        let mut text = [b' '; COUNT_BYTES];
        for digit in text.iter_mut().rev() {
            *digit = b'0' + (count % 10) as u8;
            count /= 10;
            if count == 0 {
                break;
            }
        }
        Self(text)
    }

    /// Its bytes.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_has_its_number_at_the_end() {
        for count in [0, 7, 10, 12_345, u64::MAX] {
            let text = CountText::of(count);
            assert_eq!(str::from_utf8(text.as_bytes()).unwrap(), format!("{count:>20}"));
        }
    }
}
