//! `[[claims]]` and `[expect]` as types.

use crate::claim::{Against, Better, Claim, ClaimSeverity, Rule, Side};
use crate::job::claims::amount;
use crate::job::node::Node;
use crate::job::variants;
use crate::job::workload::{better_of, operation_names};
use crate::job::{CLAIMS_MAX, Expectation};
use crate::metric::MetricName;

/// Decodes `[[claims]]`.
pub(in crate::job) fn claims(root: &Node<'_>) -> Vec<Claim> {
    let operations = operation_names(root);
    let variants = variants::names(root);
    let list = root.child("claims");
    let claims = list.iter().flat_map(Node::items).take(CLAIMS_MAX);
    claims.filter_map(|node| claim(root, &node, &operations, &variants)).collect()
}

/// Decodes `[expect]`.
pub(in crate::job) fn expectation(root: &Node<'_>) -> Expectation {
    let operations = operation_names(root);
    let metrics = root.descendant(&["expect", "metrics"]);
    let metrics = metrics.iter().flat_map(Node::items);
    Expectation {
        metrics: metrics.filter_map(|node| metric(&node, &operations)).collect(),
        count: root.descendant(&["expect", "count"]).and_then(|count| count.whole()),
    }
}

fn claim(root: &Node<'_>, node: &Node<'_>, operations: &[&str], variants: &[String]) -> Option<Claim> {
    let text = |key: &str| node.child(key).and_then(|node| node.text()).map(str::to_owned);
    let metric = metric(&node.child("metric")?, operations)?;
    let rule = rule(node, &metric, variants)?;
    // A bound on the unusual side (a latency above a floor) does not turn round which way the metric is better.
    let known = Better::of_metric(&metric).or(better_of(root, &metric));
    let better = match (known, text("better").as_deref(), &rule) {
        (Some(better), _, _) => better,
        (None, Some("lower"), _) | (None, None, Rule::Bound { side: Side::Below, .. }) => Better::Lower,
        (None, Some("higher"), _) | (None, None, Rule::Bound { side: Side::Above, .. }) => Better::Higher,
        (None, _, _) => return None,
    };
    let is_warning = text("severity").as_deref() == Some("warn");
    Some(Claim {
        text: text("text"),
        better,
        variant: node.child("variant").map(|node| variant(&node, variants)),
        rule,
        severity: if is_warning { ClaimSeverity::Warn } else { ClaimSeverity::Gate },
        ends_run: node.child("abort").and_then(|abort| abort.boolean()).unwrap_or(false),
        metric,
    })
}

fn rule(node: &Node<'_>, metric: &MetricName, variants: &[String]) -> Option<Rule> {
    let child = |key: &str| node.child(key);
    for (key, side) in [("below", Side::Below), ("above", Side::Above)] {
        if let Some(limit) = child(key) {
            return Some(Rule::Bound { side, limit: amount::read(&limit, metric.unit()).ok()? });
        }
    }
    if let Some(path) = child("scales_over") {
        let efficiency = child("efficiency")?.share()?;
        return Some(Rule::Scaling { path: path.text()?.to_owned(), efficiency });
    }
    let against = match (child("than"), child("baseline")) {
        (Some(than), _) => Against::Variant(variant(&than, variants)),
        (None, baseline) => Against::Baseline(baseline?.text()?.to_owned()),
    };
    for (key, side) in [("at_most", Side::Below), ("at_least", Side::Above)] {
        if let Some(factor) = child(key) {
            return Some(Rule::Ratio { side, factor: factor.number()?, against });
        }
    }
    Some(Rule::NoRegression { tolerance: child("no_regression")?.share()?, against })
}

/// The whole name of the variant that is meant; what is none is told elsewhere, and stays as it is.
fn variant(node: &Node<'_>, variants: &[String]) -> String {
    let text = node.text().unwrap_or_default();
    variants::meant(variants, text).map_or(text, String::as_str).to_owned()
}

fn metric(node: &Node<'_>, operations: &[&str]) -> Option<MetricName> {
    MetricName::parse(node.text()?, operations.iter().copied()).ok()
}
