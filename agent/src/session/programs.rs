//! Targets and hooks of a session: each runs in a task of its own, and what comes of it is told to the machine.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use shared::ids::{RunId, TrialKey};
use shared::secret::Confidential;
use shared::secret::mask::Mask;
use shared::secret::veil::Veil;
use tokio::sync::{mpsc, oneshot};

use super::{Order, Statement};
use crate::child::hook::{HookError, run_hook};
use crate::child::readiness::Readiness;
use crate::child::target::{Target, TargetError, free_port};
use crate::policy::{Policy, Refusal};
use crate::undertakings::Undertakings;
use crate::values::Confided;
use crate::values::confided::variables_of_words;

/// The targets that run, by the run that they are measured in, and the hooks that are under way.
pub(super) struct Programs {
    fleetmark: PathBuf,
    policy: Arc<Policy>,
    veil: Arc<Veil>,
    undertakings: Arc<Undertakings>,
    statements: mpsc::Sender<Statement>,
    /// Dropping or using the sender stops the target; it is told in which trial that was asked for.
    targets: HashMap<RunId, oneshot::Sender<TrialKey>>,
}

impl Programs {
    /// Nothing runs. `fleetmark` can guard programs, `policy` says which may run, `veil` covers what they are told; what
    /// comes of them goes to `statements`.
    pub(super) fn new(
        fleetmark: PathBuf,
        policy: Arc<Policy>,
        veil: Arc<Veil>,
        undertakings: Arc<Undertakings>,
        statements: mpsc::Sender<Statement>,
    ) -> Self {
        Self { fleetmark, policy, veil, undertakings, statements, targets: HashMap::new() }
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
            Order::StartTarget { trial, command, confidential, ready, timeout } => {
                if let Err(failed) = self.start_target(trial, &command, &confidential, ready, timeout) {
                    tell(statements, failed);
                }
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
            Order::RunHook { trial, hook, command, .. } if command.is_empty() => self.end_run(trial, hook),
            Order::RunHook { trial, hook, command, confidential, timeout } => {
                let allowed = self.policy.allows_hooks.then_some(()).ok_or(Refusal::Hooks);
                match self.prepared(allowed, &command, &confidential) {
                    Ok(prepared) => self.run_hook(trial, hook, prepared, timeout),
                    Err(unfit) => {
                        tell(statements, unfit.told(|reason| Statement::HookDone(trial, hook, Some(reason))));
                    }
                }
            }
            Order::Prepare(_) | Order::Start { .. } | Order::Abort { .. } | Order::Release(_) => {}
        }
    }

    /// Starts a target, or says why not.
    fn start_target(
        &mut self,
        trial: TrialKey,
        words: &[String],
        confidential: &Confidential,
        ready: Option<String>,
        timeout: Duration,
    ) -> Result<(), Statement> {
        let failed = |reason| Statement::TargetFailed(trial, reason);
        let ready = ready.map(|address| address.parse::<Readiness>()).transpose();
        let ready = ready.map_err(|error| failed(format!("target.ready: {error}")))?;
        let allowed = self.policy.allows_target.then_some(()).ok_or(Refusal::Target);
        let prepared = self.prepared(allowed, words, confidential);
        let Prepared { command, mask } = prepared.map_err(|unfit| unfit.told(failed))?;
        let (stop, stopped) = oneshot::channel();
        self.targets.insert(trial.run, stop);
        let (fleetmark, policy, statements) =
            (self.fleetmark.clone(), Arc::clone(&self.policy), self.statements.clone());
        tokio::spawn(async move {
            let launch = &policy.launch;
            let ready = ready.as_ref().map(|ready| (ready, &policy.targets));
            let started = Target::start(&fleetmark, launch, &command, ready, timeout);
            let statement = run_target(trial, started, stopped, &statements).await;
            let _the_session_may_be_over = statements.send(statement.masked(&mask)).await;
        });
        Ok(())
    }

    /// A hook without a command: the run is over, and what its workloads left is undone.
    fn end_run(&self, trial: TrialKey, hook: u32) {
        let (undertakings, statements) = (Arc::clone(&self.undertakings), self.statements.clone());
        tokio::task::spawn_blocking(move || {
            let done = Statement::HookDone(trial, hook, undertakings.end(trial.run).err());
            let _the_session_may_be_over = statements.blocking_send(done);
        });
    }

    fn run_hook(&self, trial: TrialKey, hook: u32, prepared: Prepared, timeout: Duration) {
        let (fleetmark, policy, statements) =
            (self.fleetmark.clone(), Arc::clone(&self.policy), self.statements.clone());
        let (within, overdue) = self.policy.limits.hook_within(timeout);
        tokio::spawn(async move {
            let Prepared { command, mask } = prepared;
            let done = |failure| Statement::HookDone(trial, hook, failure);
            let ended = run_hook(&fleetmark, &policy.launch, &command, within).await;
            let done = match (ended, overdue) {
                (Ok(()), _) => done(None),
                (Err(HookError::Timeout { .. }), Some(overdue)) => refused(done(Some(overdue.to_string()))),
                (Err(error), _) => done(Some(error.to_string())),
            };
            let _the_session_may_be_over = statements.send(done.masked(&mask)).await;
        });
    }

    /// What is started, with everything filled in, if such programs are allowed and this one may be.
    fn prepared(
        &self,
        allowed: Result<(), Refusal>,
        words: &[String],
        confidential: &Confidential,
    ) -> Result<Prepared, Unfit> {
        let named = variables_of_words(words);
        let allowed = allowed.and_then(|()| self.policy.check_variables(named.clone()));
        allowed.map_err(|refusal| Unfit::Refused(refusal.to_string()))?;
        let confided = Confided::of(confidential, named);
        let mask = Arc::clone(confided.mask());
        self.veil.cover(&mask);
        let command =
            confided.fill_in(words).map_err(|problem| Unfit::Failed(mask.hide(problem.to_string())))?;
        let permitted = self.policy.programs.permitted_command(command);
        let command = permitted.map_err(|refusal| Unfit::Refused(mask.hide(refusal.to_string())))?;
        Ok(Prepared { command, mask })
    }
}

/// A program that may be started, and what nobody is told of it.
struct Prepared {
    command: Vec<String>,
    mask: Arc<Mask>,
}

/// Why a program is not started, in words that tell nothing confidential.
enum Unfit {
    Refused(String),
    Failed(String),
}

impl Unfit {
    fn told(self, failed: impl FnOnce(String) -> Statement) -> Statement {
        match self {
            Self::Refused(reason) => refused(failed(reason)),
            Self::Failed(reason) => failed(reason),
        }
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
