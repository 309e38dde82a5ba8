//! How what a tool reported becomes metrics.
//!
//! The rule: in a tool's name every run of characters other than ASCII letters, digits, `_` and `-` becomes one `_`, and none
//! stands at either end: `test_a[param-1]` is `test_a_param-1`. A name longer than [`NAME_BYTES_MAX`] keeps its beginning, and ends
//! in `-` and the CRC-32 of the whole. Two that become the same are an error. A figure follows after a point, which no name
//! holds by itself: `test_a.median`, and `suite.failed` of the whole.

use std::collections::{BTreeMap, BTreeSet};

use shared::interval::METRICS_MAX;
use shared::metric::Summary;
use shared::metric::spec::{METRIC_NAME_BYTES_MAX, METRIC_UNIT_BYTES_MAX};

use super::ParseError;
use super::reading::{Benchmark, Figure, Reading, Values};
use crate::workload::ReportedMetric;

/// Longest name of what was measured, in bytes: a figure's own name still fits behind it.
pub(super) const NAME_BYTES_MAX: usize = 96;
/// What stands before the figures of a whole suite.
const SUITE: &str = "suite";

/// Names what was read. `full` takes the tool's full names; `shown` hides what a name must not tell.
///
/// # Errors
/// Two names that become the same, one that has no letter, figures that are no numbers, and more of them than an operation may
/// have.
pub(in crate::workload::command) fn named(
    reading: Reading,
    full: bool,
    shown: &dyn Fn(String) -> String,
) -> Result<Vec<ReportedMetric>, ParseError> {
    let mut metrics = Vec::new();
    let mut taken: BTreeMap<String, String> = BTreeMap::new();
    for benchmark in reading.benchmarks {
        let Benchmark { label, full_label, unit, values, figures } = benchmark;
        let label = shown(if full { full_label } else { label });
        let name = metric_name(&label).ok_or_else(|| {
            ParseError::value("the name of a benchmark", format!("{label:?}"), "text with a letter or digit")
        })?;
        if let Some(other) = taken.insert(name.clone(), label.clone()) {
            return Err(collision(&name, &other, &label, full));
        }
        let mut figure_names = BTreeSet::new();
        for figure in figures {
            if !figure_names.insert(figure.name.clone()) {
                return Err(collision(&format!("{name}.{}", figure.name), &label, &label, full));
            }
            metrics.push(figure_metric(&name, figure)?);
        }
        let unit: String = unit_within(&shown(unit));
        metrics.push(match values {
            Values::Summary(summary) => ReportedMetric::of_summary(name, unit, summary),
            Values::Each(summary, histogram) => ReportedMetric::of_histogram(name, unit, summary, histogram),
        });
        within_bound(metrics.len())?;
    }
    for figure in reading.totals {
        metrics.push(figure_metric(SUITE, figure)?);
    }
    within_bound(metrics.len())?;
    Ok(metrics)
}

fn within_bound(count: usize) -> Result<(), ParseError> {
    if count <= METRICS_MAX {
        return Ok(());
    }
    Err(ParseError::TooMuch(format!(
        "it reports more than the {METRICS_MAX} figures that an operation may have: split the suite over several operations"
    )))
}

/// The metric's name of what a tool calls so; `None`: nothing of it may stand in one.
pub(super) fn metric_name(label: &str) -> Option<String> {
    let mut name = String::with_capacity(label.len());
    let mut is_gap = false;
    for letter in label.chars() {
        if letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-') {
            if is_gap && !name.is_empty() {
                name.push('_');
            }
            is_gap = false;
            name.push(letter);
        } else {
            is_gap = true;
        }
    }
    if name.is_empty() {
        return None;
    }
    if name.len() > NAME_BYTES_MAX {
        let ending = format!("-{:08x}", crc32fast::hash(label.as_bytes()));
        name.truncate(NAME_BYTES_MAX - ending.len());
        name.push_str(&ending);
    }
    Some(name)
}

fn figure_metric(whole: &str, figure: Figure) -> Result<ReportedMetric, ParseError> {
    let mut name = format!("{whole}.{}", figure.name);
    name.truncate(METRIC_NAME_BYTES_MAX);
    let mut summary = Summary::default();
    if !summary.record(figure.value) {
        return Err(ParseError::value(name, figure.value, "number that can be told"));
    }
    Ok(ReportedMetric::of_summary(name, figure.unit.to_owned(), summary))
}

/// A unit in the room that it has.
fn unit_within(unit: &str) -> String {
    let mut kept = String::new();
    for letter in unit.chars().filter(|letter| !letter.is_control()) {
        if kept.len() + letter.len_utf8() > METRIC_UNIT_BYTES_MAX {
            break;
        }
        kept.push(letter);
    }
    kept
}

fn collision(name: &str, one: &str, other: &str, full: bool) -> ParseError {
    let remedy = if full { "rename one" } else { "rename one, or write full_names = true" };
    ParseError::TooMuch(format!("{one:?} and {other:?} would both be metric.{name}: {remedy}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn benchmark(label: &str) -> Benchmark {
        let mut summary = Summary::default();
        assert!(summary.record(1.0));
        Benchmark {
            label: label.to_owned(),
            full_label: format!("module/{label}"),
            unit: "ns".to_owned(),
            values: Values::Summary(summary),
            figures: vec![Figure::new("ops", "per_s", 3.0)],
        }
    }

    fn names(labels: &[&str], full: bool) -> Result<Vec<String>, String> {
        let benchmarks = labels.iter().map(|label| benchmark(label)).collect();
        let totals = vec![Figure::new("failed", "", 0.0)];
        let metrics = named(Reading { benchmarks, totals, machine: None }, full, &|label| label);
        let name = |metric: &ReportedMetric| metric.spec().name.clone();
        metrics.map(|metrics| metrics.iter().map(name).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn names_hold_letters_digits_underscores_and_hyphens() {
        for (label, name) in [
            ("test_a[param-1]", "test_a_param-1"),
            ("BenchmarkX/size=10", "BenchmarkX_size_10"),
            ("  sleep 0.1 && echo 'x'", "sleep_0_1_echo_x"),
            ("größe", "gr_e"),
            ("_private", "_private"),
        ] {
            assert_eq!(metric_name(label).as_deref(), Some(name), "{label}");
        }
        assert_eq!([metric_name(""), metric_name("[…]")], [None, None]);
    }

    #[test]
    fn a_long_name_keeps_its_beginning_and_stays_its_own() {
        let long = "x".repeat(500);
        let [one, other] = [metric_name(&format!("{long}1")), metric_name(&format!("{long}2"))];
        assert_eq!(one.as_ref().map(String::len), Some(NAME_BYTES_MAX));
        assert_ne!(one, other);
    }

    #[test]
    fn figures_follow_their_benchmark_after_a_point() {
        assert_eq!(names(&["a"], false).unwrap(), ["a.ops", "a", "suite.failed"]);
        assert_eq!(names(&["a"], true).unwrap()[1], "module_a");
    }

    #[test]
    fn two_of_one_name_are_an_error_that_says_what_to_do() {
        let error = names(&["a[1.5]", "a[1_5]"], false).unwrap_err();
        assert_eq!(
            error,
            "\"a[1.5]\" and \"a[1_5]\" would both be metric.a_1_5: rename one, or write full_names = true"
        );
    }

    #[test]
    fn a_report_of_too_many_figures_is_refused() {
        let labels: Vec<String> = (0..METRICS_MAX).map(|number| format!("b{number}")).collect();
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        assert!(names(&labels, false).unwrap_err().contains("more than the 1024 figures"));
    }
}
