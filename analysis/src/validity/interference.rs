//! What came between the load and the host: quotas, heat, other people's programs, falling frequencies, swapping, and a clock
//! that was set.

use shared::finding::{Finding, FindingCode};
use shared::host::HostMetric;
use shared::units::{human_count, human_ns, human_rate};

use super::hosts::{ONE_SIDED_95, ticks};
use super::{AgentEvidence, Evidence, percent};

/// A wall clock that moves by less in a second is only being kept right, ns: the kernel slews by at most half a millisecond.
const CLOCK_STEP_NS: f64 = 10e6;
/// So many major faults a second are told: a program that is started for the first time has some.
const MAJOR_FAULTS_TOLD_PER_S: f64 = 10.0;

/// A host that was held back, unless the job tolerates it.
pub(super) fn throttled(evidence: &Evidence<'_>) -> Vec<Finding> {
    if evidence.job.limits.throttled {
        return Vec::new();
    }
    let held = |agent: &AgentEvidence<'_>| {
        let by_quota = agent.figure(HostMetric::Throttled).filter(|periods| periods.max > 0.0).map(|periods| {
            let time = agent.figure(HostMetric::ThrottledTime).map_or(0.0, |share| share.mean);
            let rate = human_count(periods.mean);
            format!("the CPU quota of its control group was used up {rate} times a second, which held its tasks back for {} s in each second, summed over CPUs and groups", human_count(time))
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

/// Cores that got slower in the middle of the window: what was measured then is not what was measured before.
pub(super) fn frequency_fell(evidence: &Evidence<'_>) -> Vec<Finding> {
    let limit = evidence.job.limits.frequency_drop;
    let fell = |agent: &AgentEvidence<'_>| {
        let [low, median] = agent.frequencies_mhz?;
        let drop = 1.0 - low / median;
        let message = format!(
            "its cores' frequency fell by {} from its median of {median:.0} MHz (5th percentile of the seconds; limits.frequency_drop is {})",
            percent(drop),
            percent(limit)
        );
        (drop > limit).then(|| agent.finding(FindingCode::FrequencyFell, &message))
    };
    evidence.hosts().filter_map(fell).collect()
}

/// A host whose memory did not suffice.
pub(super) fn swapped(evidence: &Evidence<'_>) -> Vec<Finding> {
    if evidence.job.limits.swapping {
        return Vec::new();
    }
    let swapped = |agent: &AgentEvidence<'_>| {
        let mean = |metric| agent.figure(metric).map_or(0.0, |pages| pages.mean);
        let (ins, outs) = (mean(HostMetric::SwapIns), mean(HostMetric::SwapOuts));
        let message = format!(
            "its host swapped {} pages in and {} out: its memory does not suffice (limits.swapping is false)",
            human_rate(ins),
            human_rate(outs)
        );
        (ins + outs > 0.0).then(|| agent.finding(FindingCode::Swapped, &message))
    };
    evidence.hosts().filter_map(swapped).collect()
}

/// Memory that the agent or its workload had to wait for.
pub(super) fn major_faults(evidence: &Evidence<'_>) -> Vec<Finding> {
    let waited = |agent: &AgentEvidence<'_>| {
        let faults = agent.figure(HostMetric::WorkloadMajorFaults)?.mean;
        let message =
            format!("it and what it started waited for memory to be read from disk {}", human_rate(faults));
        (faults > MAJOR_FAULTS_TOLD_PER_S).then(|| agent.finding(FindingCode::MajorFaults, &message))
    };
    evidence.hosts().filter_map(waited).collect()
}

/// A wall clock that was set: latencies do not use it, but programs do.
pub(super) fn clock_stepped(evidence: &Evidence<'_>) -> Vec<Finding> {
    let stepped = |agent: &AgentEvidence<'_>| {
        let step_ns = agent.figure(HostMetric::ClockStep)?.max;
        let message = format!(
            "its host's wall clock was moved by {}; latencies are measured by another clock and stand",
            human_ns(step_ns)
        );
        (step_ns > CLOCK_STEP_NS).then(|| agent.finding(FindingCode::ClockStepped, &message))
    };
    evidence.hosts().filter_map(stepped).collect()
}
