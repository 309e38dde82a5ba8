//! What is known of a trial when it is judged.

use std::collections::BTreeMap;

use shared::finding::{Finding, FindingCode};
use shared::host::{Fingerprint, HostMetric};
use shared::interval::Remark;
use shared::job::Job;
use shared::run_record::{AgentPart, TrialRecord};
use shared::run_report::{ALL_OPERATIONS, Coverage, OperationReport, Scalar};

use crate::growth::Growth;

/// What is known of a trial when it is judged.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// The job, with its limits.
    pub job: &'a Job,
    /// What the coordinator remembers of the attempt.
    pub record: &'a TrialRecord,
    /// What was measured, merged over agents.
    pub operations: &'a [OperationReport],
    /// What was planned and what was seen.
    pub coverage: &'a Coverage,
    /// What programs said beside their figures.
    pub remarks: &'a [Remark],
    /// Values above the histograms' bound.
    pub overflowed: u64,
    /// Operations that were scheduled, and were neither sent nor told to be unsent.
    pub missing: u64,
    /// The name of another trial with the same measured times to the last count; `None`: there is none.
    pub twin: Option<&'a str>,
    /// Each agent's part.
    pub agents: &'a [AgentEvidence<'a>],
    /// The part of each that made no load.
    pub observers: &'a [AgentEvidence<'a>],
}

/// What is known of an agent's part.
#[derive(Debug)]
pub struct AgentEvidence<'a> {
    /// What the coordinator remembers of it.
    pub part: &'a AgentPart,
    /// CPU share of its busiest load thread over the window, 0 to 1.
    pub generator_cpu: Option<f64>,
    /// The longest that one of its load threads stood still in the measured window, ns.
    pub stood_still_ns: u64,
    /// What is missing of its intervals, in words.
    pub missing: Option<String>,
    /// What its host was when an agent of its name first measured in this run.
    pub first_fingerprint: &'a Fingerprint,
    /// What it was before this trial.
    pub fingerprint: &'a Fingerprint,
    /// In what it was something else after it.
    pub changed: Vec<String>,
    /// How its host fared, by the metrics' names.
    pub host: BTreeMap<String, Scalar>,
    /// The frequency of its cores at the 5th and at the 50th percentile of the window's seconds, MHz; `None`: not readable, or too
    /// few seconds to tell.
    pub frequencies_mhz: Option<[f64; 2]>,
    /// How the memory of the observed process grew; `None`: there was none, or too short a while to tell.
    pub memory_growth: Option<Growth>,
}

impl AgentEvidence<'_> {
    /// A metric of its host over the window; `None`: it could not be read.
    pub(super) fn figure(&self, metric: HostMetric) -> Option<&Scalar> {
        self.host.get(metric.name())
    }

    /// What was found of it, said of its name.
    pub(super) fn finding(&self, code: FindingCode, message: &str) -> Finding {
        Finding::of_agent(code, self.part.id, format!("agent {}: {message}", self.part.name))
    }
}

impl Evidence<'_> {
    /// All operations together.
    pub(super) fn all(&self) -> Option<&OperationReport> {
        self.operations.last()
    }

    /// The operations of the job, when there are several.
    pub(super) fn several(&self) -> &[OperationReport] {
        match self.operations.split_last() {
            Some((last, rest)) if last.name == ALL_OPERATIONS => rest,
            _ => &[],
        }
    }

    /// Everybody who tells of a host, load or no load.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &AgentEvidence<'_>> {
        self.agents.iter().chain(self.observers)
    }

    pub(super) fn has_recorded(&self, is_meant: impl Fn(&Finding) -> bool) -> bool {
        self.record.findings.iter().any(is_meant)
    }
}
