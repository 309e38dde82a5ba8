//! Whether more brings more: efficiency against the smallest value of a sweep. Room: [`universal`], a law fitted to it.

pub mod universal;

use crate::bound::Ruling;
use crate::estimate::Scale;
use crate::level::Level;
use crate::multiplicity::holm;
use crate::paired::{BLOCKS_MIN, Better, DifferenceError, Differences};
use crate::sample_size::count_needed;
use crate::student::{MeanInterval, mean, mean_interval};

/// Throughputs at one value of a sweep.
#[derive(Debug, Clone, Copy)]
pub struct Throughputs<'a> {
    /// The swept value, above zero: how many workers, say.
    pub value: f64,
    /// Throughput in each block.
    pub by_block: &'a [f64],
}

/// Why nothing can be said of how it scales.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ScalingError {
    /// There is no share of nothing.
    #[error("the swept value {0} is not above zero, so there is no efficiency over it")]
    Value(f64),
    /// Every efficiency reaches zero, and none reaches what is no number.
    #[error("the efficiency {0} is not above zero")]
    Target(f64),
    /// A block cannot be compared.
    #[error(transparent)]
    Differences(#[from] DifferenceError),
}

/// How well it scales.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// The values above the smallest.
    pub steps: Vec<Efficiency>,
    /// What they say together: supported when every efficiency has its lower limit at or above the target, refuted when any
    /// has its upper limit below it (Holm over the values).
    pub ruling: Ruling,
    /// When inconclusive, how many more blocks would settle it with 80 % probability; `None` when too many.
    pub more_blocks: Option<u32>,
}

/// Efficiency at one value.
#[derive(Debug, Clone, PartialEq)]
pub struct Efficiency {
    /// The swept value.
    pub value: f64,
    /// How many blocks.
    pub blocks: usize,
    /// Geometric mean over blocks; `None` without one.
    pub efficiency: Option<f64>,
    /// Lower and upper limit; `None` below two blocks.
    pub interval: Option<[f64; 2]>,
    /// What this value alone says, refuted under Holm.
    pub ruling: Ruling,
}

/// The efficiency X_w·w₀/(w·X_w₀) of each value against the smallest one, block by block, and whether all reach `target`
/// (statistics.md, "Claims").
///
/// # Errors
///
/// A block lacks a throughput, or a throughput, a value or the target is not above zero.
pub fn efficiencies(
    smallest: Throughputs<'_>,
    others: &[Throughputs<'_>],
    target: f64,
    level: Level,
) -> Result<Scaling, ScalingError> {
    let is_positive = |number: f64| number > 0.0 && number.is_finite();
    if !is_positive(target) {
        return Err(ScalingError::Target(target));
    }
    let values = others.iter().chain([&smallest]).map(|throughputs| throughputs.value);
    if let Some(value) = values.into_iter().find(|value| !is_positive(*value)) {
        return Err(ScalingError::Value(value));
    }
    let logarithms = others
        .iter()
        .map(|other| {
            let scale = Scale::Logarithmic;
            let gains = Differences::between(smallest.by_block, other.by_block, Better::Lower, scale)?;
            let fair_share = (other.value / smallest.value).ln();
            Ok(gains.values().iter().map(|gain| gain - fair_share).collect())
        })
        .collect::<Result<Vec<Vec<f64>>, DifferenceError>>()?;
    let estimates: Vec<Option<MeanInterval>> =
        logarithms.iter().map(|values| mean_interval(values, 0.0, level)).collect();
    let limit = target.ln();
    let p_below = |estimate: &Option<MeanInterval>| match estimate {
        Some(estimate) if estimate.mean < limit => estimate.level_excluding(limit),
        _ => 1.0,
    };
    let adjusted = holm(&estimates.iter().map(p_below).collect::<Vec<_>>());
    let steps: Vec<Efficiency> = others
        .iter()
        .zip(&logarithms)
        .zip(estimates.iter().zip(adjusted))
        .map(|((other, values), (estimate, p))| Efficiency {
            value: other.value,
            blocks: values.len(),
            efficiency: mean(values).map(f64::exp),
            interval: estimate.map(|estimate| estimate.interval.map(f64::exp)),
            ruling: ruling(estimate.as_ref(), limit, p < level.alpha()),
        })
        .collect();
    let ruling = together(&steps);
    let undecided = steps.iter().zip(&estimates).filter(|(step, _)| step.ruling == Ruling::Inconclusive);
    let more = undecided.map(|(step, estimate)| more_blocks(step.blocks, estimate.as_ref(), limit, level));
    let more_blocks =
        if ruling == Ruling::Inconclusive { more.max_by_key(|it| it.unwrap_or(u32::MAX)) } else { None };
    Ok(Scaling { steps, ruling, more_blocks: more_blocks.flatten() })
}

fn ruling(estimate: Option<&MeanInterval>, limit: f64, is_refuted: bool) -> Ruling {
    let Some(estimate) = estimate.filter(|estimate| estimate.count >= BLOCKS_MIN) else {
        return Ruling::Inconclusive;
    };
    if is_refuted {
        return Ruling::Refuted;
    }
    // At the target itself is enough.
    if estimate.interval[0] >= limit { Ruling::Supported } else { Ruling::Inconclusive }
}

fn together(steps: &[Efficiency]) -> Ruling {
    if steps.iter().any(|step| step.ruling == Ruling::Refuted) {
        Ruling::Refuted
    } else if !steps.is_empty() && steps.iter().all(|step| step.ruling == Ruling::Supported) {
        Ruling::Supported
    } else {
        Ruling::Inconclusive
    }
}

fn more_blocks(blocks: usize, estimate: Option<&MeanInterval>, limit: f64, level: Level) -> Option<u32> {
    let missing = BLOCKS_MIN.saturating_sub(blocks) as u32;
    let needed = estimate.and_then(|it| count_needed(it.count, it.stdev, limit - it.mean, level));
    match needed {
        Some(needed) => Some(needed.saturating_sub(blocks as u32).max(missing).max(1)),
        None => (missing > 0).then_some(missing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: [f64; 6] = [100.0, 101.0, 99.0, 100.0, 100.5, 99.5];

    fn scaled(factor: f64) -> Vec<f64> {
        ONE.iter().rev().map(|throughput| throughput * factor).collect()
    }

    fn found(factors: &[(f64, f64)], target: f64) -> Scaling {
        let by_block: Vec<(f64, Vec<f64>)> =
            factors.iter().map(|(value, factor)| (*value, scaled(*factor))).collect();
        let others: Vec<Throughputs<'_>> =
            by_block.iter().map(|(value, by_block)| Throughputs { value: *value, by_block }).collect();
        efficiencies(Throughputs { value: 1.0, by_block: &ONE }, &others, target, Level::FIVE_PERCENT)
            .unwrap()
    }

    #[test]
    fn it_scales_when_every_value_does() {
        let scaling = found(&[(2.0, 1.98), (4.0, 3.9)], 0.9);
        assert_eq!(scaling.ruling, Ruling::Supported);
        assert!((scaling.steps[1].efficiency.unwrap() - 0.975).abs() < 0.001);
        assert_eq!(scaling.more_blocks, None);
    }

    #[test]
    fn one_value_that_does_not_scale_refutes_it() {
        let scaling = found(&[(2.0, 1.98), (4.0, 2.5)], 0.9);
        assert_eq!(scaling.ruling, Ruling::Refuted);
        assert_eq!(scaling.steps[0].ruling, Ruling::Supported);
    }

    #[test]
    fn a_value_near_the_target_leaves_it_open_and_says_how_many_blocks_would_do() {
        let scaling = found(&[(2.0, 1.805)], 0.9);
        assert_eq!(scaling.ruling, Ruling::Inconclusive);
        assert!(scaling.more_blocks.is_some_and(|more| more > 0));
    }

    #[test]
    fn few_blocks_decide_nothing() {
        let one = Throughputs { value: 1.0, by_block: &[100.0] };
        let two = Throughputs { value: 2.0, by_block: &[110.0] };
        let scaling = efficiencies(one, &[two], 0.9, Level::FIVE_PERCENT).unwrap();
        assert_eq!((scaling.ruling, scaling.more_blocks), (Ruling::Inconclusive, Some(4)));
        assert_eq!(scaling.steps[0].efficiency.map(|it| (it * 100.0).round()), Some(55.0));
    }

    #[test]
    fn a_block_without_a_throughput_is_an_error_and_no_value_at_all_no_answer() {
        let one = Throughputs { value: 1.0, by_block: &ONE };
        let short = Throughputs { value: 2.0, by_block: &ONE[..5] };
        assert!(efficiencies(one, &[short], 0.9, Level::FIVE_PERCENT).is_err());
        let none = Throughputs { value: 0.0, by_block: &ONE };
        assert_eq!(efficiencies(none, &[one], 0.9, Level::FIVE_PERCENT), Err(ScalingError::Value(0.0)));
        assert_eq!(efficiencies(one, &[one], 0.0, Level::FIVE_PERCENT), Err(ScalingError::Target(0.0)));
        assert_eq!(efficiencies(one, &[], 0.9, Level::FIVE_PERCENT).unwrap().ruling, Ruling::Inconclusive);
    }
}
