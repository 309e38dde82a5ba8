//! What the thread does: a loop over commands, with appends gathered into one commit.

use std::panic::{self, AssertUnwindSafe};

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::store::error::StoreError;
use crate::store::sled::words_of;
use crate::store::{ResultStore, StoredInterval};

/// Appends committed together at most: a second of a large fleet, so that it waits for one fsync and not for ten.
const COMMIT_APPENDS_MAX: usize = 4_096;
/// Bytes committed together at most, so that one commit stays well below a second on a slow disk.
const COMMIT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What a caller does with the store, its answer included.
pub(super) type Call = Box<dyn FnOnce(&mut dyn ResultStore) + Send>;

/// What the thread is asked to do.
pub(super) enum Command {
    Append(Append),
    Call(Call),
    Close(oneshot::Sender<()>),
}

/// Intervals to be stored, and who waits for that.
pub(super) struct Append {
    pub(super) batch: Vec<StoredInterval>,
    pub(super) answer: oneshot::Sender<Result<(), StoreError>>,
    /// Its share of the queue's bytes, given back when it is answered.
    pub(super) _room: OwnedSemaphorePermit,
}

/// What is asked of a store, in order.
pub struct StoreQueue {
    commands: mpsc::Receiver<Command>,
    /// Taken already, while appends before it were gathered.
    next: Option<Command>,
}

impl StoreQueue {
    pub(super) fn new(commands: mpsc::Receiver<Command>) -> Self {
        Self { commands, next: None }
    }

    /// Serves commands until the last handle is gone or one of them closes the store.
    pub(super) fn serve_all(mut self, mut store: Box<dyn ResultStore>) {
        while let Some(command) = self.next.take().or_else(|| self.commands.blocking_recv()) {
            if let Some(answer) = self.serve(command, &mut *store) {
                self.commands.close();
                drop(store);
                // Whoever asked may have gone; the store is closed all the same.
                let _nobody_waits = answer.send(());
                return;
            }
        }
    }

    /// Serves what is asked first, with all appends that wait behind it if it is one. False: nothing is asked now.
    pub fn serve_next(&mut self, store: &mut dyn ResultStore) -> bool {
        let Some(command) = self.next.take().or_else(|| self.commands.try_recv().ok()) else { return false };
        // Whoever owns the store closes it himself.
        drop(self.serve(command, store));
        true
    }

    /// Whether nothing is asked now.
    pub fn is_empty(&self) -> bool {
        self.next.is_none() && self.commands.is_empty()
    }

    /// Serves one command; returns whom to answer once the store is closed, if that is what was asked.
    fn serve(&mut self, command: Command, store: &mut dyn ResultStore) -> Option<oneshot::Sender<()>> {
        match command {
            Command::Append(first) => {
                let (appends, following) = gather(first, &mut self.commands);
                self.next = following;
                commit(store, appends);
            }
            Command::Call(call) => call(store),
            Command::Close(answer) => return Some(answer),
        }
        None
    }
}

/// Runs a caller's closure; a panic in it is its own caller's error, and the thread goes on.
pub(super) fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, StoreError> {
    panic::catch_unwind(AssertUnwindSafe(call)).map_err(|panic| StoreError::Panicked(words_of(&*panic)))
}

/// Takes the appends that wait behind the first one, within bounds, and the command that follows them.
fn gather(first: Append, queue: &mut mpsc::Receiver<Command>) -> (Vec<Append>, Option<Command>) {
    let size_of = |append: &Append| append.batch.iter().map(|interval| interval.bytes.len()).sum::<usize>();
    let mut size_bytes = size_of(&first);
    let mut appends = vec![first];
    while appends.len() < COMMIT_APPENDS_MAX && size_bytes < COMMIT_BYTES_MAX {
        match queue.try_recv() {
            Ok(Command::Append(append)) => {
                size_bytes += size_of(&append);
                appends.push(append);
            }
            Ok(other) => return (appends, Some(other)),
            Err(_) => break,
        }
    }
    (appends, None)
}

/// Appends all, commits once, and only then answers. One refused batch does not spoil the others; a failed
/// commit fails all.
fn commit(store: &mut dyn ResultStore, appends: Vec<Append>) {
    let (mut intervals, mut callers) = (Vec::new(), Vec::with_capacity(appends.len()));
    for Append { batch, answer, _room } in appends {
        callers.push(Caller { intervals: batch.len(), answer, _room });
        intervals.extend(batch);
    }
    let accepted = match append(store, &intervals) {
        Ok(()) => callers,
        // Somebody's are refused: whose shows when each is asked for alone.
        Err(_) => append_one_by_one(store, &intervals, callers),
    };
    let committed = guarded(|| store.commit()).and_then(std::convert::identity);
    drop(intervals);
    accepted.into_iter().for_each(|caller| caller.answer(committed.clone()));
}

/// Appends what each caller brought; refused callers are answered, the others returned.
fn append_one_by_one(
    store: &mut dyn ResultStore,
    mut intervals: &[StoredInterval],
    callers: Vec<Caller>,
) -> Vec<Caller> {
    let mut accepted = Vec::with_capacity(callers.len());
    for caller in callers {
        let (batch, rest) = intervals.split_at(caller.intervals);
        intervals = rest;
        match append(store, batch) {
            Ok(()) => accepted.push(caller),
            Err(error) => caller.answer(Err(error)),
        }
    }
    accepted
}

fn append(store: &mut dyn ResultStore, intervals: &[StoredInterval]) -> Result<(), StoreError> {
    guarded(|| store.append(intervals)).and_then(std::convert::identity)
}

/// Who waits for an append.
struct Caller {
    /// How many intervals it brought.
    intervals: usize,
    answer: oneshot::Sender<Result<(), StoreError>>,
    /// Its share of the queue's bytes, given back when it is answered.
    _room: OwnedSemaphorePermit,
}

impl Caller {
    fn answer(self, outcome: Result<(), StoreError>) {
        let Self { answer, _room: room, .. } = self;
        drop(room);
        // A caller that has gone away will ask again and find its intervals stored: they replace themselves.
        drop(answer.send(outcome));
    }
}
