//! Hosts that were not themselves: CPU time taken by the hypervisor, and a host that is another one than before.

use shared::finding::{Finding, FindingCode};
use shared::host::Fingerprint;
use shared::job::{Job, Window};

use super::{Evidence, percent};

/// In how many parts of a second the kernel counts CPU time (USER_HZ).
const TICKS_PER_S: f64 = 100.0;
/// The quantile of the normal distribution that leaves 5 % above.
const ONE_SIDED_95: f64 = 1.645;

/// CPU time that the hypervisor gave to others, above `limits.steal`.
pub(super) fn steal_high(evidence: &Evidence<'_>) -> Vec<Finding> {
    let limit = evidence.job.limits.steal;
    let stolen = evidence.agents.iter().filter_map(|agent| {
        let share = agent.host.get("cpu_steal")?.mean;
        let ticks = ticks(evidence.job, &agent.part.fingerprint);
        (share * ticks > ticks_explained(limit, ticks)).then_some((agent.part, share))
    });
    stolen
        .map(|(part, share)| {
            let message = format!(
                "agent {}: the hypervisor took {} of its host's CPU time (limits.steal is {})",
                part.name,
                percent(share),
                percent(limit)
            );
            Finding::of_agent(FindingCode::StealHigh, part.id, message)
        })
        .collect()
}

/// How many ticks a host's CPUs have in a trial's window; one that is as long as its operations take has a second at least.
fn ticks(job: &Job, host: &Fingerprint) -> f64 {
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
        let fields = differing(agent.first_fingerprint, &agent.part.fingerprint);
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

/// The fields in which two fingerprints differ. What could not be read once may have been the same all the time.
fn differing(before: &Fingerprint, now: &Fingerprint) -> Vec<&'static str> {
    fn is_other<T: PartialEq>(before: &Option<T>, now: &Option<T>) -> bool {
        matches!((before, now), (Some(before), Some(now)) if before != now)
    }
    let fields = [
        ("its name", is_other(&before.hostname, &now.hostname)),
        ("the operating system", is_other(&before.operating_system, &now.operating_system)),
        ("the kernel", is_other(&before.kernel, &now.kernel)),
        ("the architecture", is_other(&before.architecture, &now.architecture)),
        (
            "the CPU",
            is_other(&before.cpu_model, &now.cpu_model) || is_other(&before.cpu_vendor, &now.cpu_vendor),
        ),
        ("the number of CPUs", is_other(&before.cpus_online, &now.cpus_online)),
        ("the memory", is_other(&before.memory_total_bytes, &now.memory_total_bytes)),
        ("the CPUs' governors", is_other(&before.governors, &now.governors)),
        ("the hypervisor", is_other(&before.hypervisor, &now.hypervisor)),
        ("the boot", is_other(&before.boot_id, &now.boot_id)),
        ("fleetmark's version", is_other(&before.fleetmark_version, &now.fleetmark_version)),
    ];
    fields.into_iter().filter(|(_, is_other)| *is_other).map(|(field, _)| field).collect()
}
