//! A made-up report: variants whose trials each have one operation, `read`, of known latencies.

use std::collections::BTreeMap;

use shared::histogram::{EncodedHistogram, Histogram};
use shared::ids::RunId;
use shared::job::{Job, Kinds, parse};
use shared::run_record::RunState;
use shared::run_report::{
    Coverage, OperationReport, RunReport, RunSection, SCHEMA, TrialReport, VariantReport, Verdict,
};

use crate::assemble::{Assembled, Place};
use crate::{estimate, quantile};

/// Successes of each trial: enough for a p99, too few for a p99.9.
const SUCCESSES: u64 = 400;

/// A job with these variants and claims. A claim's table has its header already where it is the first.
pub(crate) fn job(claims: &str, variants: &[(&str, &[u64])]) -> Job {
    let named: String = variants
        .iter()
        .filter(|(name, _)| *name != "default")
        .map(|(name, _)| format!("[[variants]]\nname = \"{name}\"\nset = {{ \"params.{name}\" = 1 }}\n"))
        .collect();
    let params: String = variants.iter().map(|(name, _)| format!("{name} = 0\n")).collect();
    let used: String = variants.iter().map(|(name, _)| format!("{{{{{name}}}}}")).collect();
    let text = format!(
        "name = \"j\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nname = \"read\"\nurl = \"{used}\"\n[params]\n{params}{named}[[claims]]\n{claims}"
    );
    parse(&text, Kinds::Unchecked).unwrap()
}

/// A run whose trials have these latencies, in microseconds, variant by variant and block by block.
pub(crate) fn of_latencies(variants: &[(&str, &[u64])]) -> Assembled {
    let mut latencies = BTreeMap::new();
    let reports = variants.iter().enumerate().map(|(variant, (name, values))| {
        let trials = values.iter().enumerate().map(|(block, us)| {
            let histogram = histogram(*us);
            let place = Place { variant, trial: Some(block), agent: None, operation: 0 };
            latencies.insert(place, EncodedHistogram::encode(&histogram));
            trial(block, &histogram)
        });
        let trials: Vec<TrialReport> = trials.collect();
        let estimates = estimate::estimates(&trials);
        VariantReport {
            name: (*name).to_owned(),
            parameters: BTreeMap::new(),
            trials,
            operations: Vec::new(),
            agents: Vec::new(),
            estimates,
        }
    });
    let variants = reports.collect();
    let report = RunReport {
        schema: SCHEMA.to_owned(),
        run: run(),
        variants,
        claims: Vec::new(),
        comparisons: Vec::new(),
        search: None,
        profiles: Vec::new(),
        sweeps: Vec::new(),
        hosts: Vec::new(),
    };
    Assembled { report, latencies, dependences: BTreeMap::new(), baselines: BTreeMap::new() }
}

/// Most values lie at the latency, so that its quantiles do.
fn histogram(us: u64) -> Histogram {
    let mut histogram = Histogram::new();
    histogram.record_many(us * 1_000, SUCCESSES - 1);
    histogram.record(us * 900);
    histogram
}

fn trial(block: usize, histogram: &Histogram) -> TrialReport {
    let latency = quantile::distribution(histogram);
    let read = OperationReport {
        name: "read".to_owned(),
        count: SUCCESSES,
        unsent: 0,
        errors: BTreeMap::new(),
        error_samples: Vec::new(),
        error_ratio: Some(0.0),
        scheduled_per_s: None,
        throughput_per_s: latency.mean.map(|ns| 1e9 / ns),
        latency_ns: latency.clone(),
        service_time_ns: latency,
        send_lag_ns: Default::default(),
        worker_wait_ns: Default::default(),
        failed_ns: Default::default(),
        pool_wait_ns: None,
        dns_ns: None,
        connect_ns: None,
        tls_ns: None,
        first_byte_ns: None,
        body_ns: None,
        cpu_time_ns: None,
        max_memory_bytes: None,
        bytes_sent: 0,
        bytes_received: 0,
        connects: 0,
        metrics: BTreeMap::new(),
        latency_histogram: None,
    };
    TrialReport {
        block: block as u32,
        order: 0,
        attempt: 0,
        valid: true,
        agent: None,
        pair: None,
        findings: Vec::new(),
        start_skew_us: None,
        start_skew_error_us: None,
        coverage: Coverage::default(),
        operations: vec![read],
        agents: Vec::new(),
        observers: Vec::new(),
        slowest: Vec::new(),
        plans: Vec::new(),
    }
}

fn run() -> RunSection {
    RunSection {
        id: RunId::new(1_700_000_000_000, [7; 10]),
        name: "j".to_owned(),
        state: RunState::Finished,
        verdict: Verdict::None,
        exit_code: 0,
        reason: None,
        started_at: String::new(),
        finished_at: None,
        seed: 42,
        looks: Vec::new(),
        blocks_not_needed: None,
        tags: BTreeMap::new(),
        fleetmark_version: String::new(),
        analysis_version: String::new(),
        job: String::new(),
    }
}
