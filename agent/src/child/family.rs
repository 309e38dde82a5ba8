//! Who descends from whom, read from `/proc`.

use std::path::Path;

use procfs::FromRead;
use procfs::process::Stat;
use rustix::process::Pid;

/// Most processes looked at: Linux has at most 2^22 process ids (`PID_MAX_LIMIT`).
const PROCESSES_MAX: usize = 1 << 22;

/// One process, as far as kinship goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The process.
    pub pid: Pid,
    /// Its parent's process id; 0: none, or outside of what this process may see.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// Whether it has ended and only awaits being reaped.
    pub is_zombie: bool,
}

/// Everything that descends from `ancestor` now, without the ancestor itself. Empty where `/proc` cannot be
/// read.
///
/// Processes come and go while this reads: who must be sure kills and asks again until nothing is left.
pub fn descendants(ancestor: Pid) -> Vec<Member> {
    descendants_among(ancestor, &all_processes(Path::new("/proc")))
}

fn descendants_among(ancestor: Pid, processes: &[Member]) -> Vec<Member> {
    let mut found: Vec<Member> = Vec::new();
    let mut parents = vec![ancestor.as_raw_nonzero().get()];
    // Every round takes one parent off and adds only processes not found before, so it ends.
    while let Some(parent) = parents.pop() {
        for process in processes.iter().filter(|process| process.parent == parent) {
            if process.pid != ancestor && !found.iter().any(|known| known.pid == process.pid) {
                found.push(*process);
                parents.push(process.pid.as_raw_nonzero().get());
            }
        }
    }
    found
}

fn all_processes(proc: &Path) -> Vec<Member> {
    let Ok(entries) = std::fs::read_dir(proc) else {
        return Vec::new();
    };
    let is_process = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(is_process))
        // A process that ended since the listing has no stat any more: it is left out.
        .filter_map(|entry| Stat::from_file(entry.path().join("stat")).ok())
        .filter_map(|stat| {
            let pid = Pid::from_raw(stat.pid)?;
            Some(Member { pid, parent: stat.ppid, group: stat.pgrp, is_zombie: stat.state == 'Z' })
        })
        .take(PROCESSES_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(pid: i32, parent: i32) -> Member {
        Member { pid: Pid::from_raw(pid).unwrap(), parent, group: pid, is_zombie: false }
    }

    fn pids(members: &[Member]) -> Vec<i32> {
        let mut pids: Vec<i32> = members.iter().map(|member| member.pid.as_raw_nonzero().get()).collect();
        pids.sort_unstable();
        pids
    }

    #[test]
    fn descendants_are_found_at_any_depth_and_strangers_are_not() {
        let processes =
            [member(1, 0), member(10, 1), member(12, 11), member(11, 10), member(13, 10), member(20, 1)];
        assert_eq!(pids(&descendants_among(Pid::from_raw(10).unwrap(), &processes)), [11, 12, 13]);
    }

    #[test]
    fn a_circle_in_what_was_read_is_no_endless_loop() {
        let processes = [member(10, 11), member(11, 10)];
        assert_eq!(pids(&descendants_among(Pid::from_raw(10).unwrap(), &processes)), [11]);
    }

    #[test]
    fn a_missing_proc_has_no_processes() {
        assert_eq!(all_processes(Path::new("/nonexistent")), []);
    }
}
