//! Facts about two variants of one run.

use shared::ids::RunId;
use shared::run_figures::{JobShape, RunFigures, VariantFigures};
use shared::run_record::RunState;
use shared::run_report::{LookReport, Says, Verdict};

use super::*;
use crate::claims::tests::fixture::of_latencies;

const TERMS: Terms = Terms { margin: None, across_machines: false };
const JOB: &str = "name = \"j\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nname = \"read\"\nurl = \"{{n}}\"\n[params]\nn = 0\n\
    [load]\ntrials = { until = \"settled\", at_most = 30 }\n\
    [[variants]]\nname = \"old\"\n[[variants]]\nname = \"new\"\nset = { \"params.n\" = 1 }\n[[variants]]\nname = \"copy\"\n\
    [[claims]]\nmetric = \"read.latency.p50\"\nvariant = \"new\"\nthan = \"old\"\nno_regression = \"5%\"\n";
const OLD: &[u64] = &[5_000, 5_040, 4_960, 5_020, 4_980, 5_010, 4_990, 5_030, 4_970, 5_000];

/// A report of that job whose second variant has these latencies.
fn report(new: &[u64]) -> RunReport {
    let mut report = of_latencies(&[("old", OLD), ("new", new), ("copy", OLD)]).report;
    report.run.job = JOB.to_owned();
    report
}

fn side(variant: &str) -> Side {
    let job = parse(JOB, Kinds::Unchecked).unwrap();
    let variants = ["old", "new", "copy"].map(|name| VariantFigures {
        name: name.to_owned(),
        shape: JobShape::of(&job, 1),
        target_sha256: None,
        command_sha256: None,
        trials_valid: 10,
        trials_planned: 10,
        estimates: Vec::new(),
    });
    let run = RunFigures {
        run: RunId::new(1, [7; 10]),
        job: job.name.clone(),
        submitted_at_ms: 1,
        state: RunState::Finished,
        verdict: Verdict::None,
        tags: Default::default(),
        job_sha256: String::new(),
        analysis_version: String::new(),
        claimed: Vec::new(),
        margin: 0.05,
        across_machines: false,
        variants: variants.into(),
        hosts: Vec::new(),
        calibration: None,
        calibrated_by: None,
    };
    Side { name: variant.to_owned(), is_baseline: false, variant: variant.to_owned(), runs: vec![run] }
}

fn says(report: &RunReport) -> Says {
    let compared = compare_variants(report, &side("old"), &side("new"), TERMS).unwrap();
    compared.comparisons.iter().find(|it| it.metric == "read.latency.p50").unwrap().says
}

#[test]
fn a_run_that_ended_at_a_look_is_compared_at_that_looks_level() {
    // Two per cent more, give or take two: a narrow interval lies within the margin, and a wide one does not.
    let new: Vec<u64> = OLD
        .iter()
        .zip([0, 4, 0, 4, 0, 4, 0, 4, 0, 4])
        .map(|(old, per_cent)| old * (100 + per_cent) / 100)
        .collect();
    let mut report = report(&new);
    let look = |alpha| vec![LookReport { blocks: 10, alpha, outcome: "settled".to_owned() }];
    report.run.looks = look(0.2);
    let wide = says(&report);
    report.run.looks = look(0.000_1);
    assert_eq!((wide, says(&report)), (Says::Same, Says::Inconclusive));
}

#[test]
fn a_run_without_such_a_look_has_the_level_that_its_plan_left() {
    let job = parse(JOB, Kinds::Unchecked).unwrap();
    let look = |outcome: &str| [LookReport { blocks: 10, alpha: 0.003, outcome: outcome.to_owned() }];
    assert_eq!(looks::level_of_report(&job, &look("settled")).alpha(), 0.003);
    assert_eq!(looks::level_of_report(&job, &look("go_on")).alpha(), 0.05 / 4.0);
    assert_eq!(looks::level_of_report(&job, &[]).alpha(), 0.05 / 4.0);
}

#[test]
fn two_variants_that_are_one_job_are_invalid() {
    let compared = compare_variants(&report(OLD), &side("old"), &side("copy"), TERMS).unwrap();
    assert_eq!((compared.exit_code, compared.comparisons.len()), (3, 0));
    assert!(compared.invalid[0].contains("one job to the last value"), "{:?}", compared.invalid);
}

#[test]
fn hosts_that_nothing_vouches_for_are_said_to_be_such() {
    let note = |side: &Side| {
        let compared = compare_variants(&report(OLD), side, side, TERMS);
        compared.unwrap().notes.join(" ").contains("fleetmark calibrate")
    };
    // Of one and the same variant: only the notes matter here.
    let compared = compare_variants(&report(OLD), &side("old"), &side("new"), TERMS).unwrap();
    assert!(compared.notes.iter().any(|note| note.contains("fleetmark calibrate")), "{:?}", compared.notes);
    let mut calibrated = side("new");
    calibrated.runs[0].calibrated_by = Some(shared::calibration::CalibrationMark {
        same_run: RunId::new(2, [1; 10]),
        slower_run: RunId::new(3, [1; 10]),
        calibrated_at_ms: 1,
    });
    let compared = compare_variants(&report(OLD), &side("old"), &calibrated, TERMS).unwrap();
    assert!(!compared.notes.iter().any(|note| note.contains("fleetmark calibrate")), "{:?}", compared.notes);
    assert!(!note(&side("old")), "what is invalid has no comparisons to vouch for");
}
