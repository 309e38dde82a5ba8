//! What a host is (its fingerprint) and how it fares while a trial runs (a sample each second).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a host is, as far as it can be read. `None` means it could not be read; [`Fingerprint::unreadable`]
/// says why.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Host name.
    pub hostname: Option<String>,
    /// Operating system's name and version, as in os-release's `PRETTY_NAME`.
    pub operating_system: Option<String>,
    /// Kernel release, as `uname -r`.
    pub kernel: Option<String>,
    /// Machine architecture, as `uname -m`.
    pub architecture: Option<String>,
    /// CPU model name.
    pub cpu_model: Option<String>,
    /// CPU vendor.
    pub cpu_vendor: Option<String>,
    /// Logical CPUs that are online.
    pub cpus_online: Option<u32>,
    /// Memory in all, bytes.
    pub memory_total_bytes: Option<u64>,
    /// Frequency governors in use, without repetition.
    pub governors: Option<Vec<String>>,
    /// Hypervisor flag or vendor, when the CPU says that it runs under one.
    pub hypervisor: Option<String>,
    /// The kernel's boot id: agents with the same one share a host.
    pub boot_id: Option<String>,
    /// fleetmark's version on the host.
    pub fleetmark_version: Option<String>,
    /// For each field that is `None`: why it could not be read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unreadable: BTreeMap<String, String>,
}

/// How a host fared over one interval. Shares are of all CPUs together, 0 to 1. `None`: not readable.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HostSample {
    /// Share of CPU time not idle.
    pub cpu_busy: Option<f64>,
    /// Share of CPU time in user mode, niced included.
    pub cpu_user: Option<f64>,
    /// Share of CPU time in the kernel, interrupts included.
    pub cpu_system: Option<f64>,
    /// Share of CPU time waiting for I/O.
    pub cpu_iowait: Option<f64>,
    /// Share of CPU time taken by the hypervisor.
    pub cpu_steal: Option<f64>,
    /// Memory in use: total less available, bytes.
    pub memory_used_bytes: Option<u64>,
    /// CPU time of the agent's own process per second of wall time: 1.0 is one full core.
    pub agent_cpu: Option<f64>,
    /// Resident memory of the agent's own process, bytes.
    pub agent_memory_bytes: Option<u64>,
}
