//! One number varied: the announced "12.6 % faster with 2 workers", and what it takes to say so.

use std::sync::Arc;

use shared::job::{Job, JobVariant, LoadModel};
use shared::plan::looks::{Look, LookKind};
use shared::plan::{Plan, PlannedTrial, Variant};
use shared::run_record::{LookOutcome, Looked, RunRecord};
use shared::run_report::{Direction, RunReport, Says, SweepReport};

use super::fixture::*;
use super::*;

const WORKERS: [u32; 4] = [1, 2, 4, 8];
/// What one run of each took.
const ANNOUNCED_MS: [u64; 4] = [8_243, 7_207, 7_790, 8_758];

/// A run of so many blocks over the announced times, each block some percent off, within a named variant or none.
fn report(blocks: u32, name: Option<&str>, model: LoadModel) -> RunReport {
    report_ended_by(Vec::new(), blocks, name, model)
}

/// The same of a run that these looks were taken at.
fn report_ended_by(looks: Vec<Looked>, blocks: u32, name: Option<&str>, model: LoadModel) -> RunReport {
    let mut base = job(&["suite"], 1);
    base.load.model = model;
    let prefix = name.map_or_else(String::new, |name| format!("{name},"));
    let variant = |workers: u32| JobVariant {
        name: format!("{prefix}params.workers={workers}"),
        parameters: BTreeMap::from([("params.workers".to_owned(), workers.into())]),
        job: Arc::new(base.clone()),
    };
    let variants: Vec<JobVariant> = WORKERS.map(variant).to_vec();
    let planned = |index: u32| PlannedTrial {
        index: TrialIndex(index),
        variant: VariantIndex(index % 4),
        block: index / 4,
        order: index % 4,
        cells: Vec::new(),
    };
    let named = |it: &JobVariant| Variant { name: it.name.clone(), parameters: it.parameters.clone() };
    let record = record(4 * blocks, 1, 1);
    let plan = Plan {
        variants: variants.iter().map(named).collect(),
        trials: (0..4 * blocks).map(planned).collect(),
        ..record.plan.clone()
    };
    let taken = |index: u32| {
        let wobble = u64::from(index * 7 % 11) * 3 + 985;
        let wobble = if blocks == 1 { 1_000 } else { wobble };
        let ns = ANNOUNCED_MS[index as usize % 4] * wobble * 1_000;
        interval(index, 0, 0, vec![operation(0, &[ns; 6], 0)])
    };
    let intervals: Vec<Interval> = (0..4 * blocks).map(taken).collect();
    assemble(&RunRecord { plan, looks, ..record }, &Job { variants, ..base }, intervals, NOW_MS).report
}

fn latency(report: &RunReport) -> &SweepReport {
    report.sweeps.iter().find(|sweep| sweep.metric == "latency.p50").unwrap()
}

#[test]
fn one_trial_of_each_value_is_inconclusive_and_says_how_many_are_needed() {
    let report = report(1, None, LoadModel::Closed);
    let sweep = latency(&report);
    assert_eq!(
        (sweep.path.as_str(), sweep.variant.as_str(), sweep.best),
        ("params.workers", "default", Some(2.0))
    );
    assert_eq!(sweep.not_told_apart, [1.0, 4.0, 8.0]);
    assert!(sweep.spread_assumed && sweep.more_trials_needed.is_some_and(|more| more >= 4));
    let ratio = sweep.values[1].against_least.as_ref().unwrap();
    assert_eq!((ratio.says, ratio.interval, ratio.direction), (Says::Inconclusive, None, None));
    assert!((ratio.ratio.unwrap() - 0.874).abs() < 0.001);
    let trials = 1 + sweep.more_trials_needed.unwrap();
    assert_eq!(
        sweep.answer,
        format!(
            "Inconclusive: params.workers = 2 has the best mean, but 1, 4 and 8 cannot be told apart from it: how far \
             trials spread is not known from one of each. At least 5 of each are needed, and about {trials} if trials \
             differ by 5 %. Whether 2, 4 or 8 is worse than 1 cannot be told."
        )
    );
}

#[test]
fn ten_blocks_name_the_best_and_what_was_worse_than_one() {
    let report = report(10, None, LoadModel::Closed);
    let sweep = latency(&report);
    assert_eq!((sweep.best, sweep.not_told_apart.len(), sweep.more_trials_needed), (Some(2.0), 0, None));
    assert_eq!(sweep.worse_than_least, [8.0]);
    assert_eq!(sweep.values[3].against_least.as_ref().unwrap().direction, Some(Direction::Worse));
    assert_eq!(
        sweep.answer,
        "params.workers = 2 is best: every other value is worse. More was worse than 1: 8."
    );
    assert_eq!((sweep.values[0].n, sweep.values[0].variant.as_str()), (10, "params.workers=1"));
    assert_eq!(sweep.law, None);
}

#[test]
fn a_run_that_ended_at_a_look_answers_at_that_looks_level() {
    let ended = |alpha| {
        let look = Look { blocks: 10, kind: LookKind::Decide, alpha };
        let looks = vec![Looked { look, outcome: LookOutcome::Settled }];
        latency(&report_ended_by(looks, 10, None, LoadModel::Closed)).not_told_apart.len()
    };
    assert_eq!((ended(0.05), ended(1e-15)), (0, 3));
}

#[test]
fn throughput_has_the_law_and_is_no_answer_where_the_job_asked_for_it() {
    let metrics = |report: &RunReport| -> Vec<String> {
        report.sweeps.iter().map(|sweep| sweep.metric.clone()).collect()
    };
    let closed = report(10, Some("new"), LoadModel::Closed);
    assert_eq!(metrics(&closed), ["throughput", "latency.p50"]);
    assert!(closed.sweeps[0].law.is_some() && closed.sweeps[0].answer.contains("Only a model"));
    assert_eq!(closed.sweeps[0].variant, "new");
    assert_eq!(metrics(&report(10, None, LoadModel::Open)), ["latency.p50"]);
}

#[test]
fn what_is_not_one_swept_number_has_no_answer() {
    let mut variants = report(2, None, LoadModel::Closed).variants;
    let job = job(&["suite"], 1);
    assert_eq!(crate::sweeps::answers(&variants[..1], &job, crate::level::Level::FIVE_PERCENT), []);
    for variant in &mut variants {
        variant.parameters.insert("params.workers".to_owned(), "many".into());
    }
    assert_eq!(crate::sweeps::answers(&variants, &job, crate::level::Level::FIVE_PERCENT), []);
}
