//! How long answers take: a constant, or drawn from a distribution.

use std::str::FromStr;
use std::time::Duration;

use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};
use shared::units::{UnitError, parse_duration};

/// Longest delay that may be asked for; the tail of a log-normal distribution is cut here as well, so that
/// no drawn value can hold a connection for ever.
pub(crate) const DELAY_MAX: Duration = Duration::from_secs(3600);
/// Highest sigma of a log-normal distribution: at 10 the 99th percentile is already 10¹⁰ times the median.
pub(crate) const SIGMA_MAX: f64 = 10.0;

/// The delay of answers, counted from the last byte of a request to the first byte of its answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Latency {
    /// Always the same; zero answers at once.
    Constant(Duration),
    /// Evenly distributed from `shortest` to `longest`.
    Uniform {
        /// The least.
        shortest: Duration,
        /// The most, at least `shortest`.
        longest: Duration,
    },
    /// Log-normally distributed: `median · exp(sigma · z)` with z from the standard normal distribution.
    LogNormal {
        /// Half of all delays are below it.
        median: Duration,
        /// Standard deviation of the delays' natural logarithm, from 0 to [`SIGMA_MAX`].
        sigma: f64,
    },
}

/// Why a text is not a latency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LatencyError {
    /// Neither a duration nor a known distribution.
    #[error(
        "{0:?} is not a latency: write a duration like 5ms, uniform(1ms,5ms), or lognormal(5ms,0.5) with the \
         median and sigma"
    )]
    Shape(String),
    /// One of the durations does not read.
    #[error(transparent)]
    Duration(#[from] UnitError),
    /// A duration above [`DELAY_MAX`].
    #[error("a latency of {0:?} is longer than the longest allowed, {DELAY_MAX:?}")]
    TooLong(Duration),
    /// A uniform distribution whose ends are swapped.
    #[error("uniform({shortest:?},{longest:?}) must name the shorter duration first")]
    Swapped {
        /// The first end.
        shortest: Duration,
        /// The second end.
        longest: Duration,
    },
    /// A sigma that is not a number in its bounds.
    #[error("sigma {0:?} must be a plain number from 0 to {SIGMA_MAX}")]
    Sigma(String),
}

impl Latency {
    /// The delay of one answer.
    pub(super) fn draw<R: Rng>(&self, random: &mut R) -> Duration {
        match *self {
            Self::Constant(delay) => delay,
            Self::Uniform { shortest, longest } => {
                let width_ns = nanoseconds(longest) - nanoseconds(shortest);
                shortest + Duration::from_nanos(random.random_range(0..=width_ns))
            }
            Self::LogNormal { median, sigma } => {
                let standard: f64 = StandardNormal.sample(random);
                let delay_s = median.as_secs_f64() * (sigma * standard).exp();
                Duration::from_secs_f64(delay_s.min(DELAY_MAX.as_secs_f64()))
            }
        }
    }
}

impl Default for Latency {
    /// No delay.
    fn default() -> Self {
        Self::Constant(Duration::ZERO)
    }
}

impl FromStr for Latency {
    type Err = LatencyError;

    fn from_str(text: &str) -> Result<Self, LatencyError> {
        let text = text.trim();
        let Some((name, rest)) = text.split_once('(') else {
            // A text without a digit is more likely a misspelt distribution than a misspelt duration.
            if !text.contains(|character: char| character.is_ascii_digit()) {
                return Err(LatencyError::Shape(text.to_owned()));
            }
            return bounded_duration(text).map(Self::Constant);
        };
        let (first, second) = rest
            .strip_suffix(')')
            .and_then(|arguments| arguments.split_once(','))
            .ok_or_else(|| LatencyError::Shape(text.to_owned()))?;
        match name.trim() {
            "uniform" => {
                let (shortest, longest) = (bounded_duration(first)?, bounded_duration(second)?);
                if shortest > longest {
                    return Err(LatencyError::Swapped { shortest, longest });
                }
                Ok(Self::Uniform { shortest, longest })
            }
            "lognormal" => Ok(Self::LogNormal { median: bounded_duration(first)?, sigma: sigma(second)? }),
            _ => Err(LatencyError::Shape(text.to_owned())),
        }
    }
}

fn bounded_duration(text: &str) -> Result<Duration, LatencyError> {
    let duration = parse_duration(text.trim())?;
    if duration > DELAY_MAX {
        return Err(LatencyError::TooLong(duration));
    }
    Ok(duration)
}

fn sigma(text: &str) -> Result<f64, LatencyError> {
    let text = text.trim();
    text.parse()
        .ok()
        .filter(|sigma| (0.0..=SIGMA_MAX).contains(sigma))
        .ok_or_else(|| LatencyError::Sigma(text.to_owned()))
}

/// Nanoseconds of a duration that is at most [`DELAY_MAX`].
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).expect("an hour of nanoseconds fits 64 bits")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Sorted seconds of so many draws that a quantile's standard error is below 1 % of what is compared.
    fn sorted_draws(latency: Latency) -> Vec<f64> {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let mut draws: Vec<f64> = (0..100_000).map(|_| latency.draw(&mut random).as_secs_f64()).collect();
        draws.sort_by(f64::total_cmp);
        draws
    }

    fn assert_quantile(draws: &[f64], quantile: f64, expected_s: f64) {
        let seen_s = draws[(quantile * draws.len() as f64) as usize];
        assert!(
            (seen_s / expected_s - 1.0).abs() < 0.03,
            "the {quantile} quantile is {seen_s} s and should be {expected_s} s"
        );
    }

    #[test]
    fn uniform_delays_have_the_quantiles_of_the_uniform_distribution() {
        let draws = sorted_draws("uniform(10ms,30ms)".parse().unwrap());
        for quantile in [0.01, 0.25, 0.5, 0.75, 0.99] {
            assert_quantile(&draws, quantile, 0.010 + 0.020 * quantile);
        }
        assert!(draws[0] >= 0.010 && draws[draws.len() - 1] <= 0.030);
    }

    #[test]
    fn lognormal_delays_have_the_quantiles_of_the_lognormal_distribution() {
        let draws = sorted_draws("lognormal(5ms,0.5)".parse().unwrap());
        // Quantiles of the standard normal distribution: Φ⁻¹(q).
        for (quantile, standard) in [(0.05, -1.644_854), (0.5, 0.0), (0.841_345, 1.0), (0.99, 2.326_348)] {
            assert_quantile(&draws, quantile, 0.005 * f64::exp(0.5 * standard));
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_delays() {
        let latency: Latency = "lognormal(1ms,1)".parse().unwrap();
        assert_eq!(sorted_draws(latency), sorted_draws(latency));
    }

    #[test]
    fn the_tail_is_cut_at_the_longest_delay() {
        let latency = Latency::LogNormal { median: DELAY_MAX, sigma: SIGMA_MAX };
        assert!(sorted_draws(latency).iter().all(|delay_s| *delay_s <= DELAY_MAX.as_secs_f64()));
    }

    #[test]
    fn all_three_forms_are_read() {
        let milliseconds = Duration::from_millis;
        assert_eq!("250us".parse(), Ok(Latency::Constant(Duration::from_micros(250))));
        assert_eq!(
            " uniform( 1ms , 5ms ) ".parse(),
            Ok(Latency::Uniform { shortest: milliseconds(1), longest: milliseconds(5) })
        );
        assert_eq!(
            "lognormal(2ms,0.3)".parse(),
            Ok(Latency::LogNormal { median: milliseconds(2), sigma: 0.3 })
        );
    }

    #[test]
    fn what_is_wrong_with_a_latency_is_said() {
        for (text, says) in [
            ("", "is not a latency"),
            ("fast", "is not a latency"),
            ("normal(1ms,2ms)", "is not a latency"),
            ("uniform(1ms)", "is not a latency"),
            ("uniform(1ms,2ms", "is not a latency"),
            ("uniform(5ms,1ms)", "shorter duration first"),
            ("uniform(5ms,x)", "\"x\" is not"),
            ("lognormal(5ms,-1)", "sigma"),
            ("lognormal(5ms,nan)", "sigma"),
            ("lognormal(5ms,11)", "sigma"),
            ("2h", "longer than the longest"),
        ] {
            let message = text.parse::<Latency>().unwrap_err().to_string();
            assert!(message.contains(says), "{text:?} gives {message:?}, which lacks {says:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,40}") {
            let _ = text.parse::<Latency>();
        }

        #[test]
        fn uniform_delays_stay_between_their_ends(a in 0_u64..10_000_000, b in 0_u64..10_000_000, seed: u64) {
            let (shortest, longest) = (Duration::from_nanos(a.min(b)), Duration::from_nanos(a.max(b)));
            let delay =
                Latency::Uniform { shortest, longest }.draw(&mut ChaCha8Rng::seed_from_u64(seed));
            prop_assert!(shortest <= delay && delay <= longest);
        }
    }
}
