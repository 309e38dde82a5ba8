//! The running program: its pipes are moved, its lines cut and read, its end noticed. Killed with its whole group when this ends.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Child;
use std::rc::Rc;
use std::time::Duration;

use shared::interval::ErrorKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::time::{Instant, sleep_until};

use super::conversation::Conversation;
use super::protocol::{LINE_BYTES_MAX, read};
use crate::child::group::Group;
use crate::child::tail::Tail;
use crate::engine::clock::now_ns;
use crate::workload::invocation::Filled;

/// How long a program may take to say what it can do: interpreters with their libraries take some seconds.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;
/// What is kept of its complaints, bytes: they share an error sample of 512 with a few words before them.
const COMPLAINTS_BYTES: usize = 400;

/// How a program failed its operations.
struct Failure(ErrorKind, String);

/// Runs the program until it ends or breaks the protocol; then whatever it was asked for is lost.
pub(super) async fn run(mut filled: Filled, conversation: Rc<Conversation>) {
    let started = filled.program.spawn().and_then(|(group, child)| Ok((group, Pipes::of(child)?)));
    let (group, pipes) = match started {
        Ok(started) => started,
        Err(error) => {
            let message = format!("cannot start {:?}: {error}", filled.name);
            return conversation.end(ErrorKind::Spawn, message);
        }
    };
    let mut running = Running {
        conversation: Rc::clone(&conversation),
        complaints: Tail::new(COMPLAINTS_BYTES),
        unread: Vec::new(),
        unwritten: conversation.hello(),
    };
    let Failure(kind, message) = running.converse(&group, pipes, &filled.name).await;
    let complaints = running.complaints.text();
    let said = if complaints.is_empty() { message } else { format!("{message}: {complaints}") };
    // Whatever still runs of it has nothing more to say.
    drop(group);
    conversation.end(kind, said);
}

/// Our ends of its pipes.
struct Pipes {
    stdin: pipe::Sender,
    stdout: pipe::Receiver,
    stderr: pipe::Receiver,
}

impl Pipes {
    fn of(child: Child) -> io::Result<Self> {
        let missing = || io::Error::other("it has no pipe");
        Ok(Self {
            stdin: pipe::Sender::from_owned_fd(OwnedFd::from(child.stdin.ok_or_else(missing)?))?,
            stdout: pipe::Receiver::from_owned_fd(OwnedFd::from(child.stdout.ok_or_else(missing)?))?,
            stderr: pipe::Receiver::from_owned_fd(OwnedFd::from(child.stderr.ok_or_else(missing)?))?,
        })
    }
}

struct Running {
    conversation: Rc<Conversation>,
    /// The end of what it wrote to its standard error.
    complaints: Tail,
    /// The beginning of a line.
    unread: Vec<u8>,
    /// What the program has not taken yet.
    unwritten: Vec<u8>,
}

impl Running {
    async fn converse(&mut self, group: &Group, pipes: Pipes, name: &str) -> Failure {
        let Pipes { mut stdin, mut stdout, mut stderr } = pipes;
        let (mut said, mut complained) = (vec![0; READ_BYTES], vec![0; READ_BYTES]);
        let ready_by = Instant::now() + READY_WITHIN;
        let (mut is_ended, mut complains) = (false, true);
        loop {
            if self.unwritten.is_empty() {
                self.unwritten = self.conversation.take_due().unwrap_or_default();
            }
            tokio::select! {
                biased;
                length = stdout.read(&mut said) => match length {
                    Ok(length @ 1..) => {
                        if let Err(breach) = self.hear(&said[..length]) {
                            return Failure(ErrorKind::Protocol, breach);
                        }
                    }
                    _ => break,
                },
                written = stdin.write(&self.unwritten), if !self.unwritten.is_empty() && !is_ended => match written {
                    Ok(length) => drop(self.unwritten.drain(..length)),
                    // Its end will say why it reads no more.
                    Err(_) => is_ended = true,
                },
                () = self.conversation.wake.notified(), if self.unwritten.is_empty() => {}
                length = stderr.read(&mut complained), if complains => match length {
                    Ok(length @ 1..) => self.complaints.push(&complained[..length]),
                    _ => complains = false,
                },
                ended = group.ended(), if !is_ended => match ended {
                    // What it wrote last is still in the pipe: the end of that is what ends this.
                    Ok(()) => {
                        is_ended = true;
                        group.kill();
                    }
                    Err(error) => return Failure(ErrorKind::Other, format!("cannot wait for {name:?}: {error}")),
                },
                () = sleep_until(ready_by), if self.conversation.is_starting() => {
                    let message = format!("{name:?} did not say that it is ready within {READY_WITHIN:?}");
                    return Failure(ErrorKind::Timeout, message);
                }
                // It was given up from outside.
                () = std::future::ready(()), if self.conversation.is_over() => {
                    return Failure(ErrorKind::Protocol, "the program was given up".to_owned());
                }
            }
        }
        while complains && let Ok(length @ 1..) = rustix::io::read(&stderr, &mut complained[..]) {
            self.complaints.push(&complained[..length]);
        }
        Failure(
            ErrorKind::Closed,
            format!("{name:?} ended, or closed its standard output, while it was needed"),
        )
    }

    /// Takes in what was read: whole lines are heard, the beginning of another is kept.
    fn hear(&mut self, bytes: &[u8]) -> Result<(), String> {
        let at_ns = now_ns();
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            rest = after;
            if self.unread.len() + line.len() > LINE_BYTES_MAX {
                return Err(too_long());
            }
            let heard = if self.unread.is_empty() {
                read(line)
            } else {
                self.unread.extend_from_slice(line);
                read(&std::mem::take(&mut self.unread))
            };
            self.conversation.hear(heard?, at_ns)?;
        }
        if self.unread.len() + rest.len() > LINE_BYTES_MAX {
            return Err(too_long());
        }
        self.unread.extend_from_slice(rest);
        Ok(())
    }
}

fn too_long() -> String {
    format!("the program wrote a line of more than {LINE_BYTES_MAX} bytes")
}
