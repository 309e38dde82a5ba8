//! Facts about hosts of one run.

use std::collections::BTreeMap;

use serde_json::json;
use shared::finding::{Finding, FindingCode, Severity};
use shared::host::Fingerprint;
use shared::host_comparison::GroupFinding;
use shared::run_report::HostReport;

use super::*;
use crate::claims::tests::fixture::of_latencies;

const JOB: &str = "name = \"j\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nname = \"read\"\nurl = \"/\"\n[fleet]\nplacement = \"each\"\n";
const QUICK: &[u64] = &[5_000, 5_010, 4_990, 5_005, 4_995, 5_000];
const SLOW: &[u64] = &[10_000, 10_020, 9_980, 10_010, 9_990, 10_000];

/// A host's name, labels and latencies of blocks.
type Host<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [u64]);

/// A run of these hosts.
fn report(hosts: &[Host<'_>]) -> RunReport {
    let latencies: Vec<u64> = hosts.iter().flat_map(|(.., blocks)| blocks.to_vec()).collect();
    let mut report = of_latencies(&[("default", &latencies)]).report;
    report.run.job = JOB.to_owned();
    let places =
        hosts.iter().flat_map(|(name, _, blocks)| (0..blocks.len()).map(move |block| (*name, block)));
    for (trial, (name, block)) in report.variants[0].trials.iter_mut().zip(places) {
        (trial.agent, trial.block) = (Some(AgentName::new(name).unwrap()), block as u32);
    }
    let host = |(name, labels, _): &(&str, &[(&str, &str)], &[u64])| HostReport {
        agent: AgentName::new(*name).unwrap(),
        fingerprint: Fingerprint { hostname: Some((*name).to_owned()), ..Fingerprint::default() },
        labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        observer: false,
    };
    report.hosts = hosts.iter().map(host).collect();
    report
}

fn value<'a>(compared: &'a HostComparison, metric: &str, group: &str) -> &'a GroupValue {
    let row = compared.metrics.iter().find(|row| row.metric == metric).unwrap();
    row.values.iter().find(|value| value.group == group).unwrap()
}

#[test]
fn a_host_of_half_the_speed_is_slower_by_two() {
    let report = report(&[("a", &[], QUICK), ("b", &[], SLOW), ("c", &[], QUICK)]);
    let compared = compare_hosts(&report, Question::default()).unwrap();
    let median = |group| value(&compared, "read.latency.p50", group);
    let (a, b, c) = (median("a"), median("b"), median("c"));
    assert_eq!((a.says, b.says, c.says), (None, Some(Says::Slower), Some(Says::Same)));
    assert_eq!((a.n, a.ratio, compared.exit_code), (6, None, SLOWER));
    assert!(b.ratio.is_some_and(|ratio| (ratio - 2.0).abs() < 0.01), "{b:?}");
    assert!(b.ratio_ci95.is_some_and(|[low, high]| low < 2.0 && high > 2.0), "{b:?}");
    let throughput = value(&compared, "read.throughput", "b");
    assert_eq!(throughput.says, Some(Says::Slower), "less of what is better is slower: {throughput:?}");
}

#[test]
fn a_rate_that_was_asked_for_is_not_compared() {
    let mut report = report(&[("a", &[], QUICK), ("b", &[], SLOW)]);
    report.run.job = format!("{JOB}[load]\nmodel = \"open\"\nrate = 100\n");
    let compared = compare_hosts(&report, Question::default()).unwrap();
    let metrics: Vec<&str> = compared.metrics.iter().map(|row| row.metric.as_str()).collect();
    assert_eq!(metrics, ["read.latency.mean", "read.latency.p50", "read.latency.p99"]);
}

#[test]
fn a_label_makes_groups_and_costs_weigh_what_they_read() {
    let small: &[(&str, &str)] = &[("size", "small"), ("cost_per_hour", "0.5")];
    let large: &[(&str, &str)] = &[("size", "large"), ("cost_per_hour", "2")];
    let report = report(&[("a", small, SLOW), ("b", large, QUICK), ("c", small, SLOW), ("d", &[], QUICK)]);
    let question = Question { group_by: Some("size"), reference: Some("small"), margin: None };
    let compared = compare_hosts(&report, question).unwrap();
    let groups: Vec<(&str, usize, Option<f64>)> = compared
        .groups
        .iter()
        .map(|group| (group.name.as_str(), group.agents.len(), group.cost_per_hour))
        .collect();
    assert_eq!(groups, [("large", 1, Some(2.0)), ("small", 2, Some(0.5))]);
    let large = value(&compared, "read.latency.p50", "large");
    assert_eq!(large.says, Some(Says::Faster));
    // Half the time at four times the cost.
    assert!(large.per_cost_ratio.is_some_and(|ratio| (ratio - 2.0).abs() < 0.01), "{large:?}");
    assert!(compared.notes[0].contains("left out for want of the label size: d"), "{:?}", compared.notes);
}

#[test]
fn findings_are_counted_and_leave_the_word_standing() {
    let mut report = report(&[("a", &[], QUICK), ("b", &[], SLOW)]);
    for trial in
        report.variants[0].trials.iter_mut().filter(|trial| trial.agent.as_ref().unwrap().as_str() == "b")
    {
        trial.findings.push(Finding {
            code: FindingCode::Throttled,
            severity: Severity::Suspect,
            agent: None,
            message: "its group's quota was used up".to_owned(),
        });
    }
    report.hosts[1].fingerprint.details = BTreeMap::from([("cpu_limit_cores".to_owned(), json!(0.5))]);
    report.hosts[0].fingerprint.details = BTreeMap::from([("cpu_limit_cores".to_owned(), json!("none"))]);
    let compared = compare_hosts(&report, Question::default()).unwrap();
    assert_eq!(value(&compared, "read.latency.p50", "b").says, Some(Says::Slower));
    let throttled = GroupFinding { code: "throttled".to_owned(), trials: 6, of: 6 };
    assert_eq!(
        (&compared.groups[0].findings[..], &compared.groups[1].findings[..]),
        (&[][..], &[throttled][..])
    );
    let told: Vec<String> = compared.fingerprint_differences.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["b: cpu_limit_cores: none and 0.5"]);
}

#[test]
fn a_host_without_a_valid_trial_is_missed() {
    let mut report = report(&[("a", &[], QUICK), ("b", &[], SLOW)]);
    for trial in &mut report.variants[0].trials {
        trial.valid = trial.agent.as_ref().unwrap().as_str() == "a";
    }
    let compared = compare_hosts(&report, Question::default()).unwrap();
    let missing = value(&compared, "read.latency.p50", "b");
    assert_eq!((missing.n, missing.mean, missing.says), (0, None, Some(Says::Inconclusive)));
    assert_eq!(compared.exit_code, 3);
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let labelled: &[(&str, &str)] = &[("zone", "north")];
    let mut report = report(&[("a", labelled, QUICK), ("b", labelled, SLOW)]);
    let error = |report: &RunReport, question| compare_hosts(report, question).unwrap_err().to_string();
    let by = |label| Question { group_by: Some(label), ..Question::default() };
    assert!(
        error(&report, by("size")).ends_with("no agent of the run has the label \"size\"; there are: zone")
    );
    let against = Question { reference: Some("z"), ..Question::default() };
    assert!(error(&report, against).ends_with("there are: a, b"));
    report.run.job = JOB.replace("each", "together");
    assert!(error(&report, Question::default()).contains("placement = \"each\""));
}
