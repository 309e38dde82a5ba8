//! Variants: each trial is read as its variant's job has it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use shared::ids::VariantIndex;
use shared::job::{Job, JobVariant, Window};
use shared::plan::{Plan, PlannedTrial, Variant};
use shared::run_record::RunRecord;

use super::fixture::*;
use super::*;

/// Two blocks of two variants, the second of which has other operations and a longer window, in the orders AB and BA.
fn compared() -> (Job, RunRecord) {
    let base = job(&["base"], 1);
    let mut longer = job(&["read", "write"], 2);
    longer.load.window = Window::For(Duration::from_secs(2));
    let variant = |name: &str, job: &Job| JobVariant {
        name: name.to_owned(),
        parameters: BTreeMap::from([("params.n".to_owned(), name.into())]),
        job: Arc::new(job.clone()),
    };
    let variants = vec![variant("short", &job(&["get"], 1)), variant("long", &longer)];
    let record = record(4, 1, 1);
    let planned = |(index, variant): (u32, u32)| PlannedTrial {
        index: TrialIndex(index),
        variant: VariantIndex(variant),
        block: index / 2,
        order: index % 2,
        cells: Vec::new(),
    };
    let named =
        |variant: &JobVariant| Variant { name: variant.name.clone(), parameters: variant.parameters.clone() };
    let plan = Plan {
        variants: variants.iter().map(named).collect(),
        trials: [(0, 0), (1, 1), (2, 1), (3, 0)].map(planned).to_vec(),
        ..record.plan.clone()
    };
    (Job { variants, ..base }, RunRecord { plan, ..record })
}

#[test]
fn each_variant_has_its_own_operations_and_window() {
    let (job, record) = compared();
    let short = |trial| interval(trial, 0, 0, vec![operation(0, &[100; 10], 0)]);
    let long = |trial| Interval {
        duration_ns: 2 * SECOND_NS,
        ..interval(trial, 0, 0, vec![operation(0, &[200; 10], 0), operation(1, &[300; 20], 0)])
    };
    let report = assemble(&record, &job, [short(0), long(1), long(2), short(3)], NOW_MS).report;
    assert_eq!((report.run.verdict, report.run.reason), (Verdict::None, None));
    let [first, second] = report.variants.as_slice() else { panic!("two variants") };
    assert_eq!((first.name.as_str(), second.name.as_str()), ("short", "long"));
    assert_eq!(second.parameters["params.n"], "long");
    let names = |trial: &TrialReport| -> Vec<String> {
        trial.operations.iter().map(|operation| operation.name.clone()).collect()
    };
    let places = |variant: usize| -> Vec<(u32, u32)> {
        report.variants[variant].trials.iter().map(|trial| (trial.block, trial.order)).collect()
    };
    assert_eq!(
        (names(&first.trials[1]), names(&second.trials[0])),
        (vec!["get".to_owned()], ["read", "write", "*"].map(str::to_owned).to_vec())
    );
    assert_eq!((places(0), places(1)), (vec![(0, 0), (1, 1)], vec![(0, 1), (1, 0)]));
    assert!(second.trials.iter().all(|trial| trial.coverage.agent_seconds_ratio == Some(1.0)));
    assert_eq!((first.operations[0].count, second.operations[2].count), (20, 60));
    assert_eq!(second.operations[2].throughput_per_s, Some(15.0));
}

#[test]
fn an_operation_that_only_another_variant_has_is_left_out_and_said() {
    let (job, record) = compared();
    let stray = interval(0, 0, 0, vec![operation(0, &[100; 10], 0), operation(1, &[1; 5], 0)]);
    let report = assemble(&record, &job, [stray], NOW_MS).report;
    assert_eq!(report.variants[0].trials[0].operations[0].count, 10);
    assert!(report.run.reason.is_some_and(|reason| reason.contains("were left out")));
}
