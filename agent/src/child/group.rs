//! One short-lived program and its process group: spawned, awaited with what it used, and killed as a whole.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, kill_process_group, pidfd_open, waitpid};
use tokio::io::unix::AsyncFd;

use super::exit::Exit;
use super::memory_floor::MemoryFloor;
use super::system;

/// A program made ready to be started over and over, each time as the leader of a process group of its own.
#[derive(Debug)]
pub struct Program {
    command: Command,
    floor: MemoryFloor,
}

impl Program {
    /// Makes a command ready. At most one program that shares a `floor` may run at a time.
    pub fn new(mut command: Command, floor: MemoryFloor) -> Self {
        command.process_group(0);
        system::unblock_signals(&mut command);
        system::die_with_this_thread(&mut command);
        floor.note_for(&mut command);
        Self { command, floor }
    }

    /// What it is started with, its name aside.
    pub fn words(&self) -> impl Iterator<Item = &OsStr> {
        self.command.get_args()
    }

    /// Starts it. The child comes along for its pipes; it must not be awaited.
    ///
    /// Must be called within a tokio runtime with I/O enabled, on a thread that outlives the program (a load
    /// thread does): the program is killed when the thread ends.
    ///
    /// # Errors
    /// When it cannot be started, or the agent is out of processes or file descriptors. Nothing runs then.
    pub fn spawn(&mut self) -> io::Result<(Group, Child)> {
        let child = self.command.spawn()?;
        // From here on the leader's drop cleans up, whatever fails.
        let leader = Leader { pid: Pid::from_child(&child), is_reaped: false };
        let pidfd = pidfd_open(leader.pid, PidfdFlags::NONBLOCK)?;
        Ok((Group { pidfd: system::awaitable(pidfd)?, floor: self.floor.clone(), leader }, child))
    }
}

/// How a program ended, and what it used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// How it ended.
    pub exit: Exit,
    /// CPU time in user mode and in the kernel, of it and of those of its children that it awaited.
    pub cpu_time: Duration,
    /// Most memory that it, or a child that it awaited, had resident at once, bytes. `None`: less than the
    /// forked copy of the agent had before it became the program, so that the kernel cannot tell
    /// ([`memory_floor`](super::memory_floor)).
    pub peak_memory_bytes: Option<u64>,
}

/// A running program that leads its own process group. Dropped before its end, the whole group is killed.
#[derive(Debug)]
pub struct Group {
    /// Readable once the leader has ended.
    pidfd: AsyncFd<OwnedFd>,
    floor: MemoryFloor,
    leader: Leader,
}

impl Group {
    /// Waits until the leader has ended; it stays a zombie until [`Group::finish`]. May be cancelled and
    /// called again.
    ///
    /// # Errors
    /// When the runtime's I/O driver is gone.
    pub async fn ended(&self) -> io::Result<()> {
        self.pidfd.readable().await.map(drop)
    }

    /// Kills everything in the group, at once and for good.
    pub fn kill(&self) {
        self.leader.kill_group();
    }

    /// Kills what is left of the group and reaps its leader, which must have [`ended`](Group::ended): it
    /// would block otherwise. The order matters: while the leader is a zombie its number cannot belong to
    /// another group.
    ///
    /// # Errors
    /// When somebody else reaped the leader.
    pub fn finish(mut self) -> io::Result<Ended> {
        self.leader.kill_group();
        self.leader.is_reaped = true;
        let usage = system::wait4(self.leader.pid)?;
        let peak_memory_bytes = self.floor.peak_above(usage.peak_memory_bytes);
        Ok(Ended { exit: usage.exit, cpu_time: usage.cpu_time, peak_memory_bytes })
    }
}

/// Owns the duty to kill the group and to reap its leader.
#[derive(Debug)]
struct Leader {
    pid: Pid,
    is_reaped: bool,
}

impl Leader {
    fn kill_group(&self) {
        // It fails only when nothing is left to kill, or all that is left has other rights than we do (a
        // set-user-id program): then nothing more can be done from here.
        let _ = kill_process_group(self.pid, Signal::KILL);
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if self.is_reaped {
            return;
        }
        self.kill_group();
        if !matches!(waitpid(Some(self.pid), WaitOptions::NOHANG), Ok(None)) {
            return;
        }
        // Killed but not gone yet. The load thread must not wait for it: a process may be stuck in the
        // kernel.
        let pid = self.pid;
        let reaper =
            std::thread::Builder::new().name("reaper".to_owned()).spawn(move || system::wait4(pid).map(drop));
        if let Err(error) = reaper {
            let pid = pid.as_raw_nonzero();
            tracing::warn!(%error, pid, "a killed program stays a zombie until the agent ends");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use rustix::process::WaitIdOptions;

    use super::*;
    use crate::child::memory_floor::MemoryFloors;

    fn sleeper() -> Program {
        let mut command = Command::new("sleep");
        command.arg("60").stdin(Stdio::null());
        Program::new(command, MemoryFloors::new().unwrap().place_of(0))
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    #[test]
    fn a_program_dies_with_the_thread_that_started_it() {
        let load_thread = std::thread::spawn(|| {
            let runtime = runtime();
            let _context = runtime.enter();
            let (group, _child) = sleeper().spawn().unwrap();
            let pid = group.leader.pid;
            // As if the thread had no chance to clean up.
            std::mem::forget(group);
            pid
        });
        let pid = load_thread.join().unwrap();
        // Blocks until the program has ended: it would take a minute by itself.
        let status = waitpid(Some(pid), WaitOptions::empty()).unwrap().unwrap().1;
        assert_eq!(status.terminating_signal(), Some(Signal::KILL.as_raw()));
    }

    #[test]
    fn a_dropped_group_is_killed_and_reaped() {
        let runtime = runtime();
        let _context = runtime.enter();
        let (group, _child) = sleeper().spawn().unwrap();
        let pid = group.leader.pid;
        drop(group);
        // Whoever reaps first, afterwards it is nobody's child.
        let _ = waitpid(Some(pid), WaitOptions::empty());
        let gone = rustix::process::waitid(rustix::process::WaitId::Pid(pid), WaitIdOptions::EXITED);
        assert_eq!(gone.err(), Some(rustix::io::Errno::CHILD));
    }
}
