//! How a host fares: deltas between two looks at the kernel's counters.

use std::path::Path;

use procfs::process::Stat;
use procfs::{CpuTime, FromBufRead, FromBufReadSI, FromRead, KernelStats, Meminfo, current_system_info};
use shared::host::HostSample;

use super::source::Source;
use crate::engine::clock::now_ns;

/// Looks at the host once in a while, and says how it fared since the last look.
#[derive(Debug)]
pub struct HostProbe {
    source: Source,
    last: Look,
}

impl HostProbe {
    /// Takes the first look.
    pub fn new() -> Self {
        Self::under(Path::new("/"))
    }

    fn under(root: &Path) -> Self {
        let source = Source::under(root);
        Self { last: Look::take(&source, now_ns()), source }
    }

    /// How the host fared since the last look; `None` when nothing of it can be read.
    pub fn sample(&mut self) -> Option<HostSample> {
        let look = Look::take(&self.source, now_ns());
        let sample = look.since(&self.last);
        self.last = look;
        (sample != HostSample::default()).then_some(sample)
    }
}

impl Default for HostProbe {
    fn default() -> Self {
        Self::new()
    }
}

/// The kernel's counters at one moment; `None` for what cannot be read.
#[derive(Debug, Clone, Default, PartialEq)]
struct Look {
    taken_ns: u64,
    cpu: Option<CpuTicks>,
    memory_used_bytes: Option<u64>,
    /// CPU time of the agent's own process, in seconds.
    agent_cpu_s: Option<f64>,
    agent_memory_bytes: Option<u64>,
}

/// CPU time of all CPUs since boot, in ticks. Time in guests is part of user time already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct CpuTicks {
    user: u64,
    system: u64,
    idle: u64,
    iowait: u64,
    steal: u64,
}

impl Look {
    fn take(source: &Source, taken_ns: u64) -> Self {
        let own = source.text("proc/self/stat").ok().and_then(|text| Stat::from_read(text.as_bytes()).ok());
        Self {
            taken_ns,
            cpu: source.text("proc/stat").ok().and_then(|text| CpuTicks::read(&text)),
            memory_used_bytes: source.text("proc/meminfo").ok().and_then(|text| memory_used_bytes(&text)),
            agent_cpu_s: own
                .as_ref()
                .map(|own| own.utime.saturating_add(own.stime) as f64 / procfs::ticks_per_second() as f64),
            agent_memory_bytes: own.as_ref().map(|own| own.rss.saturating_mul(procfs::page_size())),
        }
    }

    /// How the host fared between an earlier look and this one.
    fn since(&self, earlier: &Look) -> HostSample {
        let shares = self.cpu.zip(earlier.cpu).and_then(|(now, before)| now.since(before).shares());
        let elapsed_s = self.taken_ns.saturating_sub(earlier.taken_ns) as f64 / 1e9;
        let agent_cpu_s =
            self.agent_cpu_s.zip(earlier.agent_cpu_s).map(|(now, before)| (now - before).max(0.0));
        HostSample {
            memory_used_bytes: self.memory_used_bytes,
            agent_cpu: agent_cpu_s.filter(|_| elapsed_s > 0.0).map(|used_s| used_s / elapsed_s),
            agent_memory_bytes: self.agent_memory_bytes,
            ..shares.unwrap_or_default()
        }
    }
}

impl CpuTicks {
    /// Reads the text of `/proc/stat`.
    fn read(text: &str) -> Option<Self> {
        let CpuTime { user, nice, system, idle, iowait, irq, softirq, steal, .. } =
            KernelStats::from_buf_read(text.as_bytes(), current_system_info()).ok()?.total;
        let or_zero = Option::unwrap_or_default;
        Some(Self {
            user: user.saturating_add(nice),
            system: system.saturating_add(or_zero(irq)).saturating_add(or_zero(softirq)),
            idle,
            iowait: or_zero(iowait),
            steal: or_zero(steal),
        })
    }

    /// The ticks since an earlier reading. Some counters, notably iowait, may run backwards: that counts as
    /// none.
    fn since(self, earlier: Self) -> Self {
        Self {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
            idle: self.idle.saturating_sub(earlier.idle),
            iowait: self.iowait.saturating_sub(earlier.iowait),
            steal: self.steal.saturating_sub(earlier.steal),
        }
    }

    /// What share of the time each part has; `None` when no tick has passed.
    fn shares(self) -> Option<HostSample> {
        let Self { user, system, idle, iowait, steal } = self;
        let total = [user, system, idle, iowait, steal].map(|ticks| ticks as f64).iter().sum::<f64>();
        let share = |ticks: u64| Some(ticks as f64 / total);
        (total > 0.0).then(|| HostSample {
            // Waiting for I/O is a kind of idleness; stolen time is none, for the host wanted to run.
            cpu_busy: Some((user as f64 + system as f64 + steal as f64) / total),
            cpu_user: share(user),
            cpu_system: share(system),
            cpu_iowait: share(iowait),
            cpu_steal: share(steal),
            ..HostSample::default()
        })
    }
}

/// Reads the text of `/proc/meminfo`: total less available.
fn memory_used_bytes(text: &str) -> Option<u64> {
    let memory = Meminfo::from_buf_read(text.as_bytes()).ok()?;
    Some(memory.mem_total.saturating_sub(memory.mem_available?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  100 20 30 800 10 5 5 30 40 0\ncpu0 100 20 30 800 10 5 5 30 40 0\nctxt 1\nbtime 1\nprocesses 1\n";

    #[test]
    fn cpu_time_reads_with_nice_in_user_and_interrupts_in_system() {
        let ticks = CpuTicks { user: 120, system: 40, idle: 800, iowait: 10, steal: 30 };
        assert_eq!(CpuTicks::read(STAT), Some(ticks));
        for broken in ["", "cpu", "cpu x y z", "intr 5\n"] {
            assert_eq!(CpuTicks::read(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn shares_are_of_the_time_between_two_looks() {
        let before = CpuTicks { user: 100, system: 50, idle: 1000, iowait: 40, steal: 0 };
        let after = CpuTicks { user: 140, system: 60, idle: 1040, iowait: 45, steal: 5 };
        let looks = |cpu, taken_ns, agent_cpu_s| Look { taken_ns, cpu, agent_cpu_s, ..Look::default() };
        let sample = looks(Some(after), 3_000_000_000, Some(1.75)).since(&looks(
            Some(before),
            1_000_000_000,
            Some(0.75),
        ));
        assert_eq!(sample.cpu_user, Some(0.4));
        assert_eq!(sample.cpu_system, Some(0.1));
        assert_eq!((sample.cpu_iowait, sample.cpu_steal), (Some(0.05), Some(0.05)));
        assert_eq!(sample.cpu_busy, Some(0.55));
        assert_eq!(sample.agent_cpu, Some(0.5));
    }

    #[test]
    fn a_counter_that_runs_backwards_counts_as_none() {
        let before = CpuTicks { user: 10, system: 0, idle: 10, iowait: 40, steal: 0 };
        let after = CpuTicks { user: 20, system: 0, idle: 20, iowait: 30, steal: 0 };
        let sample = after.since(before).shares().unwrap();
        assert_eq!((sample.cpu_iowait, sample.cpu_busy), (Some(0.0), Some(0.5)));
    }

    #[test]
    fn two_looks_within_one_tick_tell_no_shares() {
        let ticks = CpuTicks::read(STAT).unwrap();
        assert_eq!(ticks.since(ticks).shares(), None);
    }

    #[test]
    fn a_host_without_proc_has_no_sample() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(HostProbe::under(root.path()).sample(), None);
    }

    #[test]
    fn this_host_can_be_sampled() {
        let sample = HostProbe::new().sample().unwrap();
        assert!(sample.memory_used_bytes.is_some_and(|bytes| bytes > 0));
        assert!(sample.agent_memory_bytes.is_some_and(|bytes| bytes > 100_000));
    }
}
