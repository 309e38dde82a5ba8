//! One agent's report on one second of one trial: deltas, numbered, never cumulative.
//!
//! Rooms: [`fold`], what finished runs keep of them; [`metric`], what was taken out of responses; [`remark`], what a program
//! said beside its figures; [`slow`], the slowest operations.

pub mod fold;
pub mod metric;
pub mod remark;
pub mod slow;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use self::fold::Folded;
pub use self::metric::MetricInterval;
pub use self::remark::{Remark, RemarkKind};
use self::slow::SlowOperation;
use crate::histogram::EncodedHistogram;
use crate::host::{Fingerprint, HostSample};
use crate::ids::{AgentId, IntervalSequence, OperationIndex, TrialKey};

/// Most operations one interval may report, and so the most a job may have.
pub const OPERATIONS_MAX: usize = 256;
/// Most error samples kept per operation, in an interval as in the report (the contract's five).
pub const ERROR_SAMPLES_MAX: usize = 5;
/// Longest text of an error sample, in bytes; what is longer is cut at a character.
pub const ERROR_SAMPLE_BYTES_MAX: usize = 512;
/// Most further measures (`cpu_time`, `max_memory`, …) of one operation.
pub const MEASURES_MAX: usize = 32;
/// Most metrics of one operation: a suite of a hundred benchmarks reports some eight figures of each. With names and
/// distributions of the usual length so many still fit into the largest interval that travels.
pub const METRICS_MAX: usize = 1_024;
/// Most remarks kept per operation, in an interval as for a trial.
pub const REMARKS_MAX: usize = 4;

/// Which part of a trial an interval belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Before the measured window. Counts nowhere: its histograms are empty.
    Warmup,
    /// The measured window.
    Measured,
    /// After the window: operations scheduled inside it are awaited.
    Drain,
}

/// One agent's report on one interval of one trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Interval {
    /// Which attempt at which trial.
    pub trial: TrialKey,
    /// Who reports.
    pub agent: AgentId,
    /// Its number, from 0 without gaps, over warm-up, window and drain.
    pub sequence: IntervalSequence,
    /// Which part of the trial it belongs to. Intervals are cut where the phase changes.
    pub phase: Phase,
    /// Its start, in nanoseconds since the trial's start T on this agent's clock.
    pub start_ns: u64,
    /// Its length in nanoseconds: about one second, less at a cut.
    pub duration_ns: u64,
    /// Whether this is the agent's last interval of the trial.
    pub is_last: bool,
    /// What happened, per operation; operations with nothing to tell are left out.
    pub operations: Vec<OperationInterval>,
    /// How the generator itself fared.
    pub engine: EngineSample,
    /// How the host fared; `None` when it could not be read.
    pub host: Option<HostSample>,
    /// What the host is, in the agent's first interval of the trial; in its last, if it is something else by then.
    pub fingerprint: Option<Box<Fingerprint>>,
    /// What was fetched of the target beside the load, by the metric's name; at most [`MEASURES_MAX`].
    pub observed: BTreeMap<String, MetricInterval>,
    /// What is left of the several intervals that it stands for; `None`: it is one, as its agent sent it.
    pub folded: Option<Folded>,
}

/// What one operation did in one interval. Everything counts operations *scheduled inside the measured
/// window*; of the warm-up only `warmup_ended` is told.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OperationInterval {
    /// Which operation.
    pub operation: OperationIndex,
    /// Operations that ended here but were scheduled in the warm-up; for live views only.
    pub warmup_ended: u64,
    /// Operations scheduled in this interval.
    pub scheduled: u64,
    /// Operations sent in this interval.
    pub sent: u64,
    /// Operations given up at the end of the drain because they could not be begun.
    pub unsent: u64,
    /// Operations that ended here as an error, by kind.
    pub errors: BTreeMap<ErrorKind, u64>,
    /// Up to [`ERROR_SAMPLES_MAX`] samples of what went wrong.
    pub error_samples: Vec<ErrorSample>,
    /// Bytes written to the measured thing.
    pub bytes_sent: u64,
    /// Bytes read from the measured thing.
    pub bytes_received: u64,
    /// Connections opened.
    pub connects: u64,
    /// Values above the histograms' bound, over all histograms of this operation.
    pub overflowed: u64,
    /// Latency of successes, ns. Its count is the number of successes.
    pub latency: Option<EncodedHistogram>,
    /// Service time of successes, ns; `None` means the same as `latency` (closed model).
    pub service_time: Option<EncodedHistogram>,
    /// The generator's own lateness, ns; `None` under a closed model.
    pub send_lag: Option<EncodedHistogram>,
    /// Time that an operation was due while every worker was busy, ns; `None` under a closed model.
    pub worker_wait: Option<EncodedHistogram>,
    /// Latency of operations that failed, ns; `None` when none did.
    pub failed: Option<EncodedHistogram>,
    /// Further measures of the workload, by name (`cpu_time` in ns, `max_memory` in bytes, …).
    pub measures: BTreeMap<String, EncodedHistogram>,
    /// What was taken out of responses, by the metric's name, at most [`METRICS_MAX`]; metrics without a value are left out.
    pub metrics: BTreeMap<String, MetricInterval>,
    /// What programs said beside their figures, at most [`REMARKS_MAX`], each once.
    pub remarks: Vec<Remark>,
    /// Those among the slowest successes of their load thread so far, slowest first, at most [`slow::SLOWEST_MAX`].
    pub slowest: Vec<SlowOperation>,
}

impl OperationInterval {
    /// Operations that ended as a success.
    pub fn succeeded(&self) -> u64 {
        self.latency.as_ref().map_or(0, EncodedHistogram::count)
    }

    /// Operations that ended as an error.
    pub fn failed_count(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Operations that ended, successes and errors.
    pub fn count(&self) -> u64 {
        self.succeeded() + self.failed_count()
    }
}

/// How the load generator fared over one interval.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct EngineSample {
    /// CPU share of the busiest load thread, 0 to 1; `None` when it could not be read.
    pub busiest_thread_cpu: Option<f64>,
    /// Load threads.
    pub threads: u32,
    /// Most workers that existed at once within the interval.
    pub workers: u32,
    /// How long after the interval's end the latest load thread first looked at its clock again, nanoseconds: a thread that
    /// runs is late by a millisecond or so, one that was stopped for a while by about that while.
    pub late_ns: u64,
}

/// How an operation can fail. The contract's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorKind {
    /// No connection could be made.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// No whole answer within the operation's timeout.
    Timeout,
    /// The connection was closed before the answer was whole.
    Closed,
    /// The answer breaks the protocol's rules.
    Protocol,
    /// The answer's status is not one that was expected.
    Status,
    /// The answer's body is not what was expected.
    Body,
    /// A program ended with an exit status that was not expected.
    Exit,
    /// A program could not be started.
    Spawn,
    /// A database gave a transaction up that others' changes stood in the way of: it may be tried again.
    Serialization,
    /// A database gave a transaction up because several waited for each other.
    Deadlock,
    /// Anything else.
    Other,
}

impl ErrorKind {
    /// Every kind, in the contract's order.
    pub const ALL: [ErrorKind; 12] = [
        ErrorKind::Connect,
        ErrorKind::Tls,
        ErrorKind::Timeout,
        ErrorKind::Closed,
        ErrorKind::Protocol,
        ErrorKind::Status,
        ErrorKind::Body,
        ErrorKind::Exit,
        ErrorKind::Spawn,
        ErrorKind::Serialization,
        ErrorKind::Deadlock,
        ErrorKind::Other,
    ];

    /// The contract's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            ErrorKind::Connect => "connect",
            ErrorKind::Tls => "tls",
            ErrorKind::Timeout => "timeout",
            ErrorKind::Closed => "closed",
            ErrorKind::Protocol => "protocol",
            ErrorKind::Status => "status",
            ErrorKind::Body => "body",
            ErrorKind::Exit => "exit",
            ErrorKind::Spawn => "spawn",
            ErrorKind::Serialization => "serialization",
            ErrorKind::Deadlock => "deadlock",
            ErrorKind::Other => "other",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What was answered, or what went wrong, in one failed operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorSample {
    /// How it failed.
    pub kind: ErrorKind,
    /// What was seen, at most [`ERROR_SAMPLE_BYTES_MAX`] bytes.
    pub message: String,
}

impl ErrorSample {
    /// Keeps a sample, cut to [`ERROR_SAMPLE_BYTES_MAX`] at a character.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: cut(message.into(), ERROR_SAMPLE_BYTES_MAX) }
    }
}

/// A text of at most so many bytes, cut at a character.
fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        let end = (0..=bytes_max - '…'.len_utf8()).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}
