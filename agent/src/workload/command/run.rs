//! One program from its start to its end, with what it used, within its time.

use std::convert::Infallible;
use std::io;
use std::os::fd::OwnedFd;
use std::process::Child;
use std::time::Duration;

use shared::interval::{ErrorKind, Remark, RemarkKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::time::{sleep, timeout};

use super::report::{Awaited, Report};
use super::settings::Settings;
use super::{CPU_TIME, MAX_MEMORY};
use crate::child::group::Ended;
use crate::child::tail::Tail;
use crate::engine::clock::now_ns;
use crate::workload::Outcome;
use crate::workload::invocation::Filled;

/// What is kept of each output, bytes: it shares an error sample of 512 with a few words before it.
const OUTPUT_TAIL_BYTES: usize = 400;
/// Of complaints beside output, so that both fit.
const COMPLAINTS_BYTES: usize = 120;
/// Of output beside complaints.
const WORDS_BYTES: usize = 260;
/// Bytes of output read at once.
const READ_BYTES: usize = 16 * 1024;
/// Most output still read after the program's end: the most a pipe may hold unprivileged. More comes only
/// from a descendant that left the process group, and nobody waits for that.
const LEFTOVER_BYTES_MAX: usize = 1024 * 1024;
/// How long a killed program may take to vanish before it is left to be reaped in the background.
const KILL_PATIENCE: Duration = Duration::from_secs(1);

/// The memory a worker keeps for what its programs write.
#[derive(Debug)]
pub(super) struct Capture {
    stdout: Stream,
    stderr: Stream,
}

impl Capture {
    pub(super) fn new() -> Self {
        Self { stdout: Stream::new(), stderr: Stream::new() }
    }

    /// What the program said last: its complaints, or else its output. Of one that writes its report to a file both: test runners
    /// say on their standard output what failed.
    fn last_words(&self, settings: &Settings) -> String {
        let (complaints, output) = (self.stderr.tail.text(), self.stdout.tail.text());
        let writes_file = settings.parsing.as_ref().is_some_and(|parsing| parsing.output.is_some());
        match (complaints.is_empty(), writes_file && !output.is_empty()) {
            (true, _) => output,
            (false, false) => complaints,
            (false, true) => {
                format!("{} … {}", end_of(&complaints, COMPLAINTS_BYTES), end_of(&output, WORDS_BYTES))
            }
        }
    }
}

/// The end of a text, of about so many bytes.
fn end_of(text: &str, bytes: usize) -> &str {
    let start = text.len().saturating_sub(bytes);
    let start = (start..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[start..]
}

/// Runs a program, gives it its input, and writes into `outcome` how it went and what it reported. Dropped before its end, the
/// program is killed with its group.
pub(super) async fn run(
    settings: &Settings,
    filled: &mut Filled,
    (input, awaited): (&[u8], Option<Awaited>),
    capture: &mut Capture,
    outcome: &mut Outcome,
) {
    capture.stdout.begin(awaited.as_ref().and_then(Awaited::stdout_bytes_max));
    capture.stderr.begin(None);
    outcome.sent_ns = now_ns();
    let started = filled.program.spawn().and_then(|(group, child)| Ok((group, Pipes::of(child)?)));
    let (group, mut pipes) = match started {
        Ok(started) => started,
        Err(error) => {
            outcome.ended_ns = now_ns();
            return outcome.fail(ErrorKind::Spawn, || spawn_message(filled, &error));
        }
    };
    let end = tokio::select! {
        biased;
        end = group.ended() => End::ByItself(end),
        () = sleep(settings.timeout) => End::TimedOut,
        never = pipes.converse(input, capture, &mut outcome.bytes_sent) => match never {},
    };
    outcome.ended_ns = now_ns();
    let seen = match end {
        End::ByItself(Ok(())) => {
            let ended = group.finish();
            // Everything that wrote to the pipes is dead now, so what they hold is all there is.
            pipes.read_leftovers(capture);
            ended.map(Some)
        }
        End::ByItself(Err(error)) => Err(error),
        End::TimedOut => {
            group.kill();
            if let Ok(Ok(())) = timeout(KILL_PATIENCE, group.ended()).await {
                group.finish().map(|_| None)
            } else {
                Ok(None)
            }
        }
    };
    outcome.bytes_received = capture.stdout.tail.seen_bytes() + capture.stderr.tail.seen_bytes();
    match seen {
        Ok(Some(ended)) => {
            let report = match awaited {
                Some(awaited) => awaited.take(capture.stdout.kept.take()).await.map_err(|it| it.to_string()),
                None => Ok(Report::default()),
            };
            judge(settings, filled, (ended, report), capture, outcome);
        }
        Ok(None) => outcome.fail(ErrorKind::Timeout, || {
            with_words(
                format!("{:?} did not end within {:?} and was killed", filled.name, settings.timeout),
                settings,
                capture,
            )
        }),
        Err(error) => {
            outcome.fail(ErrorKind::Other, || format!("cannot wait for {:?}: {error}", filled.name))
        }
    }
}

/// What came first.
enum End {
    ByItself(io::Result<()>),
    TimedOut,
}

/// What a program reported is kept whatever its end was; that it reported nothing only matters where that was as expected.
fn judge(
    settings: &Settings,
    filled: &Filled,
    (ended, report): (Ended, Result<Report, String>),
    capture: &Capture,
    outcome: &mut Outcome,
) {
    let problem = match report {
        Ok(report) => {
            if settings.parsing.is_some() {
                outcome.remarks.push(Remark::new(RemarkKind::LastWords, capture.last_words(settings)));
            }
            outcome.remarks.extend(report.remarks);
            outcome.reported = report.metrics;
            None
        }
        Err(problem) => Some(problem),
    };
    if !settings.expects(ended.exit) {
        outcome.fail(ErrorKind::Exit, || {
            with_words(format!("{:?} ended with {}", filled.name, ended.exit), settings, capture)
        });
    } else if let Some(problem) = problem {
        outcome.fail(ErrorKind::Body, || {
            let said = format!("{:?} ended well, but its report cannot be used: {problem}", filled.name);
            with_words(said, settings, capture)
        });
    } else {
        outcome.measures.note(CPU_TIME, Some(u64::try_from(ended.cpu_time.as_nanos()).unwrap_or(u64::MAX)));
        outcome.measures.note(MAX_MEMORY, ended.peak_memory_bytes);
    }
}

/// Says what could not be started; the system's own words leave open whether program or directory is missing.
fn spawn_message(filled: &Filled, error: &io::Error) -> String {
    let program = &filled.name;
    match &filled.directory {
        Some(directory) if !directory.is_dir() => {
            format!("cannot start {program:?}: `cwd` {} is not a directory", directory.display())
        }
        _ if error.kind() == io::ErrorKind::NotFound && !program.contains('/') => {
            format!("cannot start {program:?}: it was not found in PATH, or lacks its interpreter")
        }
        _ => format!("cannot start {program:?}: {error}"),
    }
}

fn with_words(message: String, settings: &Settings, capture: &Capture) -> String {
    match capture.last_words(settings) {
        words if words.is_empty() => message,
        words => format!("{message}: {words}"),
    }
}

/// Our ends of a program's pipes.
struct Pipes {
    stdin: Option<pipe::Sender>,
    stdout: Option<pipe::Receiver>,
    stderr: Option<pipe::Receiver>,
}

impl Pipes {
    fn of(child: Child) -> io::Result<Self> {
        let receiver = |fd: OwnedFd| pipe::Receiver::from_owned_fd(fd);
        Ok(Self {
            stdin: child.stdin.map(|stdin| pipe::Sender::from_owned_fd(OwnedFd::from(stdin))).transpose()?,
            stdout: child.stdout.map(OwnedFd::from).map(receiver).transpose()?,
            stderr: child.stderr.map(OwnedFd::from).map(receiver).transpose()?,
        })
    }

    /// Feeds the program and reads what it writes, so that it never blocks on us, until this is dropped.
    async fn converse(&mut self, text: &[u8], capture: &mut Capture, sent_bytes: &mut u64) -> Infallible {
        let Self { stdin, stdout, stderr } = self;
        tokio::join!(
            feed(stdin, text, sent_bytes),
            capture.stdout.read_on(stdout),
            capture.stderr.read_on(stderr)
        );
        std::future::pending().await
    }

    fn read_leftovers(&self, capture: &mut Capture) {
        capture.stdout.read_leftovers(self.stdout.as_ref());
        capture.stderr.read_leftovers(self.stderr.as_ref());
    }
}

/// Writes all of the text, then closes the pipe. A program that does not want to read it all may close it
/// earlier.
async fn feed(pipe: &mut Option<pipe::Sender>, mut text: &[u8], sent_bytes: &mut u64) {
    let Some(mut pipe) = pipe.take() else { return };
    while !text.is_empty() {
        let Ok(length) = pipe.write(text).await else {
            return;
        };
        *sent_bytes += length as u64;
        text = &text[length..];
    }
}

/// One output stream: its end, all of it where that was asked for, and the buffer that it is read with.
#[derive(Debug)]
struct Stream {
    tail: Tail,
    /// All of it, while that is no more than `kept_bytes_max`.
    kept: Option<Vec<u8>>,
    kept_bytes_max: usize,
    buffer: Box<[u8]>,
}

impl Stream {
    fn new() -> Self {
        let buffer = vec![0; READ_BYTES].into_boxed_slice();
        Self { tail: Tail::new(OUTPUT_TAIL_BYTES), kept: None, kept_bytes_max: 0, buffer }
    }

    /// Forgets what another program wrote. With `bytes_max` the next one's output is kept, if it is no longer.
    fn begin(&mut self, bytes_max: Option<usize>) {
        self.tail.clear();
        self.kept = bytes_max.map(|_| Vec::new());
        self.kept_bytes_max = bytes_max.unwrap_or(0);
    }

    fn take_in(&mut self, length: usize) {
        let bytes = &self.buffer[..length];
        self.tail.push(bytes);
        match &mut self.kept {
            Some(kept) if kept.len() + length <= self.kept_bytes_max => kept.extend_from_slice(bytes),
            kept => *kept = None,
        }
    }

    async fn read_on(&mut self, pipe: &mut Option<pipe::Receiver>) {
        let Some(pipe) = pipe else { return };
        while let Ok(length @ 1..) = pipe.read(&mut self.buffer).await {
            self.take_in(length);
        }
    }

    /// Reads what the pipe holds without waiting for more, and without asking the runtime, which may not have
    /// seen the last of it.
    fn read_leftovers(&mut self, pipe: Option<&pipe::Receiver>) {
        let Some(pipe) = pipe else { return };
        let mut read_bytes = 0;
        while read_bytes < LEFTOVER_BYTES_MAX
            && let Ok(length @ 1..) = rustix::io::read(pipe, &mut self.buffer[..])
        {
            self.take_in(length);
            read_bytes += length;
        }
    }
}
