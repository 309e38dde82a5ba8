//! Random cases and what scipy says of them. The table was made by `tests/independent/statistics_by_scipy.py`.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use fleetmark_analysis::binomial;
use fleetmark_analysis::estimate::Scale;
use fleetmark_analysis::level::Level;
use fleetmark_analysis::multiplicity::benjamini_hochberg;
use fleetmark_analysis::paired::{Better, Differences};
use fleetmark_analysis::rank_tests::{RankTest, mann_whitney, signed_rank};
use fleetmark_analysis::student;
use serde_json::Value;

const TABLE: &str = include_str!("data/scipy.jsonl");

/// How near a number must come to scipy's, as a share of it where it is large and absolutely where it is small.
const AGREEMENT: f64 = 1e-9;

/// Checks every case of a kind and says how many there were.
fn each(kind: &str, mut check: impl FnMut(&Value)) -> usize {
    let cases = TABLE.lines().map(|line| serde_json::from_str::<Value>(line).expect("each line is a case"));
    cases.filter(|case| case["kind"] == kind).inspect(|case| check(case)).count()
}

fn number(case: &Value, field: &str) -> f64 {
    case[field].as_f64().expect("the field is a number")
}

fn numbers(case: &Value, field: &str) -> Vec<f64> {
    let list = case[field].as_array().expect("the field is a list");
    list.iter().map(|value| value.as_f64().expect("of numbers")).collect()
}

fn level(case: &Value) -> Level {
    Level::new(number(case, "level")).expect("the level is one")
}

#[track_caller]
fn assert_agrees(found: f64, expected: f64, case: &Value) {
    let distance = (found - expected).abs();
    assert!(distance <= AGREEMENT * expected.abs().max(1.0), "{found} instead of {expected}: {case}");
}

fn assert_test_agrees(found: &RankTest, case: &Value) {
    assert_agrees(found.statistic, number(case, "statistic"), case);
    assert_agrees(found.p_greater, number(&case["p"], "greater"), case);
    assert_agrees(found.p_less, number(&case["p"], "less"), case);
    assert_agrees(found.p, number(&case["p"], "two-sided"), case);
}

#[test]
fn there_are_two_hundred_cases_at_least() {
    assert!(TABLE.lines().count() >= 200);
}

#[test]
fn mann_whitney_agrees_whichever_sample_is_larger() {
    let mut orders = BTreeMap::<Ordering, usize>::new();
    each("mann_whitney", |case| {
        let (x, y) = (numbers(case, "x"), numbers(case, "y"));
        assert_test_agrees(&mann_whitney(&x, &y).unwrap(), case);
        *orders.entry(x.len().cmp(&y.len())).or_default() += 1;
    });
    let cases: Vec<usize> = orders.into_values().collect();
    assert!(cases.len() == 3 && cases.iter().all(|cases| *cases > 20), "{cases:?}");
}

#[test]
fn signed_rank_agrees_with_zeros_and_ties_too() {
    let cases = each("signed_rank", |case| {
        assert_test_agrees(&signed_rank(&numbers(case, "d")).unwrap(), case);
    });
    assert!(cases > 40);
}

#[test]
fn the_paired_t_test_agrees() {
    let cases = each("paired_t", |case| {
        let (x, y) = (numbers(case, "x"), numbers(case, "y"));
        let differences = Differences::between(&x, &y, Better::Lower, Scale::Linear).unwrap();
        let found = student::mean_interval(differences.values(), 0.0, level(case)).unwrap();
        assert_agrees(found.mean, number(case, "mean"), case);
        assert_agrees(found.interval[0], number(case, "low"), case);
        assert_agrees(found.interval[1], number(case, "high"), case);
        assert_agrees(found.level_excluding(0.0), number(case, "p"), case);
    });
    assert_eq!(cases, 30);
}

#[test]
fn quantiles_agree() {
    let freedom = |case: &Value| case["freedom"].as_u64().unwrap() as usize;
    let cases = each("t_quantile", |case| {
        let found = student::upper_quantile(number(case, "tail"), freedom(case));
        assert_agrees(found, number(case, "value"), case);
    });
    assert_eq!(cases, 60);
    let cases = each("chi_squared_quantile", |case| {
        let found = student::chi_squared_quantile(number(case, "probability"), freedom(case));
        assert_agrees(found, number(case, "value"), case);
    });
    assert_eq!(cases, 24);
}

#[test]
fn binomial_tails_and_the_intervals_of_shares_agree() {
    let count = |case: &Value, field: &str| case[field].as_u64().unwrap();
    let cases = each("binomial", |case| {
        let found = binomial::at_most(count(case, "successes"), count(case, "count"), number(case, "share"));
        assert_agrees(found, number(case, "at_most"), case);
    });
    assert_eq!(cases, 40);
    let cases = each("share_interval", |case| {
        let (successes, of) = (count(case, "successes"), count(case, "count"));
        let [low, high] = binomial::share_interval(successes, of, level(case)).unwrap();
        assert_agrees(low, number(case, "low"), case);
        assert_agrees(high, number(case, "high"), case);
    });
    assert_eq!(cases, 30);
}

#[test]
fn false_discovery_rates_agree() {
    let cases = each("benjamini_hochberg", |case| {
        let found = benjamini_hochberg(&numbers(case, "p"));
        for (found, expected) in found.into_iter().zip(numbers(case, "adjusted")) {
            assert_agrees(found, expected, case);
        }
    });
    assert_eq!(cases, 6);
}
