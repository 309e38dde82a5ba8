//! What `[observe]` names: one process or several of a name, with all that descends from them.

use std::collections::BTreeMap;

use procfs::process::Stat;
use shared::host::HostMetric;
use shared::job::observe::ObservedProcess;

use super::super::cgroup::keyed;
use super::super::source::Source;
use super::family::{descendants, stat, used_s};
use super::{Instrument, Look};

/// The kernel keeps so many bytes of a program's name.
const NAME_BYTES_MAX: usize = 15;
/// Most processes that are looked at: a pool of workers, not a whole host.
const PROCESSES_MAX: usize = 512;
/// Most threads whose switches are read each second, over all processes; beyond, they are not told.
const THREADS_MAX: usize = 256;
/// Dividing shared memory among its users makes the kernel walk all of it: cheap only for a few small processes.
const PSS_PROCESSES_MAX: usize = 4;
const PSS_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// So often processes of a name are looked for again; one that began in between shows by then.
const SEARCHED_EVERY: u32 = 5;

/// Reads `/proc` of the observed process.
#[derive(Debug)]
pub(super) struct Process {
    what: ObservedProcess,
    /// The processes that it is, without their children: number and when they began.
    roots: Vec<(i32, u64)>,
    looks: u32,
    /// Whether its shared memory is cheap to divide: decided once, so that it is told in every second or in none.
    tells_pss: Option<bool>,
    last: Option<Counters>,
}

/// What was used since the processes began.
#[derive(Debug, Clone)]
struct Counters {
    roots: Vec<(i32, u64)>,
    cpu_s: f64,
    /// The part of it that is not the agent's family's.
    apart_s: f64,
    /// Whether it stands above what was read last: see [`Counters::since`].
    is_held: bool,
    bytes_read: Option<u64>,
    bytes_written: Option<u64>,
    switches: Option<u64>,
}

impl Process {
    /// Watches a process; one that is not there yet is looked for again.
    pub(super) fn new(what: ObservedProcess) -> Self {
        Self { what, roots: Vec::new(), looks: 0, tells_pss: None, last: None }
    }

    fn find(&mut self, source: &Source) {
        let lives = |(pid, began): &(i32, u64)| {
            stat(source, &pid.to_string()).is_some_and(|stat| stat.starttime == *began)
        };
        let is_due = self.looks.is_multiple_of(SEARCHED_EVERY);
        self.looks = self.looks.wrapping_add(1);
        if !is_due && !self.roots.is_empty() && self.roots.iter().all(lives) {
            return;
        }
        let found: Vec<Stat> = match &self.what {
            ObservedProcess::PidFile(path) => {
                let number = source.value(path.trim_start_matches('/')).ok();
                number
                    .and_then(|number| stat(source, &number.parse::<u32>().ok()?.to_string()))
                    .into_iter()
                    .collect()
            }
            ObservedProcess::Name(name) => named(source, name),
        };
        self.roots = found.iter().map(|stat| (stat.pid, stat.starttime)).collect();
    }

    /// The processes with their children, each once.
    fn family(&self, source: &Source) -> Vec<Stat> {
        let mut family: BTreeMap<i32, Stat> = BTreeMap::new();
        for (pid, _) in &self.roots {
            if let Some(root) = stat(source, &pid.to_string()) {
                family.extend(descendants(source, *pid).into_iter().map(|stat| (stat.pid, stat)));
                family.insert(*pid, root);
            }
        }
        family.into_values().take(PROCESSES_MAX).collect()
    }
}

impl Instrument for Process {
    fn look(&mut self, look: &mut Look<'_>) {
        self.find(look.source);
        let family = self.family(look.source);
        if family.is_empty() {
            self.last = None;
            return;
        }
        let memory = tell_sizes(&family, look);
        let is_cheap = family.len() <= PSS_PROCESSES_MAX && memory <= PSS_BYTES_MAX;
        if *self.tells_pss.get_or_insert(is_cheap) {
            let pss = sum_over(&family, |pid| pss_bytes(look.source, pid));
            look.sample.set_if_known(HostMetric::ProcessPss, pss.map(|bytes| bytes as f64));
        }
        let mut now = Counters::of(&family, &self.roots, look);
        if let (Some(before), Some(elapsed_s)) = (&self.last, look.elapsed_s)
            && before.roots == now.roots
        {
            now.since(before, elapsed_s, look);
        }
        self.last = Some(now);
        look.counted.extend(family.iter().map(|stat| stat.pid));
    }
}

/// Tells what it holds at the moment; returns its resident memory.
fn tell_sizes(family: &[Stat], look: &mut Look<'_>) -> u64 {
    let memory = family
        .iter()
        .fold(0, |sum: u64, stat| sum.saturating_add(stat.rss.saturating_mul(procfs::page_size())));
    let threads: i64 = family.iter().map(|stat| stat.num_threads).sum();
    let files = sum_over(family, |pid| {
        look.source.names(&format!("proc/{pid}/fd")).ok().map(|names| names.len() as u64)
    });
    look.sample.set(HostMetric::ProcessCount, family.len() as f64);
    look.sample.set(HostMetric::ProcessMemory, memory as f64);
    look.sample.set(HostMetric::ProcessThreads, threads as f64);
    look.sample.set_if_known(HostMetric::ProcessFiles, files.map(|files| files as f64));
    memory
}

impl Counters {
    fn of(family: &[Stat], roots: &[(i32, u64)], look: &Look<'_>) -> Self {
        let source = look.source;
        let io = |key: &'static str| {
            sum_over(family, |pid| {
                let text = source.text(&format!("proc/{pid}/io")).ok()?;
                keyed(&text.replace(": ", " "), key)
            })
        };
        let threads: i64 = family.iter().map(|stat| stat.num_threads).sum();
        let are_few = usize::try_from(threads).is_ok_and(|threads| threads <= THREADS_MAX);
        let apart = family.iter().filter(|stat| !look.counted.contains(&stat.pid));
        Self {
            roots: roots.to_vec(),
            cpu_s: family.iter().map(used_s).sum(),
            apart_s: apart.map(used_s).sum(),
            is_held: false,
            bytes_read: io("read_bytes"),
            bytes_written: io("write_bytes"),
            switches: if are_few { sum_over(family, |pid| switches(source, pid)) } else { None },
        }
    }

    /// Tells how far it went. What was told already is not told twice, should a child end between two reads: its time is back with
    /// the next one, in its parent's. What is not back by then left the family, and is waited for no longer.
    fn since(&mut self, before: &Counters, elapsed_s: f64, look: &mut Look<'_>) {
        look.sample.set(HostMetric::ProcessCpu, (self.cpu_s - before.cpu_s).max(0.0) / elapsed_s);
        let apart_cores = (self.apart_s - before.apart_s).max(0.0) / elapsed_s;
        let workload = look.sample.value(HostMetric::WorkloadCpu);
        look.sample.set_if_known(HostMetric::WorkloadCpu, workload.map(|cores| cores + apart_cores));
        look.sample.set(HostMetric::ProcessApart, apart_cores);
        let rates = [
            (HostMetric::ProcessRead, self.bytes_read, before.bytes_read),
            (HostMetric::ProcessWritten, self.bytes_written, before.bytes_written),
            (HostMetric::ProcessSwitches, self.switches, before.switches),
        ];
        for (metric, now, before) in rates {
            if let (Some(now), Some(before)) = (now, before) {
                look.rate(metric, now, before);
            }
        }
        self.is_held = !before.is_held && (self.cpu_s < before.cpu_s || self.apart_s < before.apart_s);
        if self.is_held {
            self.cpu_s = self.cpu_s.max(before.cpu_s);
            self.apart_s = self.apart_s.max(before.apart_s);
        }
    }
}

fn named(source: &Source, name: &str) -> Vec<Stat> {
    let kept = &name.as_bytes()[..name.len().min(NAME_BYTES_MAX)];
    let processes = source.numbered("proc", "").unwrap_or_default();
    let stats = processes.iter().filter_map(|(_, process)| stat(source, process));
    stats.filter(|stat| stat.comm.as_bytes() == kept && stat.state != 'Z').take(PROCESSES_MAX).collect()
}

/// The sum over all processes; `None` when one of them does not tell.
fn sum_over(family: &[Stat], read: impl Fn(i32) -> Option<u64>) -> Option<u64> {
    family.iter().map(|stat| read(stat.pid)).try_fold(0, |sum: u64, value| Some(sum.saturating_add(value?)))
}

fn pss_bytes(source: &Source, pid: i32) -> Option<u64> {
    let text = source.text(&format!("proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

fn switches(source: &Source, pid: i32) -> Option<u64> {
    let threads = source.names(&format!("proc/{pid}/task")).ok()?;
    let of_thread = |thread: &String| {
        let text = source.text(&format!("proc/{pid}/task/{thread}/status")).ok()?;
        let line =
            |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.trim().parse::<u64>().ok());
        Some(line("voluntary_ctxt_switches:")?.saturating_add(line("nonvoluntary_ctxt_switches:")?))
    };
    // A thread that ended in between takes its switches along.
    Some(threads.iter().filter_map(of_thread).fold(0, u64::saturating_add))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::HostProbe;
    use super::*;

    fn burn() -> std::process::Child {
        std::process::Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap()
    }

    #[test]
    fn a_process_is_found_by_the_file_with_its_number() {
        let mut child = burn();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{}\n", child.id())).unwrap();
        let what = ObservedProcess::PidFile(file.path().to_str().unwrap().to_owned());
        let mut probe = HostProbe::observing(Path::new("/"), Some(what));
        let sample = probe.sample().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let value = |metric| sample.value(metric);
        assert_eq!(
            (value(HostMetric::ProcessCount), value(HostMetric::ProcessThreads)),
            (Some(1.0), Some(1.0))
        );
        assert!(value(HostMetric::ProcessMemory).is_some_and(|bytes| bytes > 100_000.0), "{sample:?}");
        assert!(value(HostMetric::ProcessPss) <= value(HostMetric::ProcessMemory), "{sample:?}");
        assert!(value(HostMetric::ProcessFiles).is_some_and(|files| files >= 3.0), "{sample:?}");
        assert!(value(HostMetric::ProcessCpu).is_some() && value(HostMetric::ProcessSwitches).is_some());
        assert_eq!(probe.sample().unwrap().value(HostMetric::ProcessCount), None, "it has ended");
    }

    #[test]
    fn what_a_process_that_left_had_used_is_not_waited_for() {
        let mut told = Vec::new();
        let mut last: Option<Counters> = None;
        // Ten seconds of it leave with a child, and the rest goes on with one core.
        for cpu_s in [10.0, 11.0, 2.0, 3.0, 4.0, 5.0] {
            let root = crate::host::source::tests::root_with(&[]);
            let source = Source::under(root.path());
            let (sample, counted) = (shared::host::HostSample::default(), std::collections::HashSet::new());
            let mut look = Look { source: &source, elapsed_s: Some(1.0), sample, counted };
            let mut now = Counters {
                roots: Vec::new(),
                cpu_s,
                apart_s: cpu_s,
                is_held: false,
                bytes_read: None,
                bytes_written: None,
                switches: None,
            };
            if let Some(before) = &last {
                now.since(before, 1.0, &mut look);
                told.extend(look.sample.value(HostMetric::ProcessCpu));
            }
            last = Some(now);
        }
        assert_eq!(told, [1.0, 0.0, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn a_long_name_is_known_by_its_beginning() {
        let stat = "7 (a-very-long-nam) S 1 1 1 0 -1 0 0 0 4 1 5 0 0 0 20 0 1 0 9 1000 25 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
        let root = crate::host::source::tests::root_with(&[("proc/7/stat", stat)]);
        let source = Source::under(root.path());
        assert_eq!(named(&source, "a-very-long-name").len(), 1);
        assert_eq!(named(&source, "a-very").len(), 0);
    }
}
