//! The table of gates that decide whether a claim can be decided at all: what is invalid is never a pass.
//!
//! The gates of trials stand in [`crate::validity`]; here is what makes single claims invalid over trials that count for others.
//! To add a gate: one function, one line of [`GATES`].

use shared::claim::{Claim, Rule, Side};
use shared::job::LoadModel;
use shared::metric::Unit;
use shared::run_report::Verdict;
use shared::units::human_share;

use super::series::{Absence, Series, Trial, operation, taint, why_lost};
use super::words::unit_words;
use super::{Decision, Evidence, comparable};
use crate::comparisons::ASKED_FOR;
use crate::identical_sides;

/// Most trials that one reason names; more are counted.
const NAMED_MAX: usize = 3;

/// A claim with everything that it is decided from.
struct Asked<'a> {
    evidence: &'a Evidence<'a>,
    claim: &'a Claim,
    series: &'a [&'a Series<'a>],
}

/// One reason why a claim cannot be decided.
type Gate = fn(&Asked<'_>) -> Option<Decision>;

/// Every gate, the gravest first: the first that closes says why.
const GATES: &[Gate] = &[
    nothing_ran,
    trials_lost,
    taints,
    operation_failed,
    sides_are_identical,
    was_asked_for,
    cannot_be_compared,
    unit_differs,
    value_missing,
];

/// Why a claim over these series cannot be decided; `None`: it can.
pub(super) fn refuse(evidence: &Evidence<'_>, claim: &Claim, series: &[&Series<'_>]) -> Option<Decision> {
    let asked = Asked { evidence, claim, series };
    GATES.iter().find_map(|gate| gate(&asked))
}

impl Asked<'_> {
    fn trials(&self) -> impl Iterator<Item = (&Series<'_>, &Trial<'_>)> {
        self.series.iter().flat_map(|series| series.valid.values().map(move |trial| (*series, trial)))
    }

    /// A trial as people count them, with its variant where there are several.
    fn name(&self, series: &Series<'_>, block: u32) -> String {
        let trial = format!("trial {}", block + 1);
        let is_only = self.evidence.assembled.report.variants.len() == 1;
        if is_only { trial } else { format!("{trial} of {}", series.name) }
    }
}

fn nothing_ran(asked: &Asked<'_>) -> Option<Decision> {
    let empty = asked.series.iter().find(|series| series.valid.is_empty() && series.lost.is_empty())?;
    if asked.evidence.assembled.report.run.state.is_over() {
        return Some(Decision::invalid(format!("no trial of {} ran", empty.name)));
    }
    Some(Decision::inconclusive(format!("no trial of {} has ended yet", empty.name), None))
}

/// No trial is dropped: one that does not count, and could not be repeated, takes the claim with it.
fn trials_lost(asked: &Asked<'_>) -> Option<Decision> {
    let lost: Vec<String> = asked
        .series
        .iter()
        .flat_map(|series| series.lost.iter().map(move |(block, trial)| (*series, *block, *trial)))
        .map(|(series, block, trial)| {
            format!("{} did not count: {}", asked.name(series, block), why_lost(trial))
        })
        .collect();
    if lost.is_empty() {
        return None;
    }
    let more = lost.len().saturating_sub(NAMED_MAX);
    let named = lost[..lost.len().min(NAMED_MAX)].join("; ");
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    Some(Decision::invalid(format!("{named}{more}")))
}

/// What leaves a trial standing leaves claims over it not.
fn taints(asked: &Asked<'_>) -> Option<Decision> {
    asked.trials().find_map(|(series, trial)| {
        let found = taint(trial.report)?;
        Some(Decision::invalid(format!("{}: {}", asked.name(series, trial.report.block), found.message)))
    })
}

/// The trial's limit holds for all operations together; a claim about one of them holds it to the same.
fn operation_failed(asked: &Asked<'_>) -> Option<Decision> {
    let limit = asked.evidence.job.limits.error_ratio;
    asked.trials().find_map(|(series, trial)| {
        let operation = operation(trial.report, series.metric)?;
        let ratio = operation.error_ratio.filter(|ratio| *ratio > limit)?;
        let failed: u64 = operation.errors.values().sum();
        Some(Decision::invalid(format!(
            "{}: {failed} of {} {} failed ({}; limits.error_ratio is {})",
            asked.name(series, trial.report.block),
            operation.count,
            operation.name,
            human_share(ratio),
            human_share(limit)
        )))
    })
}

fn sides_are_identical(asked: &Asked<'_>) -> Option<Decision> {
    let [one, others @ ..] = asked.series else { return None };
    let first = |series: &Series<'_>| asked.evidence.firsts.get(series.variant);
    let same = others.iter().find(|other| first(other) == first(one))?;
    Some(Decision::invalid(identical_sides::sentence(one.name, same.name)))
}

/// Under an open model the throughput is the rate that was asked for: it shows whether the plan was kept, and nothing else.
fn was_asked_for(asked: &Asked<'_>) -> Option<Decision> {
    let is_open = |series: &&&Series<'_>| asked.evidence.job_of(series.variant).load.model == LoadModel::Open;
    let series = asked.series.iter().find(is_open)?;
    let measure = asked.claim.metric.measure.as_str();
    (asked.claim.rule.is_comparing() && ASKED_FOR.contains(&measure)).then(|| {
        Decision::invalid(format!(
            "{} has an open model, whose {measure} is what it asked for: comparing it says nothing about the target",
            series.name
        ))
    })
}

/// What is measured in different units has no common scale, and what is below zero has no ratio.
fn cannot_be_compared(asked: &Asked<'_>) -> Option<Decision> {
    let is_comparing = asked.claim.rule.is_comparing();
    let why = if is_comparing { comparable::senseless } else { comparable::units_differ };
    why(asked.series).map(Decision::invalid)
}

/// A limit with a unit against a metric that is measured in another.
fn unit_differs(asked: &Asked<'_>) -> Option<Decision> {
    let Rule::Bound { limit, side } = &asked.claim.rule else { return None };
    let series = asked.series.iter().find(|series| !series.valid.is_empty())?;
    let expected = match limit.unit {
        Unit::Time | Unit::Size | Unit::Rate => limit.unit.as_str(),
        // A share is a plain number: 90 % of what is counted in per cent would be 0.9 of it.
        Unit::Share => "",
        Unit::Count | Unit::Unknown => return None,
    };
    let word = if *side == Side::Below { "below" } else { "above" };
    (series.unit() != expected).then(|| {
        let unit = unit_words(series.unit());
        Decision::invalid(format!(
            "{} is reported in {unit}, so {word} {limit} cannot be held against it: write the limit as a plain number",
            asked.claim.metric
        ))
    })
}

/// A metric that nobody reported is invalid; a quantile that the samples cannot carry is a matter of more of them.
fn value_missing(asked: &Asked<'_>) -> Option<Decision> {
    let absent = asked.series.iter().filter_map(|series| Some((series, series.absence()?)));
    let (series, (trial, absence)) =
        absent.min_by_key(|(_, (_, absence))| *absence != Absence::Unreported)?;
    let name = asked.name(series, trial.report.block);
    let metric = &asked.claim.metric;
    Some(match absence {
        Absence::Unreported => Decision::invalid(format!("{name} reports no {metric}")),
        Absence::TooFew { samples, needed } => Decision {
            verdict: Verdict::Inconclusive,
            ..Decision::invalid(format!(
                "{metric} takes at least {needed} successes in each trial, and {name} has {}: measure longer, or claim a lower percentile",
                samples
            ))
        },
    })
}
