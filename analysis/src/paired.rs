//! Two sides compared by blocks: who is slower, by how much at least and at most, or what it would take to tell.
//!
//! Rooms: [`differences`], what each block says; [`says`], the words and when each is said; [`companion`], the rank method
//! beside the mean.

pub mod companion;
pub mod differences;
pub mod says;

pub use self::companion::Companion;
pub use self::differences::{Better, DifferenceError, Differences};
pub use self::says::Says;

use crate::level::{Level, Margin};
use crate::sample_size::{count_needed, distance_shown};
use crate::student::{self, MeanInterval};

/// Fewer blocks never decide: with four, the interval is 1.6 standard deviations wide on either side, and one odd block
/// is a quarter of what is known.
pub const BLOCKS_MIN: usize = 5;

/// By what rule two sides are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// The largest difference that counts as none.
    pub margin: Margin,
    /// How often a word other than "inconclusive" may be wrong.
    pub level: Level,
}

/// What the blocks say together. Positive is worse, as in the differences; on the logarithmic scale exp(θ) is the ratio.
#[derive(Debug, Clone, PartialEq)]
pub struct Paired {
    /// How many blocks.
    pub blocks: usize,
    /// Mean of the differences, θ̂; `None` without a block.
    pub mean: Option<f64>,
    /// Lower and upper limit of θ with the spread behind them; `None` below two blocks.
    pub estimate: Option<MeanInterval>,
    /// The word for it.
    pub says: Says,
    /// What the rank method says; `None` where so few blocks have no interval at the level.
    pub companion: Option<Companion>,
    /// Whether mean and ranks contradict each other, which makes it inconclusive.
    pub is_driven_by_outliers: bool,
    /// What is known all the same; `Some` exactly when it is inconclusive.
    pub undecided: Option<Undecided>,
}

impl Paired {
    /// Lower and upper limit of θ; `None` below two blocks.
    pub fn interval(&self) -> Option<[f64; 2]> {
        self.estimate.map(|estimate| estimate.interval)
    }
}

/// What can be said of an inconclusive comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Undecided {
    /// Which way it points, when the interval excludes no difference at all.
    pub direction: Option<Direction>,
    /// The smallest true difference that this many blocks would have shown to lie beyond the margin, with 80 %
    /// probability; `None` below two blocks.
    pub smallest_effect: Option<f64>,
    /// How many more blocks would settle it with 80 % probability, if mean and spread stay as they are. Below
    /// [`BLOCKS_MIN`] at least what is missing to that. `None` when it would take more than
    /// [`COUNT_MAX`](crate::sample_size::COUNT_MAX) in all, or when outliers drive it: then more of the same settles nothing.
    pub more_blocks: Option<u32>,
}

/// Which way a difference points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The second side is worse, though perhaps by less than the margin.
    Worse,
    /// The second side is better, though perhaps by less than the margin.
    Better,
}

impl Direction {
    /// The direction of an interval that excludes no difference at all; `None` of one that does not.
    pub fn of(interval: [f64; 2]) -> Option<Self> {
        let [low, high] = interval;
        match (low > 0.0, high < 0.0) {
            (true, _) => Some(Direction::Worse),
            (_, true) => Some(Direction::Better),
            _ => None,
        }
    }
}

/// Compares two sides by their blocks' differences.
///
/// θ̂ ± t(n−1, 1−α/2)·s/√n against the margin: two one-sided tests for "same" (Schuirmann 1987) and a test against the
/// margin for "slower" and "faster" (statistics.md, "Comparing A with B"). Where the signed-rank interval contradicts that,
/// the answer is inconclusive.
pub fn compare(differences: &Differences, rule: Rule) -> Paired {
    let values = differences.values();
    let blocks = values.len();
    let Some(estimate) = student::mean_interval(values, differences.rounding_variance(), rule.level) else {
        let undecided =
            Undecided { direction: None, smallest_effect: None, more_blocks: missing_to_min(blocks) };
        return Paired {
            blocks,
            mean: student::mean(values),
            estimate: None,
            says: Says::Inconclusive,
            companion: None,
            is_driven_by_outliers: false,
            undecided: Some(undecided),
        };
    };
    let by_mean = Says::of(estimate.interval, rule.margin);
    let companion = companion::companion(values, rule);
    let is_driven_by_outliers = companion.as_ref().is_some_and(|ranks| ranks.says.contradicts(by_mean));
    let says = if blocks < BLOCKS_MIN || is_driven_by_outliers { Says::Inconclusive } else { by_mean };
    let undecided = (says == Says::Inconclusive).then(|| undecided(&estimate, rule, is_driven_by_outliers));
    Paired {
        blocks,
        mean: Some(estimate.mean),
        estimate: Some(estimate),
        says,
        companion,
        is_driven_by_outliers,
        undecided,
    }
}

fn undecided(estimate: &MeanInterval, rule: Rule, is_driven_by_outliers: bool) -> Undecided {
    let distance = distance_shown(estimate.count, estimate.stdev, rule.level);
    Undecided {
        direction: Direction::of(estimate.interval),
        smallest_effect: distance.map(|distance| rule.margin.value() + distance),
        more_blocks: more_blocks(estimate, rule).filter(|_| !is_driven_by_outliers),
    }
}

/// n ≈ ((t(.975) + t(.8))·s_U / |m − |θ̂||)², less the blocks that there are, and at least one.
fn more_blocks(estimate: &MeanInterval, rule: Rule) -> Option<u32> {
    let gap = rule.margin.value() - estimate.mean.abs();
    let needed = count_needed(estimate.count, estimate.stdev, gap, rule.level);
    let more = needed.map(|needed| needed.saturating_sub(estimate.count as u32).max(1));
    more.max(missing_to_min(estimate.count))
}

/// How many blocks are missing to the fewest that can decide; `None` when none is.
fn missing_to_min(blocks: usize) -> Option<u32> {
    (blocks < BLOCKS_MIN).then(|| (BLOCKS_MIN - blocks) as u32)
}

#[cfg(test)]
mod tests;
