//! How a program ended.

use std::fmt;
use std::process::ExitStatus;

use std::os::unix::process::ExitStatusExt;

/// Shells, and our guard, tell a death by signal `n` as exit status 128 + n.
const SIGNAL_STATUS_BASE: i32 = 128;
/// Highest signal number on Linux.
const SIGNAL_MAX: i32 = 64;

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It ended by itself with this exit status, 0 to 255.
    Status(i32),
    /// It was killed by this signal.
    Signal(i32),
}

impl Exit {
    /// Reads an exit status that a shell or the guard passes on: above 128 it stands for a signal.
    pub fn from_passed_on(status: i32) -> Self {
        let signal = status - SIGNAL_STATUS_BASE;
        if (1..=SIGNAL_MAX).contains(&signal) { Exit::Signal(signal) } else { Exit::Status(status) }
    }

    /// The exit status that passes this on, as shells do.
    pub fn as_passed_on(self) -> i32 {
        match self {
            Exit::Status(status) => status,
            Exit::Signal(signal) => SIGNAL_STATUS_BASE + signal,
        }
    }

    /// Whether it ended by itself with status 0.
    pub fn is_success(self) -> bool {
        self == Exit::Status(0)
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        // Only an ended process gives a status, so one of the two is there; -1 is what neither would mean.
        status.signal().map_or_else(|| Exit::Status(status.code().unwrap_or(-1)), Exit::Signal)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Status(status) => write!(formatter, "exit status {status}"),
            Exit::Signal(signal) => match signal_name(*signal) {
                Some(name) => write!(formatter, "signal {signal} ({name})"),
                None => write!(formatter, "signal {signal}"),
            },
        }
    }
}

/// The names of the signals that end programs; others are told by number.
fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGSYS => "SIGSYS",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_survives_being_passed_on_as_a_status() {
        for exit in [Exit::Status(0), Exit::Status(3), Exit::Status(255), Exit::Signal(9), Exit::Signal(15)] {
            assert_eq!(Exit::from_passed_on(exit.as_passed_on()), exit);
        }
    }

    #[test]
    fn an_exit_reads_as_a_person_would_say_it() {
        assert_eq!(Exit::Status(3).to_string(), "exit status 3");
        assert_eq!(Exit::Signal(9).to_string(), "signal 9 (SIGKILL)");
        assert_eq!(Exit::Signal(40).to_string(), "signal 40");
    }

    #[test]
    fn a_wait_status_is_told_apart() {
        assert_eq!(Exit::from(ExitStatus::from_raw(3 << 8)), Exit::Status(3));
        assert_eq!(Exit::from(ExitStatus::from_raw(libc::SIGTERM)), Exit::Signal(libc::SIGTERM));
    }
}
