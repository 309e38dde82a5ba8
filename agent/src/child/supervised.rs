//! The agent's handle on a program that runs under a [`guard`](super::guard).

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::exit::Exit;
use super::family::descendants;
use super::guard::{CONFINE, FAILED, KILL_PATIENCE, STARTED, TERMINATE_PATIENCE};
use super::launch::Launch;
use super::tail::Tail;

/// Most output that is kept of a program, bytes: enough for a stack trace, little enough to send.
pub const OUTPUT_TAIL_BYTES: usize = 64 * 1024;
/// The first word of a command that stands for fleetmark's own binary.
pub const OURSELVES: &str = "fleetmark";

/// How long a guard may take to say how the start went: it is a fork and two execs, even on a busy host.
const START_PATIENCE: Duration = Duration::from_secs(10);
/// How long a guard may take to end what it guards, with a second to spare.
const STOP_PATIENCE: Duration =
    TERMINATE_PATIENCE.saturating_add(KILL_PATIENCE).saturating_add(Duration::from_secs(1));
/// How long output may lag behind the end of all that could write it.
const OUTPUT_PATIENCE: Duration = Duration::from_millis(500);
/// Longest answer of a guard, bytes: a program's path and a reason.
const ANSWER_BYTES_MAX: u64 = 16 * 1024;
/// Bytes of output read at once: the default capacity of a pipe.
const READ_BYTES: usize = 64 * 1024;

/// Why a program could not be started. Reads after "failed to start …: ".
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The command has no words.
    #[error("the command is empty: name a program")]
    EmptyCommand,
    /// The guard's own binary could not be run.
    #[error("cannot run {} to guard {command:?}: {source}", .binary.display())]
    Guard {
        /// The binary.
        binary: PathBuf,
        /// The program that it was to guard.
        command: String,
        /// Why not.
        source: io::Error,
    },
    /// The program itself could not be started; the text names it.
    #[error("{0}")]
    Program(String),
    /// The guard ended, or stayed silent, without saying how the start went.
    #[error("the guard of {command:?} did not answer; its output: {output}")]
    NoAnswer {
        /// The program that it was to guard.
        command: String,
        /// What it wrote.
        output: String,
    },
}

/// A program that runs under a guard. Dropped, the guard ends it (SIGTERM, then SIGKILL) by itself.
#[derive(Debug)]
pub struct Supervised {
    command: String,
    guard: tokio::process::Child,
    /// Closing it is what stops the program.
    control: Option<UnixStream>,
    program: Pid,
    output: Output,
    exit: Option<Exit>,
}

impl Supervised {
    /// Starts a command under a guard. `fleetmark` is the path of fleetmark's binary
    /// (`std::env::current_exe()` outside of tests): it is the guard, and it is what [`OURSELVES`] as the
    /// first word stands for.
    ///
    /// # Errors When the command is empty, or the guard or the program cannot be started; nothing is left
    ///   running then.
    pub async fn start(fleetmark: &Path, command: &[String]) -> Result<Self, StartError> {
        Self::launched(fleetmark, &Launch::default(), command).await
    }

    /// The same, started as `launch` says.
    ///
    /// # Errors
    /// As for [`Supervised::start`].
    pub async fn launched(fleetmark: &Path, launch: &Launch, command: &[String]) -> Result<Self, StartError> {
        Self::printing_to(fleetmark, launch, command, None).await
    }

    /// The same, and what it prints on stdout goes to a file instead of the output that is kept; `None`: it does not.
    ///
    /// # Errors
    /// As for [`Supervised::start`].
    pub async fn printing_to(
        fleetmark: &Path,
        launch: &Launch,
        command: &[String],
        stdout: Option<File>,
    ) -> Result<Self, StartError> {
        let (program, arguments) = command.split_first().ok_or(StartError::EmptyCommand)?;
        let guard_failed =
            |source| StartError::Guard { binary: fleetmark.to_owned(), command: program.clone(), source };
        let (mut guard, control, mut output) =
            spawn_guard(fleetmark, launch, program, arguments, stdout).map_err(guard_failed)?;
        let mut control = BufReader::new(control);
        let mut answer = String::new();
        // A guard that breaks off has its story in its output; its silence is all that counts here.
        let _ = timeout(START_PATIENCE, (&mut control).take(ANSWER_BYTES_MAX).read_line(&mut answer)).await;
        let answer = answer.trim_end();
        if let Some(reason) = answer.strip_prefix(FAILED) {
            // It ends by itself after these words; awaited only so that no zombie stays.
            let _ = timeout(KILL_PATIENCE, guard.wait()).await;
            return Err(StartError::Program(reason.to_owned()));
        }
        let Some(program_pid) = answer.strip_prefix(STARTED).and_then(|pid| Pid::from_raw(pid.parse().ok()?))
        else {
            output.settle().await;
            return Err(StartError::NoAnswer { command: program.clone(), output: output.text() });
        };
        let control = Some(control.into_inner());
        Ok(Self { command: program.clone(), guard, control, program: program_pid, output, exit: None })
    }

    /// Waits until the program has ended, with all that it started. May be cancelled and called again.
    pub async fn wait(&mut self) -> Exit {
        if let Some(exit) = self.exit {
            return exit;
        }
        let exit = match self.guard.wait().await.map(Exit::from) {
            Ok(Exit::Status(status)) => Exit::from_passed_on(status),
            Ok(Exit::Signal(signal)) => {
                // The guard itself was killed. The program died with it, but perhaps not the rest of its
                // group.
                self.kill_group();
                Exit::Signal(signal)
            }
            Err(error) => {
                tracing::warn!(%error, command = self.command, "cannot wait for the guard");
                Exit::Signal(Signal::KILL.as_raw())
            }
        };
        self.exit = Some(exit);
        self.output.settle().await;
        exit
    }

    /// Interrupts the program's process group, as Ctrl-C does; what it makes of that is its own affair.
    pub fn interrupt(&self) {
        let _ = kill_process_group(self.program, Signal::INT);
    }

    /// Ends the program: SIGTERM, then SIGKILL; returns when it and all that it started are gone.
    pub async fn stop(mut self) -> Exit {
        self.control = None;
        if let Ok(exit) = timeout(STOP_PATIENCE, self.wait()).await {
            return exit;
        }
        // The guard hangs, or something is stuck in the kernel: take down by force whatever can be found.
        let family = self.guard_pid().map(descendants).unwrap_or_default();
        let _ = self.guard.start_kill();
        self.kill_group();
        for member in family {
            let _ = kill_process(member.pid, Signal::KILL);
        }
        timeout(KILL_PATIENCE, self.wait()).await.unwrap_or(Exit::Signal(Signal::KILL.as_raw()))
    }

    /// The program's name as it was given.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// The process id of the program, which is also that of its process group.
    pub fn pid(&self) -> u32 {
        self.program.as_raw_nonzero().get().unsigned_abs()
    }

    /// The last [`OUTPUT_TAIL_BYTES`] of what it wrote to stdout and stderr, as text.
    pub fn output_tail(&self) -> String {
        self.output.text()
    }

    fn guard_pid(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.guard.id()?).ok()?)
    }

    fn kill_group(&self) {
        let _ = kill_process_group(self.program, Signal::KILL);
    }
}

fn spawn_guard(
    fleetmark: &Path,
    launch: &Launch,
    program: &str,
    arguments: &[String],
    stdout: Option<File>,
) -> io::Result<(tokio::process::Child, UnixStream, Output)> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let ours = UnixStream::from_std(ours)?;
    let (reader, writer) = io::pipe()?;
    let reader = pipe::Receiver::from_owned_fd(OwnedFd::from(reader))?;
    let mut command = tokio::process::Command::new(fleetmark);
    launch.furnish(command.as_std_mut());
    let confinement = serde_json::to_string(&launch.confinement).map_err(io::Error::other)?;
    command.args(["guard", CONFINE, &confinement, "--"]);
    if program == OURSELVES {
        command.arg(fleetmark);
    } else {
        command.arg(program);
    }
    command.args(arguments).stdin(Stdio::from(OwnedFd::from(theirs)));
    command.stdout(match stdout {
        Some(file) => Stdio::from(file),
        None => Stdio::from(writer.try_clone()?),
    });
    command.stderr(Stdio::from(writer));
    let guard = command.spawn()?;
    // With the command goes our copy of the pipe's writing end: the output ends when the last program does.
    drop(command);
    Ok((guard, ours, Output::read_from(reader)))
}

/// What a program writes, read by a task of its own so that the program never blocks.
#[derive(Debug)]
struct Output {
    tail: Arc<Mutex<Tail>>,
    reading: Option<JoinHandle<()>>,
}

impl Output {
    fn read_from(mut reader: pipe::Receiver) -> Self {
        let tail = Arc::new(Mutex::new(Tail::new(OUTPUT_TAIL_BYTES)));
        let written = Arc::clone(&tail);
        let reading = tokio::spawn(async move {
            let mut buffer = vec![0; READ_BYTES];
            while let Ok(length @ 1..) = reader.read(&mut buffer).await {
                written.lock().unwrap_or_else(PoisonError::into_inner).push(&buffer[..length]);
            }
        });
        Self { tail, reading: Some(reading) }
    }

    /// Waits until all has been read that will ever come, but not for long: something may hold the pipe open.
    async fn settle(&mut self) {
        if let Some(mut reading) = self.reading.take()
            && timeout(OUTPUT_PATIENCE, &mut reading).await.is_err()
        {
            reading.abort();
        }
    }

    fn text(&self) -> String {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner).text()
    }
}
