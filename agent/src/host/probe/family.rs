//! CPU time of the agent's own process, and of all that it started: targets, commands, hooks, and what descends from them.
//!
//! A process that has ended leaves its CPU time to the parent that awaited it. So what a family used is the sum over those of
//! its members that live, of what each used itself and of what those used that it has awaited: nothing is lost between two
//! looks, however short a program ran.

use procfs::FromRead;
use procfs::process::Stat;
use shared::host::HostMetric;

use super::super::source::Source;
use super::{Instrument, Look};

/// Most members that are looked at: more than a host runs at once.
const MEMBERS_MAX: usize = 16_384;

/// Reads `/proc/PID/stat` of the agent and its descendants.
#[derive(Debug, Default)]
pub(super) struct Family {
    last: Option<Used>,
}

/// What was used since the agent began.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Used {
    agent_s: f64,
    workload_s: f64,
    major_faults: u64,
}

impl Instrument for Family {
    fn look(&mut self, look: &mut Look<'_>) {
        let Some(own) = stat(look.source, "self") else { return };
        let members = descendants(look.source, own.pid);
        look.counted.insert(own.pid);
        look.counted.extend(members.iter().map(|member| member.pid));
        look.sample.set(HostMetric::AgentMemory, own.rss.saturating_mul(procfs::page_size()) as f64);
        let mut used = Used {
            agent_s: seconds(own.utime.saturating_add(own.stime)),
            workload_s: awaited_s(&own),
            major_faults: own.majflt.saturating_add(own.cmajflt),
        };
        for member in &members {
            used.workload_s += used_s(member);
            used.major_faults =
                used.major_faults.saturating_add(member.majflt).saturating_add(member.cmajflt);
        }
        if let Some(before) = self.last {
            if let Some(elapsed_s) = look.elapsed_s {
                let cores = |now: f64, before: f64| (now - before).max(0.0) / elapsed_s;
                look.sample.set(HostMetric::AgentCpu, cores(used.agent_s, before.agent_s));
                look.sample.set(HostMetric::WorkloadCpu, cores(used.workload_s, before.workload_s));
            }
            look.rate(HostMetric::WorkloadMajorFaults, used.major_faults, before.major_faults);
            // One that ended between being read itself and being read in its parent is missed once, and found again: what
            // was told already is not told twice.
            used.workload_s = used.workload_s.max(before.workload_s);
            used.major_faults = used.major_faults.max(before.major_faults);
        }
        self.last = Some(used);
    }
}

/// The stat of a process, by its number or `self`.
pub(super) fn stat(source: &Source, process: &str) -> Option<Stat> {
    let text = source.text(&format!("proc/{process}/stat")).ok()?;
    Stat::from_read(text.as_bytes()).ok()
}

/// CPU time that a process used, and those that it has awaited.
pub(super) fn used_s(stat: &Stat) -> f64 {
    seconds(stat.utime.saturating_add(stat.stime)) + awaited_s(stat)
}

/// Everything that descends from a process now, without itself.
pub(super) fn descendants(source: &Source, ancestor: i32) -> Vec<Stat> {
    let is_told = source.has(&format!("proc/{ancestor}/task/{ancestor}/children"));
    if is_told { descendants_by_children(source, ancestor) } else { descendants_by_parents(source, ancestor) }
}

/// Each thread names the children that it began. Only relatives are looked at, however many processes there are.
fn descendants_by_children(source: &Source, ancestor: i32) -> Vec<Stat> {
    let mut found: Vec<Stat> = Vec::new();
    let mut parents = vec![(ancestor, None)];
    // Every round takes one parent off and adds only processes not found before, so it ends.
    while let Some((parent, threads)) = parents.pop() {
        for child in children(source, parent, threads) {
            let is_known = child == ancestor || found.iter().any(|known| known.pid == child);
            if is_known || found.len() >= MEMBERS_MAX {
                continue;
            }
            if let Some(stat) = stat(source, &child.to_string()) {
                parents.push((child, Some(stat.num_threads)));
                found.push(stat);
            }
        }
    }
    found
}

fn children(source: &Source, parent: i32, threads: Option<i64>) -> Vec<i32> {
    let threads = match threads {
        Some(1) => vec![parent.to_string()],
        _ => source.names(&format!("proc/{parent}/task")).unwrap_or_default(),
    };
    let of_thread =
        |thread: String| source.text(&format!("proc/{parent}/task/{thread}/children")).unwrap_or_default();
    let told: Vec<String> = threads.into_iter().map(of_thread).collect();
    told.iter()
        .flat_map(|children| children.split_whitespace())
        .filter_map(|child| child.parse().ok())
        .collect()
}

/// Where threads name no children, every process is asked for its parent.
fn descendants_by_parents(source: &Source, ancestor: i32) -> Vec<Stat> {
    let processes = source.numbered("proc", "").unwrap_or_default();
    let mut others: Vec<Stat> = processes.iter().filter_map(|(_, name)| stat(source, name)).collect();
    let mut found: Vec<Stat> = Vec::new();
    let mut parents = vec![ancestor];
    while let Some(parent) = parents.pop() {
        let (children, rest): (Vec<Stat>, Vec<Stat>) =
            others.into_iter().partition(|stat| stat.ppid == parent && stat.pid != ancestor);
        others = rest;
        parents.extend(children.iter().map(|child| child.pid));
        found.extend(children);
    }
    found.truncate(MEMBERS_MAX);
    found
}

fn awaited_s(stat: &Stat) -> f64 {
    seconds(stat.cutime.saturating_add(stat.cstime).max(0).unsigned_abs())
}

fn seconds(ticks: u64) -> f64 {
    ticks as f64 / procfs::ticks_per_second() as f64
}

#[cfg(test)]
mod tests {
    use super::super::HostProbe;
    use super::*;
    use crate::host::source::tests::{root_with, write};

    /// A process: who began it, and the ticks that it used and awaited.
    fn line(pid: i32, parent: i32, used: u64, awaited: u64) -> String {
        format!(
            "{pid} (a b) c) S {parent} 1 1 0 -1 0 0 0 4 1 {used} 0 {awaited} 0 20 0 1 0 1 1000 25 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
        )
    }

    fn pids(found: &[Stat]) -> Vec<i32> {
        let mut pids: Vec<i32> = found.iter().map(|stat| stat.pid).collect();
        pids.sort_unstable();
        pids
    }

    #[test]
    fn descendants_are_found_by_either_way_and_strangers_by_none() {
        let files: Vec<(String, String)> = [(10, 1), (11, 10), (12, 11), (13, 10), (20, 1)]
            .map(|(pid, parent)| (format!("proc/{pid}/stat"), line(pid, parent, 0, 0)))
            .into();
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let root = root_with(&files);
        let source = Source::under(root.path());
        assert_eq!(pids(&descendants(&source, 10)), [11, 12, 13]);
        write(
            root.path(),
            &[
                ("proc/10/task/10/children", "11 "),
                ("proc/10/task/15/children", "13 99 "),
                ("proc/11/task/11/children", "12 10 \n"),
            ],
        );
        assert_eq!(pids(&descendants(&source, 10)), [11, 12, 13]);
    }

    #[test]
    fn a_program_that_ended_in_between_is_still_counted_once() {
        let root = root_with(&[
            ("proc/self/stat", &line(10, 1, 100, 0)),
            ("proc/10/task/10/children", "11"),
            ("proc/11/stat", &line(11, 10, 300, 0)),
        ]);
        let mut probe = HostProbe::under(root.path());
        // Between two reads it is neither here nor there.
        write(root.path(), &[("proc/10/task/10/children", "")]);
        let gone = probe.sample().unwrap();
        assert_eq!(
            (gone.value(HostMetric::WorkloadCpu), gone.value(HostMetric::AgentCpu)),
            (Some(0.0), Some(0.0))
        );
        write(root.path(), &[("proc/self/stat", &line(10, 1, 200, 400))]);
        let sample = probe.sample().unwrap();
        let ratio =
            sample.value(HostMetric::WorkloadCpu).unwrap() / sample.value(HostMetric::AgentCpu).unwrap();
        assert!((ratio - 1.0).abs() < 1e-9, "100 ticks of each: {ratio}");
    }

    #[test]
    fn what_a_child_burns_is_the_workload_s() {
        let mut probe = HostProbe::new();
        let burn = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        let began = std::time::Instant::now();
        std::process::Command::new("sh").args(["-c", burn]).status().unwrap();
        let sample = probe.sample().unwrap();
        let cores = sample.value(HostMetric::WorkloadCpu).unwrap();
        assert!(cores > 0.0 && cores < 1.2, "{cores} cores in {:?}", began.elapsed());
    }
}
