//! Runs against runs: what can be said when two sides were not measured in the same blocks.
//!
//! Runs, not trials, are the units: conditions differ from run to run, and trials of one run do not show by how much
//! (statistics.md, "Stored baselines"). So two single runs never decide anything, and the better way is always named.
//! Rooms: `likeness` (whether both measured the same), `units` (whether they tell it in one unit), `interval` (runs as units),
//! [`named`] (a side as a person names it).

pub(crate) mod interval;
pub(crate) mod likeness;
pub mod named;
mod units;

use std::collections::BTreeSet;

use shared::claim::Better;
use shared::job::LoadModel;
use shared::metric::MetricName;
use shared::run_comparison::{ComparedSide, RunComparison, SCHEMA};
use shared::run_figures::{RunFigures, VariantFigures};
use shared::run_report::{ComparisonReport, Estimate, Says, Verdict};

use crate::calibration;
use crate::estimate::Scale;
use crate::level::{Level, Margin};
use crate::multiplicity::{benjamini_hochberg, holm};
use crate::prediction::RUNS_MIN;

/// Most metrics that are compared: a workload of 256 operations has fewer.
const COMPARISONS_MAX: usize = 10_000;
/// Measures that are what an open model's job asked for, or that can be zero and then have no ratio.
const NOT_COMPARED: [&str; 2] = ["count", "error_ratio"];
const SLOWER: u8 = 1;

/// One side: a run, or the runs of a baseline, and which of their variants is meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// As a person named it.
    pub name: String,
    /// Whether it is a baseline.
    pub is_baseline: bool,
    /// The variant that is meant; one that the runs do not have makes the comparison invalid.
    pub variant: String,
    /// The figures of its runs, at least one.
    pub runs: Vec<RunFigures>,
}

/// What counts, beyond the figures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// The largest difference that counts as none, as a share; `None`: what the second side's job says.
    pub margin: Option<f64>,
    /// Whether comparing different hosts is meant.
    pub across_machines: bool,
}

/// Compares the second side with the first.
///
/// A run that is part of the baseline it is held against is left out of it: it says nothing against itself.
pub fn compare_runs(a: &Side, b: &Side, terms: Terms) -> RunComparison {
    let (a, b) = (&likeness::without_runs_of(a, b), &likeness::without_runs_of(b, a));
    let margin = terms.margin.or(b.runs.first().map(|run| run.margin)).unwrap_or(0.05);
    let differences = likeness::of_hosts(a, b);
    let across_machines = terms.across_machines || b.runs.iter().any(|run| run.across_machines);
    let is_held_back = !differences.is_empty() && !across_machines;
    let mut invalid = likeness::unlikeness(a, b);
    if invalid.is_empty() {
        invalid.extend(missing(a, b));
        invalid.extend(units::claimed_in_several(a, b));
    }
    let comparisons =
        if invalid.is_empty() { comparisons(a, b, margin, is_held_back, &differences) } else { Vec::new() };
    let exit_code = exit_code(&invalid, &comparisons);
    let mut notes = notes(a, b, is_held_back);
    notes.extend(units::left_out(a, b));
    gather_notes(&mut notes, &comparisons);
    RunComparison {
        schema: SCHEMA.to_owned(),
        a: told(a),
        b: told(b),
        margin,
        invalid,
        notes,
        fingerprint_differences: differences,
        comparisons,
        exit_code,
    }
}

/// The contract's exit code for a comparison: the worst of what was meant to be compared, or of everything where nothing was.
/// Only what nobody can tell of the metrics that no claim names does not count.
pub fn exit_code(invalid: &[String], comparisons: &[ComparisonReport]) -> u8 {
    let has_primary = comparisons.iter().any(|comparison| comparison.primary);
    let counted = || comparisons.iter().filter(|comparison| comparison.primary || !has_primary);
    if !invalid.is_empty() || counted().next().is_none() {
        Verdict::Invalid.exit_code()
    } else if comparisons.iter().any(|comparison| comparison.says == Says::Slower) {
        SLOWER
    } else if counted().any(|comparison| comparison.says == Says::Inconclusive) {
        Verdict::Inconclusive.exit_code()
    } else {
        Verdict::Supported.exit_code()
    }
}

/// Adds what is to be known of single comparisons, each sentence once.
pub(crate) fn gather_notes(notes: &mut Vec<String>, comparisons: &[ComparisonReport]) {
    for note in comparisons.iter().flat_map(|comparison| &comparison.notes) {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
}

/// A metric of both sides.
struct Asked<'a> {
    estimate: &'a Estimate,
    better: Better,
    is_primary: bool,
    rounding_variance: f64,
    firsts: Vec<f64>,
    seconds: Vec<f64>,
}

fn comparisons(
    a: &Side,
    b: &Side,
    margin: f64,
    is_held_back: bool,
    differences: &[String],
) -> Vec<ComparisonReport> {
    let bounds = Margin::of_share(margin).or(Margin::linear(0.0)).expect("zero is a margin");
    let mut asked = asked(a, b);
    asked.sort_by_key(|asked| !asked.is_primary);
    asked.truncate(COMPARISONS_MAX);
    let mut compared: Vec<(ComparisonReport, f64)> = Vec::new();
    for asked in &asked {
        let found =
            interval::between(&asked.firsts, &asked.seconds, asked.better, bounds, asked.rounding_variance);
        let report = ComparisonReport {
            metric: asked.estimate.metric.clone(),
            a: a.name.clone(),
            b: b.name.clone(),
            agent: asked.estimate.agent.clone(),
            pair: asked.estimate.pair.clone(),
            n: (asked.firsts.len() + asked.seconds.len()) as u64,
            ratio: found.ratio,
            ci95: found.ci95,
            says: if is_held_back { Says::Inconclusive } else { found.says },
            primary: asked.is_primary,
            more_trials_needed: None,
            fingerprint_differences: differences.to_vec(),
            notes: vouching(a, b, &asked.estimate.unit).into_iter().collect(),
        };
        compared.push((report, found.p));
    }
    correct(&mut compared, true, holm);
    correct(&mut compared, false, benjamini_hochberg);
    compared.into_iter().map(|(report, _)| report).collect()
}

/// What several comparisons leave of each word: those that may be chance among so many become inconclusive.
fn correct(compared: &mut [(ComparisonReport, f64)], is_primary: bool, adjust: fn(&[f64]) -> Vec<f64>) {
    let mut meant: Vec<_> = compared.iter_mut().filter(|(report, _)| report.primary == is_primary).collect();
    let adjusted = adjust(&meant.iter().map(|(_, p)| *p).collect::<Vec<_>>());
    for ((report, _), p) in meant.iter_mut().zip(adjusted) {
        if p > Level::FIVE_PERCENT.alpha() {
            report.says = Says::Inconclusive;
        }
    }
}

/// What both sides have in every run, as far as it is known which way is better.
fn asked<'a>(a: &Side, b: &'a Side) -> Vec<Asked<'a>> {
    let Some((newest, variant)) =
        b.runs.last().and_then(|newest| Some((newest, newest.variant(&b.variant)?)))
    else {
        return Vec::new();
    };
    let meant = variant.estimates.iter().filter_map(|estimate| {
        let (better, is_primary) = orientation(newest, variant, estimate)?;
        let (firsts, seconds) = (means(a, estimate)?, means(b, estimate)?);
        let rounding_variance = rounding_variance(variant, estimate);
        Some(Asked { estimate, better, is_primary, rounding_variance, firsts, seconds })
    });
    meant.collect()
}

/// What claims name and some run has no figure of: what is not there is no pass.
fn missing(a: &Side, b: &Side) -> Vec<String> {
    let sides = || [a, b].into_iter().flat_map(|side| side.runs.iter().map(move |run| (side, run)));
    let claimed: BTreeSet<&str> =
        sides().flat_map(|(_, run)| &run.claimed).map(|claimed| claimed.metric.as_str()).collect();
    let lacks = |(side, run): (&Side, &RunFigures), claimed: &str| {
        let variant = run.variant(&side.variant)?;
        let operations = variant.shape.operations.iter().map(|(name, _)| name.as_str());
        // A claim may be about an operation that only other variants have.
        let metric = MetricName::parse(claimed, operations).ok()?;
        let is_its = |estimate: &&Estimate| is_claimed(claimed, variant, estimate);
        let has_figure =
            variant.estimates.iter().find(is_its).is_some_and(|it| it.mean.is_some_and(|mean| mean > 0.0));
        (is_compared(&metric, variant) && !has_figure).then(|| {
            format!("run {} has no figure of {claimed} that can be compared, and a claim names it", run.run)
        })
    };
    claimed.into_iter().flat_map(|claimed| sides().filter_map(move |side| lacks(side, claimed))).collect()
}

/// Whether a claimed metric is the one that is estimated.
fn is_claimed(claimed: &str, variant: &VariantFigures, estimate: &Estimate) -> bool {
    claimed == estimate.metric || variant.is_the_only_operations(claimed, &estimate.metric)
}

/// Whether a metric says something of the target, and has a ratio.
fn is_compared(metric: &MetricName, variant: &VariantFigures) -> bool {
    let is_asked_for = metric.measure == "throughput" && variant.shape.model == LoadModel::Open;
    !is_asked_for && !NOT_COMPARED.contains(&metric.measure.as_str())
}

/// Which way a metric is better, and whether a claim names it; `None`: it is not compared.
fn orientation(run: &RunFigures, variant: &VariantFigures, estimate: &Estimate) -> Option<(Better, bool)> {
    let operations = variant.shape.operations.iter().map(|(name, _)| name.as_str());
    let metric = MetricName::parse(&estimate.metric, operations).ok()?;
    if !is_compared(&metric, variant) {
        return None;
    }
    match run.claimed.iter().find(|claimed| is_claimed(&claimed.metric, variant, estimate)) {
        Some(claimed) => Some((if claimed.is_better_higher { Better::Higher } else { Better::Lower }, true)),
        None => Some((Better::of_metric(&metric)?, false)),
    }
}

/// What rounding to a histogram's buckets adds to the variance of a run.
fn rounding_variance(variant: &VariantFigures, estimate: &Estimate) -> f64 {
    let operations = variant.shape.operations.iter().map(|(name, _)| name.as_str());
    MetricName::parse(&estimate.metric, operations)
        .map_or(0.0, |metric| Scale::of(&metric).rounding_variance())
}

/// What is to be said of a comparison on hosts of which not all were calibrated; `None`: nothing.
fn vouching(a: &Side, b: &Side, unit: &str) -> Option<String> {
    a.runs.iter().chain(&b.runs).find_map(|run| calibration::note(run.calibrated_by.as_ref(), unit))
}

/// The means of a metric in all runs of a side, in its unit; `None`: some run has none, and a selection says nothing.
fn means(side: &Side, asked: &Estimate) -> Option<Vec<f64>> {
    let of_run = |run: &RunFigures| {
        let estimates = &run.variant(&side.variant)?.estimates;
        let is_same = |known: &&Estimate| {
            (&known.metric, &known.unit, &known.agent, &known.pair)
                == (&asked.metric, &asked.unit, &asked.agent, &asked.pair)
        };
        estimates.iter().find(is_same)?.mean.filter(|mean| *mean > 0.0)
    };
    side.runs.iter().map(of_run).collect()
}

fn notes(a: &Side, b: &Side, is_held_back: bool) -> Vec<String> {
    let mut notes = Vec::new();
    let is_enough = a.runs.len() >= RUNS_MIN || b.runs.len() >= RUNS_MIN;
    let advice = "run old and new interleaved as variants of one job: that tells more with fewer trials";
    if !is_enough {
        notes.push(format!(
            "conditions differ from run to run, and so few runs do not show by how much, so nothing is decided: {advice}; or have a baseline of {RUNS_MIN} runs or more"
        ));
    } else {
        notes.push(format!("better still, {advice}"));
    }
    if is_held_back {
        notes.push(
            "the hosts differ, so it cannot be told what made the difference: --across-machines says that comparing hosts is meant".to_owned(),
        );
    }
    let versions: BTreeSet<&str> =
        a.runs.iter().chain(&b.runs).map(|run| run.analysis_version.as_str()).collect();
    if versions.len() > 1 {
        let versions: Vec<&str> = versions.into_iter().collect();
        notes.push(format!(
            "the runs were analysed by different versions ({}), which may have counted differently",
            versions.join(", ")
        ));
    }
    notes
}

/// A side as it is told.
pub(crate) fn told(side: &Side) -> ComparedSide {
    ComparedSide {
        name: side.name.clone(),
        job: side.runs.first().map(|run| run.job.to_string()).unwrap_or_default(),
        variant: side.variant.clone(),
        runs: side.runs.iter().map(|run| run.run).collect(),
        is_baseline: side.is_baseline,
    }
}

#[cfg(test)]
mod tests;
