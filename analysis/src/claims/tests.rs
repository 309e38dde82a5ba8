//! Claims over made-up trials, worked out by hand. Rooms: `fixture` (a made-up report), `baseline` (stored runs), `sides` (variants against each other), `senseless` (those that
//! have no ratio).

mod baseline;
pub(crate) mod fixture;
mod senseless;
mod sides;

use shared::finding::{Finding, FindingCode, Severity};
use shared::run_report::{ClaimReport, Verdict};

use self::fixture::{job, of_latencies};
use super::*;

fn decided(claims: &str, latencies: &[(&str, &[u64])]) -> Vec<ClaimReport> {
    decide(&of_latencies(latencies), &job(claims, latencies), Level::FIVE_PERCENT)
}

fn only(claims: &str, latencies: &[(&str, &[u64])]) -> ClaimReport {
    let decided = decided(claims, latencies);
    assert_eq!(decided.len(), 1, "{decided:#?}");
    decided.into_iter().next().unwrap()
}

const SLOW: &[u64] = &[8_100, 8_200, 8_140, 8_090, 8_170, 8_160, 8_130, 8_150, 8_120, 8_110];
const BELOW_4_MS: &str = "metric = \"read.latency.p95\"\nbelow = \"4ms\"\n";

#[test]
fn a_bound_that_all_trials_break_is_refuted_with_its_figures() {
    let claim = only(BELOW_4_MS, &[("default", SLOW)]);
    assert_eq!((claim.verdict, claim.n, claim.unit.as_str()), (Verdict::Refuted, 10, "ns"));
    assert_eq!(
        claim.reason,
        "read.latency.p95 is 8.14 ms (8.11 ms to 8.16 ms over 10 trials), above 4.00 ms"
    );
    let [low, high] = claim.ci95.unwrap();
    assert!(low > 8.1e6 && high < 8.2e6 && (claim.value.unwrap() - 8.137e6).abs() < 1e4, "{claim:?}");
    assert_eq!(claim.more_trials_needed, None);
}

#[test]
fn a_bound_that_all_trials_keep_is_supported() {
    let claim = only("metric = \"read.latency.p95\"\nbelow = \"9ms\"\n", &[("default", SLOW)]);
    assert_eq!(claim.verdict, Verdict::Supported, "{}", claim.reason);
    assert!(claim.reason.ends_with("below 9.00 ms"), "{}", claim.reason);
    let claim = only("metric = \"read.latency.p95\"\nabove = \"9ms\"\n", &[("default", SLOW)]);
    assert_eq!(claim.verdict, Verdict::Refuted, "{}", claim.reason);
}

#[test]
fn a_bound_inside_the_interval_says_how_many_more_trials_would_tell() {
    let claim = only("metric = \"read.latency.p95\"\nbelow = \"8130us\"\n", &[("default", SLOW)]);
    assert_eq!(claim.verdict, Verdict::Inconclusive);
    let more = claim.more_trials_needed.unwrap();
    assert!((1..1_000).contains(&more), "{claim:?}");
    assert!(claim.reason.contains("8.13 ms lies inside, so about"), "{}", claim.reason);
}

#[test]
fn one_trial_is_decided_by_its_own_samples_and_says_so() {
    let claim = only(BELOW_4_MS, &[("default", &SLOW[..1])]);
    assert_eq!((claim.verdict, claim.n), (Verdict::Refuted, 1));
    assert!(claim.reason.starts_with("this trial only: read.latency.p95 is 8.10 ms ("), "{}", claim.reason);
    assert!(claim.ci95.is_some());
    let mean = only("metric = \"read.latency.mean\"\nbelow = \"4ms\"\n", &[("default", &SLOW[..1])]);
    assert_eq!((mean.verdict, mean.more_trials_needed), (Verdict::Inconclusive, Some(1)));
}

#[test]
fn seconds_that_depend_on_each_other_widen_what_one_trial_says() {
    let latencies: &[(&str, &[u64])] = &[("default", &SLOW[..1])];
    let claims = "metric = \"read.latency.p50\"\nbelow = \"4ms\"\n";
    let mut assembled = of_latencies(latencies);
    let (place, histogram) = assembled.latencies.iter_mut().next().unwrap();
    // Spread out, so that ranks further apart are values further apart.
    let mut spread: shared::histogram::Histogram = shared::histogram::Histogram::new();
    (0..400).for_each(|step| spread.record(8_000_000 + step * 10_000));
    *histogram = shared::histogram::EncodedHistogram::encode(&spread);
    let place = *place;
    let width = |assembled: &Assembled| {
        let decided = decide(assembled, &job(claims, latencies), Level::FIVE_PERCENT);
        let [low, high] = decided[0].ci95.unwrap();
        high - low
    };
    let independent = width(&assembled);
    let wave: Vec<f64> = (0..60).map(|second| (f64::from(second) / 3.0).sin()).collect();
    let dependence = crate::autocorrelation::Autocorrelation::of(&wave).unwrap();
    assembled.dependences.insert(place, dependence);
    assert!(
        width(&assembled) > 1.5 * independent,
        "{} is not much wider than {independent}",
        width(&assembled)
    );
}

#[test]
fn errors_of_one_trial_have_an_exact_interval() {
    let claims = "metric = \"error_ratio\"\nbelow = \"10%\"\n";
    let claim = only(claims, &[("default", &SLOW[..1])]);
    // None of 400: Clopper and Pearson give at most 0.92 %.
    assert_eq!(claim.verdict, Verdict::Supported, "{}", claim.reason);
    let [low, high] = claim.ci95.unwrap();
    assert!(low == 0.0 && (high - 0.009_18).abs() < 1e-4, "{high}");
}

#[test]
fn trials_without_an_error_are_not_certain_to_have_none() {
    let claim = only("metric = \"error_ratio\"\nbelow = \"0.1%\"\n", &[("default", &SLOW[..2])]);
    // None of 800: at most 0.46 %.
    assert_eq!(claim.verdict, Verdict::Inconclusive, "{}", claim.reason);
    assert!(claim.ci95.is_some_and(|[low, high]| low == 0.0 && (high - 0.004_6).abs() < 1e-4), "{claim:?}");
    let claim = only("metric = \"error_ratio\"\nbelow = \"1%\"\n", &[("default", &SLOW[..2])]);
    assert_eq!(claim.verdict, Verdict::Supported, "{}", claim.reason);
}

#[test]
fn a_claim_without_a_variant_is_about_each() {
    let claims = decided(BELOW_4_MS, &[("old", SLOW), ("new", &[2_000, 2_010, 2_020, 2_030, 2_040])]);
    let told: Vec<_> = claims.iter().map(|claim| (claim.variant.as_str(), claim.verdict)).collect();
    assert_eq!(told, [("old", Verdict::Refuted), ("new", Verdict::Supported)]);
}

#[test]
fn refuting_one_of_many_takes_more_than_refuting_one() {
    // By itself t is about 3.1 and p 2.7 %: below 5, not below 5/5.
    let near: &[u64] = &[4_040, 4_060, 4_100, 4_020, 4_110, 4_000];
    let alone = "metric = \"read.latency.p95\"\nbelow = \"4000us\"\n";
    let claim = only(alone, &[("default", near)]);
    assert_eq!(claim.verdict, Verdict::Refuted, "{}", claim.reason);
    let others = "[[claims]]\nmetric = \"read.latency.p95\"\nbelow = \"4004us\"\n".repeat(4);
    let claims = decided(&format!("{alone}{others}"), &[("default", near)]);
    assert_eq!(claims[0].verdict, Verdict::Inconclusive, "{}", claims[0].reason);
    assert!(claims[0].reason.contains("Holm"), "{}", claims[0].reason);
    let warned = others.replace("below", "severity = \"warn\"\nbelow");
    let claims = decided(&format!("{alone}{warned}"), &[("default", near)]);
    assert_eq!(claims[0].verdict, Verdict::Refuted, "what only warns is none of the k");
}

#[test]
fn a_trial_that_does_not_count_takes_the_claim_with_it() {
    let mut assembled = of_latencies(&[("default", SLOW)]);
    let trial = &mut assembled.report.variants[0].trials[2];
    trial.valid = false;
    trial.findings.push(Finding::of_trial(FindingCode::TargetFailed, "the target ended"));
    let [claim] = &decide(&assembled, &job(BELOW_4_MS, &[("default", SLOW)]), Level::FIVE_PERCENT)[..] else {
        panic!("one claim")
    };
    assert_eq!((claim.verdict, claim.n), (Verdict::Invalid, 9));
    assert_eq!(claim.reason, "trial 3 did not count: the target ended");
}

#[test]
fn a_repeated_trial_that_counts_in_the_end_counts() {
    let mut assembled = of_latencies(&[("default", SLOW)]);
    let mut failed = assembled.report.variants[0].trials[2].clone();
    (failed.valid, assembled.report.variants[0].trials[2].attempt) = (false, 1);
    assembled.report.variants[0].trials.insert(2, failed);
    let claims = decide(&assembled, &job(BELOW_4_MS, &[("default", SLOW)]), Level::FIVE_PERCENT);
    assert_eq!((claims[0].verdict, claims[0].n), (Verdict::Refuted, 10));
}

#[test]
fn a_saturated_generator_makes_claims_on_a_closed_model_invalid() {
    let mut assembled = of_latencies(&[("default", SLOW)]);
    let finding = Finding::of_trial(FindingCode::GeneratorSaturated, "its busiest load thread used 93 %");
    assembled.report.variants[0].trials[1].findings.push(Finding { severity: Severity::Suspect, ..finding });
    let claims = decide(&assembled, &job(BELOW_4_MS, &[("default", SLOW)]), Level::FIVE_PERCENT);
    assert_eq!(claims[0].verdict, Verdict::Invalid);
    assert_eq!(claims[0].reason, "trial 2: its busiest load thread used 93 %");
}

#[test]
fn an_operation_with_too_many_errors_makes_claims_on_it_invalid() {
    let mut assembled = of_latencies(&[("default", SLOW)]);
    let operation = &mut assembled.report.variants[0].trials[4].operations[0];
    (operation.error_ratio, operation.count) = (Some(0.2), 500);
    operation.errors.insert("timeout".to_owned(), 100);
    let claims = decide(&assembled, &job(BELOW_4_MS, &[("default", SLOW)]), Level::FIVE_PERCENT);
    assert_eq!(claims[0].verdict, Verdict::Invalid);
    assert!(claims[0].reason.starts_with("trial 5: 100 of 500 read failed"), "{}", claims[0].reason);
}

#[test]
fn a_quantile_that_the_samples_cannot_carry_says_how_many_it_takes() {
    let claim = only("metric = \"read.latency.p99_9\"\nbelow = \"4ms\"\n", &[("default", SLOW)]);
    assert_eq!(claim.verdict, Verdict::Inconclusive);
    assert!(
        claim.reason.contains("at least 2995 successes in each trial, and trial 1 has 400"),
        "{}",
        claim.reason
    );
}

#[test]
fn a_metric_that_nobody_reports_is_invalid_and_never_a_pass() {
    let claim = only("metric = \"metric.absent.mean\"\nbelow = 5\n", &[("default", SLOW)]);
    assert_eq!((claim.verdict, claim.value, claim.n), (Verdict::Invalid, None, 0));
    assert_eq!(claim.reason, "trial 1 reports no metric.absent.mean");
    let claim = only("metric = \"read.cpu_time.p50\"\nbelow = \"1s\"\n", &[("default", SLOW)]);
    assert_eq!(claim.verdict, Verdict::Invalid);
}

#[test]
fn a_missing_baseline_is_invalid_and_says_so() {
    let claims = "metric = \"read.latency.p95\"\nbaseline = \"main\"\nno_regression = \"5%\"\n";
    let claim = only(claims, &[("default", SLOW)]);
    assert_eq!((claim.verdict, claim.baseline.as_deref()), (Verdict::Invalid, Some("main")));
    assert!(claim.reason.starts_with("there is no baseline named \"main\""), "{}", claim.reason);
}

#[test]
fn a_run_without_trials_supports_nothing() {
    let claim = only(BELOW_4_MS, &[("default", &[])]);
    assert_eq!((claim.verdict, claim.reason.as_str()), (Verdict::Invalid, "no trial of default ran"));
}

#[test]
fn equal_trials_have_the_width_of_their_buckets_and_are_decided() {
    // A history without any variance must not slip through for want of a boundary.
    let same: &[u64] = &[8_000; 10];
    assert_eq!(only(BELOW_4_MS, &[("default", same)]).verdict, Verdict::Refuted);
}

#[test]
fn deciding_twice_gives_the_same_to_the_last_digit() {
    let latencies: &[(&str, &[u64])] = &[("old", SLOW), ("new", SLOW)];
    let job = job(BELOW_4_MS, latencies);
    let decide = || decide(&of_latencies(latencies), &job, Level::FIVE_PERCENT);
    assert_eq!(decide(), decide());
}
