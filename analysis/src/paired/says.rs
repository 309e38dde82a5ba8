//! The words of a comparison, and when each is said.

use std::fmt;

use shared::run_report;

use crate::level::Margin;

/// What a comparison says of its second side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Says {
    /// Better, by more than the margin.
    Faster,
    /// Worse, by more than the margin.
    Slower,
    /// No difference beyond the margin, either way.
    Same,
    /// None of these is shown.
    Inconclusive,
}

impl Says {
    /// The word for an interval `[L, U]` of "the second side is worse by": slower when L > m, faster when U < −m, the same
    /// when −m < L and U < m (statistics.md, "Comparing A with B").
    pub fn of(interval: [f64; 2], margin: Margin) -> Self {
        let [low, high] = interval;
        let margin = margin.value();
        if low > margin {
            Says::Slower
        } else if high < -margin {
            Says::Faster
        } else if -margin < low && high < margin {
            Says::Same
        } else {
            Says::Inconclusive
        }
    }

    /// Whether both are sure, of different things. A near miss, where one of them is inconclusive, is no contradiction.
    pub fn contradicts(self, other: Self) -> bool {
        self != other && self != Says::Inconclusive && other != Says::Inconclusive
    }

    /// The contract's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Says::Faster => "faster",
            Says::Slower => "slower",
            Says::Same => "same",
            Says::Inconclusive => "inconclusive",
        }
    }
}

impl From<Says> for run_report::Says {
    fn from(says: Says) -> Self {
        match says {
            Says::Faster => Self::Faster,
            Says::Slower => Self::Slower,
            Says::Same => Self::Same,
            Says::Inconclusive => Self::Inconclusive,
        }
    }
}

impl fmt::Display for Says {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_table() {
        let says = |low, high| Says::of([low, high], Margin::linear(1.0).unwrap());
        assert_eq!(says(1.1, 2.0), Says::Slower);
        assert_eq!(says(-2.0, -1.1), Says::Faster);
        assert_eq!(says(-0.9, 0.9), Says::Same);
        assert_eq!(says(0.5, 0.9), Says::Same);
        for (low, high) in [(1.0, 2.0), (-2.0, -1.0), (-1.0, 0.5), (0.5, 1.0), (-3.0, 3.0), (0.5, 1.5)] {
            assert_eq!(says(low, high), Says::Inconclusive, "[{low}, {high}]");
        }
    }

    #[test]
    fn without_a_margin_nothing_is_the_same() {
        assert_eq!(Says::of([0.0, 0.0], Margin::linear(0.0).unwrap()), Says::Inconclusive);
    }

    #[test]
    fn a_near_miss_is_no_contradiction() {
        assert!(Says::Faster.contradicts(Says::Slower) && Says::Same.contradicts(Says::Slower));
        assert!(!Says::Inconclusive.contradicts(Says::Slower) && !Says::Same.contradicts(Says::Inconclusive));
    }
}
