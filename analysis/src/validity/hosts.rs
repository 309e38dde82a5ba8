//! Hosts that were not themselves: CPU time taken by the hypervisor, and a host that is another one than before.

use shared::finding::{Finding, FindingCode};
use shared::host::{Fingerprint, HostMetric};
use shared::job::{Job, Window};

use super::{Evidence, percent};

/// In how many parts of a second the kernel counts CPU time (USER_HZ).
const TICKS_PER_S: f64 = 100.0;
/// The quantile of the normal distribution that leaves 5 % above.
pub(super) const ONE_SIDED_95: f64 = 1.645;

/// CPU time that the hypervisor gave to others, above `limits.steal`.
pub(super) fn steal_high(evidence: &Evidence<'_>) -> Vec<Finding> {
    let limit = evidence.job.limits.steal;
    let stolen = evidence.hosts().filter_map(|agent| {
        let share = agent.figure(HostMetric::CpuSteal)?.mean;
        let ticks = ticks(evidence.job, &agent.part.fingerprint);
        let message = format!(
            "the hypervisor took {} of its host's CPU time (limits.steal is {})",
            percent(share),
            percent(limit)
        );
        (share * ticks > ticks_explained(limit, ticks))
            .then(|| agent.finding(FindingCode::StealHigh, &message))
    });
    stolen.collect()
}

/// How many ticks a host's CPUs have in a trial's window; one that is as long as its operations take has a second at least.
pub(super) fn ticks(job: &Job, host: &Fingerprint) -> f64 {
    let seconds = match job.load.window {
        Window::For(time) => time.as_secs_f64(),
        Window::Iterations(_) => 1.0,
    };
    seconds * f64::from(host.cpus_online.unwrap_or(1)) * TICKS_PER_S
}

/// How many stolen ticks a host at its limit may show: in a short window a single one is a large share. Ticks are taken as a
/// Poisson count, with the one-sided 95 % limit of its normal approximation (λ + 1.645·√λ) and a tick for where the window was cut.
fn ticks_explained(limit: f64, ticks: f64) -> f64 {
    let expected = limit * ticks;
    expected + ONE_SIDED_95 * expected.sqrt() + 1.0
}

/// An agent whose host is not what it was when the run first measured there.
pub(super) fn fingerprint_changed(evidence: &Evidence<'_>) -> Vec<Finding> {
    let changed = evidence.agents.iter().filter_map(|agent| {
        let fields = agent.first_fingerprint.differing(&agent.part.fingerprint);
        (!fields.is_empty()).then_some((agent.part, fields))
    });
    changed
        .map(|(part, fields)| {
            let message = format!(
                "agent {}: its host is another one than in the run's first trial there; it differs in {}",
                part.name,
                fields.join(", ")
            );
            Finding::of_agent(FindingCode::FingerprintChanged, part.id, message)
        })
        .collect()
}
