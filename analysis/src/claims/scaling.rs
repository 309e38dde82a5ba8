//! Scaling: the metric grows with a swept number, with at least a share of the ideal growth at every step.

use std::collections::BTreeMap;

use shared::claim::{Claim, Rule};
use shared::plan::DEFAULT_VARIANT;

use super::series::Series;
use super::{Decided, Decision, Evidence, gates, words};
use crate::assemble::subject::Subject;
use crate::bound::Ruling;
use crate::level::Level;
use crate::paired::BLOCKS_MIN;
use crate::scaling::{self, Efficiency, Scaling, ScalingError, Throughputs};

/// The variants that differ in one swept number alone.
pub(super) struct Sweep {
    /// What they have in common: their name without the number.
    pub(super) name: String,
    /// The number and the variant's place, the smallest number first.
    steps: Vec<(f64, usize)>,
}

impl Sweep {
    /// The places of its variants.
    pub(super) fn variants(&self) -> Vec<usize> {
        self.steps.iter().map(|(_, variant)| *variant).collect()
    }
}

/// Every sweep over a path, by what the variants have in common beside.
pub(super) fn sweeps(evidence: &Evidence<'_>, path: &str) -> Vec<Sweep> {
    let mut sweeps: BTreeMap<String, Sweep> = BTreeMap::new();
    let part = format!("{path}=");
    for (place, variant) in evidence.assembled.report.variants.iter().enumerate() {
        let Some(number) = variant.parameters.get(path).and_then(|it| it.as_f64()) else { continue };
        let rest: Vec<&str> = variant.name.split(',').filter(|it| !it.starts_with(&part)).collect();
        let name = if rest.is_empty() { DEFAULT_VARIANT.to_owned() } else { rest.join(",") };
        let sweep = sweeps.entry(name.clone()).or_insert_with(|| Sweep { name, steps: Vec::new() });
        sweep.steps.push((number, place));
    }
    for sweep in sweeps.values_mut() {
        sweep.steps.sort_by(|one, other| one.0.total_cmp(&other.0));
    }
    sweeps.into_values().collect()
}

/// Decides it: supported when every step's lower limit reaches the efficiency, refuted when any upper limit misses it (Holm).
pub(super) fn decide<'a>(
    evidence: &Evidence<'a>,
    claim: &'a Claim,
    sweep: &Sweep,
    efficiency: f64,
    subject: &Subject,
) -> Decided<'a> {
    let series: Vec<Series<'a>> = sweep
        .steps
        .iter()
        .map(|(_, place)| {
            Series::of(*place, &evidence.assembled.report.variants[*place], subject, &claim.metric)
        })
        .collect();
    if let Some(refused) = gates::refuse(evidence, claim, &series.iter().collect::<Vec<_>>()) {
        return (refused, None);
    }
    let blocks = common_blocks(&series);
    let decided = |level| efficiencies(&sweep.steps, &blocks, efficiency, level);
    let (found, shown) = match (decided(evidence.level), decided(Level::FIVE_PERCENT)) {
        (Ok(found), Ok(shown)) => (found, shown),
        (Err(error), _) | (_, Err(error)) => {
            return (Decision::invalid(format!("{} gives no efficiency: {error}", claim.metric)), None);
        }
    };
    // Of those that made the ruling what it is: a step that is lower and less sure did not.
    let deciding = found.steps.iter().filter(|step| step.ruling == found.ruling);
    let worst = deciding.min_by(|one, other| {
        one.efficiency.unwrap_or(f64::INFINITY).total_cmp(&other.efficiency.unwrap_or(f64::INFINITY))
    });
    let worst = worst.and_then(|worst| shown.steps.iter().find(|step| step.value == worst.value));
    let Some(worst) = worst.or(shown.steps.first()) else {
        return (Decision::invalid("the sweep has one value alone, so nothing scales".to_owned()), None);
    };
    let more = found.more_blocks.map(u64::from);
    let is = is(claim, worst);
    let reason = match found.ruling {
        Ruling::Supported => format!("{is}, which reaches {efficiency}"),
        Ruling::Refuted => format!("{is}, which misses {efficiency}"),
        Ruling::Inconclusive if worst.blocks < BLOCKS_MIN => {
            format!("{is}; comparing takes at least {BLOCKS_MIN} blocks")
        }
        Ruling::Inconclusive => {
            format!(
                "{is}; that does not tell whether it reaches {efficiency}: {}",
                words::what_it_takes(more, "block")
            )
        }
    };
    let decision = Decision {
        n: worst.blocks as u64,
        value: worst.efficiency,
        ci95: worst.interval,
        more_trials_needed: more,
        ..Decision::without_figures(found.ruling.into(), reason)
    };
    let steps = sweep.steps.clone();
    let is_refuted = move |level| {
        efficiencies(&steps, &blocks, efficiency, level).is_ok_and(|found| found.ruling == Ruling::Refuted)
    };
    (decision, (found.ruling == Ruling::Refuted).then(|| Box::new(is_refuted) as _))
}

fn is(claim: &Claim, worst: &Efficiency) -> String {
    let Rule::Scaling { path, .. } = &claim.rule else { return String::new() };
    let over = format!("over {}", words::counted(worst.blocks, "block"));
    let interval = worst.interval.map_or(over.clone(), |it| format!("{} {over}", words::interval(it, "")));
    let efficiency = worst.efficiency.map_or_else(|| "not known".to_owned(), |it| words::figure(it, ""));
    format!(
        "{} scales worst at {path} = {}, with an efficiency of {efficiency} ({interval})",
        claim.metric, worst.value
    )
}

fn efficiencies(
    steps: &[(f64, usize)],
    blocks: &[Vec<f64>],
    target: f64,
    level: Level,
) -> Result<Scaling, ScalingError> {
    let throughputs: Vec<Throughputs<'_>> = steps
        .iter()
        .zip(blocks)
        .map(|((value, _), by_block)| Throughputs { value: *value, by_block })
        .collect();
    match throughputs.split_first() {
        Some((smallest, others)) => scaling::efficiencies(*smallest, others, target, level),
        None => Ok(Scaling { steps: Vec::new(), ruling: Ruling::Inconclusive, more_blocks: None }),
    }
}

/// Each step's values in those blocks that every step has.
fn common_blocks(series: &[Series<'_>]) -> Vec<Vec<f64>> {
    let value = |series: &Series<'_>, block: &u32| series.valid.get(block).and_then(|trial| trial.value);
    let blocks: Vec<u32> = series.first().map_or(Vec::new(), |first| first.valid.keys().copied().collect());
    let is_common = |block: &&u32| series.iter().all(|series| value(series, block).is_some());
    let common: Vec<u32> = blocks.iter().filter(is_common).copied().collect();
    series.iter().map(|series| common.iter().filter_map(|block| value(series, block)).collect()).collect()
}
