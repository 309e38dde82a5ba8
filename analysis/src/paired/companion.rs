//! The rank method beside the mean: what the blocks say when no single one of them can carry the answer.

use super::{Rule, Says};
use crate::hodges_lehmann;

/// Fewer blocks have no signed-rank interval at 5 %: of the 2⁵ ways in which five signs can fall, one alone is 3 %.
const BLOCKS_MIN: usize = 6;

/// What the Hodges–Lehmann estimate and its signed-rank interval say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Companion {
    /// Median of the blocks' pairwise means.
    pub estimate: f64,
    /// Its interval.
    pub interval: [f64; 2],
    /// The word for that interval.
    pub says: Says,
}

/// The companion of a comparison; `None` where the level cannot be had from so few blocks, or they are too many for it.
pub(super) fn companion(values: &[f64], rule: Rule) -> Option<Companion> {
    if values.len() < BLOCKS_MIN {
        return None;
    }
    let location = hodges_lehmann::one_sample(values, rule.level)?;
    let interval = location.interval?;
    Some(Companion { estimate: location.estimate, interval, says: Says::of(interval, rule.margin) })
}
