//! What each block says: how much worse the second side was than the first.

pub use shared::claim::Better;

use crate::estimate::Scale;

/// The largest difference that is taken in: its square must stay a number. No metric of ours comes near.
const DIFFERENCE_MAX: f64 = 1e100;

/// Why blocks have no differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DifferenceError {
    /// A block lacks one of its sides.
    #[error("the first side has {first} values and the second {second}, but each block needs both")]
    Unpaired {
        /// Values of the first side.
        first: usize,
        /// Values of the second side.
        second: usize,
    },
    /// A ratio needs values above zero.
    #[error(
        "block {block} has a value of zero or below, which has no ratio; compare such a metric on its linear scale"
    )]
    NotPositive {
        /// Its place, from 0.
        block: usize,
    },
    /// A value is missing, endless or beyond all measure.
    #[error("block {block} has a value that is no finite number")]
    NotFinite {
        /// Its place, from 0.
        block: usize,
    },
}

/// The blocks' differences, each finite, positive where the second side was worse.
#[derive(Debug, Clone, PartialEq)]
pub struct Differences {
    values: Vec<f64>,
    rounding_variance: f64,
}

impl Differences {
    /// Differences that were taken elsewhere, positive where the second side was worse, without rounding.
    ///
    /// # Errors
    ///
    /// A value is not finite.
    pub fn new(values: Vec<f64>) -> Result<Self, DifferenceError> {
        let is_beyond = |value: &f64| value.is_nan() || value.abs() > DIFFERENCE_MAX;
        match values.iter().position(is_beyond) {
            Some(block) => Err(DifferenceError::NotFinite { block }),
            None => Ok(Self { values, rounding_variance: 0.0 }),
        }
    }

    /// The differences of two sides, block by block: d = ln second − ln first, on the linear scale second − first, turned
    /// around where more is better. Values read off a histogram bring the rounding of both sides along.
    ///
    /// # Errors
    ///
    /// The sides differ in number, a value is not finite, or one has no logarithm where that is needed.
    pub fn between(
        first: &[f64],
        second: &[f64],
        better: Better,
        scale: Scale,
    ) -> Result<Self, DifferenceError> {
        if first.len() != second.len() {
            return Err(DifferenceError::Unpaired { first: first.len(), second: second.len() });
        }
        let is_linear = scale == Scale::Linear;
        let lacks_logarithm = |(one, other): (&f64, &f64)| !is_linear && (*one <= 0.0 || *other <= 0.0);
        if let Some(block) = first.iter().zip(second).position(lacks_logarithm) {
            return Err(DifferenceError::NotPositive { block });
        }
        let difference = |(one, other): (&f64, &f64)| {
            let worse = if is_linear { other - one } else { other.ln() - one.ln() };
            if better == Better::Lower { worse } else { -worse }
        };
        let differences = Self::new(first.iter().zip(second).map(difference).collect())?;
        // Both sides were rounded.
        Ok(Self { rounding_variance: 2.0 * scale.rounding_variance(), ..differences })
    }

    /// The same, each of which was rounded by so much: as a variance.
    pub fn rounded_by(self, rounding_variance: f64) -> Self {
        Self { rounding_variance, ..self }
    }

    /// The differences, in the order of the blocks.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The variance that rounding adds to each difference.
    pub fn rounding_variance(&self) -> f64 {
        self.rounding_variance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(
        first: &[f64],
        second: &[f64],
        better: Better,
        scale: Scale,
    ) -> Result<Vec<f64>, DifferenceError> {
        Differences::between(first, second, better, scale).map(|differences| differences.values().to_vec())
    }

    #[test]
    fn positive_is_worse_whichever_way_is_better() {
        let doubled = between(&[1.0], &[2.0], Better::Lower, Scale::Logarithmic);
        assert_eq!(doubled, Ok(vec![2.0_f64.ln()]));
        assert_eq!(between(&[1.0], &[2.0], Better::Higher, Scale::Logarithmic), Ok(vec![-(2.0_f64.ln())]));
        assert_eq!(between(&[0.0], &[0.25], Better::Lower, Scale::Linear), Ok(vec![0.25]));
    }

    #[test]
    fn what_has_no_difference_says_where() {
        let error = between(&[1.0, 0.0], &[1.0, 1.0], Better::Lower, Scale::Bucketed);
        assert_eq!(error, Err(DifferenceError::NotPositive { block: 1 }));
        let error = between(&[1.0], &[], Better::Lower, Scale::Linear);
        assert_eq!(error, Err(DifferenceError::Unpaired { first: 1, second: 0 }));
        let error = between(&[1.0], &[f64::NAN], Better::Lower, Scale::Logarithmic);
        assert_eq!(error, Err(DifferenceError::NotFinite { block: 0 }));
        assert!(Differences::new(vec![0.0, f64::INFINITY]).is_err());
    }
}
