//! The generator's own lateness, at those statistics of the latency that claims name.

use std::collections::BTreeSet;

use shared::finding::{Finding, FindingCode, Severity};
use shared::metric::MetricName;
use shared::run_report::value_of;
use shared::units::human_ns;

use super::{Evidence, percent};

/// Measures that hold the generator's lateness.
const HOLDING_LATENESS: [&str; 1] = ["latency"];
/// Where it is judged when no claim names a statistic.
const WITHOUT_A_CLAIM: &str = "p99";
/// Statistics that say nothing about most operations: a single late one would make any trial invalid.
const OF_SINGLE_OPERATIONS: [&str; 3] = ["min", "max", "stdev"];

/// Lateness above `limits.send_lag` of the latency.
pub(super) fn generator_late(evidence: &Evidence<'_>) -> Vec<Finding> {
    judged(evidence)
        .into_iter()
        .filter_map(|(operation, statistic)| late_at(evidence, operation, &statistic))
        .collect()
}

/// Where it is judged: operation and statistic of each claim about latencies, else all operations at p99.
fn judged(evidence: &Evidence<'_>) -> BTreeSet<(Option<String>, String)> {
    let claimed = evidence.job.claims.iter().map(|claim| &claim.metric);
    let latencies = claimed.filter(|metric| HOLDING_LATENESS.contains(&metric.measure.as_str()));
    let places = latencies.filter_map(|metric| Some((metric.operation.clone(), metric.statistic.clone()?)));
    let judged: BTreeSet<(Option<String>, String)> =
        places.filter(|(_, statistic)| !OF_SINGLE_OPERATIONS.contains(&statistic.as_str())).collect();
    if judged.is_empty() { BTreeSet::from([(None, WITHOUT_A_CLAIM.to_owned())]) } else { judged }
}

fn late_at(evidence: &Evidence<'_>, operation: Option<String>, statistic: &str) -> Option<Finding> {
    let limit = evidence.job.limits.send_lag;
    let value = |measure: &str| {
        let metric = MetricName {
            operation: operation.clone(),
            measure: measure.to_owned(),
            statistic: Some(statistic.to_owned()),
        };
        value_of(evidence.operations, &metric)
    };
    let (lag_ns, latency_ns) = (value("send_lag")?, value("latency")?);
    if lag_ns <= limit * latency_ns {
        return None;
    }
    let which =
        operation.as_ref().map_or_else(|| "operations".to_owned(), |name| format!("{name} operations"));
    let message = format!(
        "{which} were sent {} late at {statistic}, {} of the latency there ({}; limits.send_lag is {}): fleetmark itself was late",
        human_ns(lag_ns),
        percent(lag_ns / latency_ns),
        human_ns(latency_ns),
        percent(limit)
    );
    let finding = Finding::of_trial(FindingCode::GeneratorSaturated, message);
    Some(Finding { severity: Severity::Invalid, ..finding })
}
