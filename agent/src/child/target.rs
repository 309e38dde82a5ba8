//! The measured thing, when fleetmark starts it: a supervised program that is waited for until it is ready.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};

use super::exit::Exit;
use super::launch::Launch;
use super::readiness::{NotReady, Readiness};
use super::supervised::{StartError, Supervised};
use crate::policy::{Refusal, TargetRules};

/// How long a target may take to become ready unless said otherwise: slow services warm caches for tens of
/// seconds.
pub const READY_PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether a target is ready.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Why a target is not there. Reads after "failed to start the target: ".
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Its program could not be started.
    #[error("{0}")]
    Start(#[from] StartError),
    /// Its program ended before it was ready. A target must stay in the foreground.
    #[error(
        "{command:?} ended before it was ready, with {exit}; a target must stay in the foreground. Its output: {output}"
    )]
    EndedEarly {
        /// The program.
        command: String,
        /// How it ended.
        exit: Exit,
        /// The end of what it wrote.
        output: String,
    },
    /// The agent's policy does not allow to look where it should answer.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It did not become ready in time, and was stopped.
    #[error("{command:?} was not ready at {address} within {within:?}: {last}. Its output: {output}")]
    NotReady {
        /// The program.
        command: String,
        /// Where it should have answered.
        address: String,
        /// How long it had.
        within: Duration,
        /// What the last look saw.
        last: String,
        /// The end of what it wrote.
        output: String,
    },
}

/// A running target.
#[derive(Debug)]
pub struct Target {
    program: Supervised,
}

impl Target {
    /// Starts a target and waits until it is ready: at once without `ready`, else when it answers there.
    /// `fleetmark` is as for [`Supervised::start`]; `within` is usually [`READY_PATIENCE`].
    ///
    /// # Errors When it cannot be started, ends before it is ready, or is not ready in time; nothing is left
    ///   running then.
    pub async fn start(
        fleetmark: &Path,
        launch: &Launch,
        command: &[String],
        ready: Option<(&Readiness, &TargetRules)>,
        within: Duration,
    ) -> Result<Self, TargetError> {
        if let Some((ready, allowed)) = ready {
            ready.check(allowed).await?;
        }
        let mut program = Supervised::launched(fleetmark, launch, command).await?;
        let Some((ready, allowed)) = ready else {
            return Ok(Self { program });
        };
        let mut last = "it was never looked".to_owned();
        let outcome = tokio::select! {
            biased;
            // A program that ended is not ready, even if something else answers at its address.
            exit = program.wait() => Err(Missed::Ended(exit)),
            looked = timeout(within, until_ready(ready, allowed, &mut last)) => match looked {
                Ok(looked) => looked.map_err(Missed::Refused),
                Err(_) => Err(Missed::TooLate),
            },
        };
        let command = program.command().to_owned();
        match outcome {
            Ok(()) => Ok(Self { program }),
            Err(Missed::Ended(exit)) => {
                Err(TargetError::EndedEarly { command, exit, output: program.output_tail() })
            }
            Err(Missed::Refused(refusal)) => {
                program.stop().await;
                Err(refusal.into())
            }
            Err(Missed::TooLate) => {
                let output = program.output_tail();
                program.stop().await;
                Err(TargetError::NotReady { command, address: ready.to_string(), within, last, output })
            }
        }
    }

    /// Waits until the target ends by itself. May be cancelled and called again.
    pub async fn wait(&mut self) -> Exit {
        self.program.wait().await
    }

    /// Ends the target with all that it started.
    pub async fn stop(self) -> Exit {
        self.program.stop().await
    }

    /// The end of what it wrote.
    pub fn output_tail(&self) -> String {
        self.program.output_tail()
    }

    /// The process id of its program.
    pub fn pid(&self) -> u32 {
        self.program.pid()
    }
}

/// What came instead of a target that is ready.
enum Missed {
    Ended(Exit),
    TooLate,
    Refused(Refusal),
}

/// Looks until the target is ready, noting what each look saw.
async fn until_ready(ready: &Readiness, allowed: &TargetRules, last: &mut String) -> Result<(), Refusal> {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match ready.look(allowed).await {
            Ok(()) => return Ok(()),
            Err(NotReady::Refused(refusal)) => return Err(refusal),
            Err(NotReady::Yet(reason)) => *last = reason,
        }
    }
}

/// A TCP port of 127.0.0.1 that is free now, for `{{target.port}}`.
///
/// Nothing reserves it: between this answer and the target's own bind another program may take it. Linux
/// hands out ephemeral ports in random order, so that is rare; the target then fails to bind and says so in
/// its output.
///
/// # Errors
/// When no port is left.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
