//! Hosts that were not themselves: CPU time taken by the hypervisor, and a host that is another one than before.

use shared::finding::{Finding, FindingCode};
use shared::host::{Fingerprint, HostMetric};
use shared::job::{Job, Window};

use super::{AgentEvidence, Evidence, percent};

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

/// A host that is not what it was when the run first measured there, or changed while the trial ran.
pub(super) fn fingerprint_changed(evidence: &Evidence<'_>) -> Vec<Finding> {
    let changed = |agent: &AgentEvidence<'_>| {
        let since_first = agent.first_fingerprint.differing(agent.fingerprint);
        let found = if since_first.is_empty() {
            format!("its host changed while the trial ran; it differs in {}", agent.changed.join(", "))
        } else {
            let fields = since_first.join(", ");
            format!("its host is another one than in the run's first trial there; it differs in {fields}")
        };
        let is_other = !(since_first.is_empty() && agent.changed.is_empty());
        is_other.then(|| agent.finding(FindingCode::FingerprintChanged, &found))
    };
    evidence.agents.iter().filter_map(changed).collect()
}

/// Worth knowing of a host: what it is by nature makes figures less steady, or slower.
pub(super) fn nature(evidence: &Evidence<'_>) -> Vec<Finding> {
    // Where the details are not told, nobody looked.
    let told = evidence.hosts().filter(|agent| !agent.fingerprint.details.is_empty());
    let of_host = |agent: &AgentEvidence<'_>| {
        let virtualised = agent.fingerprint.hypervisor.as_ref().map(|hypervisor| {
            let message =
                format!("its host is a virtual machine ({hypervisor}), which shares its machine with others");
            agent.finding(FindingCode::Virtualised, &message)
        });
        let governors = agent.fingerprint.governors.iter().flatten();
        let others: Vec<&str> =
            governors.map(String::as_str).filter(|governor| *governor != "performance").collect();
        let message =
            format!("its CPUs' governor is {}, not performance: they begin slowly", others.join(", "));
        let governor = (!others.is_empty()).then(|| agent.finding(FindingCode::GovernorSavesPower, &message));
        virtualised.into_iter().chain(governor).collect::<Vec<_>>()
    };
    told.flat_map(of_host).collect()
}
