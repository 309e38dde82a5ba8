//! The descendants of a process, by the kernel's own account.

use std::collections::BTreeMap;
use std::fs;

use rustix::process::{Pid, Signal, kill_process};

use crate::process::exists;

/// A process, as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub pid: u32,
    /// Its command line, words joined by spaces.
    pub command_line: String,
}

impl Member {
    /// Whether it plays this part: what fleetmark's own first word is.
    pub fn is_a(&self, part: &str) -> bool {
        self.command_line.split(' ').nth(1) == Some(part)
    }
}

/// Descendants that must not be left behind, whatever becomes of the test: those that still run when it is dropped are
/// killed.
#[derive(Debug)]
pub struct Family(pub Vec<Member>);

impl Family {
    /// Whether none of them runs any more.
    pub fn is_gone(&self) -> bool {
        !self.0.iter().any(|member| exists(member.pid))
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        // A process id that another program has meanwhile is left alone.
        for member in self.0.iter().filter(|member| command_line(member.pid) == member.command_line) {
            if let Some(pid) = i32::try_from(member.pid).ok().and_then(Pid::from_raw) {
                let _it_may_have_ended = kill_process(pid, Signal::KILL);
            }
        }
    }
}

/// All processes that a process started, and those started, and so on.
pub fn of(ancestor: u32) -> Vec<Member> {
    let parents: BTreeMap<u32, u32> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| exists(*pid))
        .filter_map(|pid| Some((pid, parent_of(pid)?)))
        .collect();
    let descends = |pid: &u32| {
        // A chain of parents longer than there are processes would be a circle.
        std::iter::successors(parents.get(pid), |parent| parents.get(parent))
            .take(parents.len())
            .any(|parent| *parent == ancestor)
    };
    parents
        .keys()
        .filter(|pid| descends(pid))
        .map(|pid| Member { pid: *pid, command_line: command_line(*pid) })
        .collect()
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

fn command_line(pid: u32) -> String {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&words).trim_end_matches('\0').replace('\0', " ")
}
