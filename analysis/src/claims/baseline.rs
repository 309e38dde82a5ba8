//! A run against a baseline: its runs are the units, as they were when this run was submitted.

use shared::baseline::{Baseline, FrozenBaseline};
use shared::claim::Claim;
use shared::fingerprint_comparison;
use shared::run_figures::{JobShape, RunFigures, VariantFigures};
use shared::run_report::Verdict;

use super::ratio::{demand, demanded};
use super::sample::against;
use super::series::Series;
use super::{Decided, Decision, Evidence, comparable, gates, words};
use crate::assemble::subject::Subject;
use crate::compare_runs::interval::RunRatio;
use crate::estimate::{Scale, mean_with_interval};
use crate::level::Level;
use crate::prediction::RUNS_MIN;

/// What every answer ends with.
const BETTER_WAY: &str = "old and new interleaved as variants of one job would tell more";
/// Differences of hosts that one reason names; more are counted.
const NAMED_MAX: usize = 3;

/// A variant held against a baseline.
pub(crate) struct Held<'a> {
    /// The baseline.
    pub(crate) baseline: &'a Baseline,
    /// The variant in terms of it.
    pub(crate) ratio: RunRatio,
    /// The unit of what is compared.
    pub(crate) unit: String,
    /// In what the hosts differ.
    pub(crate) differences: Vec<String>,
    /// Whether these keep it from saying anything.
    pub(crate) is_held_back: bool,
}

/// Decides it.
pub(super) fn decide<'a>(
    evidence: &Evidence<'a>,
    claim: &'a Claim,
    name: &str,
    variant: usize,
    subject: &Subject,
) -> Decided<'a> {
    match hold(evidence, claim, name, variant, subject) {
        Ok(held) => decide_ratio(evidence, claim, &held),
        Err(refused) => (refused, None),
    }
}

/// Holds a variant against a baseline in a claim's metric; or why it cannot be.
pub(crate) fn hold<'a>(
    evidence: &Evidence<'a>,
    claim: &'a Claim,
    name: &str,
    variant: usize,
    subject: &Subject,
) -> Result<Held<'a>, Decision> {
    let report = &evidence.assembled.report.variants[variant];
    let own = Series::of(variant, report, subject, &claim.metric);
    let baseline = whole(evidence, name).map_err(Decision::invalid)?;
    if let Some(refused) = gates::refuse(evidence, claim, &[&own]) {
        return Err(refused);
    }
    if let Some(reason) = unlikeness(evidence, baseline, &own) {
        return Err(Decision::invalid(reason));
    }
    let values = own.values();
    // As the baseline's runs were averaged: shares and metrics of a job's own as they are, the rest in logarithms.
    let scale = if claim.metric.measure.starts_with("metric.") || claim.metric.measure == "error_ratio" {
        Scale::Linear
    } else {
        Scale::Logarithmic
    };
    let Some(mean) = mean_with_interval(&values, scale).0 else {
        let reason = format!("{} is zero in some trial, and has no ratio to that of {name}", claim.metric);
        return Err(Decision::inconclusive(reason, None));
    };
    let means = means(baseline, claim, &own, subject).map_err(Decision::invalid)?;
    let ratio = RunRatio::of(&means, &[mean], own.scale().rounding_variance()).ok_or_else(|| {
        let reason =
            format!("{} is zero or below somewhere, and has no ratio to that of {name}", claim.metric);
        Decision::inconclusive(reason, None)
    })?;
    let differences = differences(evidence, baseline);
    let is_held_back = !differences.is_empty() && !evidence.job.limits.across_machines;
    Ok(Held { baseline, ratio, unit: own.unit().to_owned(), differences, is_held_back })
}

/// The baseline as it was; or why there is none.
fn whole<'a>(evidence: &Evidence<'a>, name: &str) -> Result<&'a Baseline, String> {
    match evidence.assembled.baselines.get(name) {
        Some(FrozenBaseline::Whole(baseline)) => Ok(baseline),
        Some(FrozenBaseline::Damaged(what)) => Err(format!(
            "the baseline {name} is damaged ({what}): restore it from an export or set it again with `fleetmark baseline set`, and run the job again"
        )),
        Some(FrozenBaseline::Missing) | None => Err(format!(
            "there is no baseline named {name:?} to compare with; make one of a run by `fleetmark baseline set`, or, better, run old and new interleaved as variants"
        )),
    }
}

/// Why the baseline's runs did not measure the same; `None`: they did.
fn unlikeness(evidence: &Evidence<'_>, baseline: &Baseline, own: &Series<'_>) -> Option<String> {
    let report = &evidence.assembled.report.variants[own.variant];
    let agents = report.trials.iter().map(|trial| trial.coverage.agents_planned).max().unwrap_or(0);
    let shape = JobShape::of(evidence.job_of(own.variant), agents);
    let name = &baseline.name;
    for figures in baseline.figures() {
        let Some(variant) = figures.variant(own.name) else {
            return Some(format!("run {} of the baseline {name} has no variant {}", figures.run, own.name));
        };
        let differences = variant.shape.differences(&shape);
        if !differences.is_empty() {
            return Some(format!(
                "the baseline {name} did not measure the same: {}; set it anew with runs of this job",
                differences.join(", ")
            ));
        }
    }
    None
}

/// The metric's mean in each run of the baseline; or which run does not have it.
fn means(
    baseline: &Baseline,
    claim: &Claim,
    own: &Series<'_>,
    subject: &Subject,
) -> Result<Vec<f64>, String> {
    let of_run = |variant: &'_ VariantFigures| {
        let metric = claim.metric.to_string();
        let is_its =
            |estimated: &str| estimated == metric || variant.is_the_only_operations(&metric, estimated);
        let mut own = variant
            .estimates
            .iter()
            .filter(|estimate| (&estimate.agent, &estimate.pair) == (&subject.agent(), &subject.pair()));
        let estimate = own.find(|estimate| is_its(&estimate.metric))?;
        Some((estimate.mean?, estimate.unit.clone()))
    };
    let mean = |figures: &RunFigures| {
        let (run, name) = (figures.run, &baseline.name);
        let (mean, unit) = figures.variant(own.name).and_then(of_run).ok_or_else(|| {
            format!(
                "run {run} of the baseline {name} has no figure of {}; set the baseline anew with runs of this job",
                claim.metric
            )
        })?;
        let differs = comparable::differs_from(own, &unit, &format!("run {run} of the baseline {name}"));
        differs.map_or(Ok(mean), Err)
    };
    baseline.figures().map(mean).collect()
}

fn decide_ratio<'a>(evidence: &Evidence<'a>, claim: &'a Claim, held: &Held<'a>) -> Decided<'a> {
    let Held { baseline, ratio, ref differences, is_held_back, .. } = *held;
    let (side, factor) = demand(claim);
    let limit = factor.ln();
    let at = move |level: Level| {
        let interval = ratio.interval(level).filter(|_| ratio.is_enough);
        interval.map_or(Verdict::Inconclusive, |interval| against(interval, side, limit))
    };
    let verdict = if is_held_back { Verdict::Inconclusive } else { at(evidence.level) };
    let ci95 = ratio.interval(Level::FIVE_PERCENT).map(|interval| interval.map(f64::exp));
    let is = is(claim, baseline, ratio, ci95);
    let demanded = demanded(claim);
    let reason = match verdict {
        Verdict::Refuted => format!("{is}, which is not {demanded}; {BETTER_WAY}"),
        Verdict::Supported => format!("{is}, which is {demanded}; {BETTER_WAY}"),
        _ if is_held_back => format!(
            "{is}; but the hosts differ ({}), so it cannot be told what made the difference: `across_machines = true` in [limits] says that this is meant; {BETTER_WAY}",
            named(differences)
        ),
        _ if !ratio.is_enough => format!(
            "{is}; how much runs differ shows only in {RUNS_MIN} or more: add runs with --save-baseline, or, better, run old and new interleaved as variants of one job"
        ),
        _ => format!("{is}; that does not tell whether it is {demanded}; {BETTER_WAY}"),
    };
    let n = baseline.runs.len() as u64;
    let decision =
        Decision { n, value: Some(ratio.difference.exp()), ci95, ..Decision::inconclusive(reason, None) };
    let is_refuted = move |level| at(level) == Verdict::Refuted;
    (Decision { verdict, ..decision }, (verdict == Verdict::Refuted).then(|| Box::new(is_refuted) as _))
}

/// `latency.p50 is 1.12 × that of the baseline main, 12 % more (1.05 to 1.19 over its 6 runs)`.
fn is(claim: &Claim, baseline: &Baseline, ratio: RunRatio, ci95: Option<[f64; 2]>) -> String {
    let over = format!("over its {}", words::counted(baseline.runs.len(), "run"));
    let interval = ci95.map_or(over.clone(), |ci95| format!("{} {over}", words::interval(ci95, "")));
    let ratio = ratio.difference.exp();
    format!(
        "{} is {} × that of the baseline {}, {} ({interval})",
        claim.metric,
        words::figure(ratio, ""),
        baseline.name,
        words::change(ratio)
    )
}

/// In what the hosts of this run differ from those of the baseline's runs, each once.
fn differences(evidence: &Evidence<'_>, baseline: &Baseline) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for figures in baseline.figures() {
        let hosts = &evidence.assembled.report.hosts;
        for difference in fingerprint_comparison::differences(&figures.hosts, hosts) {
            let difference = difference.to_string();
            if !told.contains(&difference) {
                told.push(difference);
            }
        }
    }
    told
}

fn named(differences: &[String]) -> String {
    let named = differences[..differences.len().min(NAMED_MAX)].join("; ");
    match differences.len().saturating_sub(NAMED_MAX) {
        0 => named,
        more => format!("{named}; and {more} more"),
    }
}
