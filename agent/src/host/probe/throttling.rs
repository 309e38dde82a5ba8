//! What held the CPUs back: quotas of control groups, and heat.

use std::collections::BTreeSet;

use shared::host::HostMetric;

use super::super::cgroup::{Groups, Version, keyed};
use super::super::source::Source;
use super::{Instrument, Look};

/// Reads `cpu.stat` of the agent's group and of those above it, and the counters of heat.
#[derive(Debug)]
pub(super) struct Throttling {
    groups: Option<Groups>,
    /// Files that count how often heat slowed something down.
    heat: Vec<String>,
    last: Option<(Option<Held>, Option<u64>)>,
}

/// How often groups were held back, and for how long, since they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    periods: u64,
    time_ns: u64,
}

impl Throttling {
    /// Finds what there is to read.
    pub(super) fn new(source: &Source) -> Self {
        Self { groups: Groups::of("cpu", source).ok(), heat: heat_counters(source), last: None }
    }

    fn held(&self, source: &Source) -> Option<Held> {
        let of_group = |version: Version, directory: &str| {
            let text = source.text(&format!("{directory}/cpu.stat")).ok()?;
            let time_ns = match version {
                Version::One => keyed(&text, "throttled_time"),
                Version::Two => keyed(&text, "throttled_usec").map(|time_us| time_us.saturating_mul(1_000)),
            };
            Some(Held { periods: keyed(&text, "nr_throttled")?, time_ns: time_ns.unwrap_or(0) })
        };
        let groups = self.groups.as_ref()?.each(of_group);
        groups.into_iter().reduce(|sum, held| Held {
            periods: sum.periods.saturating_add(held.periods),
            time_ns: sum.time_ns.saturating_add(held.time_ns),
        })
    }

    fn heat(&self, source: &Source) -> Option<u64> {
        let counts = self.heat.iter().filter_map(|path| source.number(path).ok());
        counts.reduce(u64::saturating_add)
    }
}

impl Instrument for Throttling {
    fn look(&mut self, look: &mut Look<'_>) {
        let now = (self.held(look.source), self.heat(look.source));
        if let Some((held, heat)) = self.last {
            if let (Some(now), Some(before)) = (now.0, held) {
                look.rate(HostMetric::Throttled, now.periods, before.periods);
                let held_s = now.time_ns.saturating_sub(before.time_ns) as f64 / 1e9;
                let share = look.elapsed_s.map(|elapsed_s| held_s / elapsed_s);
                look.sample.set_if_known(HostMetric::ThrottledTime, share);
            }
            if let (Some(now), Some(before)) = (now.1, heat) {
                look.rate(HostMetric::ThermalThrottles, now, before);
            }
        }
        self.last = Some(now);
    }
}

/// The counters of every core and every package, each once: a core's stands in each of its threads, a package's in each of its cores.
fn heat_counters(source: &Source) -> Vec<String> {
    const CPUS: &str = "sys/devices/system/cpu";
    let mut seen = BTreeSet::new();
    let cpus = source.numbered(CPUS, "cpu").unwrap_or_default();
    let paths = cpus.iter().flat_map(|(_, cpu)| {
        let number = |name: &str| source.number(&format!("{CPUS}/{cpu}/topology/{name}")).ok();
        let package = number("physical_package_id");
        // A CPU that does not tell where it is stands for itself.
        let core = number("core_id").map_or(Place::Alone(cpu), |core| Place::Core(package, core));
        let package = package.map_or(Place::Alone(cpu), Place::Package);
        let counters = [("core", core), ("package", package)];
        counters.map(|(what, place)| {
            (what, place, format!("{CPUS}/{cpu}/thermal_throttle/{what}_throttle_count"))
        })
    });
    let paths = paths.filter(|(.., path)| source.has(path));
    paths.filter_map(|(what, place, path)| seen.insert((what, place)).then_some(path)).collect()
}

/// What a counter of heat is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place<'a> {
    Core(Option<u64>, u64),
    Package(u64),
    Alone(&'a str),
}

#[cfg(test)]
mod tests {
    use super::super::HostProbe;
    use super::*;
    use crate::host::source::tests::{root_with, write};

    const MOUNT: &str = "30 24 0:26 / /cg rw - cgroup cgroup rw,cpu\n";
    const MOUNT_2: &str = "30 24 0:26 / /cg rw - cgroup2 cgroup2 rw\n";

    #[test]
    fn a_quota_that_is_used_up_shows_at_any_level() {
        let root = root_with(&[
            ("proc/self/cgroup", "1:cpu:/half/inner\n"),
            ("proc/self/mountinfo", MOUNT),
            ("cg/half/inner/cpu.stat", "nr_periods 5\nnr_throttled 1\nthrottled_time 5000000\n"),
            ("cg/half/cpu.stat", "nr_periods 9\nnr_throttled 4\nthrottled_time 100000000\n"),
        ]);
        let mut probe = HostProbe::under(root.path());
        write(
            root.path(),
            &[("cg/half/cpu.stat", "nr_periods 19\nnr_throttled 9\nthrottled_time 600000000\n")],
        );
        let sample = probe.sample().unwrap();
        let ratio =
            sample.value(HostMetric::Throttled).unwrap() / sample.value(HostMetric::ThrottledTime).unwrap();
        assert!((ratio - 10.0).abs() < 1e-9, "5 periods and half a second in the same time: {ratio}");
    }

    #[test]
    fn version_two_counts_microseconds() {
        let stat = |held: u64| format!("usage_usec 1\nnr_throttled {held}\nthrottled_usec {held}000\n");
        let root = root_with(&[
            ("proc/self/cgroup", "0::/\n"),
            ("proc/self/mountinfo", MOUNT_2),
            ("cg/cpu.stat", &stat(2)),
        ]);
        let mut probe = HostProbe::under(root.path());
        write(root.path(), &[("cg/cpu.stat", &stat(4))]);
        let sample = probe.sample().unwrap();
        let ratio =
            sample.value(HostMetric::Throttled).unwrap() / sample.value(HostMetric::ThrottledTime).unwrap();
        assert!((ratio - 1_000.0).abs() < 1e-6, "each is a millisecond: {ratio}");
    }

    #[test]
    fn heat_is_counted_over_cores_and_packages() {
        let counter = "sys/devices/system/cpu/cpu1/thermal_throttle/package_throttle_count";
        let root = root_with(&[(counter, "3\n")]);
        let mut probe = HostProbe::under(root.path());
        assert_eq!(probe.sample().unwrap().value(HostMetric::ThermalThrottles), Some(0.0));
        write(root.path(), &[(counter, "5\n")]);
        assert!(probe.sample().unwrap().value(HostMetric::ThermalThrottles).is_some_and(|rate| rate > 0.0));
    }

    #[test]
    fn heat_of_a_package_is_counted_once_however_many_cores_it_has() {
        let path = |cpu: u32, name: &str| format!("sys/devices/system/cpu/cpu{cpu}/{name}");
        let files: Vec<(String, &str)> = (0..4)
            .flat_map(|cpu| {
                let core = if cpu < 2 { "0\n" } else { "1\n" };
                [
                    (path(cpu, "topology/physical_package_id"), "0\n"),
                    (path(cpu, "topology/core_id"), core),
                    (path(cpu, "thermal_throttle/core_throttle_count"), "7\n"),
                    (path(cpu, "thermal_throttle/package_throttle_count"), "9\n"),
                ]
            })
            .collect();
        let named: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        let root = root_with(&named);
        let source = Source::under(root.path());
        assert_eq!(
            Throttling::new(&source).heat(&source),
            Some(7 + 7 + 9),
            "two cores of two threads, one package"
        );
    }
}
