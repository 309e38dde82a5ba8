//! The HDR histogram: one set of bounds everywhere, so that merging is adding bucket by bucket, exactly.
//!
//! The bucket layout is HdrHistogram's own (Gil Tene) for 1 to 3.6·10¹² with 3 significant digits, so a
//! bucket's width is at most 0.1 % of its value and any HdrHistogram tool can read what we write.
//! Values are nanoseconds for times and bytes for sizes. Rooms: [`encoded`], the V2 wire form; [`zig_zag`], the numbers
//! in it.

pub mod encoded;
pub mod zig_zag;

pub use encoded::{DecodeError, EncodedHistogram};

/// Lowest value told apart from 0, and the width of the finest buckets.
pub const LOWEST_DISCERNIBLE: u64 = 1;
/// Highest value that can be told: one hour in nanoseconds. What lies above is counted here and as overflow.
pub const HIGHEST_TRACKABLE: u64 = 3_600_000_000_000;
/// Decimal digits to which a value is kept.
pub const SIGNIFICANT_DIGITS: u32 = 3;
/// Number of buckets: 32 doublings of 1,024 plus the first half, from the bounds above.
pub const BUCKETS: usize = 33 * HALF_SIZE;

/// Half of the sub-buckets of one doubling: 2,048 sub-buckets carry 3 digits.
const HALF_SIZE: usize = 1 << HALF_BITS;
const HALF_BITS: u32 = 10;
const SUB_BUCKET_MASK: u64 = (1 << (HALF_BITS + 1)) - 1;

/// What a bucket counts with: `u32` while an interval is being recorded, `u64` where trials are merged.
pub trait Counter: Copy + Default + PartialEq + Into<u64> {
    /// Adds, keeping the highest count rather than wrapping.
    fn add(&mut self, more: u64);
}

impl Counter for u32 {
    fn add(&mut self, more: u64) {
        *self = self.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
    }
}

impl Counter for u64 {
    fn add(&mut self, more: u64) {
        *self = self.saturating_add(more);
    }
}

/// A histogram of values from 0 to [`HIGHEST_TRACKABLE`] with a dense array of counters.
///
/// Takes 264 KiB with `u64` counters and 132 KiB with `u32`.
#[derive(Clone)]
pub struct Histogram<C: Counter = u64> {
    counts: Box<[C]>,
    total: u64,
    overflowed: u64,
}

impl<C: Counter> Histogram<C> {
    /// An empty histogram.
    pub fn new() -> Self {
        Self { counts: vec![C::default(); BUCKETS].into_boxed_slice(), total: 0, overflowed: 0 }
    }

    /// Counts one value. One above the bound is counted in the highest bucket, and as overflowed.
    #[inline]
    pub fn record(&mut self, value: u64) {
        let kept = if value > HIGHEST_TRACKABLE {
            self.overflowed += 1;
            HIGHEST_TRACKABLE
        } else {
            value
        };
        self.counts[bucket_of(kept)].add(1);
        self.total += 1;
    }

    /// Counts a value `times` times.
    pub fn record_many(&mut self, value: u64, times: u64) {
        if value > HIGHEST_TRACKABLE {
            self.overflowed += times;
        }
        self.counts[bucket_of(value.min(HIGHEST_TRACKABLE))].add(times);
        self.total += times;
    }

    /// Adds another histogram, bucket by bucket.
    pub fn add<D: Counter>(&mut self, other: &Histogram<D>) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts.iter()) {
            let more: u64 = (*theirs).into();
            if more > 0 {
                mine.add(more);
            }
        }
        self.total = self.total.saturating_add(other.total);
        self.overflowed = self.overflowed.saturating_add(other.overflowed);
    }

    /// Adds `count` to one bucket; for decoders.
    pub(crate) fn add_to_bucket(&mut self, bucket: usize, count: u64) {
        self.counts[bucket].add(count);
        self.total = self.total.saturating_add(count);
    }

    /// Forgets everything and keeps its memory. What was never counted in is not written to, so that the kernel need
    /// not give memory for it: values of one decade lie in four of the 33 parts.
    pub fn clear(&mut self) {
        for part in self.counts.chunks_mut(HALF_SIZE) {
            if part.iter().any(|count| *count != C::default()) {
                part.fill(C::default());
            }
        }
        self.total = 0;
        self.overflowed = 0;
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// How many values lay above [`HIGHEST_TRACKABLE`]. Not carried by the V2 form: travels beside it.
    pub fn overflowed(&self) -> u64 {
        self.overflowed
    }

    /// The buckets that hold something, lowest first, as (lowest value, highest value, count).
    pub fn recorded(&self) -> impl Iterator<Item = Bucket> + '_ {
        self.counts.iter().enumerate().filter_map(|(index, count)| {
            let count: u64 = (*count).into();
            (count > 0).then(|| Bucket { lowest: lowest_in(index), highest: highest_in(index), count })
        })
    }

    /// Lowest value of the lowest bucket that holds something; `None` when empty.
    pub fn min(&self) -> Option<u64> {
        self.recorded().next().map(|bucket| bucket.lowest)
    }

    /// Highest value of the highest bucket that holds something; `None` when empty.
    pub fn max(&self) -> Option<u64> {
        let index = self.counts.iter().rposition(|count| (*count).into() > 0)?;
        Some(highest_in(index).min(HIGHEST_TRACKABLE.max(lowest_in(index))))
    }

    /// The value at or below which a share `quantile` (0 to 1) of all values lies, as the highest value of
    /// its bucket (HdrHistogram's convention); `None` when empty.
    pub fn value_at_quantile(&self, quantile: f64) -> Option<u64> {
        if self.total == 0 {
            return None;
        }
        // The rank is the smallest count that covers the share; at least the first value.
        let wanted = ((quantile.clamp(0.0, 1.0) * self.total as f64).ceil() as u64).clamp(1, self.total);
        self.value_at_rank(wanted)
    }

    /// The `rank`-th smallest value, counted from 1, as the highest value of its bucket.
    /// `None` when the rank is 0 or above the count.
    pub fn value_at_rank(&self, rank: u64) -> Option<u64> {
        if rank == 0 {
            return None;
        }
        let mut seen = 0;
        self.recorded().find_map(|bucket| {
            seen += bucket.count;
            (seen >= rank).then_some(bucket.highest)
        })
    }

    /// Mean of the buckets' midpoints; `None` when empty.
    pub fn mean(&self) -> Option<f64> {
        let sum: f64 = self.recorded().map(|bucket| bucket.midpoint() * bucket.count as f64).sum();
        (self.total > 0).then(|| sum / self.total as f64)
    }

    /// Standard deviation over the buckets' midpoints (divided by n, as HdrHistogram does); `None` when empty.
    pub fn stdev(&self) -> Option<f64> {
        let mean = self.mean()?;
        let squares: f64 =
            self.recorded().map(|bucket| (bucket.midpoint() - mean).powi(2) * bucket.count as f64).sum();
        Some((squares / self.total as f64).sqrt())
    }

    pub(crate) fn counts(&self) -> &[C] {
        &self.counts
    }
}

impl<C: Counter> Default for Histogram<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: Counter, D: Counter> PartialEq<Histogram<D>> for Histogram<C> {
    fn eq(&self, other: &Histogram<D>) -> bool {
        self.total == other.total
            && self
                .counts
                .iter()
                .zip(other.counts.iter())
                .all(|(mine, theirs)| (*mine).into() == (*theirs).into())
    }
}

impl<C: Counter> std::fmt::Debug for Histogram<C> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Histogram")
            .field("count", &self.total)
            .field("min", &self.min())
            .field("max", &self.max())
            .field("overflowed", &self.overflowed)
            .finish()
    }
}

/// A bucket that holds something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Lowest value that falls into it.
    pub lowest: u64,
    /// Highest value that falls into it.
    pub highest: u64,
    /// How many did.
    pub count: u64,
}

impl Bucket {
    /// The value that stands for the bucket in means, HdrHistogram's "median equivalent": its lowest value
    /// plus half its width.
    pub fn midpoint(&self) -> f64 {
        let width = self.highest - self.lowest + 1;
        (self.lowest + width / 2) as f64
    }
}

/// The bucket that a value falls into. The value must not exceed [`HIGHEST_TRACKABLE`].
#[inline]
fn bucket_of(value: u64) -> usize {
    let doubling = 64 - (value | SUB_BUCKET_MASK).leading_zeros() - (HALF_BITS + 1);
    let sub_bucket = (value >> doubling) as usize;
    ((doubling as usize + 1) << HALF_BITS) + sub_bucket - HALF_SIZE
}

/// The lowest value of a bucket.
fn lowest_in(bucket: usize) -> u64 {
    if bucket < 2 * HALF_SIZE {
        return bucket as u64;
    }
    let doubling = (bucket >> HALF_BITS) - 1;
    let sub_bucket = (bucket & (HALF_SIZE - 1)) + HALF_SIZE;
    (sub_bucket as u64) << doubling
}

/// The highest value of a bucket.
fn highest_in(bucket: usize) -> u64 {
    let doubling = (bucket >> HALF_BITS).saturating_sub(1);
    lowest_in(bucket) + (1_u64 << doubling) - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[u64]) -> Histogram {
        let mut histogram = Histogram::new();
        values.iter().for_each(|value| histogram.record(*value));
        histogram
    }

    #[test]
    fn the_bounds_fill_the_array_exactly() {
        assert_eq!(bucket_of(0), 0);
        assert!(bucket_of(HIGHEST_TRACKABLE) < BUCKETS);
        assert!(lowest_in(BUCKETS - HALF_SIZE) <= HIGHEST_TRACKABLE);
    }

    #[test]
    fn a_value_above_the_bound_is_kept_and_counted_as_overflow() {
        let histogram = of(&[5, u64::MAX]);
        assert_eq!((histogram.count(), histogram.overflowed()), (2, 1));
        assert_eq!(histogram.max(), Some(highest_in(bucket_of(HIGHEST_TRACKABLE)).min(HIGHEST_TRACKABLE)));
    }

    #[test]
    fn an_empty_histogram_has_no_values() {
        let histogram: Histogram = Histogram::new();
        assert_eq!((histogram.min(), histogram.max(), histogram.value_at_quantile(0.5)), (None, None, None));
        assert_eq!((histogram.mean(), histogram.stdev()), (None, None));
    }

    proptest! {
        #[test]
        fn merge_is_exact(one in prop::collection::vec(0..=HIGHEST_TRACKABLE, 0..200), two in prop::collection::vec(0..=5_000_000_u64, 0..200)) {
            let mut merged = of(&one);
            merged.add(&of(&two));
            let all: Vec<u64> = one.iter().chain(&two).copied().collect();
            prop_assert_eq!(&merged, &of(&all));
        }

        #[test]
        fn a_bucket_holds_its_value_to_three_digits(value in 0..=HIGHEST_TRACKABLE) {
            let bucket = bucket_of(value);
            prop_assert!(lowest_in(bucket) <= value && value <= highest_in(bucket));
            prop_assert!((highest_in(bucket) - lowest_in(bucket)) as f64 <= value as f64 * 0.001);
        }

        #[test]
        fn statistics_agree_with_the_hdrhistogram_crate(values in prop::collection::vec(1..=HIGHEST_TRACKABLE, 1..300)) {
            let ours = of(&values);
            let mut theirs = hdrhistogram::Histogram::<u64>::new_with_bounds(1, HIGHEST_TRACKABLE, 3).unwrap();
            values.iter().for_each(|value| theirs.record(*value).unwrap());
            for quantile in [0.0, 0.5, 0.75, 0.9, 0.99, 1.0] {
                let (mine, reference) = (ours.value_at_quantile(quantile).unwrap(), theirs.value_at_quantile(quantile));
                prop_assert!(mine == reference || quantile == 0.0, "{} at {}: {} against {}", values.len(), quantile, mine, reference);
            }
            prop_assert!((ours.mean().unwrap() - theirs.mean()).abs() <= 1e-9 * theirs.mean());
            prop_assert!((ours.stdev().unwrap() - theirs.stdev()).abs() <= 1e-6 * theirs.mean());
        }
    }
}
