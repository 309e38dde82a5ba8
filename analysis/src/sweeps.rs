//! The sweeps of a run: which variants are values of one swept number, and what they answer in the metrics that matter.
//!
//! Room: `words` (the answer in sentences).

mod words;

use std::collections::BTreeSet;

use shared::claim::Better;
use shared::ids::VariantIndex;
use shared::job::{Job, LoadModel};
use shared::metric::MetricName;
use shared::plan::DEFAULT_VARIANT;
use shared::run_report::{
    ContrastReport, Direction, LawReport, SweepReport, SweptReport, TrialReport, VariantReport, value_of,
};

use crate::assemble::subject::Subject;
use crate::claims::series::taint;
use crate::estimate::Scale;
use crate::level::{Level, Margin};
use crate::paired::{self, Rule};
use crate::scaling::universal::UniversalLaw;
use crate::sweep::{Contrast, SweepAnswer, SweepRule, Swept, SweptRow, answer};

/// Most answers of a run: a sweep is answered for every named variant, agent and metric, and nobody reads more.
const SWEEPS_MAX: usize = 1_000;

/// What the sweeps over one number answer: within each named variant, for each agent or pair that stands alone, in the metrics
/// that claims name, or without any in throughput and latency; at an error level: 5 % unless several looks share it. Sweeps over
/// several paths at once have no single answer.
pub fn answers(variants: &[VariantReport], job: &Job, level: Level) -> Vec<SweepReport> {
    let mut answers = Vec::new();
    for group in groups(variants) {
        for subject in subjects(&group) {
            let metrics = metrics(&group, &subject, job);
            answers.extend(
                metrics
                    .iter()
                    .filter_map(|(metric, better)| report(&group, &subject, metric, *better, job, level)),
            );
        }
    }
    answers.truncate(SWEEPS_MAX);
    answers
}

/// The variants that differ in one swept number alone.
struct Group<'a> {
    path: &'a str,
    /// The named variant within which it is swept.
    name: String,
    /// Each value with the place of its variant and what was measured of it.
    values: Vec<(f64, usize, &'a VariantReport)>,
}

fn groups(variants: &[VariantReport]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (place, variant) in variants.iter().enumerate() {
        let Some((path, value, name)) = swept_number(variant) else { continue };
        match groups.iter_mut().find(|group| group.path == path && group.name == name) {
            Some(group) => group.values.push((value, place, variant)),
            None => groups.push(Group { path, name, values: vec![(value, place, variant)] }),
        }
    }
    groups.retain(|group| group.values.len() > 1);
    groups
}

/// The one swept path of a variant with its value, and what is left of its name. What is swept stands in a variant's name as
/// `path=value`.
fn swept_number(variant: &VariantReport) -> Option<(&str, f64, String)> {
    let parts: Vec<&str> = variant.name.split(',').collect();
    let is_part_of =
        |part: &str, path: &str| part.strip_prefix(path).is_some_and(|rest| rest.starts_with('='));
    let mut swept =
        variant.parameters.iter().filter(|(path, _)| parts.iter().any(|part| is_part_of(part, path)));
    let (path, value) = swept.next()?;
    if swept.next().is_some() {
        return None;
    }
    let others: Vec<&str> = parts.iter().copied().filter(|part| !is_part_of(part, path)).collect();
    let name = if others.is_empty() { DEFAULT_VARIANT.to_owned() } else { others.join(",") };
    Some((path, value.as_f64().filter(|value| value.is_finite())?, name))
}

fn subjects(group: &Group<'_>) -> BTreeSet<Subject> {
    group.values.iter().flat_map(|(_, _, variant)| &variant.trials).map(Subject::of).collect()
}

/// In what a sweep is answered. An open model's throughput is what the job asked for, and answers nothing.
fn metrics(group: &Group<'_>, subject: &Subject, job: &Job) -> Vec<(MetricName, Better)> {
    let is_open = group
        .values
        .iter()
        .any(|(_, place, _)| job.of_variant(VariantIndex(*place as u32)).load.model == LoadModel::Open);
    let mut metrics: Vec<(MetricName, Better)> = Vec::new();
    for claim in &job.claims {
        if metrics.iter().all(|(metric, _)| *metric != claim.metric) {
            metrics.push((claim.metric.clone(), claim.better));
        }
    }
    if metrics.is_empty() {
        let of_all = |measure: &str, statistic: Option<&str>| MetricName {
            operation: None,
            measure: measure.to_owned(),
            statistic: statistic.map(str::to_owned),
        };
        let p50 = of_all("latency", Some("p50"));
        // A few long operations have no quantile, but a mean.
        let has_p50 =
            series(group, subject, &p50).iter().any(|swept| swept.by_block.iter().any(Option::is_some));
        metrics.push((of_all("throughput", None), Better::Higher));
        metrics.push((if has_p50 { p50 } else { of_all("latency", Some("mean")) }, Better::Lower));
        metrics.push((of_all("latency", Some("p99")), Better::Lower));
    }
    metrics.retain(|(metric, _)| !(is_open && metric.measure == "throughput"));
    metrics
}

/// What each value's trials gave, block by block.
fn series(group: &Group<'_>, subject: &Subject, metric: &MetricName) -> Vec<Swept> {
    let trials = || group.values.iter().flat_map(|(_, _, variant)| &variant.trials);
    let blocks = trials().map(|trial| trial.block as usize + 1).max().unwrap_or(0);
    let of = |value: f64, variant: &VariantReport| {
        let mut by_block = vec![None; blocks];
        // What is said over a tainted trial is said of fleetmark or of a neighbour.
        let counts = |trial: &&TrialReport| trial.valid && taint(trial).is_none();
        let valid = variant.trials.iter().filter(counts).filter(|trial| Subject::of(trial) == *subject);
        valid.for_each(|trial| by_block[trial.block as usize] = value_of(&trial.operations, metric));
        Swept { value, by_block }
    };
    group.values.iter().map(|(value, _, variant)| of(*value, variant)).collect()
}

/// The answer in one metric; `None` when no trial gives it.
fn report(
    group: &Group<'_>,
    subject: &Subject,
    metric: &MetricName,
    better: Better,
    job: &Job,
    level: Level,
) -> Option<SweepReport> {
    let series = series(group, subject, metric);
    let scale = Scale::of(metric);
    let is_throughput = metric.measure == "throughput";
    let measured: Vec<f64> =
        series.iter().flat_map(|swept| swept.by_block.iter().copied().flatten()).collect();
    let margin = margin(&measured, scale, job.limits.margin);
    let rule = SweepRule { better, scale, rule: Rule { margin, level }, is_throughput };
    let found = answer(series, &rule);
    let best = found.best.as_ref()?;
    let variant_of = |value: f64| group.values.iter().find(|(other, _, _)| *other == value);
    let row = |row: &SweptRow| SweptReport {
        value: row.value,
        variant: variant_of(row.value).map(|(_, _, variant)| variant.name.clone()).unwrap_or_default(),
        n: row.trials as u64,
        mean: row.mean,
        ci95: row.interval,
        against_best: row.against_best.as_ref().map(|contrast| contrast_report(contrast, scale)),
        against_least: row.against_least.as_ref().map(|contrast| contrast_report(contrast, scale)),
    };
    let mut report = SweepReport {
        path: group.path.to_owned(),
        variant: group.name.clone(),
        metric: metric.to_string(),
        unit: unit(group, metric),
        agent: subject.agent(),
        pair: subject.pair(),
        values: found.rows.iter().map(row).collect(),
        best: Some(best.value),
        not_told_apart: best.rivals.clone(),
        worse_than_least: found.worse_than_least(),
        more_trials_needed: best.more_blocks.map(u64::from),
        spread_assumed: best.is_spread_assumed,
        law: law(&found),
        answer: String::new(),
    };
    report.answer = words::answer(&report, job.limits.margin);
    Some(report)
}

/// The largest difference that counts as none: a factor, or on the linear scale that share of the mean of all.
fn margin(measured: &[f64], scale: Scale, share: f64) -> Margin {
    let mean = crate::student::mean(measured).unwrap_or_default().abs();
    let margin = if scale == Scale::Linear { Margin::linear(share * mean) } else { Margin::of_share(share) };
    margin.unwrap_or(Margin::NONE)
}

fn contrast_report(contrast: &Contrast, scale: Scale) -> ContrastReport {
    let is_ratio = scale != Scale::Linear;
    ContrastReport {
        n: contrast.blocks as u64,
        ratio: contrast.ratio.filter(|_| is_ratio),
        interval: contrast.interval.filter(|_| is_ratio),
        says: contrast.says.into(),
        direction: contrast.direction.map(|direction| match direction {
            paired::Direction::Worse => Direction::Worse,
            paired::Direction::Better => Direction::Better,
        }),
        more_trials_needed: contrast.more_blocks.map(u64::from),
    }
}

fn law(found: &SweepAnswer) -> Option<LawReport> {
    let report = |law: UniversalLaw| LawReport {
        of_one: law.of_one,
        contention: law.contention,
        coherence: law.coherence,
        peak: law.peak,
        misfit: law.misfit,
    };
    found.law.map(report)
}

/// The unit that the metric is estimated in, or else that of its measure.
fn unit(group: &Group<'_>, metric: &MetricName) -> String {
    let name = metric.to_string();
    let estimates = group.values.iter().flat_map(|(_, _, variant)| &variant.estimates);
    let estimated =
        estimates.filter(|estimate| estimate.metric == name).map(|estimate| estimate.unit.clone());
    estimated.into_iter().next().unwrap_or_else(|| metric.unit().as_str().to_owned())
}
