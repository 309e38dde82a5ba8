//! The final figures of a run as OpenMetrics text, for a Prometheus push gateway or a file that a node exporter reads.
//!
//! Times are seconds and everything is a gauge: a run is over, so nothing counts on. A figure that cannot be given has no line.

use std::fmt::Write as _;
use std::io::Write;

use shared::run_report::{ClaimReport, Distribution, OperationReport, RunReport, Verdict};

use crate::{ExportFormat, ExportSource, Exporter, ReportError};

/// Its line in the table.
pub const FORMAT: ExportFormat = ExportFormat {
    name: "openmetrics",
    doc: "OpenMetrics text of the final figures: verdicts, rates, errors and latency quantiles of each variant",
    exporter: &OpenMetrics,
};

const NS_PER_S: f64 = 1e9;

/// The final figures as OpenMetrics text.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenMetrics;

impl Exporter for OpenMetrics {
    fn export(&self, source: &mut ExportSource<'_>, out: &mut dyn Write) -> Result<(), ReportError> {
        Ok(out.write_all(text(&source.assembled.report).as_bytes())?)
    }
}

/// A family of figures: its name, its unit if it has one, what it is.
struct Family {
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    samples: Vec<(Vec<(&'static str, String)>, f64)>,
}

fn text(report: &RunReport) -> String {
    let mut text = String::new();
    for family in families(report).iter().filter(|family| !family.samples.is_empty()) {
        family.write(&mut text);
    }
    text.push_str("# EOF\n");
    text
}

impl Family {
    fn new(name: &'static str, unit: &'static str, help: &'static str) -> Self {
        Self { name, unit, help, samples: Vec::new() }
    }

    fn add(&mut self, labels: Vec<(&'static str, String)>, value: Option<f64>) {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            self.samples.push((labels, value));
        }
    }

    fn write(&self, text: &mut String) {
        let Self { name, unit, help, .. } = self;
        // Writing into a string cannot fail.
        let _ = writeln!(text, "# TYPE {name} gauge");
        if !unit.is_empty() {
            let _ = writeln!(text, "# UNIT {name} {unit}");
        }
        let _ = writeln!(text, "# HELP {name} {help}");
        for (labels, value) in &self.samples {
            let labels: Vec<String> =
                labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
            let _ = writeln!(text, "{name}{{{}}} {value}", labels.join(","));
        }
    }
}

fn families(report: &RunReport) -> Vec<Family> {
    let mut verdict = Family::new(
        "fleetmark_run_exit_code",
        "",
        "Exit code of the run: 0 supported, 1 refuted, 2 inconclusive, 3 invalid.",
    );
    verdict.add(of_run(report), Some(f64::from(report.run.exit_code)));
    let mut claims = Family::new(
        "fleetmark_claim_exit_code",
        "",
        "What came out of a claim, as the exit code that it alone would have.",
    );
    let mut values =
        Family::new("fleetmark_claim_value", "", "Value behind a claim, in the unit of its label.");
    for claim in &report.claims {
        claims.add(of_claim(report, claim), Some(f64::from(claim.verdict.exit_code())));
        values.add([of_claim(report, claim), vec![("unit", claim.unit.clone())]].concat(), claim.value);
    }
    let mut operations = [
        Family::new("fleetmark_operations", "", "Operations that ended, over the valid trials."),
        Family::new("fleetmark_throughput_per_second", "", "Successes per second of the measured window."),
        Family::new("fleetmark_error_ratio", "ratio", "Errors among the operations that ended."),
    ];
    let mut latency =
        Family::new("fleetmark_latency_seconds", "seconds", "Latency of successes by quantile.");
    for (labels, operation) in labelled(report) {
        let [count, throughput, errors] = &mut operations;
        count.add(labels.clone(), Some(operation.count as f64));
        throughput.add(labels.clone(), operation.throughput_per_s);
        errors.add(labels.clone(), operation.error_ratio);
        for (quantile, value_ns) in quantiles(&operation.latency_ns) {
            let labels = [labels.clone(), vec![("quantile", quantile.to_owned())]].concat();
            latency.add(labels, value_ns.map(|value_ns| value_ns as f64 / NS_PER_S));
        }
    }
    let [count, throughput, errors] = operations;
    vec![verdict, claims, values, count, throughput, errors, latency]
}

type Labels = Vec<(&'static str, String)>;

fn of_run(report: &RunReport) -> Labels {
    let word = if report.run.verdict == Verdict::None { "none" } else { report.run.verdict.as_str() };
    vec![("job", report.run.name.clone()), ("run", report.run.id.to_string()), ("verdict", word.to_owned())]
}

fn of_claim(report: &RunReport, claim: &ClaimReport) -> Labels {
    let whose =
        claim.pair.as_ref().map(ToString::to_string).or(claim.agent.as_ref().map(ToString::to_string));
    let labels = vec![
        ("job", report.run.name.clone()),
        ("run", report.run.id.to_string()),
        ("metric", claim.metric.clone()),
        ("rule", claim.rule.clone()),
        ("variant", claim.variant.clone()),
        ("verdict", claim.verdict.as_str().to_owned()),
    ];
    labels.into_iter().chain(whose.map(|whose| ("agent", whose))).collect()
}

/// Every operation with its labels: of each variant, or of each agent where they stand apart.
fn labelled(report: &RunReport) -> Vec<(Labels, &OperationReport)> {
    let labels = |variant: &str, agent: Option<String>, operation: &OperationReport| -> Labels {
        let of_it = vec![
            ("job", report.run.name.clone()),
            ("run", report.run.id.to_string()),
            ("variant", variant.to_owned()),
            ("operation", operation.name.clone()),
        ];
        of_it.into_iter().chain(agent.map(|agent| ("agent", agent))).collect()
    };
    let mut all = Vec::new();
    for variant in &report.variants {
        all.extend(
            variant.operations.iter().map(|operation| (labels(&variant.name, None, operation), operation)),
        );
        for agent in variant.agents.iter().filter(|_| variant.operations.is_empty()) {
            let whose = agent.pair.as_ref().map_or_else(|| agent.name.to_string(), ToString::to_string);
            let of_it = agent.operations.iter();
            all.extend(
                of_it.map(|operation| (labels(&variant.name, Some(whose.clone()), operation), operation)),
            );
        }
    }
    all
}

fn quantiles(latency: &Distribution) -> [(&'static str, Option<u64>); 9] {
    [
        ("0", latency.min),
        ("0.5", latency.p50),
        ("0.75", latency.p75),
        ("0.9", latency.p90),
        ("0.95", latency.p95),
        ("0.99", latency.p99),
        ("0.999", latency.p99_9),
        ("0.9999", latency.p99_99),
        ("1", latency.max),
    ]
}

/// A label's value as the format wants it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn lines() -> Vec<String> {
        let bytes = fixture::exported(&OpenMetrics);
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn every_family_is_described_before_its_samples_and_the_text_has_its_end() {
        let lines = lines();
        assert_eq!(lines.last().map(String::as_str), Some("# EOF"));
        for line in lines.iter().filter(|line| !line.starts_with('#')) {
            let name = line.split('{').next().unwrap();
            let described = format!("# TYPE {name} gauge");
            let (at, sample) =
                (lines.iter().position(|it| *it == described), lines.iter().position(|it| it == line));
            assert!(at.is_some() && at < sample, "{line}");
        }
    }

    #[test]
    fn times_are_seconds_and_what_cannot_be_given_has_no_line() {
        let report = fixture::assembled().report;
        let all = report.variants[0].operations.last().unwrap();
        let expected = all.latency_ns.p99.unwrap() as f64 / 1e9;
        let of_all = |quantile: &str| {
            let ends = format!("operation=\"*\",quantile=\"{quantile}\"}} ");
            lines()
                .into_iter()
                .find(|line| line.starts_with("fleetmark_latency_seconds{") && line.contains(&ends))
        };
        assert!(of_all("0.99").unwrap().ends_with(&format!(" {expected}")));
        assert_eq!((all.latency_ns.p99_99, of_all("0.9999")), (None, None));
    }

    #[test]
    fn label_values_are_escaped() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
