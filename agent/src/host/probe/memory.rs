//! Memory in use, and what did not fit.

use procfs::{FromBufRead, Meminfo};
use shared::host::HostMetric;

use super::super::cgroup::keyed;
use super::{Instrument, Look};

/// Counters of `/proc/vmstat`.
const COUNTERS: [(&str, HostMetric); 3] = [
    ("pswpin", HostMetric::SwapIns),
    ("pswpout", HostMetric::SwapOuts),
    ("pgmajfault", HostMetric::MajorFaults),
];

/// Reads `/proc/meminfo` and `/proc/vmstat`.
#[derive(Debug, Default)]
pub(super) struct Memory {
    last: [Option<u64>; COUNTERS.len()],
}

impl Instrument for Memory {
    fn look(&mut self, look: &mut Look<'_>) {
        let memory = look.source.text("proc/meminfo").ok();
        if let Some(memory) = memory.and_then(|text| Meminfo::from_buf_read(text.as_bytes()).ok()) {
            let used =
                memory.mem_available.map(|available| memory.mem_total.saturating_sub(available) as f64);
            look.sample.set_if_known(HostMetric::MemoryUsed, used);
            look.sample.set(HostMetric::SwapUsed, memory.swap_total.saturating_sub(memory.swap_free) as f64);
        }
        let counters = look.source.text("proc/vmstat").unwrap_or_default();
        for ((key, metric), last) in COUNTERS.iter().zip(&mut self.last) {
            let now = keyed(&counters, key);
            if let (Some(now), Some(before)) = (now, *last) {
                look.rate(*metric, now, before);
            }
            *last = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::HostProbe;
    use super::*;
    use crate::host::source::tests::{root_with, write};

    #[test]
    fn what_is_swapped_and_what_is_waited_for_are_rates() {
        let root = root_with(&[("proc/vmstat", "pgmajfault 7\npswpin 10\npswpout 0\n")]);
        let mut probe = HostProbe::under(root.path());
        write(root.path(), &[("proc/vmstat", "pgmajfault 9\npswpin 14\npswpout 0\n")]);
        let sample = probe.sample().unwrap();
        let ratio =
            sample.value(HostMetric::SwapIns).unwrap() / sample.value(HostMetric::MajorFaults).unwrap();
        assert!((ratio - 2.0).abs() < 1e-9, "{ratio}");
        assert_eq!(sample.value(HostMetric::SwapOuts), Some(0.0));
    }

    #[test]
    fn this_host_s_memory_reads() {
        let sample = HostProbe::new().sample().unwrap();
        assert!(sample.value(HostMetric::MemoryUsed).is_some_and(|bytes| bytes > 1e6), "{sample:?}");
        assert!(sample.value(HostMetric::SwapUsed).is_some());
    }
}
