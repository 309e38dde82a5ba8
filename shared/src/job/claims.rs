//! What `[[claims]]`, `[search]` and `[expect]` say must make sense, built or not.

use super::error::{Findings, JobError, proposal, quoted};
use super::node::Node;
use super::variants::paths::check_path;
use super::workload;
use crate::metric::{MetricName, MetricNameError, STATISTICS, Unit};
use crate::units;

/// The rules of a claim; each claim follows one.
const RULES: [&str; 6] = ["below", "above", "at_least", "at_most", "no_regression", "scales_over"];
/// Rules that look at one side alone.
const BOUNDS: [&str; 2] = ["below", "above"];
/// Rules that compare two sides.
const COMPARISONS: [&str; 3] = ["at_least", "at_most", "no_regression"];

/// Checks all of them.
pub(super) fn check(root: &Node<'_>, findings: &mut Findings) {
    let operations = workload::operation_names(root);
    let list = |key: &str| root.child(key).map(|list| list.items().collect::<Vec<_>>()).unwrap_or_default();
    for claim in list("claims") {
        check_rule(&claim, findings);
        check_metric_and_bounds(&claim, &operations, findings);
    }
    for metric in root.descendant(&["expect", "metrics"]).iter().flat_map(Node::items) {
        read_metric(&metric, &operations, findings);
    }
    if let Some(search) = root.child("search") {
        check_search(&search, &operations, findings);
    }
}

fn check_rule(claim: &Node<'_>, findings: &mut Findings) {
    let given: Vec<Node<'_>> = RULES.iter().filter_map(|rule| claim.child(rule)).collect();
    match given.as_slice() {
        [] => {
            let error = claim.error("the claim has no rule");
            findings.push(error.with_help(format!("give one of {}", RULES.join(", "))));
        }
        [_] => {}
        [first, others @ ..] => {
            for other in others {
                findings.push(contradiction(other, first));
            }
        }
    }
    let has = |keys: &[&str]| keys.iter().any(|key| claim.child(key).is_some());
    if has(&COMPARISONS) && !has(&["than", "baseline"]) {
        let error = claim.error("the claim compares with nothing");
        findings.push(error.with_help("give than = \"a variant\" or baseline = \"a name\""));
    }
    if let (Some(than), Some(baseline)) = (claim.child("than"), claim.child("baseline")) {
        findings.push(contradiction(&baseline, &than));
    }
    if let (Some(than), false) = (claim.child("than"), has(&["variant"])) {
        findings.push(than.key_error("\"than\" needs \"variant\": the side that is compared with it"));
    }
    for key in ["than", "baseline"] {
        if let (Some(other), true) = (claim.child(key), has(&BOUNDS)) {
            findings.push(
                other.key_error(format!(
                    "{key:?} contradicts a bound: below and above look at one side alone"
                )),
            );
        }
    }
    match (claim.child("scales_over"), claim.child("efficiency")) {
        (Some(scales), None) => {
            findings.push(scales.key_error("\"scales_over\" needs \"efficiency\", a share such as 0.9"))
        }
        (None, Some(efficiency)) => {
            findings.push(efficiency.key_error("\"efficiency\" needs \"scales_over\", the swept path"))
        }
        _ => {}
    }
}

fn check_metric_and_bounds(claim: &Node<'_>, operations: &[&str], findings: &mut Findings) {
    let Some(metric) = claim.child("metric").and_then(|metric| read_metric(&metric, operations, findings))
    else {
        return;
    };
    for bound in BOUNDS.iter().filter_map(|key| claim.child(key)) {
        check_amount(&bound, metric.unit(), findings);
    }
    let is_compared = COMPARISONS.iter().any(|key| claim.child(key).is_some());
    if is_compared && metric.unit() == Unit::Unknown && claim.child("better").is_none() {
        let error = claim.error(format!("nothing says which way {} is better", quoted(&metric.to_string())));
        findings.push(error.with_help("add better = \"lower\" or better = \"higher\""));
    }
}

/// Values carry units in text; a bare number is fine only where there is no unit.
fn check_amount(node: &Node<'_>, unit: Unit, findings: &mut Findings) {
    let result = match (unit, node.text()) {
        (Unit::Time, Some(text)) => units::parse_duration(text).map(drop).map_err(|error| error.to_string()),
        (Unit::Size, Some(text)) => units::parse_size(text).map(drop).map_err(|error| error.to_string()),
        (Unit::Share, Some(text)) => units::parse_share(text).map(drop).map_err(|error| error.to_string()),
        (Unit::Rate, Some(text)) if text.strip_suffix("/s").is_some_and(is_number) => Ok(()),
        (Unit::Rate | Unit::Count, Some(text)) => {
            Err(format!("expected a number, found the text {}", quoted(text)))
        }
        (Unit::Time, None) => Err("expected a duration with its unit such as \"100ms\"".to_owned()),
        _ => Ok(()),
    };
    if let Err(message) = result {
        findings.push(node.error(message));
    }
}

fn check_search(search: &Node<'_>, operations: &[&str], findings: &mut Findings) {
    if let Some(between) = search.child("between") {
        let ends: Vec<f64> = between.items().filter_map(|end| end.number()).collect();
        if !matches!(ends.as_slice(), [low, high] if low < high) {
            findings.push(between.error("expected the lowest and the highest value, as in [100, 50000]"));
        }
    }
    if let Some(vary) = search.child("vary") {
        check_path(vary.text().unwrap_or_default(), vary.error(""), findings);
    }
    let Some((keep, text)) = search.child("keep").and_then(|keep| Some((keep.clone(), keep.text()?))) else {
        return;
    };
    match text.split_whitespace().collect::<Vec<_>>().as_slice() {
        [metric, "<" | "<=" | ">" | ">=", _] => {
            if let Err(error) = MetricName::parse(metric, operations.iter().copied()) {
                findings.push(keep.error(error.to_string()));
            }
        }
        _ => findings.push(keep.error("expected a bound such as \"read.latency.p99 < 50ms\"")),
    }
}

fn read_metric(node: &Node<'_>, operations: &[&str], findings: &mut Findings) -> Option<MetricName> {
    let result = MetricName::parse(node.text()?, operations.iter().copied());
    result
        .map_err(|error| {
            findings.push(JobError { help: metric_help(&error, operations), ..node.error(error.to_string()) })
        })
        .ok()
}

fn metric_help(error: &MetricNameError, operations: &[&str]) -> Option<String> {
    use crate::metric::{MEASURES_PLAIN, MEASURES_WITH_STATISTICS};
    match error {
        MetricNameError::UnknownOperation(name) => {
            proposal(name, operations.iter().chain(MEASURES_WITH_STATISTICS).chain(MEASURES_PLAIN).copied())
        }
        MetricNameError::UnknownMeasure(name) => {
            proposal(name, MEASURES_WITH_STATISTICS.iter().chain(MEASURES_PLAIN).copied())
        }
        MetricNameError::UnknownStatistic(name) => proposal(name, STATISTICS.iter().copied()),
        MetricNameError::NoStatistic(_) | MetricNameError::PlainMeasure(_) => None,
    }
}

fn contradiction(node: &Node<'_>, with: &Node<'_>) -> JobError {
    let name = |node: &Node<'_>| quoted(node.path().rsplit('.').next().unwrap_or_default());
    node.key_error(format!("{} contradicts {}: give one of them", name(node), name(with)))
}

fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(f64::is_finite)
}
