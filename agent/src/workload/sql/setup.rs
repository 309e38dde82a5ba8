//! What is run before a trial, on the thread that makes it ready.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::database::Database;
use super::settings::SqlOperation;
use crate::workload::connection::failure::Failure;
use crate::workload::connection::progress::Progress;

/// How long all of it may take: filling a table with some millions of rows.
const SETUP_WITHIN: Duration = Duration::from_secs(300);

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum SetupError {
    /// The host gives no means to wait for anything.
    #[error("this agent cannot wait for a database: {0}")]
    Runtime(std::io::Error),
    /// It took too long.
    #[error("it was not done within {SETUP_WITHIN:?}")]
    Overdue,
    /// The database could not be reached, or a statement failed.
    #[error("{statement}: {message}")]
    Failed {
        /// The beginning of what failed.
        statement: String,
        /// How.
        message: String,
    },
}

/// Runs statements one after the other. Blocks until they are done.
pub(super) fn run(database: &Database, statements: &[String]) -> Result<(), SetupError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(SetupError::Runtime)?;
    runtime.block_on(async {
        timeout(SETUP_WITHIN, run_all(database, statements)).await.unwrap_or(Err(SetupError::Overdue))
    })
}

async fn run_all(database: &Database, statements: &[String]) -> Result<(), SetupError> {
    let failed = |statement: &str, failure: Failure| SetupError::Failed {
        statement: statement.chars().take(80).collect(),
        message: failure.message,
    };
    let none: Arc<[SqlOperation]> = Arc::new([]);
    let opened = database.open(&none, SETUP_WITHIN, &mut Progress::new()).await;
    let mut session = opened.map_err(|failure| failed("connecting", failure))?;
    for statement in statements {
        session.order(statement).await.map_err(|failure| failed(statement, failure))?;
    }
    session.close().await;
    Ok(())
}
