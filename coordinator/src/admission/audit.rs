//! The record of who did what: a line of JSON each, in a file that only grows, and is begun anew when it is large.
//!
//! Rooms: [`Line`] is what is written; a thread of its own writes, so that a slow disk holds nobody up for longer than the queue
//! is long. Strangers cannot flood it: of their refusals only some a second are written, and the rest are counted.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::peer::{Peer, Who};
use crate::director::RefusedRun;

const FILE: &str = "audit.log";
/// A file that has grown past this is kept as the first of the older ones.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Older files that are kept.
const OLDER_MAX: u32 = 8;
/// Lines that may wait to be written. Whoever does something worth a line waits when there are more.
const QUEUE_MAX: usize = 1_024;
/// Refusals of strangers that are written in one second.
const STRANGERS_PER_S: u32 = 20;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Deed {
    /// A job was submitted.
    Submit,
    /// A run was cancelled.
    Cancel,
    /// A run was removed.
    Remove,
    /// A baseline was set, or runs were added to one.
    SetBaseline,
    /// A baseline was removed.
    RemoveBaseline,
    /// A token was given.
    Token,
    /// A certificate was given for a token.
    Enrol,
    /// A certificate was given for an older one.
    Renew,
    /// Certificates were taken back.
    Revoke,
    /// The authority was changed.
    Rotate,
    /// An agent attached.
    Attach,
    /// Agents were to do their part in a run.
    Measure,
    /// Somebody asked to come in.
    Connect,
    /// Somebody signed in to the pages.
    Login,
    /// Somebody signed out of them.
    Logout,
    /// Somebody asked for something else.
    Call,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// When, RFC 3339 in UTC.
    at: String,
    deed: Deed,
    /// Who did it; absent when nobody asked, or nothing was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    who: Option<Caller>,
    /// From where.
    from: String,
    /// To what.
    what: String,
    /// `done` or `refused`.
    outcome: Outcome,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Caller {
    name: String,
    role: String,
    certificate: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Done,
    Refused,
}

/// Where lines are told; as many of it as are needed.
#[derive(Debug, Clone)]
pub(crate) struct Audit {
    lines: mpsc::Sender<Line>,
    folder: PathBuf,
}

impl Audit {
    /// Starts the thread that writes; it ends with the last of these.
    ///
    /// # Errors
    /// When the file cannot be written, or there is no thread.
    pub(crate) fn start(folder: &Path) -> io::Result<Self> {
        let mut record = Record::open(folder)?;
        let (lines, mut queue) = mpsc::channel(QUEUE_MAX);
        thread::Builder::new().name("fleetmark-audit".to_owned()).spawn(move || {
            while let Some(line) = queue.blocking_recv() {
                // What came meanwhile goes along: a fleet that attaches at once waits for a few syncs, not for thousands.
                let more = std::iter::from_fn(|| queue.try_recv().ok()).take(QUEUE_MAX);
                let written = [line].into_iter().chain(more).try_for_each(|line| record.take(line));
                if let Err(error) = written.and_then(|()| record.file.sync_data()) {
                    tracing::error!(%error, "what was done cannot be written down");
                }
            }
        })?;
        Ok(Self { lines, folder: folder.to_owned() })
    }

    /// Something was done.
    pub(crate) async fn done(&self, deed: Deed, peer: &Peer, what: impl Into<String>) {
        self.tell(line(deed, peer, what.into(), None)).await;
    }

    /// Something was refused.
    pub(crate) async fn refused(
        &self,
        deed: Deed,
        peer: &Peer,
        what: impl Into<String>,
        reason: impl Into<String>,
    ) {
        self.tell(line(deed, peer, what.into(), Some(reason.into()))).await;
    }

    /// Writes down every run that agents' own policies refuse, until nobody tells of one any more.
    pub(crate) fn follow(&self, mut refusals: mpsc::Receiver<RefusedRun>) {
        let audit = self.clone();
        tokio::spawn(async move {
            while let Some(RefusedRun { run, reason }) = refusals.recv().await {
                audit.tell(of_nobody(Deed::Measure, format!("run {run}"), Some(reason))).await;
            }
        });
    }

    /// The newest lines, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn newest(&self, limit: usize) -> io::Result<Vec<String>> {
        let mut lines = std::collections::VecDeque::new();
        for path in (1..=OLDER_MAX).rev().map(|age| older(&self.folder, age)).chain([self.folder.join(FILE)])
        {
            let Ok(file) = File::open(&path) else { continue };
            for line in BufReader::new(file).lines() {
                lines.push_back(line?);
                if lines.len() > limit {
                    lines.pop_front();
                }
            }
        }
        Ok(lines.into())
    }

    async fn tell(&self, line: Line) {
        if self.lines.send(line).await.is_err() {
            tracing::error!("what was done cannot be written down: the thread that does so has ended");
        }
    }
}

fn line(deed: Deed, peer: &Peer, what: String, reason: Option<String>) -> Line {
    let who = match &peer.who {
        Who::Known(holder) => Some(Caller {
            name: holder.name.to_string(),
            role: holder.role.to_string(),
            certificate: holder.serial.to_string(),
        }),
        Who::Unasked | Who::Newcomer => None,
    };
    Line { who, from: peer.from.ip().to_string(), ..of_nobody(deed, what, reason) }
}

/// A line about what nobody asked for on a connection of their own.
fn of_nobody(deed: Deed, what: String, reason: Option<String>) -> Line {
    let outcome = if reason.is_some() { Outcome::Refused } else { Outcome::Done };
    let at = jiff::Timestamp::now().to_string();
    Line { at, deed, who: None, from: String::new(), what, outcome, reason }
}

/// The file, and what of strangers was left out.
struct Record {
    folder: PathBuf,
    file: File,
    size_bytes: u64,
    /// The second of the last refusal of a stranger, as its text, and how many there were in it.
    second: String,
    strangers: u32,
}

impl Record {
    fn open(folder: &Path) -> io::Result<Self> {
        let file = append(&folder.join(FILE))?;
        let size_bytes = file.metadata()?.len();
        Ok(Self { folder: folder.to_owned(), file, size_bytes, second: String::new(), strangers: 0 })
    }

    fn take(&mut self, line: Line) -> io::Result<()> {
        let is_from_outside = !line.from.is_empty();
        let is_strangers = is_from_outside && line.who.is_none() && line.outcome == Outcome::Refused;
        // `2026-11-21T18:00:00`: the text up to the second.
        let second = line.at.get(..19).unwrap_or_default();
        if is_strangers && second == self.second {
            self.strangers += 1;
            if self.strangers > STRANGERS_PER_S {
                return Ok(());
            }
        } else {
            let left_out = self.strangers.saturating_sub(STRANGERS_PER_S);
            if left_out > 0 {
                let what = format!("{left_out} more callers without a certificate in one second");
                let reason = Some("not written one by one".to_owned());
                let summary = Line {
                    what,
                    reason,
                    deed: Deed::Connect,
                    from: String::new(),
                    who: None,
                    outcome: Outcome::Refused,
                    ..line.clone()
                };
                self.write(&summary)?;
            }
            self.second = if is_strangers { second.to_owned() } else { String::new() };
            self.strangers = u32::from(is_strangers);
        }
        self.write(&line)
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_string(line).map_err(io::Error::other)?;
        text.push('\n');
        if self.size_bytes + text.len() as u64 > FILE_BYTES_MAX {
            self.begin_anew()?;
        }
        self.file.write_all(text.as_bytes())?;
        self.size_bytes += text.len() as u64;
        Ok(())
    }

    fn begin_anew(&mut self) -> io::Result<()> {
        for age in (1..OLDER_MAX).rev() {
            let _there_may_be_none = fs::rename(older(&self.folder, age), older(&self.folder, age + 1));
        }
        fs::rename(self.folder.join(FILE), older(&self.folder, 1))?;
        self.file = append(&self.folder.join(FILE))?;
        self.size_bytes = 0;
        Ok(())
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

fn older(folder: &Path, age: u32) -> PathBuf {
    folder.join(format!("{FILE}.{age}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stranger(what: &str, at: &str) -> Line {
        let peer = Peer { from: "10.0.0.9:1".parse().unwrap(), who: Who::Newcomer };
        Line { at: at.to_owned(), ..line(Deed::Connect, &peer, what.to_owned(), Some("no".to_owned())) }
    }

    fn written(folder: &Path) -> Vec<Line> {
        let text = fs::read_to_string(folder.join(FILE)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn strangers_cannot_flood_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut record = Record::open(folder.path()).unwrap();
        for number in 0..500 {
            record.take(stranger(&format!("{number}"), "2026-11-21T18:00:00.1Z")).unwrap();
        }
        record.take(stranger("later", "2026-11-21T18:00:01.1Z")).unwrap();
        let lines = written(folder.path());
        assert_eq!(lines.len(), STRANGERS_PER_S as usize + 2);
        assert_eq!(
            lines[STRANGERS_PER_S as usize].what,
            "480 more callers without a certificate in one second"
        );
        assert_eq!(lines.last().unwrap().what, "later");
    }

    #[tokio::test]
    async fn a_run_that_agents_refuse_is_written_down() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::start(folder.path()).unwrap();
        let (refusals, told) = mpsc::channel(1);
        audit.follow(told);
        let run = shared::ids::RunId::new(1, [1; 10]);
        let reason = "agent a1 refuses: it does not run \"command\" workloads".to_owned();
        refusals.send(RefusedRun { run, reason: reason.clone() }).await.unwrap();
        let line = loop {
            match audit.newest(1).unwrap().pop() {
                Some(line) => break line,
                None => tokio::task::yield_now().await,
            }
        };
        let line: Line = serde_json::from_str(&line).unwrap();
        assert_eq!((line.deed, line.outcome), (Deed::Measure, Outcome::Refused));
        assert_eq!((line.what, line.reason), (format!("run {run}"), Some(reason)));
    }

    #[test]
    fn a_large_file_is_kept_and_a_new_one_begun() {
        let folder = tempfile::tempdir().unwrap();
        let mut record = Record::open(folder.path()).unwrap();
        record.take(stranger("first", "2026-11-21T18:00:00Z")).unwrap();
        record.size_bytes = FILE_BYTES_MAX;
        record.take(stranger("second", "2026-11-21T18:00:02Z")).unwrap();
        assert_eq!(written(folder.path()).len(), 1);
        let (lines, _queue) = mpsc::channel(1);
        let audit = Audit { lines, folder: folder.path().to_owned() };
        let newest = audit.newest(10).unwrap();
        assert!(newest[0].contains("first") && newest[1].contains("second"), "{newest:?}");
        assert_eq!(audit.newest(1).unwrap(), newest[1..]);
    }
}
