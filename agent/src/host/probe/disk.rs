//! What whole disks did: partitions and devices made of others would count it twice.

use std::collections::{BTreeMap, BTreeSet};

use procfs::{DiskStat, DiskStats, FromBufRead};
use shared::host::HostMetric;

use super::super::source::Source;
use super::{Instrument, Look};

/// The kernel counts in sectors of this size, whatever the disk's own.
const SECTOR_BYTES: u64 = 512;
/// Beginnings of the names of devices that are made of others, or of memory.
const MADE_OF_OTHERS: [&str; 5] = ["loop", "ram", "zram", "dm-", "md"];

/// Reads `/proc/diskstats`.
#[derive(Debug)]
pub(super) struct Disks {
    /// The names of whole disks.
    names: BTreeSet<String>,
    last: BTreeMap<String, Counters>,
}

/// What one disk did since it was attached.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Counters {
    reads: u64,
    writes: u64,
    bytes_read: u64,
    bytes_written: u64,
    /// Time that reads and writes took, each on its own, ms.
    waited_ms: u64,
    /// Time in which something was under way, ms.
    busy_ms: u64,
    /// The same, weighted by how much, ms.
    queued_ms: u64,
}

impl Disks {
    /// Finds the disks.
    pub(super) fn new(source: &Source) -> Self {
        let is_whole = |name: &String| !MADE_OF_OTHERS.iter().any(|beginning| name.starts_with(beginning));
        let names = source.names("sys/block").unwrap_or_default();
        Self { names: names.into_iter().filter(is_whole).collect(), last: BTreeMap::new() }
    }
}

impl Instrument for Disks {
    fn look(&mut self, look: &mut Look<'_>) {
        let stats = look.source.text("proc/diskstats").ok();
        let stats = stats.and_then(|text| DiskStats::from_buf_read(text.as_bytes()).ok());
        let Some(DiskStats(stats)) = stats else { return };
        let now: BTreeMap<String, Counters> = stats
            .into_iter()
            .filter(|disk| self.names.contains(&disk.name))
            .map(|disk| (disk.name.clone(), Counters::of(&disk)))
            .collect();
        let both = now.iter().filter_map(|(name, now)| Some(now.since(self.last.get(name)?)));
        let done: Vec<Counters> = both.collect();
        self.last = now;
        let Some(elapsed_s) = look.elapsed_s.filter(|_| !done.is_empty()) else { return };
        let sum = |figure: fn(&Counters) -> u64| done.iter().map(figure).fold(0, u64::saturating_add) as f64;
        let ended = sum(|it| it.reads) + sum(|it| it.writes);
        let busiest_ms = done.iter().map(|it| it.busy_ms).max().unwrap_or(0) as f64;
        let figures = [
            (HostMetric::DiskRead, sum(|it| it.bytes_read) / elapsed_s),
            (HostMetric::DiskWritten, sum(|it| it.bytes_written) / elapsed_s),
            (HostMetric::DiskReads, sum(|it| it.reads) / elapsed_s),
            (HostMetric::DiskWrites, sum(|it| it.writes) / elapsed_s),
            (HostMetric::DiskAwait, if ended > 0.0 { sum(|it| it.waited_ms) * 1e6 / ended } else { 0.0 }),
            (HostMetric::DiskQueue, sum(|it| it.queued_ms) / 1e3 / elapsed_s),
            (HostMetric::DiskBusy, (busiest_ms / 1e3 / elapsed_s).min(1.0)),
        ];
        figures.iter().for_each(|(metric, value)| look.sample.set(*metric, *value));
    }
}

impl Counters {
    fn of(disk: &DiskStat) -> Self {
        Self {
            reads: disk.reads,
            writes: disk.writes,
            bytes_read: disk.sectors_read.saturating_mul(SECTOR_BYTES),
            bytes_written: disk.sectors_written.saturating_mul(SECTOR_BYTES),
            waited_ms: disk.time_reading.saturating_add(disk.time_writing),
            busy_ms: disk.time_in_progress,
            queued_ms: disk.weighted_time_in_progress,
        }
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            reads: self.reads.saturating_sub(before.reads),
            writes: self.writes.saturating_sub(before.writes),
            bytes_read: self.bytes_read.saturating_sub(before.bytes_read),
            bytes_written: self.bytes_written.saturating_sub(before.bytes_written),
            waited_ms: self.waited_ms.saturating_sub(before.waited_ms),
            busy_ms: self.busy_ms.saturating_sub(before.busy_ms),
            queued_ms: self.queued_ms.saturating_sub(before.queued_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::HostProbe;
    use super::*;
    use crate::host::source::tests::{root_with, write};

    #[test]
    fn whole_disks_count_and_their_parts_do_not() {
        let line =
            |name: &str, reads: u64| format!(" 254 0 {name} {reads} 0 {} 50 5 0 80 25 0 40 75\n", reads * 8);
        let root = root_with(&[
            ("sys/block/vda/size", "1"),
            ("sys/block/loop0/size", "1"),
            ("proc/diskstats", &[line("vda", 10), line("vda1", 10), line("loop0", 10)].concat()),
        ]);
        let mut probe = HostProbe::under(root.path());
        write(
            root.path(),
            &[("proc/diskstats", &[line("vda", 20), line("vda1", 20), line("loop0", 99)].concat())],
        );
        let sample = probe.sample().unwrap();
        let value = |metric| sample.value(metric).unwrap();
        let bytes_each = value(HostMetric::DiskRead) / value(HostMetric::DiskReads);
        assert!((bytes_each - 4_096.0).abs() < 1e-6, "{bytes_each}");
        assert_eq!((value(HostMetric::DiskWrites), value(HostMetric::DiskAwait)), (0.0, 0.0));
    }
}
