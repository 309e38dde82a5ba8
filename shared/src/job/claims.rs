//! What `[[claims]]` and `[expect]` say must make sense. Rooms: [`sides`], what a claim compares with what; [`amount`], its limit.

pub(super) mod amount;
mod sides;

use super::error::{Findings, JobError, proposal, quoted};
use super::node::Node;
use super::{CLAIM_TEXT_CHARACTERS_MAX, CLAIMS_MAX, search, workload};
use crate::claim::Better;
use crate::metric::{MetricName, MetricNameError, STATISTICS};

/// The rules of a claim; each claim follows one.
const RULES: [&str; 6] = ["below", "above", "at_least", "at_most", "no_regression", "scales_over"];
/// Rules that look at one side alone.
const BOUNDS: [&str; 2] = ["below", "above"];
/// Rules that compare two sides.
const COMPARISONS: [&str; 3] = ["at_least", "at_most", "no_regression"];
/// Statistics of what a host tells: a mean and extremes over the window, but no distribution.
const HOST_STATISTICS: [&str; 3] = ["min", "mean", "max"];

/// Longest name of a metric: operation, measure with a name of its own, and statistic.
const METRIC_CHARACTERS_MAX: usize = 224;

/// Checks all of them.
pub(super) fn check(root: &Node<'_>, findings: &mut Findings) {
    let operations = workload::operation_names(root);
    let list = |key: &str| root.child(key).map(|list| list.items().collect::<Vec<_>>()).unwrap_or_default();
    let claims = list("claims");
    if let Some(beyond) = claims.get(CLAIMS_MAX) {
        let message = format!("{} claims are more than the {CLAIMS_MAX} that a job may have", claims.len());
        findings.push(beyond.error(message));
    }
    for claim in claims.iter().take(CLAIMS_MAX) {
        check_lengths(claim, findings);
        check_rule(claim, findings);
        check_metric_and_bounds(root, claim, &operations, findings);
        sides::check(root, claim, findings);
    }
    for metric in root.descendant(&["expect", "metrics"]).iter().flat_map(Node::items) {
        read_metric(&metric, &operations, findings);
    }
    search::check(root, &operations, findings);
}

/// What a claim says of itself stands in every report, and must fit there.
fn check_lengths(claim: &Node<'_>, findings: &mut Findings) {
    let lengths = [
        ("text", CLAIM_TEXT_CHARACTERS_MAX),
        ("metric", METRIC_CHARACTERS_MAX),
        ("baseline", crate::ids::NAME_LENGTH_MAX),
    ];
    for (key, most) in lengths {
        let node = claim.child(key);
        let is_long = |node: &&Node<'_>| node.text().is_some_and(|text| text.chars().count() > most);
        if let Some(long) = node.as_ref().filter(is_long) {
            findings.push(long.error(format!("expected at most {most} characters")));
        }
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
    if let (None, Some(efficiency)) = (claim.child("scales_over"), claim.child("efficiency")) {
        findings.push(efficiency.key_error("\"efficiency\" needs \"scales_over\", the swept path"));
    }
}

fn check_metric_and_bounds(root: &Node<'_>, claim: &Node<'_>, operations: &[&str], findings: &mut Findings) {
    let Some(node) = claim.child("metric") else { return };
    let Some(metric) = read_metric(&node, operations, findings) else { return };
    for bound in BOUNDS.iter().filter_map(|key| claim.child(key)) {
        if let Err(message) = amount::read(&bound, metric.unit()) {
            findings.push(bound.error(message));
        }
    }
    for factor in ["at_least", "at_most"].iter().filter_map(|key| claim.child(key)) {
        if factor.number() == Some(0.0) {
            findings.push(factor.error("expected a factor above zero, such as 1.3"));
        }
    }
    unknown_host_statistic(&node, &metric).into_iter().for_each(|error| findings.push(error));
    check_better(root, claim, &metric, findings);
}

/// That a host tells no such statistic; `None`: it does, or the metric is none of a host.
pub(super) fn unknown_host_statistic(node: &Node<'_>, metric: &MetricName) -> Option<JobError> {
    let is_told = |statistic: &str| HOST_STATISTICS.contains(&statistic);
    if !metric.measure.starts_with("host.") || metric.statistic.as_deref().is_none_or(is_told) {
        return None;
    }
    let error = node.error("what a host tells has only min, mean and max");
    Some(error.with_help(format!("write {}.mean", metric.measure)))
}

/// What is compared must say which way it is better, once.
fn check_better(root: &Node<'_>, claim: &Node<'_>, metric: &MetricName, findings: &mut Findings) {
    let is_compared = COMPARISONS.iter().chain(&["scales_over"]).any(|key| claim.child(key).is_some());
    match (better_of(root, claim, metric), claim.child("better")) {
        (None, None) if is_compared => {
            let error =
                claim.error(format!("nothing says which way {} is better", quoted(&metric.to_string())));
            findings.push(error.with_help("add better = \"lower\" or better = \"higher\""));
        }
        (Some(known), Some(written)) if written.text().is_some_and(|text| text != known.as_str()) => {
            let message = format!("{} is better {}", quoted(&metric.to_string()), known.as_str());
            findings.push(written.error(message).with_help("leave \"better\" out"));
        }
        _ => {}
    }
    let is_lower = better_of(root, claim, metric) == Some(Better::Lower)
        || claim.child("better").is_some_and(|better| better.text() == Some("lower"));
    if let (Some(scales), true) = (claim.child("scales_over"), is_lower) {
        let message =
            format!("{} does not grow with what is swept: it is better lower", quoted(&metric.to_string()));
        findings.push(scales.key_error(message).with_help("claim how the throughput scales"));
    }
}

/// Which way a claim's metric is better without the key `better`: by its nature, as its operation says, or by the side of its bound.
fn better_of(root: &Node<'_>, claim: &Node<'_>, metric: &MetricName) -> Option<Better> {
    let by_bound = || match (claim.child("below"), claim.child("above")) {
        (Some(_), None) => Some(Better::Lower),
        (None, Some(_)) => Some(Better::Higher),
        _ => None,
    };
    // A bound may stand on either side, whichever way is better by nature.
    let is_bound = BOUNDS.iter().any(|key| claim.child(key).is_some());
    if is_bound { by_bound() } else { Better::of_metric(metric).or(workload::better_of(root, metric)) }
}

fn read_metric(node: &Node<'_>, operations: &[&str], findings: &mut Findings) -> Option<MetricName> {
    let result = MetricName::parse(node.text()?, operations.iter().copied());
    result
        .map_err(|error| {
            findings.push(JobError { help: metric_help(&error, operations), ..node.error(error.to_string()) })
        })
        .ok()
}

/// Which name was perhaps meant.
pub(super) fn metric_help(error: &MetricNameError, operations: &[&str]) -> Option<String> {
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
