//! Delays as people write them: a fixed time, or a distribution to draw from.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rand::{Rng, RngExt};
use rand_distr::{Distribution, Exp1, StandardNormal};

use crate::units::{UnitError, parse_duration, print_duration};

/// Longest delay that may be asked for; the tails of distributions are cut here as well, so that no drawn value
/// can hold a worker or a connection for ever.
pub const DELAY_MAX: Duration = Duration::from_secs(3600);
/// Highest sigma of a log-normal distribution: at 10 the 99th percentile is already 10¹⁰ times the median.
pub const SIGMA_MAX: f64 = 10.0;

/// A delay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Delay {
    /// Always the same: `5ms`.
    Fixed(Duration),
    /// Evenly distributed: `uniform(1ms,9ms)`.
    Uniform {
        /// The least.
        from: Duration,
        /// The most, at least `from`.
        to: Duration,
    },
    /// Log-normally distributed: `lognormal(5ms,0.5)` is `median · exp(sigma · z)` with z from the standard normal
    /// distribution.
    LogNormal {
        /// Half of all delays are below it.
        median: Duration,
        /// Standard deviation of the delays' natural logarithm, from 0 to [`SIGMA_MAX`].
        sigma: f64,
    },
    /// Exponentially distributed: `exponential(10ms)`.
    Exponential {
        /// The average of all delays, but for the tail that is cut at [`DELAY_MAX`].
        mean: Duration,
    },
}

/// Why a text is not a delay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DelayError {
    /// Neither a duration nor a known distribution.
    #[error(
        "{0:?} is not a delay: write a duration like 5ms, uniform(1ms,9ms), lognormal(5ms,0.5) with the median and \
         sigma, or exponential(10ms) with the mean"
    )]
    Shape(String),
    /// One of the durations does not read.
    #[error(transparent)]
    Duration(#[from] UnitError),
    /// A duration above [`DELAY_MAX`].
    #[error("a delay of {0:?} is longer than the longest allowed, {DELAY_MAX:?}")]
    TooLong(Duration),
    /// A uniform distribution whose ends are swapped.
    #[error("uniform({from:?},{to:?}) must name the shorter duration first")]
    Swapped {
        /// The first end.
        from: Duration,
        /// The second end.
        to: Duration,
    },
    /// A sigma that is not a number in its bounds.
    #[error("sigma {0:?} must be a plain number from 0 to {SIGMA_MAX}")]
    Sigma(String),
}

impl Delay {
    /// No delay.
    pub const ZERO: Self = Self::Fixed(Duration::ZERO);

    /// Reads a delay.
    ///
    /// # Errors
    /// When it is neither a duration nor a known distribution, or one of its numbers is out of bounds.
    pub fn parse(text: &str) -> Result<Self, DelayError> {
        let text = text.trim();
        let shape = || DelayError::Shape(beginning_of(text));
        let Some((name, rest)) = text.split_once('(') else {
            // A text without a digit is more likely a misspelt distribution than a misspelt duration.
            if !text.contains(|character: char| character.is_ascii_digit()) {
                return Err(shape());
            }
            return bounded_duration(text).map(Self::Fixed);
        };
        let arguments: Vec<&str> = rest.strip_suffix(')').ok_or_else(shape)?.splitn(3, ',').collect();
        match (name.trim(), arguments.as_slice()) {
            ("uniform", [from, to]) => {
                let (from, to) = (bounded_duration(from)?, bounded_duration(to)?);
                if from > to { Err(DelayError::Swapped { from, to }) } else { Ok(Self::Uniform { from, to }) }
            }
            ("lognormal", [median, sigma]) => {
                Ok(Self::LogNormal { median: bounded_duration(median)?, sigma: bounded_sigma(sigma)? })
            }
            ("exponential", [mean]) => Ok(Self::Exponential { mean: bounded_duration(mean)? }),
            _ => Err(shape()),
        }
    }

    /// One delay, at most [`DELAY_MAX`].
    pub fn sample(&self, random: &mut impl Rng) -> Duration {
        match *self {
            Self::Fixed(delay) => delay.min(DELAY_MAX),
            Self::Uniform { from, to } => {
                let (from, to) = (nanoseconds(from), nanoseconds(to));
                Duration::from_nanos(random.random_range(from.min(to)..=to))
            }
            Self::LogNormal { median, sigma } => {
                let standard: f64 = StandardNormal.sample(random);
                bounded(median.as_secs_f64() * (sigma * standard).exp())
            }
            Self::Exponential { mean } => {
                let standard: f64 = Exp1.sample(random);
                bounded(mean.as_secs_f64() * standard)
            }
        }
    }
}

impl Default for Delay {
    /// No delay.
    fn default() -> Self {
        Self::ZERO
    }
}

impl FromStr for Delay {
    type Err = DelayError;

    fn from_str(text: &str) -> Result<Self, DelayError> {
        Self::parse(text)
    }
}

impl fmt::Display for Delay {
    /// Writes it so that [`Delay::parse`] reads the same back.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Fixed(delay) => formatter.write_str(&print_duration(delay)),
            Self::Uniform { from, to } => {
                write!(formatter, "uniform({},{})", print_duration(from), print_duration(to))
            }
            Self::LogNormal { median, sigma } => {
                write!(formatter, "lognormal({},{sigma})", print_duration(median))
            }
            Self::Exponential { mean } => write!(formatter, "exponential({})", print_duration(mean)),
        }
    }
}

fn bounded_duration(text: &str) -> Result<Duration, DelayError> {
    let duration = parse_duration(text.trim())?;
    if duration > DELAY_MAX { Err(DelayError::TooLong(duration)) } else { Ok(duration) }
}

fn bounded_sigma(text: &str) -> Result<f64, DelayError> {
    let text = text.trim();
    text.parse()
        .ok()
        .filter(|sigma| (0.0..=SIGMA_MAX).contains(sigma))
        .ok_or_else(|| DelayError::Sigma(beginning_of(text)))
}

/// A drawn time; the longest for all that is longer or no number at all.
fn bounded(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(DELAY_MAX).min(DELAY_MAX)
}

/// Nanoseconds of a duration, cut at [`DELAY_MAX`].
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.min(DELAY_MAX).as_nanos()).expect("an hour of nanoseconds fits 64 bits")
}

/// Enough of a text to recognise it in an error.
fn beginning_of(text: &str) -> String {
    const CHARACTERS: usize = 60;
    text.chars().take(CHARACTERS).collect()
}

#[cfg(test)]
mod tests;
