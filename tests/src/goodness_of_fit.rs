//! Samples against the distribution that they were meant to have.

/// The Kolmogorov–Smirnov distance beyond which a sample of `n` comes by chance less often than once in a thousand:
/// 1.95/√n, from the limit of Kolmogorov's distribution.
pub fn distance_at_one_in_a_thousand(n: usize) -> f64 {
    1.949 / (n as f64).sqrt()
}

/// The greatest distance between a sample's distribution function and the given one.
pub fn kolmogorov_smirnov(sample: &[f64], distribution: impl Fn(f64) -> f64) -> f64 {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let distance = |(rank, value): (usize, &f64)| {
        let expected = distribution(*value);
        (expected - rank as f64 / n).abs().max((expected - (rank + 1) as f64 / n).abs())
    };
    sorted.iter().enumerate().map(distance).fold(0.0, f64::max)
}

/// The distribution function of the exponential with this rate.
pub fn exponential(rate: f64) -> impl Fn(f64) -> f64 {
    move |value| 1.0 - (-rate * value).exp()
}

/// A quantile of the log-normal: `normal` is the standard normal's quantile, 0 for the median.
pub fn log_normal_quantile(median: f64, sigma: f64, normal: f64) -> f64 {
    median * (sigma * normal).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Equally likely values: the sample that fits best.
    fn best_sample(rate: f64) -> Vec<f64> {
        (0..20_000).map(|n| -(1.0 - (f64::from(n) + 0.5) / 20_000.0).ln() / rate).collect()
    }

    #[test]
    fn a_perfect_sample_passes_and_one_of_another_rate_does_not() {
        let limit = distance_at_one_in_a_thousand(20_000);
        assert!(kolmogorov_smirnov(&best_sample(2.0), exponential(2.0)) < limit / 100.0);
        assert!(kolmogorov_smirnov(&best_sample(2.1), exponential(2.0)) > limit);
    }

    #[test]
    fn even_gaps_are_not_exponential() {
        let distance = kolmogorov_smirnov(&[1.0; 20_000], exponential(1.0));
        assert!(distance > 20.0 * distance_at_one_in_a_thousand(20_000));
    }
}
