//! The guard: a small process between the agent and a program, which lets nothing of the program outlive the
//! agent.
//!
//! It is the hidden subcommand `fleetmark guard [--confine JSON] -- PROGRAM ARGS…`. Its stdin is one end of a socket pair
//! whose other end only the agent has. On it the guard says once how the start went ([`STARTED`] or
//! [`FAILED`]); then it waits for whichever comes first:
//!
//! * PROGRAM ends → what is left of its family is killed, and the guard ends with the same status;
//! * a byte or the end of the stdin, so the agent stops it or has died by any means → SIGTERM to the family,
//!   after [`TERMINATE_PATIENCE`] SIGKILL, and the guard ends with PROGRAM's status.
//!
//! It leads a session of its own, so that Ctrl-C at the terminal reaches only the agent, and it is a
//! subreaper, so that descendants which left the process group or the session are still its own, found,
//! killed and reaped. Should the guard itself be killed, PROGRAM dies with it by the parent-death signal.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, kill_process, kill_process_group, pidfd_open,
    set_child_subreaper, setsid, wait,
};

use super::exit::Exit;
use super::family::descendants;
use super::launch::Confinement;
use super::system;

/// The word before which the guard is told as whom and within what the program runs.
pub const CONFINE: &str = "--confine";
/// What the guard says when the program runs; its process id follows.
pub const STARTED: &str = "started ";
/// What the guard says when the program could not be started; the reason follows.
pub const FAILED: &str = "failed ";

/// How long a stopped program has between SIGTERM and SIGKILL.
pub const TERMINATE_PATIENCE: Duration = Duration::from_secs(5);
/// How long killed processes may take to vanish; longer means stuck in the kernel, where nobody can help.
pub const KILL_PATIENCE: Duration = Duration::from_secs(1);
/// How often orphans that ended meanwhile are reaped: seldom, since the guard runs on a host that measures.
const REAP_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked whether a family that was told to end has ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Exit statuses of a program that was not found, and of one that could not be started, as shells have them.
const STATUS_NOT_FOUND: i32 = 127;
const STATUS_NOT_STARTED: i32 = 126;

/// Runs the guard for a command and returns the exit status for the process.
///
/// The program runs as whom and within what `confinement` says; the guard itself does not, so that the program cannot
/// end it. Must be called on the main thread of a process that has no other threads: signal mask and parent-death
/// signal belong to threads.
pub fn guard_main(command: Vec<OsString>, confinement: &Confinement) -> i32 {
    match Ward::start(&command, confinement) {
        Ok(ward) => {
            tell(&format!("{STARTED}{}\n", ward.program.as_raw_nonzero()));
            ward.watch().as_passed_on()
        }
        Err(error) => {
            tell(&format!("{FAILED}{error}\n"));
            eprintln!("fleetmark guard: {error}");
            match error {
                GuardError::Program { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                    STATUS_NOT_FOUND
                }
                _ => STATUS_NOT_STARTED,
            }
        }
    }
}

/// Why a guard could not take up its work.
#[derive(Debug, thiserror::Error)]
enum GuardError {
    #[error("no program was given: write `fleetmark guard -- PROGRAM ARGS…`")]
    NoProgram,
    #[error("cannot start {program:?}: {source}")]
    Program { program: OsString, source: io::Error },
    #[error("cannot watch over programs: {0}")]
    Setup(#[from] io::Error),
}

/// The program that the guard watches over, with all that descends from it.
struct Ward {
    program: Pid,
    pidfd: OwnedFd,
    /// How the program ended; `None`: it runs, or has not been reaped yet.
    exit: Option<Exit>,
}

/// What ends the watch.
enum Wakeup {
    ProgramEnded,
    AgentGone,
}

impl Ward {
    fn start(command: &[OsString], confinement: &Confinement) -> Result<Self, GuardError> {
        let (program, arguments) = command.split_first().ok_or(GuardError::NoProgram)?;
        system::block_terminal_signals()?;
        // It fails only for the leader of a process group, which a terminal does not address along with the
        // agent.
        let _ = setsid();
        set_child_subreaper(Some(getpid())).map_err(io::Error::from)?;
        let mut prepared = Command::new(program);
        prepared.args(arguments).stdin(Stdio::null()).process_group(0);
        confinement.confine(&mut prepared);
        // The guard's only thread lives as long as the guard.
        system::die_with_this_thread(&mut prepared);
        system::unblock_signals(&mut prepared);
        let child =
            prepared.spawn().map_err(|source| GuardError::Program { program: program.clone(), source })?;
        let pid = Pid::from_child(&child);
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => Ok(Self { program: pid, pidfd, exit: None }),
            Err(errno) => {
                // The guard ends at once, and the program with it.
                let _ = kill_process_group(pid, Signal::KILL);
                Err(GuardError::Setup(errno.into()))
            }
        }
    }

    /// Waits for the first thing that ends the watch, sees the whole family off, and says how the program
    /// ended.
    fn watch(mut self) -> Exit {
        let wakeup = loop {
            match self.wakeup_within(REAP_EVERY) {
                Some(wakeup) => break wakeup,
                None => drop(self.reap()),
            }
            if self.exit.is_some() {
                break Wakeup::ProgramEnded;
            }
        };
        if matches!(wakeup, Wakeup::AgentGone) {
            self.signal_family(Signal::TERM);
            self.await_end_of_family(TERMINATE_PATIENCE, |_| {});
        }
        self.signal_family(Signal::KILL);
        // What was forked between the look at /proc and the kill is met on the next round.
        self.await_end_of_family(KILL_PATIENCE, |ward| ward.signal_family(Signal::KILL));
        // A program that not even SIGKILL could end within its time will have died of it.
        self.exit.unwrap_or(Exit::Signal(Signal::KILL.as_raw()))
    }

    fn wakeup_within(&self, patience: Duration) -> Option<Wakeup> {
        let stdin = io::stdin();
        let mut sources = [
            PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.pidfd.as_fd(), PollFlags::IN),
        ];
        let timeout = Timespec::try_from(patience).expect("patience is a constant of seconds");
        match poll(&mut sources, Some(&timeout)) {
            Ok(0) | Err(Errno::INTR) => None,
            // Without poll there is no telling when the agent dies: end the program rather than leave it
            // alone.
            Err(_) => Some(Wakeup::AgentGone),
            Ok(_) if !sources[1].revents().is_empty() => Some(Wakeup::ProgramEnded),
            Ok(_) => Some(Wakeup::AgentGone),
        }
    }

    /// Looks until no child is left (as a subreaper, the guard then has no descendant left either), or
    /// patience ends.
    fn await_end_of_family(&mut self, patience: Duration, mut meanwhile: impl FnMut(&mut Self)) {
        let deadline = Instant::now() + patience;
        while self.reap().has_children && Instant::now() < deadline {
            meanwhile(self);
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Reaps every child that has ended.
    fn reap(&mut self) -> Reaped {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.program => {
                    self.exit = match status.terminating_signal() {
                        Some(signal) => Some(Exit::Signal(signal)),
                        None => status.exit_status().map(Exit::Status),
                    };
                }
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => return Reaped { has_children: true },
                Err(_) => return Reaped { has_children: false },
            }
        }
    }

    /// Signals the program's group at once, then every other descendant.
    fn signal_family(&mut self, signal: Signal) {
        if self.exit.is_none() {
            let _ = kill_process_group(self.program, signal);
        }
        let group = self.program.as_raw_nonzero().get();
        let mut signalled = HashSet::new();
        for member in descendants(getpid()) {
            let is_signalled_already = member.group == group && self.exit.is_none();
            if !member.is_zombie && !is_signalled_already && signalled.insert(member.pid.as_raw_nonzero()) {
                let _ = kill_process(member.pid, signal);
            }
        }
    }
}

struct Reaped {
    has_children: bool,
}

/// Tells the agent one line. Whoever runs the guard by hand has no socket there; the line is lost then.
fn tell(line: &str) {
    let _ = rustix::io::write(io::stdin(), line.as_bytes());
}
