//! The thread that keeps intervals in files. Nobody waits for it: orders go in, and what came of them comes out.

use std::collections::HashMap;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc as blocking;
use std::thread;

use tokio::sync::mpsc;

use super::Numbered;
use super::segments::Segments;

/// Reports that may wait for the session: it takes each at once, and the thread may wait for it.
const REPORTS_MAX: usize = 256;
/// Permission of a data folder that is made here: its owner's alone.
const FOLDER_MODE: u32 = 0o700;

/// One trial's files, in one life of its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SpillId(u64);

/// What to do with files, in the order in which it is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpillOrder {
    /// Keep an interval behind all others of this spill.
    Write {
        /// Where.
        spill: SpillId,
        /// What.
        interval: Numbered,
    },
    /// Read the oldest back, and forget them.
    Recall {
        /// From where.
        spill: SpillId,
        /// How many; so many were ordered to be written.
        count: usize,
    },
    /// Forget all.
    Discard(SpillId),
}

/// What came of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpillReport {
    /// An interval is in its file.
    Written {
        /// Its bytes.
        size_bytes: u64,
    },
    /// An interval could not be written, and none after it will be.
    NotWritten {
        /// Where it belongs.
        spill: SpillId,
        /// Its number.
        sequence: u64,
        /// Its bytes.
        size_bytes: u64,
        /// Why not.
        reason: String,
    },
    /// Intervals were read back, as they had been written.
    Recalled {
        /// From where.
        spill: SpillId,
        /// They, in order.
        intervals: Vec<Numbered>,
    },
    /// This interval, and so all after it, cannot be read back as it was written.
    Unreadable {
        /// Where it was.
        spill: SpillId,
        /// Its number.
        sequence: u64,
        /// What is wrong.
        reason: String,
    },
}

/// Why intervals cannot be kept in files at all.
#[derive(Debug, thiserror::Error)]
pub enum SpillError {
    /// The folder cannot be made, or nothing in it.
    #[error("keep intervals in the folder {}: {source}; choose another with --data", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The system gives no thread.
    #[error("start the thread that keeps intervals: {0}")]
    Thread(io::Error),
}

/// The thread; it ends when this is dropped, and its files are gone with it.
#[derive(Debug)]
pub struct Spill {
    orders: blocking::Sender<SpillOrder>,
}

impl SpillId {
    /// The one after this.
    pub(super) fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Its bytes, for checksums.
    pub(super) fn to_be_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

impl Spill {
    /// Starts the thread over a folder, which is made if it is not there.
    ///
    /// # Errors
    /// When no file can be made in the folder.
    pub fn start(folder: PathBuf) -> Result<(Self, mpsc::Receiver<SpillReport>), SpillError> {
        if let Err(source) = check(&folder) {
            return Err(SpillError::Folder { folder, source });
        }
        // The outbox bounds what is in it: writes by their bytes, and one recall and one discard a trial.
        let (orders, inbox) = blocking::channel();
        let (outbox, reports) = mpsc::channel(REPORTS_MAX);
        thread::Builder::new()
            .name("fleetmark-spill".to_owned())
            .spawn(move || serve(&folder, &inbox, &outbox))
            .map_err(SpillError::Thread)?;
        Ok((Self { orders }, reports))
    }

    /// Gives an order; never waits.
    pub fn order(&self, order: SpillOrder) {
        let _the_session_is_ending = self.orders.send(order);
    }
}

/// Makes the folder, and a file in it that is gone at once.
fn check(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)?;
    tempfile::tempfile_in(folder).map(drop)
}

fn serve(folder: &Path, orders: &blocking::Receiver<SpillOrder>, reports: &mpsc::Sender<SpillReport>) {
    let mut spills = HashMap::new();
    for order in orders {
        for report in carry_out(folder, &mut spills, order) {
            if reports.blocking_send(report).is_err() {
                return;
            }
        }
    }
}

/// Carries out one order over the files of all trials, and tells what came of it.
pub(super) fn carry_out(
    folder: &Path,
    spills: &mut HashMap<SpillId, Segments>,
    order: SpillOrder,
) -> Vec<SpillReport> {
    match order {
        SpillOrder::Write { spill, interval } => {
            let segments = spills.entry(spill).or_insert_with(|| {
                tracing::warn!(trial = %interval.trial, folder = %folder.display(), "the coordinator does not keep up; further intervals are kept on disk");
                Segments::new(folder, spill, interval.trial)
            });
            let size_bytes = interval.bytes.len() as u64;
            vec![match segments.write(&interval) {
                Ok(()) => SpillReport::Written { size_bytes },
                Err(error) => SpillReport::NotWritten {
                    spill,
                    sequence: interval.sequence,
                    size_bytes,
                    reason: error.to_string(),
                },
            }]
        }
        SpillOrder::Recall { spill, count } => {
            spills.get_mut(&spill).map_or_else(Vec::new, |segments| recall(spill, segments, count))
        }
        SpillOrder::Discard(spill) => {
            spills.remove(&spill);
            Vec::new()
        }
    }
}

fn recall(spill: SpillId, segments: &mut Segments, count: usize) -> Vec<SpillReport> {
    let mut intervals = Vec::with_capacity(count);
    let mut unreadable = None;
    while intervals.len() < count && unreadable.is_none() {
        let sequence = segments.next_sequence();
        match segments.read() {
            Ok(interval) => intervals.push(interval),
            Err(error) => {
                unreadable = Some(SpillReport::Unreadable { spill, sequence, reason: error.to_string() });
            }
        }
    }
    [SpillReport::Recalled { spill, intervals }].into_iter().chain(unreadable).collect()
}
