//! Facts about runs against runs.

use shared::host::Fingerprint;
use shared::ids::{AgentName, RunId};
use shared::job::{Kinds, parse};
use shared::run_figures::{ClaimedMetric, JobShape};
use shared::run_record::RunState;
use shared::run_report::HostReport;

use super::*;

const PLAIN: Terms = Terms { margin: None, across_machines: false };

fn estimate(metric: &str, unit: &str, mean: f64) -> Estimate {
    let (metric, unit) = (metric.to_owned(), unit.to_owned());
    Estimate { metric, unit, agent: None, pair: None, n: 10, mean: Some(mean), ci95: None }
}

/// A run of a job with one operation, with a median and a rate.
fn run(number: u64, median_ns: f64, load: &str) -> RunFigures {
    let text = format!(
        "name = \"j\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nname = \"read\"\n[load]\n{load}\n"
    );
    let shape = JobShape::of(&parse(&text, Kinds::Unchecked).unwrap(), 1);
    let estimates = vec![
        estimate("read.latency.p50", "ns", median_ns),
        estimate("read.throughput", "per_s", 1e12 / median_ns),
        estimate("read.error_ratio", "", 0.0),
    ];
    let variant = VariantFigures {
        name: "default".to_owned(),
        shape,
        target_sha256: None,
        command_sha256: None,
        trials_valid: 10,
        trials_planned: 10,
        estimates,
    };
    let fingerprint = Fingerprint { kernel: Some("6.1".to_owned()), ..Fingerprint::default() };
    RunFigures {
        run: RunId::new(number, [1; 10]),
        job: "j".parse().unwrap(),
        submitted_at_ms: number,
        state: RunState::Finished,
        verdict: Verdict::None,
        tags: std::collections::BTreeMap::new(),
        job_sha256: String::new(),
        analysis_version: "4".to_owned(),
        claimed: vec![ClaimedMetric { metric: "latency.p50".to_owned(), is_better_higher: false }],
        margin: 0.05,
        across_machines: false,
        variants: vec![variant],
        hosts: vec![HostReport {
            agent: AgentName::new("a1").unwrap(),
            fingerprint,
            labels: Default::default(),
            observer: false,
        }],
        calibration: None,
        calibrated_by: None,
    }
}

fn side(name: &str, runs: Vec<RunFigures>) -> Side {
    let is_baseline = runs.len() > 1;
    Side { name: name.to_owned(), is_baseline, variant: "default".to_owned(), runs }
}

fn baseline() -> Side {
    let medians = [5.00e6, 5.03e6, 4.98e6, 5.01e6, 4.99e6, 5.02e6];
    side("main", (1..).zip(medians).map(|(number, median)| run(number, median, "workers = 4")).collect())
}

fn new(median_ns: f64) -> Side {
    side("latest", vec![run(9, median_ns, "workers = 4")])
}

fn said(comparison: &RunComparison) -> Vec<(&str, Says, bool)> {
    let one = |it: &'_ ComparisonReport| (it.says, it.primary);
    let all = comparison.comparisons.iter();
    all.map(|it| (it.metric.as_str(), one(it).0, one(it).1)).collect()
}

#[test]
fn a_run_against_a_baseline_of_enough_runs_is_told_apart() {
    let slower = compare_runs(&baseline(), &new(5.6e6), PLAIN);
    assert_eq!(
        said(&slower),
        [("read.latency.p50", Says::Slower, true), ("read.throughput", Says::Slower, false)]
    );
    assert_eq!(slower.exit_code, 1);
    let same = compare_runs(&baseline(), &new(5.02e6), PLAIN);
    assert_eq!((same.comparisons[0].says, same.exit_code), (Says::Same, 0));
    assert_eq!(compare_runs(&baseline(), &new(4.0e6), PLAIN).exit_code, 0);
}

#[test]
fn two_single_runs_are_inconclusive_and_the_better_way_is_named() {
    let one = side("a", vec![run(1, 8.14e9, "workers = 4")]);
    let other = side("b", vec![run(2, 3.75e9, "workers = 4")]);
    let compared = compare_runs(&one, &other, PLAIN);
    assert_eq!((compared.comparisons[0].says, compared.exit_code), (Says::Inconclusive, 2));
    assert!(compared.comparisons[0].ratio.is_some_and(|ratio| (ratio - 3.75 / 8.14).abs() < 1e-12));
    assert!(compared.notes[0].contains("interleaved as variants"), "{:?}", compared.notes);
}

#[test]
fn jobs_of_another_shape_are_invalid_and_what_differs_is_said() {
    let other = side("latest", vec![run(9, 5e6, "workers = 8")]);
    let compared = compare_runs(&baseline(), &other, PLAIN);
    assert_eq!((compared.exit_code, compared.comparisons.len()), (3, 0));
    assert!(compared.invalid[0].contains("workers (4 and 8)"), "{:?}", compared.invalid);
}

#[test]
fn a_run_that_does_not_count_is_never_compared() {
    let changed = |change: fn(&mut RunFigures)| {
        let mut side = new(5e6);
        change(&mut side.runs[0]);
        compare_runs(&baseline(), &side, PLAIN)
    };
    for (compared, word) in [
        (changed(|run| run.state = RunState::Cancelled), "is cancelled"),
        (changed(|run| run.variants[0].trials_valid = 9), "not all trials"),
        (changed(|run| run.variants[0].name = "new".to_owned()), "no variant \"default\": it has new"),
    ] {
        assert_eq!(compared.exit_code, 3, "{word}");
        assert!(
            compared.invalid.iter().any(|reason| reason.contains(word)),
            "{word}: {:?}",
            compared.invalid
        );
    }
}

#[test]
fn a_run_is_not_held_against_itself() {
    let mut added = baseline();
    added.runs.extend(new(5.6e6).runs);
    let compared = compare_runs(&added, &new(5.6e6), PLAIN);
    assert_eq!((compared.a.runs.len(), compared.exit_code), (6, 1), "the baseline goes without it");
    let twice = compare_runs(&new(5e6), &new(5e6), PLAIN);
    assert_eq!(twice.exit_code, 3);
    assert!(twice.invalid[0].contains("a run in common"), "{:?}", twice.invalid);
}

#[test]
fn other_hosts_leave_it_inconclusive_unless_that_is_meant() {
    let mut moved = new(5.6e6);
    moved.runs[0].hosts[0].fingerprint.kernel = Some("6.8".to_owned());
    let held_back = compare_runs(&baseline(), &moved, PLAIN);
    assert_eq!((held_back.comparisons[0].says, held_back.exit_code), (Says::Inconclusive, 2));
    assert_eq!(held_back.fingerprint_differences, ["a1: kernel: 6.1 and 6.8"]);
    assert_eq!(held_back.comparisons[0].fingerprint_differences, held_back.fingerprint_differences);
    let meant = compare_runs(&baseline(), &moved, Terms { across_machines: true, ..PLAIN });
    assert_eq!((meant.comparisons[0].says, meant.exit_code), (Says::Slower, 1));
}

#[test]
fn throughput_under_an_open_model_is_what_was_asked_for_and_not_compared() {
    let open = "model = \"open\"\nrate = 100";
    let a = side("a", vec![run(1, 5e6, open)]);
    let b = side("b", vec![run(2, 5e6, open)]);
    let compared = compare_runs(&a, &b, PLAIN);
    assert_eq!(said(&compared), [("read.latency.p50", Says::Inconclusive, true)]);
}

#[test]
fn a_wider_margin_counts_more_as_the_same() {
    let wide = Terms { margin: Some(0.2), ..PLAIN };
    assert_eq!(compare_runs(&baseline(), &new(5.6e6), wide).exit_code, 0);
}

#[test]
fn a_claimed_metric_that_went_missing_is_invalid_and_no_pass() {
    let mut other = new(5e6);
    other.runs[0].variants[0].estimates.remove(0);
    let compared = compare_runs(&baseline(), &other, PLAIN);
    assert_eq!((compared.comparisons.len(), compared.exit_code), (0, 3));
    assert!(compared.invalid[0].contains("has no figure of latency.p50"), "{:?}", compared.invalid);
}

#[test]
fn nothing_in_common_is_invalid() {
    let mut other = new(5e6);
    other.runs[0].variants[0].estimates.clear();
    let compared = compare_runs(&baseline(), &other, PLAIN);
    assert_eq!((compared.comparisons.len(), compared.exit_code), (0, 3));
}

#[test]
fn a_metric_that_the_sides_tell_in_different_units_is_not_compared() {
    let mut claimed = new(5e6);
    claimed.runs[0].variants[0].estimates[0].unit = "bytes".to_owned();
    let compared = compare_runs(&baseline(), &claimed, PLAIN);
    assert_eq!(compared.exit_code, 3);
    assert!(
        compared.invalid[0].contains("read.latency.p50 is told in bytes and in ns"),
        "{:?}",
        compared.invalid
    );
    let mut other = new(5e6);
    other.runs[0].variants[0].estimates[1].unit = "rows".to_owned();
    let compared = compare_runs(&baseline(), &other, PLAIN);
    assert_eq!(said(&compared).len(), 1, "{:?}", compared.comparisons);
    assert!(
        compared.notes.iter().any(|note| note.contains("read.throughput (per_s and rows)")),
        "{:?}",
        compared.notes
    );
}

#[test]
fn runs_on_hosts_that_nothing_vouches_for_say_so() {
    let is_noted = |compared: RunComparison| {
        let told = compared.notes.iter().filter(|note| note.contains("fleetmark calibrate")).count();
        assert_eq!(told == 1, compared.comparisons.iter().all(|it| it.notes.len() == 1));
        told
    };
    assert_eq!(is_noted(compare_runs(&baseline(), &new(5e6), PLAIN)), 1);
    let mark = shared::calibration::CalibrationMark {
        same_run: RunId::new(1, [2; 10]),
        slower_run: RunId::new(2, [2; 10]),
        calibrated_at_ms: 3,
    };
    let vouched = |mut side: Side| {
        side.runs.iter_mut().for_each(|run| run.calibrated_by = Some(mark.clone()));
        side
    };
    assert_eq!(is_noted(compare_runs(&baseline(), &vouched(new(5e6)), PLAIN)), 1, "one side is not enough");
    assert_eq!(is_noted(compare_runs(&vouched(baseline()), &vouched(new(5e6)), PLAIN)), 0);
}
