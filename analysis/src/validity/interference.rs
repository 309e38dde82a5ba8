//! What came between the load and the host: quotas, heat, and other people's programs.

use shared::finding::{Finding, FindingCode};
use shared::host::HostMetric;
use shared::units::{human_count, human_share};

use super::hosts::{ONE_SIDED_95, ticks};
use super::{AgentEvidence, Evidence, percent};

/// A host that was held back, unless the job tolerates it.
pub(super) fn throttled(evidence: &Evidence<'_>) -> Vec<Finding> {
    if evidence.job.limits.throttled {
        return Vec::new();
    }
    let held = |agent: &AgentEvidence<'_>| {
        let by_quota = agent.figure(HostMetric::Throttled).filter(|periods| periods.max > 0.0).map(|periods| {
            let time = agent.figure(HostMetric::ThrottledTime).map_or(0.0, |share| share.mean);
            let rate = human_count(periods.mean);
            format!("the CPU quota of its control group was used up {rate} times a second, which held its tasks back for {} of the time", human_share(time))
        });
        let by_heat = agent.figure(HostMetric::ThermalThrottles).filter(|times| times.max > 0.0);
        let by_heat = by_heat
            .map(|times| format!("heat slowed its cores down {} times a second", human_count(times.mean)));
        let causes: Vec<String> = by_quota.into_iter().chain(by_heat).collect();
        let message = format!("{} (limits.throttled is false)", causes.join(", and "));
        (!causes.is_empty()).then(|| agent.finding(FindingCode::Throttled, &message))
    };
    evidence.hosts().filter_map(held).collect()
}

/// CPU time of programs that have nothing to do with the run. On a host that makes no load, what is measured is one of them,
/// unless `[observe]` says which.
pub(super) fn foreign_cpu(evidence: &Evidence<'_>) -> Vec<Finding> {
    let limit = evidence.job.limits.foreign_cpu;
    let knows_its_own = |agent: &&AgentEvidence<'_>| agent.figure(HostMetric::ProcessCount).is_some();
    let judged = evidence.agents.iter().chain(evidence.observers.iter().filter(knows_its_own));
    let found = judged.filter_map(|agent| {
        let share = agent.figure(HostMetric::ForeignCpu)?.mean;
        let busy = agent.figure(HostMetric::CpuBusy)?.mean;
        let ticks = ticks(evidence.job, &agent.part.fingerprint);
        let message = format!(
            "programs that have nothing to do with the run used {} of its host's CPU time (limits.foreign_cpu is {}); if one of them is what is measured, name it in observe.process",
            percent(share),
            percent(limit)
        );
        (share * ticks > ticks_explained(limit, busy, ticks)).then(|| agent.finding(FindingCode::ForeignCpu, &message))
    });
    found.collect()
}

/// How many foreign ticks a host at its limit may show. They are what is left of all busy ticks, which the kernel counts by
/// looking: a count of n is off by √n, with the one-sided 95 % limit of its normal approximation and a tick for where the
/// window was cut.
fn ticks_explained(limit: f64, busy: f64, ticks: f64) -> f64 {
    limit * ticks + ONE_SIDED_95 * (busy * ticks).max(0.0).sqrt() + 1.0
}
