//! Targets and hooks of a session: each runs in a task of its own, and what comes of it is told to the machine.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use shared::ids::{RunId, TrialKey};
use tokio::sync::{mpsc, oneshot};

use super::{Order, Statement};
use crate::child::hook::run_hook;
use crate::child::readiness::Readiness;
use crate::child::target::{Target, TargetError, free_port};
use crate::policy::{Policy, Refusal};

/// The targets that run, by the run that they are measured in, and the hooks that are under way.
pub(super) struct Programs {
    fleetmark: PathBuf,
    policy: Arc<Policy>,
    statements: mpsc::Sender<Statement>,
    /// Dropping or using the sender stops the target; it is told in which trial that was asked for.
    targets: HashMap<RunId, oneshot::Sender<TrialKey>>,
}

impl Programs {
    /// Nothing runs. `fleetmark` can guard programs, `policy` says which may run; what comes of them goes to `statements`.
    pub(super) fn new(fleetmark: PathBuf, policy: Arc<Policy>, statements: mpsc::Sender<Statement>) -> Self {
        Self { fleetmark, policy, statements, targets: HashMap::new() }
    }

    /// Carries out an order about a program.
    pub(super) fn obey(&mut self, order: Order) {
        let statements = self.statements.clone();
        match order {
            Order::ReservePort(trial) if !self.policy.allows_target => {
                tell(statements, refused(Statement::TargetFailed(trial, Refusal::Target.to_string())));
            }
            Order::ReservePort(trial) => {
                let port =
                    free_port().inspect_err(|error| tracing::warn!(%error, "no free port for a target")).ok();
                tell(statements, Statement::PortReserved(trial, port));
            }
            Order::StartTarget { trial, command, ready, timeout } => {
                let ready = match ready.map(|address| address.parse::<Readiness>()).transpose() {
                    Ok(ready) => ready,
                    Err(error) => {
                        return tell(
                            statements,
                            Statement::TargetFailed(trial, format!("target.ready: {error}")),
                        );
                    }
                };
                let command = match self.target_command(command) {
                    Ok(command) => command,
                    Err(refusal) => {
                        let failed = Statement::TargetFailed(trial, refusal.to_string());
                        return tell(statements, refused(failed));
                    }
                };
                let (stop, stopped) = oneshot::channel();
                self.targets.insert(trial.run, stop);
                let (fleetmark, policy) = (self.fleetmark.clone(), Arc::clone(&self.policy));
                tokio::spawn(async move {
                    let launch = &policy.launch;
                    let started = Target::start(
                        &fleetmark,
                        launch,
                        &command,
                        ready.as_ref().map(|ready| (ready, &policy.targets)),
                        timeout,
                    );
                    let statement = run_target(trial, started, stopped, &statements).await;
                    let _the_session_may_be_over = statements.send(statement).await;
                });
            }
            Order::StopTarget(trial) => match self.targets.remove(&trial.run) {
                // Its task says that it has stopped, or why it had ended before.
                Some(stop) => {
                    if stop.send(trial).is_err() {
                        tell(statements, Statement::TargetStopped(trial));
                    }
                }
                None => tell(statements, Statement::TargetStopped(trial)),
            },
            Order::RunHook { trial, hook, command, timeout } => {
                let command = match self.hook_command(command) {
                    Ok(command) => command,
                    Err(refusal) => {
                        let failed = Statement::HookDone(trial, hook, Some(refusal.to_string()));
                        return tell(statements, refused(failed));
                    }
                };
                let (fleetmark, policy) = (self.fleetmark.clone(), Arc::clone(&self.policy));
                tokio::spawn(async move {
                    let launch = &policy.launch;
                    let failure = run_hook(&fleetmark, launch, &command, timeout)
                        .await
                        .err()
                        .map(|error| error.to_string());
                    let _the_session_may_be_over =
                        statements.send(Statement::HookDone(trial, hook, failure)).await;
                });
            }
            Order::Prepare(_) | Order::Start { .. } | Order::Abort { .. } | Order::Release(_) => {}
        }
    }

    /// What is started for a target, if it may be.
    fn target_command(&self, command: Vec<String>) -> Result<Vec<String>, Refusal> {
        if !self.policy.allows_target {
            return Err(Refusal::Target);
        }
        self.policy.programs.permitted_command(command)
    }

    /// What is run for a hook, if it may be.
    fn hook_command(&self, command: Vec<String>) -> Result<Vec<String>, Refusal> {
        if !self.policy.allows_hooks {
            return Err(Refusal::Hooks);
        }
        self.policy.programs.permitted_command(command)
    }
}

/// Runs a target until it is stopped or ends by itself; returns what is said last of it. A target that serves several
/// trials is stopped in another one than it was started in: the answer names the one in which that was asked for.
async fn run_target(
    trial: TrialKey,
    started: impl Future<Output = Result<Target, TargetError>>,
    mut stopped: oneshot::Receiver<TrialKey>,
    statements: &mpsc::Sender<Statement>,
) -> Statement {
    let mut target = tokio::select! {
        started = started => match started {
            Ok(target) => target,
            Err(error @ TargetError::Refused(_)) => {
                return refused(Statement::TargetFailed(trial, error.to_string()));
            }
            Err(error) => return Statement::TargetFailed(trial, error.to_string()),
        },
        // Dropping the start leaves nothing running.
        asked = &mut stopped => return Statement::TargetStopped(asked.unwrap_or(trial)),
    };
    if statements.send(Statement::TargetReady(trial)).await.is_err() {
        target.stop().await;
        return Statement::TargetStopped(trial);
    }
    let ended = tokio::select! {
        exit = target.wait() => Ok(exit),
        asked = &mut stopped => Err(asked.unwrap_or(trial)),
    };
    match ended {
        Ok(exit) => {
            let output = target.output_tail();
            Statement::TargetFailed(
                trial,
                format!("the target ended while it was measured: {exit}; it wrote last: {output:?}"),
            )
        }
        Err(asked) => {
            target.stop().await;
            Statement::TargetStopped(asked)
        }
    }
}

fn refused(failure: Statement) -> Statement {
    Statement::Refused(Box::new(failure))
}

fn tell(statements: mpsc::Sender<Statement>, statement: Statement) {
    tokio::spawn(async move {
        let _the_session_may_be_over = statements.send(statement).await;
    });
}
