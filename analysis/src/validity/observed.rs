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

/// A process that the job observes and no host has, and figures that nobody could fetch.
pub(super) fn not_observed(evidence: &Evidence<'_>) -> Vec<Finding> {
    let observe = &evidence.job.observe;
    let is_seen = evidence.hosts().any(|agent| agent.figure(HostMetric::ProcessCount).is_some());
    let process = observe.process.as_ref().filter(|_| !is_seen);
    let process =
        process.map(|process| format!("no host of the trial had {process}, which observe.process names"));
    let metrics = evidence.all().map(|all| &all.metrics);
    let is_fetched = |name: &&String| metrics.is_some_and(|metrics| metrics.contains_key(*name));
    let scrape = observe.prometheus.as_ref();
    let fetched = scrape.map(|scrape| scrape.series.iter().filter(|name| !is_fetched(name)));
    let absent: Vec<&str> = fetched.into_iter().flatten().map(String::as_str).collect();
    let absent = (!absent.is_empty()).then(|| {
        let url = scrape.map_or("", |scrape| scrape.url.as_str());
        format!("nothing was fetched of {} from {url}, which observe.prometheus names", absent.join(", "))
    });
    let problems = process.into_iter().chain(absent).filter(|_| evidence.record.is_complete);
    problems.map(|message| Finding::of_trial(FindingCode::NotObserved, message)).collect()
}
