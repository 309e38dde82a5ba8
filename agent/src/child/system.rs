//! The system calls that have no safe wrapper: the only `unsafe` code of the workspace.
#![expect(
    unsafe_code,
    reason = "wait4, adjtimex, pthread_sigmask, pre_exec, close_range, getpwnam_r and AsyncFd have no safe form that does what is needed"
)]

use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use rustix::process::{Gid, Pid, Signal, Uid, getpid, getppid, set_parent_process_death_signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::exit::Exit;
use super::launch::Account;

/// Longest entry of a user: names, folders and a shell, with room to spare.
const ACCOUNT_BYTES_MAX: usize = 64 * 1024;
/// Most groups of a user: as many as Linux lets a process have.
const GROUPS_MAX: usize = 65_536;

/// What the kernel says of a child that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage {
    /// How it ended.
    pub(super) exit: Exit,
    /// CPU time in user mode and in the kernel, of it and of those of its children that it awaited.
    pub(super) cpu_time: Duration,
    /// Most memory that it, or a child that it awaited, had resident at once, bytes; before exec counts too.
    pub(super) peak_memory_bytes: u64,
}

/// Whether something keeps the wall clock right, as the kernel knows it.
///
/// # Errors
/// When the kernel does not tell.
pub(crate) fn clock_is_synchronised() -> io::Result<bool> {
    let mut state = MaybeUninit::<libc::timex>::zeroed();
    // SAFETY: timex holds only integers, for which zeroes are valid, and no mode is set: the call only writes to this local.
    let result = unsafe { libc::adjtimex(state.as_mut_ptr()) };
    match result {
        ..0 => Err(io::Error::last_os_error()),
        state => Ok(state != libc::TIME_ERROR),
    }
}

/// Waits for a child of this process and says what it used. Blocks until the child has ended.
///
/// # Errors
/// When it is not, or no longer, an unreaped child of this process.
pub(super) fn wait4(child: Pid) -> io::Result<Usage> {
    let mut status: libc::c_int = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    loop {
        // SAFETY: both pointers are to live, writable locals of the types that wait4 fills.
        let result = unsafe { libc::wait4(child.as_raw_nonzero().get(), &mut status, 0, usage.as_mut_ptr()) };
        if result >= 0 {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    // SAFETY: rusage holds only integers, for which the zeroes it began with are valid; wait4 wrote over
    // them.
    let usage = unsafe { usage.assume_init() };
    Ok(Usage {
        exit: Exit::from(ExitStatus::from_raw(status)),
        cpu_time: duration_of(usage.ru_utime) + duration_of(usage.ru_stime),
        peak_memory_bytes: memory_bytes_of(&usage),
    })
}

/// Most memory that this process has had resident at once, bytes; 0 when the kernel does not say.
pub(super) fn own_peak_memory_bytes() -> u64 {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is to a live, writable local of the type that getrusage fills.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) };
    // SAFETY: rusage holds only integers, for which the zeroes it began with are valid.
    memory_bytes_of(&unsafe { usage.assume_init() })
}

/// Processors that are online, whether or not this process may run on them; 1 when the kernel does not say.
pub(super) fn processors_online() -> u64 {
    // SAFETY: sysconf reads no memory of ours.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) }).unwrap_or(1)
}

/// Has the program killed (SIGKILL) when the *thread* that spawns it ends, and so when its process dies by
/// any means.
///
/// A trap of the kernel's: the signal comes with the end of the spawning thread, not of its process. A
/// command prepared by this must be spawned from a thread that lives at least as long as the program may run:
/// a load thread, the guard's only thread; never a thread of a pool, such as tokio's blocking threads.
/// Programs with the set-user-id bit escape it.
pub(super) fn die_with_this_thread(command: &mut Command) {
    let parent = getpid();
    before_exec(command, move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died before the signal was armed: then nobody would ever send it.
        if getppid() == Some(parent) { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::ESRCH)) }
    });
}

/// Has a program begin with every signal deliverable: what a parent blocks, its children inherit.
pub(super) fn unblock_signals(command: &mut Command) {
    before_exec(command, || change_signal_mask(libc::SIG_SETMASK, &[]));
}

/// Runs something in the forked copy of this process, just before it becomes the program.
///
/// The closure runs where the locks and the heap of other threads are frozen in any state: it may do nothing
/// but system calls on what it already owns. It must not allocate, lock, or panic.
pub(super) fn before_exec(
    command: &mut Command,
    closure: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) {
    // SAFETY: between fork and exec only async-signal-safe things may happen. This function is seen by this
    // folder only, and every closure given to it makes system calls on values it captured, and nothing else;
    // the errors they return hold only a number.
    unsafe { command.pre_exec(closure) };
}

/// Has every file but standard input, output and error closed when the program begins; a kernel that cannot (before
/// Linux 5.11) closes those that we opened, which ask for it themselves.
pub(super) fn close_others_on_exec() {
    // SAFETY: it only sets a flag of descriptors; none is closed before exec. It is a plain system call.
    unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
}

/// A user's number as the kernel's calls take it.
pub(super) fn user(number: u32) -> Uid {
    Uid::from_raw(number)
}

/// A group's number as the kernel's calls take it.
pub(super) fn group(number: u32) -> Gid {
    Gid::from_raw(number)
}

/// Looks a user up with all groups, wherever the system keeps them.
///
/// # Errors
/// When there is no such user, or the system cannot say.
pub(super) fn account(name: &str) -> io::Result<Account> {
    let name = CString::new(name)?;
    let mut entry = MaybeUninit::<libc::passwd>::zeroed();
    let mut texts = vec![0; ACCOUNT_BYTES_MAX];
    let mut found = std::ptr::null_mut();
    // SAFETY: the name ends with a zero byte, the entry and the result are live locals, and the length is that of the
    // buffer; what the entry points to stays in that buffer.
    let result = unsafe {
        libc::getpwnam_r(name.as_ptr(), entry.as_mut_ptr(), texts.as_mut_ptr(), texts.len(), &mut found)
    };
    if result != 0 {
        return Err(io::Error::from_raw_os_error(result));
    }
    if found.is_null() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "there is no such user"));
    }
    // SAFETY: a result that is not null says that the entry was filled, and its texts end with zero bytes.
    let (entry, home) = unsafe {
        let entry = entry.assume_init();
        (entry, CStr::from_ptr(entry.pw_dir))
    };
    let mut groups = vec![0; GROUPS_MAX];
    let mut count = GROUPS_MAX as libc::c_int;
    // SAFETY: the count is that of the buffer, and comes back as how many were found.
    let result = unsafe { libc::getgrouplist(name.as_ptr(), entry.pw_gid, groups.as_mut_ptr(), &mut count) };
    if result < 0 {
        return Err(io::Error::other(format!("it has more than {GROUPS_MAX} groups")));
    }
    groups.truncate(usize::try_from(count).unwrap_or(0));
    let home = home.to_string_lossy().into_owned();
    Ok(Account { user: entry.pw_uid, group: entry.pw_gid, groups, home })
}

/// Makes a file descriptor one that a task can wait for until it is readable. Must be called within a tokio
/// runtime with I/O enabled.
///
/// # Errors
/// When the kernel cannot watch it: it is a regular file, or there are too many.
pub(crate) fn awaitable(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an owned descriptor is open and stays the same until it is dropped, and the AsyncFd owns it.
    let registered = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
    registered.map_err(io::Error::from)
}

/// Keeps the terminal's and the service manager's signals (SIGINT, SIGTERM, SIGHUP, SIGQUIT) from ending the
/// calling thread; they stay pending. Programs inherit this unless [`unblock_signals`] is said.
///
/// # Errors
/// When the kernel refuses, which it does not for these signals.
pub(super) fn block_terminal_signals() -> io::Result<()> {
    change_signal_mask(libc::SIG_BLOCK, &[libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT])
}

fn change_signal_mask(how: libc::c_int, signals: &[libc::c_int]) -> io::Result<()> {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: sigemptyset makes the set valid before sigaddset and pthread_sigmask read it; every pointer is
    // to the live local, and a null third argument means that the old mask is not wanted.
    let result = unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), *signal);
        }
        libc::pthread_sigmask(how, set.as_ptr(), std::ptr::null_mut())
    };
    if result == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(result)) }
}

/// Linux counts memory in KiB here.
fn memory_bytes_of(usage: &libc::rusage) -> u64 {
    u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024
}

/// A kernel time, which is never negative here, as a duration.
fn duration_of(time: libc::timeval) -> Duration {
    Duration::from_secs(time.tv_sec.unsigned_abs()) + Duration::from_micros(time.tv_usec.unsigned_abs())
}
