//! Searches: what is measured of each value decides which one is tried next, and in the end between which two the answer lies.
//!
//! All of it follows from what is stored: [`report`] decides once more what [`outcome`] decided while the run went on. Room:
//! `words` (the answer in sentences).

mod words;

use std::collections::BTreeSet;

use shared::claim::Claim;
use shared::job::{Job, Search};
use shared::plan::search::{Course, Ending, Tried};
use shared::run_record::LookOutcome;
use shared::run_report::{ClaimReport, SearchAnswer, SearchReport, SearchStepReport, VariantReport, Verdict};

use crate::assemble::Assembled;
use crate::claims;
use crate::level::Level;

/// The path whose values are rates.
const RATE: &str = "load.rate";

/// A value that was tried, and what came of it.
struct Step {
    tried: Tried,
    claim: ClaimReport,
}

/// What the search of a run does next. The job is the one of the run's plan ([`Job::as_planned`]).
pub fn outcome(assembled: &Assembled, job: &Job, search: &Search) -> LookOutcome {
    let course = Course::of(search, job.load.trials);
    let steps = steps(assembled, job, search, &course);
    match course.next(&tried(&steps)) {
        Some(place) => LookOutcome::Try(u32::try_from(place).unwrap_or(u32::MAX)),
        None => LookOutcome::Found,
    }
}

/// What a search has found so far.
pub fn report(assembled: &Assembled, job: &Job, search: &Search) -> SearchReport {
    let course = Course::of(search, job.load.trials);
    let mut steps = steps(assembled, job, search, &course);
    steps.sort_by_key(|step| step.tried.place);
    let bracket = course.bracket(&tried(&steps));
    let value = |place: usize| search.values[place];
    let is_rate = search.vary == RATE;
    SearchReport {
        vary: search.vary.clone(),
        keep: search.keep_text.clone(),
        metric: search.keep.metric.to_string(),
        unit: steps
            .iter()
            .map(|step| step.claim.unit.clone())
            .find(|unit| !unit.is_empty())
            .unwrap_or_default(),
        resolution: search.resolution,
        between: [value(0), value(search.values.len() - 1)],
        alpha: course.alpha(),
        answer: SearchAnswer {
            at_least: bracket.at_least.map(value),
            below: bracket.below.map(value),
            unit: if is_rate { "per_s".to_owned() } else { String::new() },
            verdict: verdict(bracket.ending),
            reason: words::reason(search, &bracket, &steps),
        },
        steps: steps.into_iter().map(|step| step_report(search, step)).collect(),
    }
}

/// What an ending is to whoever gave the job: a contradiction is no answer, however sure its two sides are.
fn verdict(ending: Ending) -> Verdict {
    match ending {
        Ending::Found { .. } | Ending::HoldsThroughout => Verdict::Supported,
        Ending::FailsThroughout => Verdict::Refuted,
        Ending::Open | Ending::Contradicted { .. } | Ending::Undecided(_) => Verdict::Inconclusive,
        Ending::Invalid(_) => Verdict::Invalid,
    }
}

fn tried(steps: &[Step]) -> Vec<Tried> {
    steps.iter().map(|step| step.tried).collect()
}

/// The values that were tried, in the order in which they were.
fn steps(assembled: &Assembled, job: &Job, search: &Search, course: &Course) -> Vec<Step> {
    let level = Level::new(course.alpha()).unwrap_or(Level::FIVE_PERCENT);
    let step = |variant: &VariantReport| {
        let place = search.steps.iter().position(|step| step.name == variant.name)?;
        let trials: BTreeSet<u32> = variant.trials.iter().map(|trial| trial.block).collect();
        // Each value by itself: that several are decided is in the level already.
        let of_value = Claim { variant: Some(variant.name.clone()), ..search.keep.clone() };
        let alone = Job { claims: vec![of_value], ..job.clone() };
        let claim = claims::decide(assembled, &alone, level).into_iter().next()?;
        // A quantile that one trial has too few samples for has them in no other.
        let is_final = claim.verdict == Verdict::Inconclusive && claim.n == 0 && !trials.is_empty();
        let trials = u32::try_from(trials.len()).unwrap_or(u32::MAX);
        let tried = Tried { place, trials, verdict: claim.verdict, is_final };
        Some(Step { tried, claim })
    };
    assembled.report.variants.iter().filter_map(step).collect()
}

fn step_report(search: &Search, step: Step) -> SearchStepReport {
    let Step { tried, claim } = step;
    SearchStepReport {
        value: search.values[tried.place],
        variant: claim.variant,
        verdict: claim.verdict,
        n: claim.n,
        measured: claim.value,
        ci95: claim.ci95,
        reason: claim.reason,
    }
}
