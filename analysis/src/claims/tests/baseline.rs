//! Claims against baselines: runs are the units, and what is missing is never a pass.

use shared::baseline::{Baseline, BaselineRun, FrozenBaseline};
use shared::host::Fingerprint;
use shared::ids::{AgentName, BaselineName, RunId};
use shared::run_figures::{JobShape, RunFigures, VariantFigures};
use shared::run_record::RunState;
use shared::run_report::{ClaimReport, Estimate, HostReport, Says, Verdict};

use super::super::*;
use super::fixture::{job, of_latencies};
use crate::comparisons::{self, Terms};

/// This run: a median of 5.00 ms.
const NEW: &[u64] = &[5_000, 5_010, 4_990, 5_005, 4_995];
const NO_REGRESSION: &str = "metric = \"read.latency.p50\"\nbaseline = \"main\"\nno_regression = \"5%\"\n";
/// Six runs that hardly differ, as medians in ms.
const STEADY: &[f64] = &[5.0, 5.02, 4.98, 5.01, 4.99, 5.0];

fn hosts(kernel: &str) -> Vec<HostReport> {
    let fingerprint = Fingerprint { kernel: Some(kernel.to_owned()), ..Fingerprint::default() };
    vec![HostReport {
        agent: AgentName::new("a1").unwrap(),
        fingerprint,
        labels: Default::default(),
        observer: false,
    }]
}

fn run(number: u64, median_ms: f64, shape: &JobShape) -> BaselineRun {
    let estimate = Estimate {
        metric: "read.latency.p50".to_owned(),
        unit: "ns".to_owned(),
        agent: None,
        pair: None,
        n: 5,
        mean: Some(median_ms * 1e6),
        ci95: None,
    };
    let variant = VariantFigures {
        name: "default".to_owned(),
        shape: shape.clone(),
        target_sha256: None,
        command_sha256: None,
        trials_valid: 5,
        trials_planned: 5,
        estimates: vec![estimate],
    };
    let figures = RunFigures {
        run: RunId::new(number, [1; 10]),
        job: "j".parse().unwrap(),
        submitted_at_ms: number,
        state: RunState::Finished,
        verdict: Verdict::None,
        tags: Default::default(),
        job_sha256: String::new(),
        analysis_version: String::new(),
        claimed: Vec::new(),
        margin: 0.05,
        across_machines: false,
        variants: vec![variant],
        hosts: hosts("6.1"),
        calibration: None,
        calibrated_by: None,
    };
    BaselineRun { added_at_ms: 1, added_by: "x".to_owned(), figures }
}

/// Decides a claim of this run against a baseline of such runs; `change` makes either otherwise.
fn decided(
    claims: &str,
    medians_ms: &[f64],
    change: impl FnOnce(&mut Assembled, &mut Baseline),
) -> ClaimReport {
    let (assembled, job) = held(claims, medians_ms, change);
    decide(&assembled, &job, Level::FIVE_PERCENT).remove(0)
}

/// This run and its job, with a baseline of such runs.
fn held(
    claims: &str,
    medians_ms: &[f64],
    change: impl FnOnce(&mut Assembled, &mut Baseline),
) -> (Assembled, Job) {
    let variants: &[(&str, &[u64])] = &[("default", NEW)];
    let job = job(claims, variants);
    let shape = JobShape::of(&job, 0);
    let mut assembled = of_latencies(variants);
    assembled.report.hosts = hosts("6.1");
    let runs = (1..).zip(medians_ms).map(|(number, median)| run(number, *median, &shape)).collect();
    let mut baseline = Baseline { name: BaselineName::new("main").unwrap(), runs };
    change(&mut assembled, &mut baseline);
    assembled.baselines.insert("main".to_owned(), FrozenBaseline::Whole(baseline));
    (assembled, job)
}

#[test]
fn a_baseline_that_a_claim_names_is_among_the_comparisons() {
    let compared = |medians_ms: &[f64], change: fn(&mut Assembled, &mut Baseline)| {
        let (assembled, job) = held(NO_REGRESSION, medians_ms, change);
        comparisons::compare(&assembled, &job, Terms::at(Level::FIVE_PERCENT)).remove(0)
    };
    let slower: Vec<f64> = STEADY.iter().map(|median| median / 1.3).collect();
    let row = compared(&slower, |_, _| ());
    assert_eq!((row.a.as_str(), row.b.as_str(), row.says), ("main", "default", Says::Slower));
    assert!(row.primary && row.n == 6 && row.ratio.is_some_and(|it| (it - 1.3).abs() < 0.02), "{row:?}");
    let moved = compared(&slower, |assembled, _| assembled.report.hosts = hosts("6.8"));
    assert_eq!((moved.says, moved.fingerprint_differences.len()), (Says::Inconclusive, 1));
    let damaged = compared(STEADY, |_, baseline| baseline.runs[0].figures.variants[0].estimates.clear());
    assert!(damaged.ratio.is_none() && damaged.notes[0].contains("has no figure of"), "{damaged:?}");
}

#[test]
fn a_baseline_in_another_unit_is_invalid() {
    let claim = decided(NO_REGRESSION, STEADY, |_, baseline| {
        baseline.runs[1].figures.variants[0].estimates[0].unit = "bytes".to_owned();
    });
    assert_eq!(claim.verdict, Verdict::Invalid);
    assert!(claim.reason.contains("in ns by default and in bytes by run"), "{}", claim.reason);
}

#[test]
fn a_run_like_the_baseline_is_no_regression_and_a_slower_one_is() {
    let like = decided(NO_REGRESSION, STEADY, |_, _| ());
    assert_eq!((like.verdict, like.n), (Verdict::Supported, 6), "{}", like.reason);
    assert_eq!((like.baseline.as_deref(), like.than), (Some("main"), None));
    let faster: Vec<f64> = STEADY.iter().map(|median| median / 1.3).collect();
    let slower = decided(NO_REGRESSION, &faster, |_, _| ());
    assert_eq!(slower.verdict, Verdict::Refuted, "{}", slower.reason);
    assert!(slower.reason.contains("× that of the baseline main"), "{}", slower.reason);
    assert!(slower.reason.contains("over its 6 runs"), "{}", slower.reason);
}

#[test]
fn a_ratio_against_a_baseline_is_decided_too() {
    let claims = "metric = \"read.latency.p50\"\nvariant = \"default\"\nbaseline = \"main\"\nat_most = 0.7\n";
    let halved: Vec<f64> = STEADY.iter().map(|median| median * 2.0).collect();
    assert_eq!(decided(claims, &halved, |_, _| ()).verdict, Verdict::Supported);
    assert_eq!(decided(claims, STEADY, |_, _| ()).verdict, Verdict::Refuted);
}

#[test]
fn few_runs_are_inconclusive_with_the_better_way() {
    for count in 1..5 {
        let claim = decided(NO_REGRESSION, &STEADY[..count], |_, _| ());
        assert_eq!(claim.verdict, Verdict::Inconclusive, "{}", claim.reason);
        assert!(claim.reason.contains("interleaved as variants"), "{}", claim.reason);
        assert!(claim.value.is_some_and(|ratio| (ratio - 1.0).abs() < 0.02));
    }
}

#[test]
fn runs_that_differ_much_decide_nothing() {
    let claim = decided(NO_REGRESSION, &[5.0, 6.0, 4.2, 5.6, 4.6], |_, _| ());
    assert_eq!(claim.verdict, Verdict::Inconclusive, "{}", claim.reason);
    assert!(claim.reason.contains("does not tell whether"), "{}", claim.reason);
}

#[test]
fn another_job_shape_is_invalid_and_says_what_differs() {
    let claim = decided(NO_REGRESSION, STEADY, |_, baseline| {
        baseline.runs[0].figures.variants[0].shape.workers = Some(8);
    });
    assert_eq!(claim.verdict, Verdict::Invalid);
    assert!(claim.reason.contains("workers (8 and the default)"), "{}", claim.reason);
}

#[test]
fn a_variant_or_metric_that_the_baseline_lacks_is_invalid() {
    let claim = decided(NO_REGRESSION, STEADY, |_, baseline| {
        baseline.runs[2].figures.variants[0].name = "new".to_owned();
    });
    assert!(claim.reason.contains("has no variant default"), "{}", claim.reason);
    let metric = decided(NO_REGRESSION, STEADY, |_, baseline| {
        baseline.runs[2].figures.variants[0].estimates.clear();
    });
    assert_eq!((claim.verdict, metric.verdict), (Verdict::Invalid, Verdict::Invalid));
    assert!(metric.reason.contains("has no figure of read.latency.p50"), "{}", metric.reason);
}

#[test]
fn other_hosts_make_it_inconclusive_at_best() {
    let faster: Vec<f64> = STEADY.iter().map(|median| median / 1.3).collect();
    for medians in [STEADY, &faster] {
        let claim = decided(NO_REGRESSION, medians, |assembled, _| assembled.report.hosts = hosts("6.8"));
        assert_eq!(claim.verdict, Verdict::Inconclusive, "{}", claim.reason);
        assert!(claim.reason.contains("a1: kernel: 6.1 and 6.8"), "{}", claim.reason);
        assert!(claim.reason.contains("across_machines"), "{}", claim.reason);
    }
}

#[test]
fn a_damaged_baseline_is_invalid_and_says_so() {
    let variants: &[(&str, &[u64])] = &[("default", NEW)];
    let mut assembled = of_latencies(variants);
    let damaged = FrozenBaseline::Damaged("it is gone".to_owned());
    assembled.baselines.insert("main".to_owned(), damaged);
    let claim = decide(&assembled, &job(NO_REGRESSION, variants), Level::FIVE_PERCENT).remove(0);
    assert_eq!(claim.verdict, Verdict::Invalid);
    assert!(claim.reason.contains("the baseline main is damaged (it is gone)"), "{}", claim.reason);
}
