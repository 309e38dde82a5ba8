//! The report against the contract, key by key, and what exports carry beside it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::Deserializer;
use serde_json::Value;

use super::*;
use crate::fixture;

/// The keys of a value in their order, one line for what holds no more of them; of an array its first element.
fn keys(value: &Value, indent: usize, text: &mut String) {
    let Some(members) = value.as_object() else { return };
    for (key, member) in members {
        let member = member.as_array().map_or(member, |elements| elements.first().unwrap_or(&Value::Null));
        let inner = member.as_object().map(|inner| inner.keys().cloned().collect::<Vec<_>>().join(" "));
        let is_deep =
            member.as_object().is_some_and(|inner| inner.values().any(|it| it.is_object() || it.is_array()));
        let line = match inner.filter(|_| !is_deep) {
            Some(inner) => format!("{:indent$}{key}: {inner}", ""),
            None => format!("{:indent$}{key}", ""),
        };
        text.push_str(line.trim_end_matches([' ', ':']));
        text.push('\n');
        if is_deep {
            keys(member, indent + 2, text);
        }
    }
}

#[test]
fn the_report_has_the_contracts_keys() {
    let text = Json.render(&fixture::assembled().report).unwrap();
    let mut found = String::new();
    keys(&serde_json::from_str(&text).unwrap(), 0, &mut found);
    insta::assert_snapshot!(found, @r#"
    schema
    run
      id
      name
      state
      verdict
      exit_code
      reason
      started_at
      finished_at
      seed
      tags: team
      fleetmark_version
      analysis_version
      job
    variants
      name
      parameters
      trials
        block
        order
        attempt
        valid
        pair
        findings: code severity agent message
        start_skew_us
        start_skew_error_us
        coverage: agents_planned agents_finished intervals_planned intervals_received agent_seconds_ratio
        operations
          name
          count
          unsent
          errors: status timeout
          error_samples: kind message
          error_ratio
          scheduled_per_s
          throughput_per_s
          latency_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
          service_time_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
          send_lag_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
          worker_wait_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
          failed_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
          bytes_sent
          bytes_received
          connects
          metrics
        agents
          id
          name
          operations
            name
            count
            unsent
            errors: status timeout
            error_samples: kind message
            error_ratio
            scheduled_per_s
            throughput_per_s
            latency_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
            service_time_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
            send_lag_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
            worker_wait_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
            failed_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
            bytes_sent
            bytes_received
            connects
            metrics
          clock_offset_us
          clock_error_us
          generator_cpu
          workers_peak
          host
            cpu_busy: mean min max
      operations
        name
        count
        unsent
        errors: status timeout
        error_samples: kind message
        error_ratio
        scheduled_per_s
        throughput_per_s
        latency_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
        service_time_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
        send_lag_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
        worker_wait_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
        failed_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
        bytes_sent
        bytes_received
        connects
        metrics
      agents
        name
        operations
          name
          count
          unsent
          errors: status timeout
          error_samples: kind message
          error_ratio
          scheduled_per_s
          throughput_per_s
          latency_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
          service_time_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
          send_lag_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
          worker_wait_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
          failed_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
          bytes_sent
          bytes_received
          connects
          metrics
      estimates
        metric
        unit
        agent
        pair
        n
        mean
        ci95
    claims
    comparisons
    hosts
      agent
      fingerprint: hostname operating_system kernel architecture cpu_model cpu_vendor cpus_online memory_total_bytes governors hypervisor boot_id fleetmark_version
    "#);
}

#[test]
fn an_operation_reads_as_the_contract_has_it() {
    let report = fixture::assembled().report;
    let operation = serde_json::to_string_pretty(&report.variants[0].trials[0].operations[1]).unwrap();
    insta::assert_snapshot!(operation, @r#"
    {
      "name": "write",
      "count": 240,
      "unsent": 0,
      "errors": {},
      "error_samples": [],
      "error_ratio": 0.0,
      "scheduled_per_s": 120.0,
      "throughput_per_s": 120.0,
      "latency_ns": {
        "count": 240,
        "min": 2004992,
        "mean": 6432503.466666667,
        "stdev": 2597757.316788409,
        "p50": 6361087,
        "p75": 8617983,
        "p90": 9961471,
        "p95": 10412031,
        "p99": null,
        "p99_9": null,
        "p99_99": null,
        "max": 10862591
      },
      "service_time_ns": {
        "count": 240,
        "min": 2004992,
        "mean": 6432503.466666667,
        "stdev": 2597757.316788409,
        "p50": 6361087,
        "p75": 8617983,
        "p90": 9961471,
        "p95": 10412031,
        "p99": null,
        "p99_9": null,
        "p99_99": null,
        "max": 10862591
      },
      "send_lag_ns": {
        "count": 0,
        "min": null,
        "mean": null,
        "stdev": null,
        "p50": null,
        "p75": null,
        "p90": null,
        "p95": null,
        "p99": null,
        "p99_9": null,
        "p99_99": null,
        "max": null
      },
      "worker_wait_ns": {
        "count": 0,
        "min": null,
        "mean": null,
        "stdev": null,
        "p50": null,
        "p75": null,
        "p90": null,
        "p95": null,
        "p99": null,
        "p99_9": null,
        "p99_99": null,
        "max": null
      },
      "failed_ns": {
        "count": 0,
        "min": null,
        "mean": null,
        "stdev": null,
        "p50": null,
        "p75": null,
        "p90": null,
        "p95": null,
        "p99": null,
        "p99_9": null,
        "p99_99": null,
        "max": null
      },
      "bytes_sent": 21600,
      "bytes_received": 98400,
      "connects": 0,
      "metrics": {}
    }
    "#);
}

#[test]
fn metrics_and_phases_stand_beside_the_latencies() {
    let report = fixture::assembled_with_metrics().report;
    let operations = serde_json::to_value(&report.variants[0].trials[0].operations).unwrap();
    let mut found = String::new();
    keys(&operations[0], 0, &mut found);
    insta::assert_snapshot!(found, @r#"
    name
    count
    unsent
    errors: status timeout
    error_samples: kind message
    error_ratio
    scheduled_per_s
    throughput_per_s
    latency_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
    service_time_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
    send_lag_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
    worker_wait_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
    failed_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
    connect_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
    first_byte_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
    body_ns: count min mean stdev p50 p75 p90 p95 p99 p99_9 p99_99 max
    bytes_sent
    bytes_received
    connects
    metrics
      hit: unit kind count mean stdev min max
      size: unit kind count mean stdev min max
      took: unit kind count mean stdev min max p50 p75 p90 p95 p99 p99_9
    "#);
    insta::assert_snapshot!(serde_json::to_string_pretty(&operations[2]["metrics"]).unwrap(), @r#"
    {
      "hit": {
        "unit": "",
        "kind": "ratio",
        "count": 6240,
        "mean": 0.8743589743589744,
        "stdev": 0.3314443517649634,
        "min": 0.0,
        "max": 1.0
      },
      "queue": {
        "unit": "jobs",
        "kind": "gauge",
        "count": 8,
        "mean": 5.0,
        "stdev": 2.0,
        "min": 3.0,
        "max": 7.0
      },
      "size": {
        "unit": "bytes",
        "kind": "gauge",
        "count": 6000,
        "mean": 18432.00000000001,
        "stdev": 11764.864300109894,
        "min": 0.0,
        "max": 36864.0
      },
      "took": {
        "unit": "ns",
        "kind": "histogram",
        "count": 6000,
        "mean": 749500.0,
        "stdev": 433012.60566716373,
        "min": 0.0,
        "max": 1499000.0,
        "p50": 749055,
        "p75": 1124351,
        "p90": 1349631,
        "p95": 1424383,
        "p99": 1484799,
        "p99_9": 1498111
      }
    }
    "#);
}

#[test]
fn a_report_reads_back_as_it_was() {
    for report in [fixture::assembled().report, fixture::assembled_with_metrics().report] {
        let text = Json.render(&report).unwrap();
        assert!(text.ends_with("}\n"));
        assert_eq!(serde_json::from_str::<RunReport>(&text).unwrap(), report);
    }
}

#[test]
fn every_exported_operation_carries_its_histogram() {
    let report: RunReport = serde_json::from_slice(&fixture::exported(&JsonExport)).unwrap();
    let variant = &report.variants[0];
    let agents = variant.trials.iter().flat_map(|trial| &trial.agents).flat_map(|agent| &agent.operations);
    let trials = variant.trials.iter().flat_map(|trial| &trial.operations);
    let mut seen = 0;
    for operation in agents.chain(trials).chain(&variant.operations) {
        let bytes = STANDARD.decode(operation.latency_histogram.as_ref().unwrap()).unwrap();
        let read: hdrhistogram::Histogram<u64> =
            Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
        assert_eq!(read.len(), operation.latency_ns.count);
        assert_eq!(Some(read.value_at_quantile(0.5)), operation.latency_ns.p50);
        seen += 1;
    }
    assert_eq!(seen, 3 * 2 * 3 + 3 * 3 + 3);
}
