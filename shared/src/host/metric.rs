//! The table of what is read of a host each second: one line names each metric, with its number on the wire, its unit, where
//! it is read and what it means. Reports and claims know it as `host.<name>`; the reference is written from here.

use crate::metric::Unit;

macro_rules! host_metrics {
    ($($number:literal $variant:ident = $name:literal, $unit:ident, $source:literal, $meaning:literal;)*) => {
        /// A metric of a host. Shares are of all CPUs together, 0 to 1, unless its meaning says otherwise.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum HostMetric {
            $(#[doc = $meaning] $variant = $number,)*
        }

        impl HostMetric {
            /// All of them, in the order in which they are documented.
            pub const ALL: &'static [HostMetric] = &[$(HostMetric::$variant),*];

            /// Its name, without the `host.` before it.
            pub const fn name(self) -> &'static str {
                match self { $(HostMetric::$variant => $name),* }
            }

            /// What it is measured in.
            pub const fn unit(self) -> Unit {
                match self { $(HostMetric::$variant => Unit::$unit),* }
            }

            /// Where it is read.
            pub const fn source(self) -> &'static str {
                match self { $(HostMetric::$variant => $source),* }
            }

            /// What it means, as a sentence for the reference.
            pub const fn meaning(self) -> &'static str {
                match self { $(HostMetric::$variant => $meaning),* }
            }

            /// The metric with a number on the wire; `None`: this version does not know it.
            pub const fn of_number(number: u32) -> Option<Self> {
                match number { $($number => Some(HostMetric::$variant),)* _ => None }
            }
        }
    };
}

// A number is never given to another metric: what is stored is read by it.
host_metrics! {
    1 CpuBusy = "cpu_busy", Share, "/proc/stat", "CPU time not idle; stolen time counts, waiting for I/O does not.";
    2 CpuUser = "cpu_user", Share, "/proc/stat", "CPU time in user mode, niced programs and guests included.";
    3 CpuSystem = "cpu_system", Share, "/proc/stat", "CPU time in the kernel, interrupts included.";
    4 CpuIowait = "cpu_iowait", Share, "/proc/stat", "CPU time idle while something waited for I/O.";
    5 CpuSteal = "cpu_steal", Share, "/proc/stat", "CPU time that the hypervisor gave to others.";
    9 CpuIrq = "cpu_irq", Share, "/proc/stat", "CPU time in hardware interrupts.";
    10 CpuSoftirq = "cpu_softirq", Share, "/proc/stat", "CPU time in soft interrupts.";
    11 CpuGuest = "cpu_guest", Share, "/proc/stat", "CPU time of guests of this host; it is part of user time.";
    12 BusiestCore = "cpu_busiest_core", Share, "/proc/stat", "The busy share of the busiest core.";
    13 IdlestCore = "cpu_idlest_core", Share, "/proc/stat", "The busy share of the idlest core.";
    7 AgentCpu = "agent_cpu", Count, "/proc/PID/stat", "CPU time of the agent's own process: 1 is one core.";
    14 WorkloadCpu = "workload_cpu", Count, "/proc/PID/stat", "CPU time of what the agent started (targets, commands, hooks, with all that descends from them) and of the process that `[observe]` names: 1 is one core.";
    15 ForeignCpu = "foreign_cpu", Share, "/proc/stat, /proc/PID/stat", "CPU time in programs and the kernel that neither the agents of the trial nor what they started used; interrupts and stolen time are not in it.";
    54 SamplerCpu = "sampler_cpu", Count, "CLOCK_THREAD_CPUTIME_ID", "CPU time that reading all of this took: 1 is one core.";
    8 AgentMemory = "agent_memory_bytes", Size, "/proc/PID/stat", "Resident memory of the agent's own process.";
    16 ContextSwitches = "context_switches", Rate, "/proc/stat", "Switches from one task to another.";
    17 Interrupts = "interrupts", Rate, "/proc/stat", "Hardware interrupts.";
    18 ProcessesStarted = "processes_started", Rate, "/proc/stat", "Processes and threads begun.";
    19 RunQueue = "run_queue", Count, "/proc/stat", "Tasks that ran or could have run, at the moment of looking.";
    20 ProcessesBlocked = "processes_blocked", Count, "/proc/stat", "Tasks that waited for I/O, at the moment of looking.";
    22 PressureCpu = "pressure_cpu", Share, "/proc/pressure/cpu", "Share of the time in which some task waited for a CPU.";
    23 PressureIo = "pressure_io", Share, "/proc/pressure/io", "Share of the time in which some task waited for I/O.";
    24 PressureIoFull = "pressure_io_full", Share, "/proc/pressure/io", "Share of the time in which all tasks that were not idle waited for I/O.";
    25 PressureMemory = "pressure_memory", Share, "/proc/pressure/memory", "Share of the time in which some task waited for memory.";
    26 PressureMemoryFull = "pressure_memory_full", Share, "/proc/pressure/memory", "Share of the time in which all tasks that were not idle waited for memory.";
    27 Throttled = "throttled", Rate, "cpu.stat of the agent's cgroup and those above it", "Periods in which the CPU quota of a cgroup was used up.";
    28 ThrottledTime = "throttled_time", Share, "cpu.stat of the agent's cgroup and those above it", "Time for which tasks of a cgroup were held back, as a share of the time that passed; each CPU counts, so it can be above 1.";
    29 Frequency = "frequency_mhz", Count, "cpufreq/scaling_cur_freq of each policy", "The cores' frequency, averaged over policies.";
    30 FrequencyLowest = "frequency_lowest_mhz", Count, "cpufreq/scaling_cur_freq of each policy", "The lowest frequency of a policy.";
    31 ThermalThrottles = "thermal_throttles", Rate, "thermal_throttle/*_throttle_count of each core and package", "Times that heat slowed a core or a package down.";
    32 Temperature = "temperature_celsius", Count, "/sys/class/thermal, /sys/class/hwmon", "The hottest sensor, degrees Celsius.";
    6 MemoryUsed = "memory_used_bytes", Size, "/proc/meminfo", "Memory in use: total less available.";
    33 SwapUsed = "swap_used_bytes", Size, "/proc/meminfo", "Swap space in use.";
    34 SwapIns = "swap_ins", Rate, "/proc/vmstat", "Pages read back from swap space.";
    35 SwapOuts = "swap_outs", Rate, "/proc/vmstat", "Pages written to swap space.";
    36 MajorFaults = "major_faults", Rate, "/proc/vmstat", "Page faults of the whole host that waited for a disk.";
    37 WorkloadMajorFaults = "workload_major_faults", Rate, "/proc/PID/stat", "Page faults of the agent, of what it started, and of the observed process that waited for a disk.";
    38 DiskRead = "disk_read_bytes_per_s", Rate, "/proc/diskstats", "Bytes read from whole disks.";
    39 DiskWritten = "disk_written_bytes_per_s", Rate, "/proc/diskstats", "Bytes written to whole disks.";
    40 DiskReads = "disk_reads", Rate, "/proc/diskstats", "Reads that ended.";
    41 DiskWrites = "disk_writes", Rate, "/proc/diskstats", "Writes that ended.";
    42 DiskAwait = "disk_await_ns", Time, "/proc/diskstats", "Mean time of a read or write from its queueing to its end; 0 when none ended.";
    43 DiskQueue = "disk_queue", Count, "/proc/diskstats", "Reads and writes under way, averaged over the time.";
    44 DiskBusy = "disk_busy", Share, "/proc/diskstats", "Share of the time in which the busiest disk had something under way.";
    45 NetworkReceived = "network_received_bytes_per_s", Rate, "/proc/net/dev", "Bytes received, the loopback's left out.";
    46 NetworkSent = "network_sent_bytes_per_s", Rate, "/proc/net/dev", "Bytes sent, the loopback's left out.";
    47 PacketsReceived = "network_packets_received", Rate, "/proc/net/dev", "Packets received, the loopback's left out.";
    48 PacketsSent = "network_packets_sent", Rate, "/proc/net/dev", "Packets sent, the loopback's left out.";
    49 NetworkDrops = "network_drops", Rate, "/proc/net/dev", "Packets dropped on their way in or out, the loopback's included.";
    50 NetworkErrors = "network_errors", Rate, "/proc/net/dev", "Packets in error on their way in or out, the loopback's included.";
    51 TcpRetransmits = "tcp_retransmits", Rate, "/proc/net/snmp", "TCP segments sent again.";
    52 Power = "power_watts", Count, "/sys/class/powercap/*-rapl:N/energy_uj", "Power of all CPU packages.";
    53 ClockStep = "clock_step_ns", Time, "CLOCK_REALTIME, CLOCK_MONOTONIC", "How far the wall clock moved against the monotonic one, in either direction.";
    60 ProcessCount = "process_count", Count, "/proc", "Processes that `[observe]` names, their children included.";
    61 ProcessCpu = "process_cpu", Count, "/proc/PID/stat", "CPU time of the observed process: 1 is one core.";
    62 ProcessMemory = "process_memory_bytes", Size, "/proc/PID/stat", "Resident memory of the observed process, what its parts share counted in each.";
    63 ProcessPss = "process_pss_bytes", Size, "/proc/PID/smaps_rollup", "Memory of the observed process, what several share divided among them; left out where there are more than a few processes.";
    64 ProcessFiles = "process_files", Count, "/proc/PID/fd", "File descriptors that the observed process has open.";
    65 ProcessThreads = "process_threads", Count, "/proc/PID/stat", "Threads of the observed process.";
    66 ProcessRead = "process_read_bytes_per_s", Rate, "/proc/PID/io", "Bytes that the observed process had read from storage.";
    67 ProcessWritten = "process_written_bytes_per_s", Rate, "/proc/PID/io", "Bytes that the observed process had written to storage.";
    68 ProcessSwitches = "process_context_switches", Rate, "/proc/PID/task/TID/status", "Times that a thread of the observed process gave up its CPU, or lost it.";
    69 ProcessApart = "process_cpu_apart", Count, "/proc/PID/stat", "The part of the observed process's CPU time that is in `workload_cpu` because the agent did not start it: 1 is one core.";
}

impl HostMetric {
    /// Its number on the wire and in the store.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The metric with a name; `None`: there is none.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|metric| metric.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_metric_has_a_number_and_a_name_of_its_own() {
        let numbers: BTreeSet<u32> = HostMetric::ALL.iter().map(|metric| metric.number()).collect();
        let names: BTreeSet<&str> = HostMetric::ALL.iter().map(|metric| metric.name()).collect();
        assert_eq!((numbers.len(), names.len()), (HostMetric::ALL.len(), HostMetric::ALL.len()));
        for metric in HostMetric::ALL {
            assert_eq!(HostMetric::of_number(metric.number()), Some(*metric));
            assert_eq!(HostMetric::of_name(metric.name()), Some(*metric));
        }
    }

    #[test]
    fn a_name_says_when_it_counts_bytes_or_time() {
        for metric in HostMetric::ALL {
            assert_eq!(metric.name().ends_with("_bytes"), metric.unit() == Unit::Size, "{}", metric.name());
            assert_eq!(metric.name().ends_with("_ns"), metric.unit() == Unit::Time, "{}", metric.name());
        }
    }
}
