//! A summary of values that is exact in count and merges: count, mean, squared deviations, extremes.

/// Largest size of a value: the squares of 2⁶⁴ such values still add up to a number.
pub const VALUE_MAX: f64 = 1e100;

/// Count, mean, sum of squared deviations from the mean, and extremes of values; all 0 when there are none.
///
/// Values are added by Welford's recurrence (B. P. Welford, Technometrics 4(3), 1962), summaries by the formula of
/// Chan, Golub and LeVeque (*Updating Formulae and a Pairwise Algorithm for Computing Sample Variances*, 1979, eq. 2.1):
/// neither subtracts large sums from each other. In the same order they give the same to the last bit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Summary {
    count: u64,
    mean: f64,
    m2: f64,
    min: f64,
    max: f64,
}

/// Why numbers are no summary.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum SummaryError {
    /// A summary of nothing must not be told.
    #[error("a summary of no values says nothing")]
    Empty,
    /// A number that is none, is infinite or beyond [`VALUE_MAX`].
    #[error("{0} is not a finite number of at most {VALUE_MAX:e}")]
    Number(f64),
    /// Extremes and mean out of order.
    #[error("the mean {mean} does not lie between the extremes {min} and {max}")]
    Order {
        /// Lowest value.
        min: f64,
        /// Mean.
        mean: f64,
        /// Highest value.
        max: f64,
    },
    /// Squared deviations that such extremes cannot have.
    #[error("{m2} cannot be the squared deviations of {count} values between {min} and {max}")]
    Deviation {
        /// Sum of squared deviations.
        m2: f64,
        /// How many values.
        count: u64,
        /// Lowest value.
        min: f64,
        /// Highest value.
        max: f64,
    },
}

impl Summary {
    /// A summary from its parts, as a stranger tells them: count, mean, sum of squared deviations, extremes.
    ///
    /// # Errors
    /// [`SummaryError`] names what no values could give.
    pub fn of_parts(count: u64, mean: f64, m2: f64, min: f64, max: f64) -> Result<Self, SummaryError> {
        if count == 0 {
            return Err(SummaryError::Empty);
        }
        if let Some(wrong) = [mean, min, max].into_iter().find(|number| !is_bounded(*number)) {
            return Err(SummaryError::Number(wrong));
        }
        if !(min <= mean && mean <= max) {
            return Err(SummaryError::Order { min, mean, max });
        }
        // No value lies further from the mean than the whole range; a quarter of this is the least bound.
        let most = count as f64 * (max - min) * (max - min);
        if !(0.0..=most).contains(&m2) {
            return Err(SummaryError::Deviation { m2, count, min, max });
        }
        Ok(Self { count, mean, m2, min, max })
    }

    /// Adds a value; `false`: it is no number, infinite or beyond [`VALUE_MAX`], and was left out.
    #[inline]
    pub fn record(&mut self, value: f64) -> bool {
        if !is_bounded(value) {
            return false;
        }
        // Zero has no sign here, so that extremes do not depend on which zero came first.
        let value = value + 0.0;
        self.reach(value, value);
        self.count = self.count.saturating_add(1);
        let distance = value - self.mean;
        self.mean = (self.mean + distance / self.count as f64).clamp(self.min, self.max);
        self.m2 += distance * (value - self.mean);
        true
    }

    /// Adds what another summary holds.
    pub fn add(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        let (mine, theirs) = (self.count as f64, other.count as f64);
        let distance = other.mean - self.mean;
        let share = theirs / (mine + theirs);
        self.reach(other.min, other.max);
        self.mean = (self.mean + distance * share).clamp(self.min, self.max);
        self.m2 += other.m2 + distance * distance * mine * share;
        self.count = self.count.saturating_add(other.count);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Their mean; `None` of none.
    pub fn mean(&self) -> Option<f64> {
        self.told(self.mean)
    }

    /// The sum of their squared deviations from the mean; `None` of none.
    pub fn m2(&self) -> Option<f64> {
        self.told(self.m2)
    }

    /// Their standard deviation (divided by n, as in histograms); `None` of none.
    pub fn stdev(&self) -> Option<f64> {
        self.told((self.m2 / self.count as f64).sqrt())
    }

    /// The lowest; `None` of none.
    pub fn min(&self) -> Option<f64> {
        self.told(self.min)
    }

    /// The highest; `None` of none.
    pub fn max(&self) -> Option<f64> {
        self.told(self.max)
    }

    /// Widens the extremes; must come before the values are counted.
    fn reach(&mut self, lowest: f64, highest: f64) {
        let is_first = self.count == 0;
        self.min = if is_first { lowest } else { self.min.min(lowest) };
        self.max = if is_first { highest } else { self.max.max(highest) };
    }

    fn told(&self, figure: f64) -> Option<f64> {
        (self.count > 0).then_some(figure)
    }
}

fn is_bounded(value: f64) -> bool {
    value.abs() <= VALUE_MAX
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[f64]) -> Summary {
        let mut summary = Summary::default();
        assert!(values.iter().all(|value| summary.record(*value)));
        summary
    }

    fn merged(parts: &[Vec<f64>]) -> Summary {
        let mut sum = Summary::default();
        parts.iter().for_each(|part| sum.add(&of(part)));
        sum
    }

    fn told_again(summary: &Summary) -> Result<Summary, SummaryError> {
        let [mean, m2, min, max] =
            [summary.mean(), summary.m2(), summary.min(), summary.max()].map(Option::unwrap);
        Summary::of_parts(summary.count(), mean, m2, min, max)
    }

    /// Numbers of every size that is allowed, and some that lie near each other far from zero.
    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            -1e3..1e3_f64,
            1e9..1e9 + 1.0,
            prop::num::f64::NORMAL.prop_filter("too large", |value| value.abs() <= VALUE_MAX),
            Just(0.0),
            Just(-0.0),
        ]
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_direct_computation(values in prop::collection::vec(prop_oneof![-1e6..1e6_f64, 1e9..1e9 + 1.0], 1..200)) {
            let summary = of(&values);
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count;
            let m2: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
            let scale = values.iter().fold(1.0_f64, |most, value| most.max(value.abs()));
            prop_assert_eq!(summary.count(), values.len() as u64);
            prop_assert!((summary.mean().unwrap() - mean).abs() <= 1e-12 * scale * count);
            prop_assert!((summary.stdev().unwrap() - (m2 / count).sqrt()).abs() <= 1e-7 * scale);
            prop_assert_eq!(summary.min(), values.iter().copied().reduce(f64::min));
            prop_assert_eq!(summary.max(), values.iter().copied().reduce(f64::max));
        }

        #[test]
        fn merging_parts_gives_what_all_values_give(parts in prop::collection::vec(prop::collection::vec(-1e6..1e6_f64, 0..40), 1..6)) {
            let (sum, all) = (merged(&parts), of(&parts.concat()));
            prop_assert_eq!((sum.count(), sum.min(), sum.max()), (all.count(), all.min(), all.max()));
            let near = |one: Option<f64>, other: Option<f64>| (one.unwrap_or(0.0) - other.unwrap_or(0.0)).abs() <= 1e-6;
            prop_assert!(near(sum.mean(), all.mean()) && near(sum.stdev(), all.stdev()), "{:?} against {:?}", sum, all);
        }

        #[test]
        fn the_same_order_gives_the_same_bits_and_a_summary_that_can_be_told(parts in prop::collection::vec(prop::collection::vec(value(), 0..20), 1..6)) {
            let sum = merged(&parts);
            prop_assert_eq!(sum, merged(&parts));
            if !sum.is_empty() {
                prop_assert_eq!(told_again(&sum), Ok(sum));
            }
        }

        #[test]
        fn what_a_stranger_tells_is_bounded_and_stays_so(count in any::<u64>(), numbers in prop::array::uniform4(any::<f64>())) {
            let [mean, m2, min, max] = numbers;
            if let Ok(mut told) = Summary::of_parts(count, mean, m2, min, max) {
                told.add(&told.clone());
                prop_assert!(told.stdev().is_some_and(f64::is_finite) && told.mean().is_some_and(f64::is_finite));
            }
        }
    }

    #[test]
    fn what_is_no_number_is_left_out() {
        let mut summary = of(&[1.0]);
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e101] {
            assert!(!summary.record(value));
        }
        assert_eq!(summary, of(&[1.0]));
        assert_eq!((Summary::default().mean(), Summary::default().stdev()), (None, None));
    }

    #[test]
    fn numbers_that_no_values_could_give_are_refused() {
        let told = |count, mean, m2, min, max| Summary::of_parts(count, mean, m2, min, max).unwrap_err();
        assert_eq!(told(0, 0.0, 0.0, 0.0, 0.0), SummaryError::Empty);
        assert!(matches!(told(1, f64::NAN, 0.0, 0.0, 1.0), SummaryError::Number(_)));
        assert!(matches!(told(1, 0.0, 0.0, f64::NEG_INFINITY, 1.0), SummaryError::Number(_)));
        assert!(matches!(told(2, 3.0, 0.0, 1.0, 2.0), SummaryError::Order { .. }));
        assert!(matches!(told(2, 1.5, 0.0, 2.0, 1.0), SummaryError::Order { .. }));
        for m2 in [-0.1, 2.1, f64::NAN, f64::INFINITY] {
            assert!(matches!(told(2, 1.5, m2, 1.0, 2.0), SummaryError::Deviation { .. }), "{m2}");
        }
    }
}
