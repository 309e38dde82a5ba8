//! The one thread that owns a store, and the handle through which everybody else uses it.
//!
//! Appends that wait together are committed together: one fsync acknowledges them all. Reads and other
//! writes take their turn between commits, in the order in which they were asked for.

mod owner;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::run_record::RunRecord;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::error::StoreError;
use super::{ResultStore, StoredInterval};
pub use owner::StoreQueue;
use owner::{Append, Command};

/// Commands that may wait. Each agent has one append under way at a time, and all of a fleet send theirs at the same
/// moment: those that found no place here would miss the commit that all the others share.
const QUEUE_COMMANDS: usize = 4_096;
/// Bytes of intervals that may wait, as permits of one KiB each: 64 MiB, some seconds of a slow disk.
const QUEUE_KIBIBYTES: u32 = 64 * 1024;

/// Reaches the thread that owns a store. Cheap to clone; the store closes with the last clone.
#[derive(Debug, Clone)]
pub struct StoreHandle {
    commands: mpsc::Sender<Command>,
    room: Arc<Semaphore>,
}

impl StoreHandle {
    /// Gives a store to a thread of its own.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(store: Box<dyn ResultStore>) -> Result<Self, StoreError> {
        let (handle, queue) = Self::queue();
        std::thread::Builder::new().name("store".to_owned()).spawn(move || queue.serve_all(store)).map_err(
            |source| StoreError::Io {
                doing: "start the store's thread".to_owned(),
                source: Arc::new(source),
            },
        )?;
        Ok(handle)
    }

    /// A handle without a thread, and the queue of what is asked of it: for whoever owns a store and serves it when it
    /// wants to.
    pub fn queue() -> (Self, StoreQueue) {
        let (commands, queue) = mpsc::channel(QUEUE_COMMANDS);
        let room = Arc::new(Semaphore::new(QUEUE_KIBIBYTES as usize));
        (Self { commands, room }, StoreQueue::new(queue))
    }

    /// Stores intervals; they are on disk when this returns `Ok`. Waits while the queue is full.
    ///
    /// # Errors
    /// On any error none of them counts as stored, and the same ones can be given again: with
    /// [`StoreError::Full`] once there is room.
    pub async fn append(&self, batch: Vec<StoredInterval>) -> Result<(), StoreError> {
        let kibibytes = batch.iter().map(|interval| interval.bytes.len().div_ceil(1024)).sum::<usize>();
        let permits = u32::try_from(kibibytes).unwrap_or(u32::MAX).min(QUEUE_KIBIBYTES);
        let room = self.room.clone().acquire_many_owned(permits).await.map_err(|_| StoreError::Closed)?;
        let (answer, answered) = oneshot::channel();
        self.send(Command::Append(Append { batch, answer, _room: room })).await?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    /// [`ResultStore::create_run`], on the store's thread.
    ///
    /// # Errors
    /// As there, and [`StoreError::Closed`].
    pub async fn create_run(
        &self,
        record: RunRecord,
        files: BTreeMap<String, Vec<u8>>,
    ) -> Result<(), StoreError> {
        self.write(move |store| store.create_run(&record, &files)).await?
    }

    /// [`ResultStore::save_run`], on the store's thread.
    ///
    /// # Errors
    /// As there, and [`StoreError::Closed`].
    pub async fn save_run(&self, record: RunRecord) -> Result<(), StoreError> {
        self.write(move |store| store.save_run(&record)).await?
    }

    /// Reads from the store, on its thread: keep it short, since commits wait for it.
    ///
    /// # Errors
    /// [`StoreError::Closed`], and [`StoreError::Panicked`] when `read` panics.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn ResultStore) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write(move |store| read(store)).await
    }

    /// Changes the store, on its thread.
    ///
    /// # Errors
    /// [`StoreError::Closed`], and [`StoreError::Panicked`] when `write` panics.
    pub async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut dyn ResultStore) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let call = Box::new(move |store: &mut dyn ResultStore| {
            // Nobody listens any more when the caller has given up: the call counts all the same.
            drop(answer.send(owner::guarded(|| write(store))));
        });
        self.send(Command::Call(call)).await?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Closes the store once everything asked for before is done. When this returns, its files are free for
    /// another process. Other handles then answer [`StoreError::Closed`].
    pub async fn close(self) {
        let (answer, answered) = oneshot::channel();
        if self.send(Command::Close(answer)).await.is_ok() {
            // An error means that the thread has ended, which is what was asked for.
            drop(answered.await);
        }
    }

    async fn send(&self, command: Command) -> Result<(), StoreError> {
        self.commands.send(command).await.map_err(|_| StoreError::Closed)
    }
}
