//! Hooks: programs that run before and after trials and runs, each within its time.

use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;

use super::exit::Exit;
use super::launch::Launch;
use super::supervised::{StartError, Supervised};

/// Why a hook failed. Reads after "failed to run a hook: ".
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// Its program could not be started.
    #[error("{0}")]
    Start(#[from] StartError),
    /// It ended with anything but exit status 0.
    #[error("{command:?} ended with {exit}; its output: {output}")]
    Exit {
        /// The program.
        command: String,
        /// How it ended.
        exit: Exit,
        /// The end of what it wrote.
        output: String,
    },
    /// It ran into its timeout, and was stopped.
    #[error("{command:?} did not end within {within:?}; its output: {output}")]
    Timeout {
        /// The program.
        command: String,
        /// How long it had.
        within: Duration,
        /// The end of what it wrote.
        output: String,
    },
}

/// Runs a hook to its end. What it leaves running in the background is ended with it.
/// `fleetmark` is as for [`Supervised::start`].
///
/// # Errors
/// When it cannot be started, fails, or takes longer than `within`; nothing is left running then.
pub async fn run_hook(
    fleetmark: &Path,
    launch: &Launch,
    command: &[String],
    within: Duration,
) -> Result<(), HookError> {
    let mut hook = Supervised::launched(fleetmark, launch, command).await?;
    let ended = timeout(within, hook.wait()).await;
    let (command, output) = (hook.command().to_owned(), hook.output_tail());
    match ended {
        Ok(exit) if exit.is_success() => Ok(()),
        Ok(exit) => Err(HookError::Exit { command, exit, output }),
        Err(_) => {
            hook.stop().await;
            Err(HookError::Timeout { command, within, output })
        }
    }
}
