//! The bound that a search keeps, as people write it: `read.latency.p99 < 50ms`.

use super::super::claims::{self, amount};
use super::super::error::JobError;
use super::super::node::Node;
use crate::claim::{Better, Claim, ClaimSeverity, Rule, Side};
use crate::metric::MetricName;

/// Longest text of a bound, in characters: a metric with a name of its own, and a limit.
const KEEP_CHARACTERS_MAX: usize = 200;

/// Reads it. Nobody measures exactly the limit, so `<` and `<=` say the same.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(keep: &Node<'_>, operations: &[&str]) -> Result<Claim, JobError> {
    let text = keep.text().unwrap_or_default();
    if text.chars().count() > KEEP_CHARACTERS_MAX {
        return Err(keep.error(format!("expected at most {KEEP_CHARACTERS_MAX} characters")));
    }
    let Some((metric, side, limit)) = parts(text) else {
        return Err(keep.error("expected a bound such as \"read.latency.p99 < 50ms\""));
    };
    let metric = MetricName::parse(metric, operations.iter().copied()).map_err(|error| JobError {
        help: claims::metric_help(&error, operations),
        ..keep.error(error.to_string())
    })?;
    if let Some(error) = claims::unknown_host_statistic(keep, &metric) {
        return Err(error);
    }
    let limit = amount::of_text(limit, metric.unit()).map_err(|message| keep.error(message))?;
    let by_side = if side == Side::Below { Better::Lower } else { Better::Higher };
    Ok(Claim {
        text: None,
        better: Better::of_metric(&metric).unwrap_or(by_side),
        metric,
        variant: None,
        rule: Rule::Bound { side, limit },
        severity: ClaimSeverity::Gate,
        ends_run: false,
    })
}

/// Metric, side and limit; `None`: it is no bound.
fn parts(text: &str) -> Option<(&str, Side, &str)> {
    let (metric, rest) = text.split_at(text.find(['<', '>'])?);
    let (side, limit) = match rest.strip_prefix('<') {
        Some(limit) => (Side::Below, limit),
        None => (Side::Above, rest.strip_prefix('>')?),
    };
    let (metric, limit) = (metric.trim(), limit.strip_prefix('=').unwrap_or(limit).trim());
    (!metric.is_empty() && !limit.is_empty()).then_some((metric, side, limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_a_metric_a_side_and_a_limit() {
        assert_eq!(parts("read.latency.p99 < 50ms"), Some(("read.latency.p99", Side::Below, "50ms")));
        assert_eq!(parts("throughput>=1000/s"), Some(("throughput", Side::Above, "1000/s")));
        for text in ["", "<", "latency.p99", "latency.p99 <", "< 50ms", "latency.p99 = 50ms"] {
            assert_eq!(parts(text), None, "{text:?}");
        }
    }
}
