//! Sides that have no ratio, and what casts doubt on those that have.

use shared::finding::{Finding, FindingCode, Severity};
use shared::metric::MetricKind;
use shared::run_report::{ClaimReport, MetricReport, Says, Verdict};

use super::fixture::{job, of_latencies};
use super::{BELOW_4_MS, Level, SLOW, decide};
use crate::assemble::Assembled;
use crate::comparisons::{self, Terms};

const SIDES: &[(&str, &[u64])] = &[("old", SLOW), ("new", SLOW)];
const CLAIM: &str =
    "metric = \"metric.depth.mean\"\nvariant = \"new\"\nthan = \"old\"\nat_most = 1.5\nbetter = \"lower\"\n";

/// Two sides whose trials report the metric `depth`: each with its unit, and with these values block by block.
fn reporting(sides: [(&str, &[f64]); 2]) -> Assembled {
    let mut assembled = of_latencies(SIDES);
    for (variant, (unit, values)) in assembled.report.variants.iter_mut().zip(sides) {
        for (trial, value) in variant.trials.iter_mut().zip(values.iter().cycle()) {
            let metric = MetricReport {
                unit: unit.to_owned(),
                kind: MetricKind::Gauge,
                count: 10,
                mean: Some(*value),
                stdev: None,
                min: None,
                max: None,
                p50: None,
                p75: None,
                p90: None,
                p95: None,
                p99: None,
                p99_9: None,
                p99_99: None,
            };
            trial.operations[0].metrics.insert("depth".to_owned(), metric);
        }
    }
    assembled
}

fn decided(assembled: &Assembled) -> (ClaimReport, Says, Option<f64>) {
    let job = job(CLAIM, SIDES);
    let claim = decide(assembled, &job, Level::FIVE_PERCENT).remove(0);
    let compared = comparisons::compare(assembled, &job, Terms::at(Level::FIVE_PERCENT));
    let row = compared.into_iter().find(|row| row.metric == "metric.depth.mean").unwrap();
    if claim.verdict == Verdict::Invalid {
        assert_eq!(row.notes, std::slice::from_ref(&claim.reason), "the comparison says the same");
    }
    (claim, row.says, row.ratio)
}

#[test]
fn sides_in_one_unit_are_compared() {
    let (claim, says, _) = decided(&reporting([("jobs", &[4.0, 4.1]), ("jobs", &[4.1, 4.0])]));
    assert_eq!((claim.verdict, says), (Verdict::Supported, Says::Same), "{}", claim.reason);
}

#[test]
fn sides_in_different_units_have_no_ratio_whatever_their_numbers() {
    let (claim, says, ratio) = decided(&reporting([("bytes", &[4.0, 4.1]), ("", &[4.1, 4.0])]));
    assert_eq!((claim.verdict, says, ratio), (Verdict::Invalid, Says::Inconclusive, None));
    assert_eq!(
        claim.reason,
        "metric.depth.mean is reported in plain numbers by new and in bytes by old, which cannot be compared"
    );
}

#[test]
fn a_bound_over_trials_in_different_units_is_invalid() {
    let mut assembled = reporting([("jobs", &[4.0, 4.1]), ("jobs", &[4.1, 4.0])]);
    let metric = assembled.report.variants[1].trials[3].operations[0].metrics.get_mut("depth");
    metric.unwrap().unit = "bytes".to_owned();
    let bound = job("metric = \"metric.depth.mean\"\nvariant = \"new\"\nbelow = 9\n", SIDES);
    let claim = decide(&assembled, &bound, Level::FIVE_PERCENT).remove(0);
    assert_eq!(claim.verdict, Verdict::Invalid);
    assert!(claim.reason.contains("in bytes by new and in jobs by new"), "{}", claim.reason);
}

#[test]
fn below_zero_a_factor_says_nothing() {
    let (claim, says, ratio) = decided(&reporting([("jobs", &[-4.0, -4.1]), ("jobs", &[-9.0])]));
    assert_eq!((claim.verdict, says, ratio), (Verdict::Invalid, Says::Inconclusive, None));
    assert!(
        claim.reason.contains("in trial 1 of new") && claim.reason.contains("below zero"),
        "{}",
        claim.reason
    );
}

#[test]
fn nothing_is_a_multiple_of_zero() {
    let (claim, _, ratio) = decided(&reporting([("jobs", &[0.0]), ("jobs", &[3.0, 4.0])]));
    assert_eq!((claim.verdict, ratio), (Verdict::Inconclusive, None));
    assert!(claim.reason.contains("has no ratio to that of old, which is zero"), "{}", claim.reason);
}

/// What a bound says over trials of which some carry this finding.
fn doubted(code: FindingCode, severity: Severity, trials: usize) -> ClaimReport {
    let latencies: &[(&str, &[u64])] = &[("default", SLOW)];
    let mut assembled = of_latencies(latencies);
    for trial in assembled.report.variants[0].trials.iter_mut().take(trials) {
        trial.findings.push(Finding { severity, ..Finding::of_trial(code, "a word about it") });
    }
    decide(&assembled, &job(BELOW_4_MS, latencies), Level::FIVE_PERCENT).remove(0)
}

#[test]
fn what_casts_doubt_on_trials_stands_in_the_reason_and_leaves_the_verdict() {
    for (code, word) in [(FindingCode::AgentLost, "agent_lost"), (FindingCode::WarmingUp, "warming_up")] {
        let claim = doubted(code, Severity::Suspect, 3);
        assert_eq!(claim.verdict, Verdict::Refuted);
        let told = format!("; in doubt for {word} in 3 trials (a word about it)");
        assert!(claim.reason.ends_with(&told), "{}", claim.reason);
    }
    let noted = doubted(FindingCode::AgentLost, Severity::Note, 1);
    assert!(!noted.reason.contains("in doubt"), "a note casts none: {}", noted.reason);
}
