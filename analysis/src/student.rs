//! Student's t over a handful of values: quantiles, p-values, and the interval of a mean.

use statrs::distribution::{ChiSquared, Continuous, ContinuousCDF, Normal, StudentsT};

use crate::level::Level;

/// Steps of Newton's method, most of which need four; where it leaves the bracket a doubling or a halving takes its place, 64
/// of which exhaust the digits of a number.
const STEPS_MAX: usize = 200;

/// Mean and spread of some values, with the interval of their mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanInterval {
    /// How many values.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, with the variance that rounding adds.
    pub stdev: f64,
    /// Lower and upper limit of the mean.
    pub interval: [f64; 2],
}

impl MeanInterval {
    /// The smallest level at which the interval would not reach `limit`: the two-sided p-value of "the mean is there".
    /// Without spread that is 0, and 1 at the mean itself.
    pub fn level_excluding(&self, limit: f64) -> f64 {
        let distance = (self.mean - limit).abs();
        if distance == 0.0 {
            return 1.0;
        }
        two_sided_p(distance / (self.stdev / (self.count as f64).sqrt()), self.count - 1)
    }
}

/// The interval of a mean by Student's t: x̄ ± t(n−1, 1−α/2)·s/√n (Student, *The probable error of a mean*, 1908).
///
/// `rounding_variance` is added to the sample's: what each value lost where it was rounded to a step of width w, w²/12
/// (Sheppard). `None` below two values, which have no spread.
pub fn mean_interval(values: &[f64], rounding_variance: f64, level: Level) -> Option<MeanInterval> {
    if values.len() < 2 {
        return None;
    }
    let count = values.len() as f64;
    let mean = mean(values)?;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let stdev = (variance + rounding_variance).sqrt();
    let half_width = upper_quantile(level.one_side(), values.len() - 1) * stdev / count.sqrt();
    Some(MeanInterval { count: values.len(), mean, stdev, interval: [mean - half_width, mean + half_width] })
}

/// The arithmetic mean; `None` of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The value that Student's t exceeds with probability `tail`, above 0 and at most one half. Without a degree of freedom
/// it is taken with one.
///
/// Newton's method on the survival function, since the library's own inverse is good to some digits only. It begins at the
/// normal quantile, widened for the degrees of freedom (Abramowitz and Stegun 26.7.5).
pub fn upper_quantile(tail: f64, freedom: usize) -> f64 {
    let student = student(freedom);
    let normal = -Normal::standard().inverse_cdf(tail);
    let mut guess = normal + (normal.powi(3) + normal) / (4.0 * freedom.max(1) as f64);
    let (mut low, mut high) = (0.0, f64::MAX);
    for _ in 0..STEPS_MAX {
        let excess = student.sf(guess) - tail;
        if excess > 0.0 {
            low = guess;
        } else {
            high = guess;
        }
        let newton = guess + excess / student.pdf(guess);
        let next = match newton {
            _ if newton > low && newton < high => newton,
            // Nothing is known yet of how far it may lie.
            _ if high == f64::MAX => 2.0 * guess,
            _ => f64::midpoint(low, high),
        };
        if (next - guess).abs() <= 2.0 * f64::EPSILON * guess {
            return next;
        }
        guess = next;
    }
    guess
}

/// The probability that Student's t lies further from zero than `statistic`.
pub fn two_sided_p(statistic: f64, freedom: usize) -> f64 {
    (2.0 * student(freedom).sf(statistic.abs())).min(1.0)
}

/// The probability that Student's t exceeds `statistic`.
pub fn upper_p(statistic: f64, freedom: usize) -> f64 {
    student(freedom).sf(statistic)
}

/// The value below which a chi-squared variable lies with probability `probability`, strictly between 0 and 1.
pub fn chi_squared_quantile(probability: f64, freedom: usize) -> f64 {
    let chi_squared =
        ChiSquared::new(freedom.max(1) as f64).expect("at least one degree of freedom makes a distribution");
    chi_squared.inverse_cdf(probability)
}

fn student(freedom: usize) -> StudentsT {
    StudentsT::new(0.0, 1.0, freedom.max(1) as f64)
        .expect("at least one degree of freedom makes a distribution")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_mean_is_the_published_one() {
        // golang/perf benchmath: the sample {-8,2,3,4,5,6}.
        let found = mean_interval(&[-8.0, 2.0, 3.0, 4.0, 5.0, 6.0], 0.0, Level::FIVE_PERCENT).unwrap();
        assert!((found.mean - 2.0).abs() < 1e-12);
        assert!((found.interval[0] + 3.351_092_806).abs() < 1e-8, "{found:?}");
        assert!((found.interval[1] - 7.351_092_806).abs() < 1e-8, "{found:?}");
    }

    #[test]
    fn quantiles_are_those_of_the_tables() {
        // statistics.md and any printed table: t(.975, 9), and half-widths in units of s.
        assert!((upper_quantile(0.025, 9) - 2.262_157_163).abs() < 1e-8);
        let half_width = |n: usize| upper_quantile(0.025, n - 1) / (n as f64).sqrt();
        for (blocks, width) in [(5, 1.24), (10, 0.715), (20, 0.468), (30, 0.373)] {
            assert!((half_width(blocks) - width).abs() < 0.002, "{blocks}: {}", half_width(blocks));
        }
    }

    #[test]
    fn one_value_has_no_interval_and_equal_values_have_a_point() {
        assert_eq!(mean_interval(&[1.0], 0.0, Level::FIVE_PERCENT), None);
        assert_eq!(mean(&[]), None);
        let point = mean_interval(&[2.0; 4], 0.0, Level::FIVE_PERCENT).unwrap();
        assert_eq!(point.interval, [2.0, 2.0]);
    }

    #[test]
    fn far_tails_have_finite_quantiles() {
        for freedom in [1, 2, 9, 10_000] {
            let quantile = upper_quantile(1e-9, freedom);
            assert!(quantile.is_finite() && (upper_p(quantile, freedom) / 1e-9 - 1.0).abs() < 1e-6);
        }
    }
}
