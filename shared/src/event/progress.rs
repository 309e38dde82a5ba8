//! Details of a running trial, for displays that have room for them: its operations, its agents, its percentiles.

use crate::ids::AgentName;

/// Most operations that progress tells of one by one: what a display can list. What the others do is in the sums.
pub const OPERATIONS_TOLD_MAX: usize = 16;
/// Most agents that progress tells of one by one, the busiest first: progress goes to every watcher each second.
pub const AGENTS_TOLD_MAX: usize = 32;
/// The quantiles of latency that progress tells, as the contract names them.
pub const QUANTILES_TOLD: [(&str, f64); 7] = [
    ("p50", 0.5),
    ("p75", 0.75),
    ("p90", 0.9),
    ("p95", 0.95),
    ("p99", 0.99),
    ("p99_9", 0.999),
    ("p99_99", 0.9999),
];

/// How one operation fares.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OperationProgress {
    /// Its name.
    pub name: String,
    /// How often it ended inside the window so far.
    pub count: u64,
    /// Of these, errors.
    pub errors: u64,
    /// Successes per second over the last second reported.
    pub recent_per_s: f64,
    /// Median latency so far, ns; `None`: too few successes to bound it.
    pub p50_ns: Option<u64>,
    /// 99th percentile of latency so far, ns; `None` likewise.
    pub p99_ns: Option<u64>,
}

/// How one agent fares.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentProgress {
    /// Its name.
    pub name: AgentName,
    /// Successes per second over its last second reported.
    pub recent_per_s: f64,
    /// CPU share of its busiest load thread, 0 to 1; `None` when it could not be read.
    pub generator_cpu: Option<f64>,
    /// Workers that it has.
    pub workers: u32,
}
