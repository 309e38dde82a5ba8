//! CPU time by its use, of all CPUs and of each, with what the scheduler counts beside it.

use procfs::{CpuTime, FromBufReadSI, KernelStats, current_system_info};
use shared::host::{HostMetric, HostSample};

use super::{Instrument, Look};

/// Reads `/proc/stat`.
#[derive(Debug, Default)]
pub(super) struct Cpu {
    last: Option<Counters>,
}

/// What `/proc/stat` counts.
#[derive(Debug)]
struct Counters {
    all: Ticks,
    cores: Vec<Ticks>,
    context_switches: u64,
    interrupts: Option<u64>,
    processes: u64,
    running: Option<u32>,
    blocked: Option<u32>,
}

/// CPU time since boot, in ticks. Time in guests is part of user time already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Ticks {
    user: u64,
    kernel: u64,
    irq: u64,
    softirq: u64,
    idle: u64,
    iowait: u64,
    steal: u64,
    guest: u64,
}

impl Instrument for Cpu {
    fn look(&mut self, look: &mut Look<'_>) {
        let now = look.source.text("proc/stat").ok().and_then(|text| Counters::read(&text));
        if let (Some(now), Some(before)) = (&now, &self.last) {
            now.since(before, look);
        }
        self.last = now;
    }
}

impl Counters {
    fn read(text: &str) -> Option<Self> {
        let stats = KernelStats::from_buf_read(text.as_bytes(), current_system_info()).ok()?;
        let interrupts =
            text.lines().find_map(|line| line.strip_prefix("intr ")?.split(' ').next()?.parse().ok());
        Some(Self {
            all: Ticks::of(&stats.total),
            cores: stats.cpu_time.iter().map(Ticks::of).collect(),
            context_switches: stats.ctxt,
            interrupts,
            processes: stats.processes,
            running: stats.procs_running,
            blocked: stats.procs_blocked,
        })
    }

    fn since(&self, before: &Counters, look: &mut Look<'_>) {
        self.all.since(before.all).tell(&mut look.sample);
        // A core that came or went in between leaves the others without a place of their own.
        if self.cores.len() == before.cores.len() {
            let pairs = self.cores.iter().zip(&before.cores);
            let busy: Vec<f64> =
                pairs.map(|(now, before)| now.since(*before).busy_share().unwrap_or(0.0)).collect();
            look.sample.set_if_known(HostMetric::BusiestCore, busy.iter().copied().reduce(f64::max));
            look.sample.set_if_known(HostMetric::IdlestCore, busy.iter().copied().reduce(f64::min));
            look.sample.set_cores(busy);
        }
        look.rate(HostMetric::ContextSwitches, self.context_switches, before.context_switches);
        if let (Some(now), Some(before)) = (self.interrupts, before.interrupts) {
            look.rate(HostMetric::Interrupts, now, before);
        }
        look.rate(HostMetric::ProcessesStarted, self.processes, before.processes);
        look.sample.set_if_known(HostMetric::RunQueue, self.running.map(f64::from));
        look.sample.set_if_known(HostMetric::ProcessesBlocked, self.blocked.map(f64::from));
    }
}

impl Ticks {
    fn of(time: &CpuTime) -> Self {
        let or_zero = Option::unwrap_or_default;
        Self {
            user: time.user.saturating_add(time.nice),
            kernel: time.system,
            irq: or_zero(time.irq),
            softirq: or_zero(time.softirq),
            idle: time.idle,
            iowait: or_zero(time.iowait),
            steal: or_zero(time.steal),
            guest: or_zero(time.guest).saturating_add(or_zero(time.guest_nice)),
        }
    }

    /// The ticks since an earlier reading. Some counters, notably iowait, may run backwards: that counts as none.
    fn since(self, earlier: Self) -> Self {
        Self {
            user: self.user.saturating_sub(earlier.user),
            kernel: self.kernel.saturating_sub(earlier.kernel),
            irq: self.irq.saturating_sub(earlier.irq),
            softirq: self.softirq.saturating_sub(earlier.softirq),
            idle: self.idle.saturating_sub(earlier.idle),
            iowait: self.iowait.saturating_sub(earlier.iowait),
            steal: self.steal.saturating_sub(earlier.steal),
            guest: self.guest.saturating_sub(earlier.guest),
        }
    }

    fn system(self) -> u64 {
        self.kernel.saturating_add(self.irq).saturating_add(self.softirq)
    }

    fn total(self) -> f64 {
        [self.user, self.system(), self.idle, self.iowait, self.steal].map(|ticks| ticks as f64).iter().sum()
    }

    /// Waiting for I/O is a kind of idleness; stolen time is none, for the host wanted to run.
    fn busy_share(self) -> Option<f64> {
        let busy = self.user as f64 + self.system() as f64 + self.steal as f64;
        Some(busy / self.total()).filter(|share| share.is_finite())
    }

    /// Tells what share of the time each part has; nothing when no tick has passed.
    fn tell(self, sample: &mut HostSample) {
        let total = self.total();
        let shares = [
            (HostMetric::CpuUser, self.user),
            (HostMetric::CpuSystem, self.system()),
            (HostMetric::CpuIrq, self.irq),
            (HostMetric::CpuSoftirq, self.softirq),
            (HostMetric::CpuIowait, self.iowait),
            (HostMetric::CpuSteal, self.steal),
            (HostMetric::CpuGuest, self.guest),
        ];
        if total > 0.0 {
            sample.set_if_known(HostMetric::CpuBusy, self.busy_share());
            shares.iter().for_each(|(metric, ticks)| sample.set(*metric, *ticks as f64 / total));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::HostProbe;
    use super::*;
    use crate::host::source::tests::{root_with, write};

    const BEFORE: &str = "cpu  100 20 30 800 10 5 5 30 40 0\ncpu0 50 10 15 400 5 3 2 15 20 0\ncpu1 50 10 15 400 5 2 3 15 20 0\nintr 100 5 6\nctxt 1000\nbtime 1\nprocesses 10\nprocs_running 2\nprocs_blocked 0\n";
    const AFTER: &str = "cpu  140 20 40 835 15 5 10 35 40 0\ncpu0 90 10 25 400 5 3 7 15 20 0\ncpu1 50 10 15 440 10 2 3 20 20 0\nintr 300 5 6\nctxt 5000\nbtime 1\nprocesses 12\nprocs_running 3\nprocs_blocked 1\n";

    fn between(before: &str, after: &str) -> HostSample {
        let root = root_with(&[("proc/stat", before)]);
        let mut probe = HostProbe::under(root.path());
        write(root.path(), &[("proc/stat", after)]);
        probe.sample().unwrap_or_default()
    }

    #[test]
    fn cpu_time_reads_with_nice_in_user_and_interrupts_in_system() {
        let ticks =
            Ticks { user: 120, kernel: 30, irq: 5, softirq: 5, idle: 800, iowait: 10, steal: 30, guest: 40 };
        assert_eq!(Counters::read(BEFORE).map(|counters| counters.all), Some(ticks));
        assert_eq!(ticks.system(), 40);
        for broken in ["", "cpu", "cpu x y z", "intr 5\n"] {
            assert!(Counters::read(broken).is_none(), "{broken:?}");
        }
    }

    #[test]
    fn shares_are_of_the_time_between_two_looks() {
        let sample = between(BEFORE, AFTER);
        let value = |metric| sample.value(metric);
        assert_eq!(value(HostMetric::CpuUser), Some(0.4));
        assert_eq!((value(HostMetric::CpuSystem), value(HostMetric::CpuSoftirq)), (Some(0.15), Some(0.05)));
        assert_eq!((value(HostMetric::CpuIowait), value(HostMetric::CpuSteal)), (Some(0.05), Some(0.05)));
        assert_eq!(value(HostMetric::CpuBusy), Some(0.6));
        assert_eq!((value(HostMetric::BusiestCore), value(HostMetric::IdlestCore)), (Some(1.0), Some(0.1)));
        assert_eq!(sample.cores_busy, [200, 20]);
        assert_eq!(
            (value(HostMetric::RunQueue), value(HostMetric::ProcessesBlocked)),
            (Some(3.0), Some(1.0))
        );
        let ratio = value(HostMetric::ContextSwitches).unwrap() / value(HostMetric::Interrupts).unwrap();
        assert!((ratio - 20.0).abs() < 1e-9, "4000 switches and 200 interrupts in the same time: {ratio}");
    }

    #[test]
    fn a_counter_that_runs_backwards_counts_as_none() {
        let before = "cpu 10 0 0 10 40 0 0 0 0 0\nctxt 1\nbtime 1\nprocesses 1\n";
        let after = "cpu 20 0 0 20 30 0 0 0 0 0\nctxt 0\nbtime 1\nprocesses 1\n";
        let sample = between(before, after);
        assert_eq!(
            (sample.value(HostMetric::CpuIowait), sample.value(HostMetric::CpuBusy)),
            (Some(0.0), Some(0.5))
        );
        assert_eq!(sample.value(HostMetric::ContextSwitches), Some(0.0));
    }

    #[test]
    fn two_looks_within_one_tick_tell_no_shares() {
        assert_eq!(between(BEFORE, BEFORE).value(HostMetric::CpuBusy), None);
    }

    #[test]
    fn a_core_that_goes_leaves_the_others_untold_for_a_second() {
        let one = "cpu  140 20 40 835 15 5 10 35 40 0\ncpu0 90 10 25 400 5 3 7 15 20 0\nctxt 1\nbtime 1\nprocesses 1\n";
        assert!(between(BEFORE, one).cores_busy.is_empty());
    }

    #[test]
    fn the_real_file_reads() {
        let text = std::fs::read_to_string(Path::new("/proc/stat")).unwrap();
        let counters = Counters::read(&text).unwrap();
        assert!(!counters.cores.is_empty() && counters.interrupts.is_some());
    }
}
