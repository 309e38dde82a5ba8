//! What is run around a trial or a run, apart from what is measured: on the thread that makes the trial ready, and when it is over.

use std::convert::Infallible;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use shared::ids::TrialKey;
use tokio::time::timeout;

use super::database::Database;
use super::settings::SqlOperation;
use crate::undertakings::{Undertakings, Undo};
use crate::values::Secrets;
use crate::workload::connection::failure::Failure;
use crate::workload::connection::progress::Progress;

/// How long all of the set-up may take: filling a table with some millions of rows.
const SETUP_WITHIN: Duration = Duration::from_secs(300);
/// How long all of the teardown may take: the coordinator waits for it, and somebody perhaps for the end of the run.
const TEARDOWN_WITHIN: Duration = Duration::from_secs(10);
/// How much of a statement is told when it fails.
const SHOWN_CHARACTERS_MAX: usize = 80;

/// What is run around a trial or a run.
#[derive(Debug)]
pub(super) struct Surroundings {
    pub(super) setup: Vec<String>,
    pub(super) teardown: Vec<String>,
    pub(super) per: Per,
}

/// What set-up and teardown belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Per {
    Trial,
    Run,
}

/// Where a trial notes what it leaves.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) trial: TrialKey,
    pub(super) undertakings: Arc<Undertakings>,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum SetupError {
    /// The host gives no means to wait for anything.
    #[error("this agent cannot wait for a database: {0}")]
    Runtime(std::io::Error),
    /// It took too long.
    #[error("it was not done within {0:?}")]
    Overdue(Duration),
    /// The database could not be reached, or a statement failed.
    #[error("{statement}: {message}")]
    Failed {
        /// The beginning of what failed.
        statement: String,
        /// How.
        message: String,
    },
}

impl Surroundings {
    /// Runs the set-up, in a run once if it belongs there, and notes how it is undone. Blocks until it is done.
    pub(super) fn begin(
        self,
        left: &Left,
        place: &str,
        database: &Arc<Database>,
        secrets: &Secrets,
    ) -> Result<(), SetupError> {
        let Self { setup, teardown, per } = self;
        if setup.is_empty() && teardown.is_empty() {
            return Ok(());
        }
        let name = format!("{place} {setup:?} {teardown:?}");
        let undo = (!teardown.is_empty()).then(|| undoing(database, teardown, secrets));
        let work = || match setup.is_empty() {
            true => Ok(()),
            false => run(database, &setup, SETUP_WITHIN, Persistence::StopsAtFailure),
        };
        match per {
            Per::Run => left.undertakings.once(left.trial.run, name, undo, work),
            Per::Trial => {
                // Noted before: what fails halfway leaves something, too.
                if let Some(undo) = undo {
                    left.undertakings.owe(left.trial, undo);
                }
                work()
            }
        }
    }
}

impl Left {
    /// Undoes what this trial left.
    pub(super) fn settle(&self) -> Result<(), String> {
        self.undertakings.settle(self.trial)
    }

    /// Does something in this run unless that was done.
    pub(super) fn once(&self, name: String, work: impl FnOnce()) {
        let Ok(()) = self.undertakings.once(self.trial.run, name, None, || {
            work();
            Ok::<_, Infallible>(())
        });
    }

    /// Undoes what trials of the same run left that were stopped.
    pub(super) fn settle_others(&self) -> Result<(), String> {
        self.undertakings.settle_others(self.trial)
    }
}

/// Whether statements after one that failed are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Persistence {
    StopsAtFailure,
    GoesOn,
}

fn undoing(database: &Arc<Database>, teardown: Vec<String>, secrets: &Secrets) -> Undo {
    let (database, secrets) = (Arc::clone(database), secrets.clone());
    Box::new(move || {
        let undone = run(&database, &teardown, TEARDOWN_WITHIN, Persistence::GoesOn);
        undone.map_err(|error| secrets.mask(format!("teardown: {error}")))
    })
}

/// Runs statements one after the other. Blocks until they are done.
fn run(
    database: &Arc<Database>,
    statements: &[String],
    within: Duration,
    persistence: Persistence,
) -> Result<(), SetupError> {
    waited_for(within, || run_all(database, statements, within, persistence))?
}

/// Waits for something, on a thread of its own: whoever asks may be waiting for other things by means that do not mix with these.
pub(super) fn waited_for<T: Send, F: Future<Output = T>>(
    within: Duration,
    work: impl FnOnce() -> F + Send,
) -> Result<T, SetupError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(SetupError::Runtime)?;
    let work = move || runtime.block_on(async { timeout(within, work()).await });
    thread::scope(|scope| {
        let working = thread::Builder::new().name("fleetmark-setup".to_owned()).spawn_scoped(scope, work);
        let panicked = |_| SetupError::Runtime(std::io::Error::other("its thread panicked"));
        let done = working.map_err(SetupError::Runtime)?.join().map_err(panicked)?;
        done.map_err(|_| SetupError::Overdue(within))
    })
}

async fn run_all(
    database: &Database,
    statements: &[String],
    within: Duration,
    persistence: Persistence,
) -> Result<(), SetupError> {
    let failed = |statement: &str, failure: Failure| SetupError::Failed {
        statement: statement.chars().take(SHOWN_CHARACTERS_MAX).collect(),
        message: failure.message,
    };
    let none: Arc<[SqlOperation]> = Arc::new([]);
    let opened = database.open(&none, within, &mut Progress::new()).await;
    let mut session = opened.map_err(|failure| failed("connecting", failure))?;
    let mut first = Ok(());
    for statement in statements {
        if let Err(failure) = session.order(statement).await {
            first = first.and(Err(failed(statement, failure)));
            if persistence == Persistence::StopsAtFailure {
                break;
            }
        }
    }
    session.close().await;
    first
}
