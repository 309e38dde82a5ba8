//! What is watched beside the load: whether it was there, and whether its memory grows.

use shared::finding::{Finding, FindingCode};
use shared::host::HostMetric;
use shared::units::human_bytes;

use super::{AgentEvidence, Evidence};

/// A process that grew by less over the window is only settling, bytes.
const GROWTH_TOLD_BYTES: f64 = 1_048_576.0;

/// Memory of the observed process that rises beyond doubt and to the end.
pub(super) fn memory_grows(evidence: &Evidence<'_>) -> Vec<Finding> {
    let grows = |agent: &AgentEvidence<'_>| {
        let growth = agent.memory_growth.filter(|growth| growth.is_certain())?;
        let memory = agent.figure(HostMetric::ProcessMemory)?;
        let [low, high] = growth.interval.map(human_bytes);
        let message = format!(
            "the observed process's memory grew from {} to {}, by {} a second (95 % interval {low} to {high}), and still grew at the end",
            human_bytes(memory.min),
            human_bytes(memory.max),
            human_bytes(growth.slope)
        );
        (memory.max - memory.min >= GROWTH_TOLD_BYTES)
            .then(|| agent.finding(FindingCode::MemoryGrows, &message))
    };
    evidence.hosts().filter_map(grows).collect()
}

/// A process that the job observes and no host has.
pub(super) fn not_observed(evidence: &Evidence<'_>) -> Vec<Finding> {
    let Some(process) = &evidence.job.observe.process else { return Vec::new() };
    let is_seen = evidence.hosts().any(|agent| agent.figure(HostMetric::ProcessCount).is_some());
    if is_seen || !evidence.record.is_complete {
        return Vec::new();
    }
    let message = format!("no host of the trial had {process}, which observe.process names");
    vec![Finding::of_trial(FindingCode::NotObserved, message)]
}
