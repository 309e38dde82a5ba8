//! The table of what a fingerprint tells beside a host's name, kernel, CPU and memory: one line names each field, where it is
//! read, what it means, and whether it may change while a run measures.

/// A field of a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its key.
    pub name: &'static str,
    /// Where it is read.
    pub source: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// Whether a host is still the same when it has changed.
    pub may_change: bool,
}

const fn steady(name: &'static str, source: &'static str, meaning: &'static str) -> Field {
    Field { name, source, meaning, may_change: false }
}

const fn passing(name: &'static str, source: &'static str, meaning: &'static str) -> Field {
    Field { name, source, meaning, may_change: true }
}

/// All of them, in the order in which they are told.
pub const FIELDS: &[Field] = &[
    steady("cpu_family", "/proc/cpuinfo", "The CPU's family, model and stepping."),
    steady("cpu_flags", "/proc/cpuinfo", "How many features the CPU has, and a digest of their names."),
    steady("microcode", "/proc/cpuinfo", "The CPU's microcode."),
    steady("cpu_arm", "/proc/cpuinfo", "Implementer, variant, part and revision of each kind of ARM core."),
    steady(
        "topology",
        "/sys/devices/system/cpu/cpu*/topology, /sys/devices/system/node",
        "Sockets, cores, threads and NUMA nodes.",
    ),
    steady(
        "caches",
        "/sys/devices/system/cpu/cpu0/cache",
        "The caches of the first core: level, type, size, and the CPUs that share it.",
    ),
    steady(
        "smt",
        "/sys/devices/system/cpu/smt/control",
        "Whether cores run several threads: `on`, `off`, `notsupported`, …",
    ),
    steady("cpus_list", "/sys/devices/system/cpu/online", "Which CPUs are online."),
    steady(
        "cpus_isolated",
        "/sys/devices/system/cpu/isolated",
        "Which CPUs the scheduler leaves alone; empty: none.",
    ),
    steady(
        "frequency_policies",
        "/sys/devices/system/cpu/cpufreq/policy*",
        "Every cpufreq policy: driver, governor, least and most MHz, energy preference, and how many CPUs.",
    ),
    steady(
        "boost",
        "/sys/devices/system/cpu/cpufreq/boost, intel_pstate/no_turbo",
        "Whether frequencies above the nominal one are allowed.",
    ),
    steady(
        "platform_profile",
        "/sys/firmware/acpi/platform_profile",
        "The firmware's profile of power and noise.",
    ),
    steady("kernel_version", "/proc/version", "The kernel's build."),
    steady(
        "command_line",
        "/proc/cmdline",
        "What the kernel was started with, without identifiers of devices.",
    ),
    steady(
        "mitigations",
        "/sys/devices/system/cpu/vulnerabilities",
        "What is done about each known weakness of the CPU.",
    ),
    steady(
        "clocksource",
        "/sys/devices/system/clocksource/clocksource0/current_clocksource",
        "What the kernel reads the time from.",
    ),
    steady(
        "transparent_hugepages",
        "/sys/kernel/mm/transparent_hugepage/enabled",
        "When memory is given in huge pages.",
    ),
    steady("hugepages", "/proc/sys/vm/nr_hugepages", "Huge pages that are set aside."),
    steady("swappiness", "/proc/sys/vm/swappiness", "How readily memory is swapped out."),
    steady(
        "numa_balancing",
        "/proc/sys/kernel/numa_balancing",
        "Whether pages move to the node that uses them.",
    ),
    steady("swap_total_bytes", "/proc/meminfo", "Swap space, bytes."),
    steady(
        "memory_modules",
        "/sys/firmware/dmi/tables/DMI",
        "Memory modules: how many, of which type and speed.",
    ),
    steady(
        "container",
        "/.dockerenv, /run/.containerenv, /proc/1/cgroup",
        "What kind of container the agent is in; `none`.",
    ),
    steady("cgroup", "/proc/self/cgroup", "Version of the control groups that hold the agent's CPU time."),
    steady(
        "cpu_limit_cores",
        "cpu.max, cpu.cfs_quota_us of the agent's cgroup and those above it",
        "Cores that the quota allows; `none`: no quota.",
    ),
    steady(
        "memory_limit_bytes",
        "memory.max, memory.limit_in_bytes of the agent's cgroup and those above it",
        "Memory that the control groups allow; `none`: no limit.",
    ),
    steady("cpuset", "Cpus_allowed_list of /proc/self/status", "CPUs that the agent may use."),
    steady(
        "user_limits",
        "/proc/self/limits",
        "The soft limits of open files, processes, locked memory and stack.",
    ),
    steady(
        "disks",
        "/sys/block/*/queue, /sys/block/*/device/model",
        "Disks: model, scheduler, whether they rotate, and how they cache writes.",
    ),
    steady(
        "file_system",
        "/proc/self/mountinfo",
        "File system and mount options of the root and of the agent's temporary folder.",
    ),
    steady(
        "network_interfaces",
        "/sys/class/net/*",
        "Network interfaces that are devices: driver, state, speed in Mbit/s and MTU.",
    ),
    steady(
        "network_offloads",
        "ethtool",
        "What interfaces do in place of the kernel; not read, since no file tells it.",
    ),
    steady("congestion_control", "/proc/sys/net/ipv4/tcp_congestion_control", "How TCP finds its speed."),
    passing("clock_synchronised", "adjtimex", "Whether something keeps the wall clock right."),
    steady("build", "fleetmark itself", "How fleetmark was built: `debug` is slower by far."),
];

/// The field with a name; `None`: there is none.
pub fn field(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.name == name)
}
