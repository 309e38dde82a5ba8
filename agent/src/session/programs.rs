//! Targets, hooks and profilers of a session: each runs in a task of its own, and what comes of it is told to the machine.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use shared::ids::{RunId, TrialKey};
use shared::secret::Confidential;
use shared::secret::mask::Mask;
use shared::secret::veil::Veil;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::profiling::{self, ProfileOrder, Profiling};
use super::{Order, Statement};
use crate::child::hook::{HookError, run_hook};
use crate::child::profiler::Desk;
use crate::child::readiness::Readiness;
use crate::child::target::{Target, TargetError, free_port};
use crate::policy::{Policy, Refusal};
use crate::rpc::uplink::Uplink;
use crate::undertakings::Undertakings;
use crate::values::Confided;
use crate::values::confided::variables_of_words;

/// Where programs find what they need.
pub(super) struct Places {
    /// What can guard them: fleetmark itself.
    pub(super) fleetmark: PathBuf,
    /// Where profilers write.
    pub(super) data: PathBuf,
}

/// A target that was told to start.
struct Started {
    /// Dropping or using it stops the target; it is told in which trial that was asked for.
    stop: oneshot::Sender<TrialKey>,
    /// Its process, once it runs.
    process: Arc<OnceLock<u32>>,
}

/// A profiler that was told to start.
struct Profiler {
    /// Dropping it ends the profiler.
    _end: oneshot::Sender<()>,
    /// When the load that it runs beside was over, once it is.
    load_ended: Arc<OnceLock<Instant>>,
}

/// The targets that run, by the run that they are measured in, and the hooks that are under way.
pub(super) struct Programs {
    fleetmark: PathBuf,
    data: PathBuf,
    policy: Arc<Policy>,
    veil: Arc<Veil>,
    undertakings: Arc<Undertakings>,
    statements: mpsc::Sender<Statement>,
    targets: HashMap<RunId, Started>,
    /// Profilers by the trial that they run beside.
    profilers: HashMap<TrialKey, Profiler>,
    /// What profiles go over, while a connection stands.
    uplink: watch::Sender<Option<Uplink>>,
}

impl Programs {
    /// Nothing runs. `policy` says which may run, `veil` covers what they are told; what
    /// comes of them goes to `statements`.
    pub(super) fn new(
        Places { fleetmark, data }: Places,
        policy: Arc<Policy>,
        veil: Arc<Veil>,
        undertakings: Arc<Undertakings>,
        statements: mpsc::Sender<Statement>,
    ) -> Self {
        let (targets, profilers, (uplink, _)) = (HashMap::new(), HashMap::new(), watch::channel(None));
        Self { fleetmark, data, policy, veil, undertakings, statements, targets, profilers, uplink }
    }

    /// Another connection stands, or none does.
    pub(super) fn linked(&self, uplink: Option<Uplink>) {
        self.uplink.send_replace(uplink);
    }

    /// The load is over that a profiler runs beside.
    pub(super) fn note_load_end(&self, trial: TrialKey) {
        if let Some(profiler) = self.profilers.get(&trial) {
            profiler.load_ended.get_or_init(Instant::now);
        }
    }

    /// Ends the profiler that runs beside a trial; nothing is said of it.
    pub(super) fn end_profiler(&mut self, trial: TrialKey) {
        self.profilers.remove(&trial);
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
                Some(target) => {
                    if target.stop.send(trial).is_err() {
                        tell(statements, Statement::TargetStopped(trial));
                    }
                }
                None => tell(statements, Statement::TargetStopped(trial)),
            },
            Order::RunHook { trial, hook, command, .. } if command.is_empty() => self.end_run(trial, hook),
            Order::RunHook { trial, hook, command, confidential, timeout } => {
                let allowed = self.policy.allows_hooks.then_some(()).ok_or(Refusal::Hooks);
                match self.prepared(allowed, &command, &confidential, &BTreeMap::new()) {
                    Ok(prepared) => self.run_hook(trial, hook, prepared, timeout),
                    Err(unfit) => {
                        tell(statements, unfit.told(|reason| Statement::HookDone(trial, hook, Some(reason))));
                    }
                }
            }
            Order::Profile { trial, command, confidential, order } => {
                if let Err(problem) = self.profile(trial, &command, &confidential, order) {
                    tell(statements, Statement::Profiled(trial, Some(problem)));
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
        let prepared = self.prepared(allowed, words, confidential, &BTreeMap::new());
        let Prepared { command, mask } = prepared.map_err(|unfit| unfit.told(failed))?;
        let (stop, stopped) = oneshot::channel();
        let process = Arc::new(OnceLock::new());
        self.targets.insert(trial.run, Started { stop, process: Arc::clone(&process) });
        let (fleetmark, policy, statements) =
            (self.fleetmark.clone(), Arc::clone(&self.policy), self.statements.clone());
        tokio::spawn(async move {
            let launch = &policy.launch;
            let ready = ready.as_ref().map(|ready| (ready, &policy.targets));
            let started = Target::start(&fleetmark, launch, &command, ready, timeout);
            let statement = run_target(trial, started, (stopped, &process), &statements).await;
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

    /// Starts a profiler beside a trial, or says why not.
    fn profile(
        &mut self,
        trial: TrialKey,
        words: &[String],
        confidential: &Confidential,
        order: ProfileOrder,
    ) -> Result<(), String> {
        let allowed = self.policy.allows_profile.then_some(()).ok_or(Refusal::Profile);
        let desk = Desk::new(&self.data, &order.output, &self.policy.launch)
            .map_err(|error| format!("failed to run the profiler: {error}"))?;
        let target = self.targets.get(&trial.run).and_then(|target| target.process.get().copied());
        let told = profiling::told(&desk, target);
        let Prepared { command, mask } =
            self.prepared(allowed, words, confidential, &told).map_err(Unfit::reason)?;
        let load_ended = Arc::new(OnceLock::new());
        let profiling = Profiling {
            trial,
            load_ended: Arc::clone(&load_ended),
            takes_file: command.iter().any(|word| word.contains(&*desk.output().to_string_lossy())),
            command,
            desk,
            order,
            mask,
            fleetmark: self.fleetmark.clone(),
            policy: Arc::clone(&self.policy),
            uplink: self.uplink.subscribe(),
        };
        let (end, mut ended) = oneshot::channel::<()>();
        self.profilers.insert(trial, Profiler { _end: end, load_ended });
        let statements = self.statements.clone();
        tokio::spawn(async move {
            tokio::select! {
                profiled = profiling.carry_out() => {
                    let _the_session_may_be_over = statements.send(profiled).await;
                }
                // Dropping it leaves nothing running.
                _ = &mut ended => {}
            }
        });
        Ok(())
    }

    /// What is started, with everything filled in, if such programs are allowed and this one may be.
    fn prepared(
        &self,
        allowed: Result<(), Refusal>,
        words: &[String],
        confidential: &Confidential,
        told: &BTreeMap<&'static str, String>,
    ) -> Result<Prepared, Unfit> {
        let named = variables_of_words(words);
        let allowed = allowed.and_then(|()| self.policy.check_variables(named.clone()));
        allowed.map_err(|refusal| Unfit::Refused(refusal.to_string()))?;
        let confided = Confided::of(confidential, named);
        let mask = Arc::clone(confided.mask());
        self.veil.cover(&mask);
        let command =
            confided.fill_in(words, told).map_err(|problem| Unfit::Failed(mask.hide(problem.to_string())))?;
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
    fn reason(self) -> String {
        let (Self::Refused(reason) | Self::Failed(reason)) = self;
        reason
    }

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
    (mut stopped, process): (oneshot::Receiver<TrialKey>, &OnceLock<u32>),
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
    process.get_or_init(|| target.pid());
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
