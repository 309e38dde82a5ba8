//! How a host fares: instruments that look at the kernel's counters once a second, each in a room of its own.
//!
//! Rooms: `cpu` (time by its use, switches, queues), `family` (the agent's own CPU and its workload's), `process` (what
//! `[observe]` names), `foreign` (what is left), `throttling` (quota and heat), `frequency`, `pressure`, `memory`, `disk`,
//! `network`, `sensors` (temperature and power), `wall_clock`. The metrics themselves stand in [`shared::host::metric`].

mod cpu;
mod disk;
mod family;
mod foreign;
mod frequency;
mod memory;
mod network;
mod pressure;
mod process;
mod sensors;
mod throttling;
mod wall_clock;

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use shared::host::{HostMetric, HostSample};
use shared::job::Observe;
use shared::job::observe::ObservedProcess;

use super::source::Source;
use crate::engine::clock::{now_ns, thread_cpu_ns};

/// Something that reads counters, and tells how far they went since it did so last.
trait Instrument: fmt::Debug + Send {
    /// Looks once more. The first look only has something to compare the next one with.
    fn look(&mut self, look: &mut Look<'_>);
}

/// One look at the host, as instruments add to it one after the other.
struct Look<'a> {
    source: &'a Source,
    /// Time since the last look, above 0; `None`: it is the first.
    elapsed_s: Option<f64>,
    /// What is known so far.
    sample: HostSample,
    /// Processes whose CPU time is the agent's or its workload's.
    counted: HashSet<i32>,
}

impl Look<'_> {
    /// Sets a rate from how far a counter went since the last look. One that ran backwards went nowhere.
    fn rate(&mut self, metric: HostMetric, now: u64, before: u64) {
        if let Some(elapsed_s) = self.elapsed_s {
            self.sample.set(metric, now.saturating_sub(before) as f64 / elapsed_s);
        }
    }
}

/// Looks at the host once in a while, and says how it fared since the last look.
#[derive(Debug)]
pub struct HostProbe {
    source: Source,
    instruments: Vec<Box<dyn Instrument>>,
    taken_ns: Option<u64>,
    /// CPU time of the last look.
    cost_ns: u64,
}

impl HostProbe {
    /// A probe of this host. Its first sample tells nothing yet that takes two looks.
    pub fn new() -> Self {
        Self::of(&Observe::default())
    }

    /// The same, with an eye on what a job observes.
    pub fn of(observe: &Observe) -> Self {
        Self::observing(Path::new("/"), observe.process.clone())
    }

    #[cfg(test)]
    fn under(root: &Path) -> Self {
        Self::observing(root, None)
    }

    fn observing(root: &Path, process: Option<ObservedProcess>) -> Self {
        let source = Source::under(root);
        // Foreign time is what the instruments before it did not count.
        let mut instruments: Vec<Box<dyn Instrument>> =
            vec![Box::<cpu::Cpu>::default(), Box::<family::Family>::default()];
        if let Some(process) = process {
            instruments.push(Box::new(process::Process::new(process)));
        }
        let others: [Box<dyn Instrument>; 9] = [
            Box::new(foreign::Foreign),
            Box::new(throttling::Throttling::new(&source)),
            Box::new(frequency::Frequency::new(&source)),
            Box::<pressure::Pressure>::default(),
            Box::<memory::Memory>::default(),
            Box::new(disk::Disks::new(&source)),
            Box::<network::Network>::default(),
            Box::new(sensors::Sensors::new(&source)),
            Box::<wall_clock::WallClock>::default(),
        ];
        instruments.extend(others);
        let mut probe = Self { source, instruments, taken_ns: None, cost_ns: 0 };
        let _first = probe.sample();
        probe
    }

    /// How the host fared since the last look; `None` when nothing of it can be read.
    pub fn sample(&mut self) -> Option<HostSample> {
        let began_ns = thread_cpu_ns();
        let now_ns = now_ns();
        let elapsed_ns =
            self.taken_ns.map(|before| now_ns.saturating_sub(before)).filter(|elapsed| *elapsed > 0);
        let elapsed_s = elapsed_ns.map(|elapsed_ns| elapsed_ns as f64 / 1e9);
        let sample = HostSample::default();
        let mut look = Look { source: &self.source, elapsed_s, sample, counted: HashSet::new() };
        self.instruments.iter_mut().for_each(|instrument| instrument.look(&mut look));
        let mut sample = look.sample;
        let last_cost_s = self.cost_ns as f64 / 1e9;
        self.taken_ns = Some(now_ns);
        self.cost_ns = thread_cpu_ns().saturating_sub(began_ns);
        if sample.is_empty() {
            return None;
        }
        // What a look costs is told by the next one.
        sample.set_if_known(HostMetric::SamplerCpu, elapsed_s.map(|elapsed_s| last_cost_s / elapsed_s));
        Some(sample)
    }
}

impl Default for HostProbe {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_proc_has_no_sample() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(HostProbe::under(root.path()).sample(), None);
    }

    #[test]
    fn this_host_can_be_sampled() {
        let sample = HostProbe::new().sample().unwrap();
        assert!(sample.value(HostMetric::AgentMemory).is_some_and(|bytes| bytes > 100_000.0), "{sample:?}");
        assert!(sample.value(HostMetric::SamplerCpu).is_some_and(|cores| cores > 0.0), "{sample:?}");
    }

    #[test]
    fn looking_at_two_hundred_processes_of_one_s_own_costs_little() {
        let sleeper = || std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let mut sleepers: Vec<_> = (0..200).map(|_| sleeper()).collect();
        let mut probe = HostProbe::new();
        probe.sample();
        let share = probe.cost_ns as f64 / 1e9;
        for sleeper in &mut sleepers {
            sleeper.kill().unwrap();
            sleeper.wait().unwrap();
        }
        println!("a look each second takes {:.3} % of a core", share * 100.0);
        // A debug build beside others' work: what is measured at rest in a release build is a tenth of it.
        assert!(share < 0.05, "{share}");
    }
}
