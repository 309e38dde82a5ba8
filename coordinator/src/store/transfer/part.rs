//! One part of an export, with its length and its CRC.

use std::io::{self, Read, Write};
use std::sync::Arc;

use shared::baseline::Baseline;
use shared::ids::{AgentId, IntervalSequence, RunId, TrialIndex, TrialKey};
use shared::run_record::{RunRecord, RunSummary};

use crate::store::envelope::PAYLOAD_BYTES_MAX;
use crate::store::error::StoreError;
use crate::store::{CachedReport, StoredInterval};

const MAGIC: &[u8; 17] = b"fleetmark-export\n";
/// The newest form of exports that this version knows.
const VERSION: u16 = 2;
/// Longest part: the largest payload, and room for its address.
const PART_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + 64 * 1024;

const RUN: u8 = 1;
const FILE: u8 = 2;
const INTERVAL: u8 = 3;
const ENDING: u8 = 4;
const ABANDONED: u8 = 5;
const END: u8 = 6;
const BASELINE: u8 = 7;

/// One part of an export.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// A run begins.
    Run(Box<RunRecord>),
    /// A file that came with it.
    File {
        /// Its path as the job writes it.
        path: String,
        /// What is in it.
        content: Vec<u8>,
    },
    /// One of its intervals.
    Interval(StoredInterval),
    /// It ends, whole.
    Ending {
        /// Its line in lists.
        summary: RunSummary,
        /// Its report.
        report: CachedReport,
    },
    /// It turned out to be damaged: what came of it does not count.
    Abandoned,
    /// A baseline; baselines follow all runs.
    Baseline(Box<Baseline>),
    /// The export ends.
    End,
}

impl Part {
    /// What it is, for messages.
    pub fn noun(&self) -> &'static str {
        match self {
            Part::Run(_) => "a run",
            Part::File { .. } => "a file",
            Part::Interval(_) => "an interval",
            Part::Ending { .. } => "a run's ending",
            Part::Abandoned => "a run's abandonment",
            Part::Baseline(_) => "a baseline",
            Part::End => "the end",
        }
    }

    fn encode(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match self {
            Part::Run(record) => {
                bytes.push(RUN);
                serde_json::to_writer(&mut bytes, record)?;
            }
            Part::File { path, content } => {
                bytes.push(FILE);
                push_sized(&mut bytes, path.as_bytes());
                bytes.extend_from_slice(content);
            }
            Part::Interval(interval) => {
                bytes.push(INTERVAL);
                bytes.extend_from_slice(interval.trial.run.as_bytes());
                bytes.extend_from_slice(&interval.trial.trial.0.to_be_bytes());
                bytes.extend_from_slice(&interval.trial.attempt.to_be_bytes());
                bytes.extend_from_slice(interval.agent.as_bytes());
                bytes.extend_from_slice(&interval.sequence.0.to_be_bytes());
                bytes.extend_from_slice(&interval.bytes);
            }
            Part::Ending { summary, report } => {
                bytes.push(ENDING);
                push_sized(&mut bytes, &serde_json::to_vec(summary)?);
                push_sized(&mut bytes, report.analysis_version.as_bytes());
                bytes.extend_from_slice(&report.json);
            }
            Part::Abandoned => bytes.push(ABANDONED),
            Part::Baseline(baseline) => {
                bytes.push(BASELINE);
                serde_json::to_writer(&mut bytes, baseline)?;
            }
            Part::End => bytes.push(END),
        }
        Ok(bytes)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (tag, mut rest) = bytes.split_first()?;
        let rest = &mut rest;
        let part = match *tag {
            RUN => Part::Run(Box::new(serde_json::from_slice(rest).ok()?)),
            FILE => {
                let path = String::from_utf8(take_sized(rest)?.to_vec()).ok()?;
                Part::File { path, content: rest.to_vec() }
            }
            INTERVAL => {
                let run = RunId::from_bytes(take(rest, 16)?).ok()?;
                let trial = TrialIndex(u32::from_be_bytes(take(rest, 4)?.try_into().ok()?));
                let attempt = u32::from_be_bytes(take(rest, 4)?.try_into().ok()?);
                let agent = AgentId::from_bytes(take(rest, 16)?).ok()?;
                let sequence = IntervalSequence(u64::from_be_bytes(take(rest, 8)?.try_into().ok()?));
                let trial = TrialKey { run, trial, attempt };
                Part::Interval(StoredInterval { trial, agent, sequence, bytes: rest.to_vec() })
            }
            ENDING => {
                let summary = serde_json::from_slice(take_sized(rest)?).ok()?;
                let analysis_version = String::from_utf8(take_sized(rest)?.to_vec()).ok()?;
                Part::Ending { summary, report: CachedReport { analysis_version, json: rest.to_vec() } }
            }
            ABANDONED => Part::Abandoned,
            BASELINE => Part::Baseline(Box::new(serde_json::from_slice(rest).ok()?)),
            END => Part::End,
            _ => return None,
        };
        Some(part)
    }
}

/// Writes parts to a stream.
pub struct PartWriter<'a> {
    stream: &'a mut dyn Write,
}

impl<'a> PartWriter<'a> {
    /// Begins an export.
    ///
    /// # Errors
    /// When the stream cannot be written.
    pub fn new(stream: &'a mut dyn Write) -> Result<Self, StoreError> {
        stream
            .write_all(MAGIC)
            .and_then(|()| stream.write_all(&VERSION.to_be_bytes()))
            .map_err(not_written)?;
        Ok(Self { stream })
    }

    /// Writes one part.
    ///
    /// # Errors
    /// When the stream cannot be written, or the part is too large.
    pub fn write(&mut self, part: &Part) -> Result<(), StoreError> {
        let bytes = part.encode().map_err(|error| not_written(error.into()))?;
        crate::store::within(&bytes, PART_BYTES_MAX, part.noun())?;
        let length = u32::try_from(bytes.len()).expect("a part is below PART_BYTES_MAX");
        let crc = crc32fast::hash(&bytes);
        self.stream
            .write_all(&length.to_be_bytes())
            .and_then(|()| self.stream.write_all(&crc.to_be_bytes()))
            .and_then(|()| self.stream.write_all(&bytes))
            .map_err(not_written)
    }

    /// Hands everything written to the stream's owner.
    ///
    /// # Errors
    /// When the stream cannot be written.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        self.stream.flush().map_err(not_written)
    }
}

/// Reads parts from a stream that may hold anything.
pub struct PartReader<'a> {
    stream: &'a mut dyn Read,
    /// Parts read so far, for messages.
    parts: u64,
}

impl<'a> PartReader<'a> {
    /// Begins to read an export.
    ///
    /// # Errors
    /// [`StoreError::BadExport`] when it is none, [`StoreError::Newer`] when it is from the future.
    pub fn new(stream: &'a mut dyn Read) -> Result<Self, StoreError> {
        let mut magic = [0; MAGIC.len()];
        let mut version = [0; 2];
        read_exact(stream, &mut magic, "its beginning")?;
        if magic != *MAGIC {
            return Err(StoreError::BadExport("it does not begin like an export of fleetmark".to_owned()));
        }
        read_exact(stream, &mut version, "its version")?;
        let found = u16::from_be_bytes(version);
        if found > VERSION {
            return Err(StoreError::Newer { what: "the export".to_owned(), found, known: VERSION });
        }
        Ok(Self { stream, parts: 0 })
    }

    /// Reads the next part.
    ///
    /// # Errors
    /// [`StoreError::BadExport`] when it is cut or altered.
    pub fn read(&mut self) -> Result<Part, StoreError> {
        self.parts += 1;
        let which = format!("part {}", self.parts);
        let mut header = [0; 8];
        read_exact(self.stream, &mut header, &which)?;
        let length = u32::from_be_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let crc = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        if length > PART_BYTES_MAX {
            return Err(StoreError::BadExport(format!(
                "{which} says that it has {length} bytes, which none has"
            )));
        }
        // Grown as bytes arrive: the length alone is a stranger's word.
        let mut bytes = Vec::new();
        let mut limited = Read::take(&mut *self.stream, length as u64);
        limited.read_to_end(&mut bytes).map_err(|error| not_read(&which, error))?;
        if bytes.len() < length {
            return Err(StoreError::BadExport(format!("it is cut within {which}")));
        }
        if crc32fast::hash(&bytes) != crc {
            return Err(StoreError::BadExport(format!("the checksum of {which} does not fit")));
        }
        Part::decode(&bytes).ok_or_else(|| StoreError::BadExport(format!("{which} makes no sense")))
    }
}

fn read_exact(stream: &mut dyn Read, buffer: &mut [u8], what: &str) -> Result<(), StoreError> {
    stream.read_exact(buffer).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => StoreError::BadExport(format!("it is cut at {what}")),
        _ => not_read(what, error),
    })
}

fn not_read(what: &str, source: io::Error) -> StoreError {
    StoreError::Io { doing: format!("read {what} of the export"), source: Arc::new(source) }
}

fn not_written(source: io::Error) -> StoreError {
    StoreError::Io { doing: "write the export".to_owned(), source: Arc::new(source) }
}

fn push_sized(bytes: &mut Vec<u8>, content: &[u8]) {
    let length = u32::try_from(content.len()).expect("paths, summaries and versions are far below 4 GiB");
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(content);
}

fn take<'b>(rest: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

fn take_sized<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = u32::from_be_bytes(take(rest, 4)?.try_into().ok()?);
    take(rest, length as usize)
}
