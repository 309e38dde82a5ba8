//! A connection's thread, and who waits for it.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use rusqlite::InterruptHandle;
use shared::interval::ErrorKind;
use tokio::sync::{mpsc, oneshot};

use super::connection::Blocking;
use super::file::DatabaseFile;
use super::refusal;
use crate::engine::clock::now_ns;
use crate::workload::connection::failure::Failure;
use crate::workload::sql::database::{Elsewhere, Performed};
use crate::workload::sql::errand::{self, Connection};
use crate::workload::sql::settings::SqlOperation;
use crate::workload::sql::statement::Filled;

/// How much of an operation's timeout a lock is waited for: so that what SQLite says of it still comes in time.
const PATIENCE: f64 = 0.95;
/// Memory of a connection's thread: SQLite itself is content with a fraction of it.
const STACK_BYTES: usize = 512 * 1024;

/// An open connection, on a thread of its own.
pub(in crate::workload::sql) struct Session {
    tasks: mpsc::Sender<Task>,
    answers: mpsc::Receiver<Answer>,
    interrupt: InterruptHandle,
    bytes_read: u64,
}

/// What the thread is to do.
enum Task {
    /// Prepare what can be prepared.
    Prepare,
    /// One operation, by its place, with its values.
    Perform(usize, Filled),
    /// The plan of one operation, with values.
    Explain(usize, Filled),
    /// Something without values.
    Order(String),
}

/// What came of it.
struct Answer {
    rows: Result<u64, Failure>,
    /// When it began and ended, ns.
    span_ns: (u64, u64),
    /// Bytes of values that were read so far.
    bytes_read: u64,
    /// The values, to be filled in again.
    filled: Filled,
    /// What was asked to be told.
    text: String,
}

impl Session {
    /// Opens a file on a thread of its own; what takes no operation's time may take `within`.
    pub(in crate::workload::sql) async fn open(
        file: &DatabaseFile,
        operations: &Arc<[SqlOperation]>,
        within: Duration,
    ) -> Result<Self, Failure> {
        let (tasks, inbox) = mpsc::channel(1);
        let (outbox, answers) = mpsc::channel(1);
        let (opened, opening) = oneshot::channel();
        let (file, operations) = (file.clone(), Arc::clone(operations));
        let builder = thread::Builder::new().name("fleetmark-sqlite".to_owned()).stack_size(STACK_BYTES);
        let spawned = builder.spawn(move || {
            let (begun, patience) = (Instant::now(), patience_of(within));
            let connection = match file.open(patience) {
                Ok(connection) => connection,
                Err(error) => {
                    let _nobody_waits =
                        opened.send(Err(refusal::opening(&error, file.path(), begun.elapsed(), patience)));
                    return;
                }
            };
            if opened.send(Ok(connection.get_interrupt_handle())).is_ok() {
                serve(&connection, &operations, within, inbox, &outbox);
            }
        });
        let failed = |what: String| Failure::new(ErrorKind::Connect, what);
        spawned.map_err(|error| failed(format!("a connection's thread could not be started: {error}")))?;
        let interrupt =
            opening.await.map_err(|_| failed("the connection's thread has ended".to_owned()))??;
        Ok(Self { tasks, answers, interrupt, bytes_read: 0 })
    }

    /// Whether its thread still serves.
    pub(in crate::workload::sql) fn is_open(&self) -> bool {
        !self.tasks.is_closed()
    }

    /// Bytes of values that were read since it was opened.
    pub(in crate::workload::sql) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Has it give up what it does.
    pub(in crate::workload::sql) fn interrupt(&self) {
        self.interrupt.interrupt();
    }

    /// Prepares what can be prepared.
    pub(in crate::workload::sql) async fn prepare(&mut self) -> Result<(), Failure> {
        self.ask(Task::Prepare).await?.rows.map(drop)
    }

    /// Does one operation with its values.
    pub(in crate::workload::sql) async fn perform(&mut self, place: usize, filled: &mut Filled) -> Performed {
        let asked_ns = now_ns();
        match self.ask(Task::Perform(place, std::mem::take(filled))).await {
            Ok(answer) => {
                *filled = answer.filled;
                let (begun_ns, ended_ns) = answer.span_ns;
                let waking_ns = begun_ns.saturating_sub(asked_ns);
                Performed { rows: answer.rows, elsewhere: Some(Elsewhere { waking_ns, ended_ns }) }
            }
            Err(failure) => Performed { rows: Err(failure), elsewhere: None },
        }
    }

    /// How SQLite means to do an operation.
    pub(in crate::workload::sql) async fn explain(
        &mut self,
        place: usize,
        filled: &mut Filled,
    ) -> Result<String, Failure> {
        Ok(self.ask(Task::Explain(place, std::mem::take(filled))).await?.text)
    }

    /// Runs something without values.
    pub(in crate::workload::sql) async fn order(&mut self, text: &str) -> Result<(), Failure> {
        self.ask(Task::Order(text.to_owned())).await?.rows.map(drop)
    }

    /// Waits until the file is closed.
    pub(in crate::workload::sql) async fn close(mut self) {
        let (nobody, _) = mpsc::channel(1);
        self.tasks = nobody;
        // An answer that nobody waits for may come first.
        while self.answers.recv().await.is_some() {}
    }

    async fn ask(&mut self, task: Task) -> Result<Answer, Failure> {
        let ended = || {
            Failure::new(
                ErrorKind::Closed,
                "the connection's thread has ended within the statement".to_owned(),
            )
        };
        self.tasks.send(task).await.map_err(|_| ended())?;
        let answer = self.answers.recv().await.ok_or_else(ended)?;
        self.bytes_read = answer.bytes_read;
        Ok(answer)
    }
}

/// What still runs is given up; its thread ends.
impl Drop for Session {
    fn drop(&mut self) {
        self.interrupt.interrupt();
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").field("bytes_read", &self.bytes_read).finish_non_exhaustive()
    }
}

/// Does what is asked for until nobody asks any more.
fn serve(
    opened: &rusqlite::Connection,
    operations: &[SqlOperation],
    within: Duration,
    mut inbox: mpsc::Receiver<Task>,
    outbox: &mpsc::Sender<Answer>,
) {
    let mut connection = Blocking::new(opened);
    while let Some(task) = inbox.blocking_recv() {
        let limit = match &task {
            Task::Perform(place, _) => operations[*place].timeout,
            Task::Prepare | Task::Explain(..) | Task::Order(_) => within,
        };
        connection.wait_for_locks(patience_of(limit));
        let begun_ns = now_ns();
        let (rows, filled, text) = done(&mut connection, operations, task);
        let (span_ns, bytes_read) = ((begun_ns, now_ns()), connection.bytes_read);
        if outbox.blocking_send(Answer { rows, span_ns, bytes_read, filled, text }).is_err() {
            return;
        }
    }
}

/// How long a lock is waited for within a limit, in whole milliseconds, as SQLite counts them.
fn patience_of(limit: Duration) -> Duration {
    let patience = limit.mul_f64(PATIENCE);
    Duration::from_millis(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX).max(1))
}

fn done(
    connection: &mut Blocking<'_>,
    operations: &[SqlOperation],
    task: Task,
) -> (Result<u64, Failure>, Filled, String) {
    const NEVER_WAITS: &str = "whatever is done here blocks, and so is done at the first look";
    match task {
        Task::Prepare => {
            let prepared = errand::prepare(connection, operations).now_or_never().expect(NEVER_WAITS);
            (prepared.map(|()| 0), Filled::default(), String::new())
        }
        Task::Perform(place, filled) => {
            let performed = errand::perform(connection, operations, place, &filled).now_or_never();
            (performed.expect(NEVER_WAITS), filled, String::new())
        }
        Task::Explain(place, filled) => {
            let explained = errand::explain(connection, &operations[place], &filled).now_or_never();
            (Ok(0), filled, explained.expect(NEVER_WAITS))
        }
        Task::Order(text) => {
            let ordered = connection.order(&text).now_or_never().expect(NEVER_WAITS);
            (ordered.map(|()| 0), Filled::default(), String::new())
        }
    }
}
