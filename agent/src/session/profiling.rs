//! Profilers of a session: each runs in a task of its own beside a trial that is not measured, and what it wrote is sent to the
//! coordinator before it is told that it ended.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use shared::ids::TrialKey;
use shared::profile::ProfileName;
use shared::secret::mask::Mask;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::Statement;
use crate::child::profiler::{Desk, Profile};
use crate::policy::Policy;
use crate::rpc::uplink::{SendError, Uplink};

/// How long sending may take over one link, tries and waits for room among it: as long as a coordinator waits.
const SEND_WITHIN: Duration = Duration::from_secs(90);
/// How often it is tried at most, over links that break and come back: once a second of that time, and some.
const SENDINGS_MAX: u32 = 100;
const SEND_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What a profiler is to do.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileOrder {
    /// How long to wait before it starts.
    pub delay: Duration,
    /// How long it may run.
    pub duration: Duration,
    /// Most bytes that it may write.
    pub size_bytes_max: u64,
    /// What its file is called.
    pub output: ProfileName,
    /// Whether the load is over: it must not begin any more.
    pub is_load_over: bool,
}

/// A profiler that may be started.
pub(super) struct Profiling {
    pub(super) trial: TrialKey,
    /// When the load that it runs beside was over, once it is.
    pub(super) load_ended: Arc<OnceLock<Instant>>,
    pub(super) order: ProfileOrder,
    /// Its words, with the names that only a profiler is told.
    pub(super) command: Vec<String>,
    /// Whether it is told which file to write.
    pub(super) takes_file: bool,
    pub(super) desk: Desk,
    pub(super) mask: Arc<Mask>,
    pub(super) fleetmark: PathBuf,
    pub(super) policy: Arc<Policy>,
    pub(super) uplink: watch::Receiver<Option<Uplink>>,
}

impl Profiling {
    /// Runs it, sends what it wrote, and says what is to be said of it.
    pub(super) async fn carry_out(self) -> Statement {
        sleep(self.order.delay).await;
        if self.load_ended.get().is_some() {
            return self
                .said("the load was over before the profiler was to start (profile.delay)".to_owned());
        }
        let (within, overdue) = self.policy.limits.hook_within(self.order.duration);
        let sizes = (self.order.size_bytes_max, self.takes_file);
        let programs = (self.fleetmark.as_path(), &self.policy.launch);
        let began = Instant::now();
        let ran = self.desk.run(programs, &self.command, within, sizes).await;
        let ended = Instant::now();
        let problem = match ran {
            Err(error) => Some(format!("failed to run the profiler: {error}")),
            Ok(profile) => {
                // After that it only wrote down what it had seen.
                let looked_until = if profile.was_interrupted { ended.min(began + within) } else { ended };
                let idle = self.idle_for(looked_until);
                let sent = send(&mut self.uplink.clone(), self.trial, &profile).await;
                let unsent = sent.err().map(|reason| format!("failed to send the profile: {reason}"));
                let cut = overdue.filter(|_| profile.was_interrupted).map(|_| {
                    format!(
                        "it was interrupted after {within:?}: the agent allows no more (`limits.duration`)"
                    )
                });
                let told: Vec<String> = match unsent {
                    Some(unsent) => vec![unsent],
                    None => [profile.problem, cut, idle].into_iter().flatten().collect(),
                };
                (!told.is_empty()).then(|| told.join("; "))
            }
        };
        match problem {
            Some(problem) => self.said(problem),
            None => Statement::Profiled(self.trial, None),
        }
    }

    /// What is to be said where the profiler outlived the load. It heard of the load's end when all that made it had told theirs:
    /// the target was idle for so long at least.
    fn idle_for(&self, looked_until: Instant) -> Option<String> {
        let idle = looked_until.checked_duration_since(*self.load_ended.get()?)?;
        let seconds = idle.as_secs_f64();
        (!idle.is_zero()).then(|| {
            format!(
                "the load ended {seconds:.1} s or more before the profiler did: what it wrote is partly of an idle target"
            )
        })
    }

    fn said(&self, problem: String) -> Statement {
        Statement::Profiled(self.trial, Some(self.mask.hide(problem)))
    }
}

/// The values of the names that only a profiler is told.
pub(super) fn told(desk: &Desk, target: Option<u32>) -> BTreeMap<&'static str, String> {
    let output = ("profile.output", desk.output().display().to_string());
    let target = target.map(|process| ("target.pid", process.to_string()));
    std::iter::once(output).chain(target).collect()
}

/// Sends a profile over whatever connection stands, again while that may help.
async fn send(
    uplink: &mut watch::Receiver<Option<Uplink>>,
    trial: TrialKey,
    profile: &Profile,
) -> Result<(), String> {
    let mut last = String::new();
    let mut deadline = Instant::now() + SEND_WITHIN;
    for _ in 0..SENDINGS_MAX {
        let was_linked = uplink.borrow().is_some();
        let standing =
            uplink.wait_for(Option::is_some).await.map_err(|_| "the session ended".to_owned())?.clone();
        let Some(standing) = standing else { continue };
        if !was_linked {
            // So does a coordinator that was restarted count anew.
            deadline = Instant::now() + SEND_WITHIN;
        }
        match timeout_at(deadline, standing.send(trial, profile)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(SendError::Refused(reason))) => return Err(reason),
            Ok(Err(SendError::Again(reason))) => last = reason,
            Err(_) if last.is_empty() => last = format!("it took more than {SEND_WITHIN:?}"),
            Err(_) => {}
        }
        if Instant::now() + SEND_AGAIN_AFTER >= deadline {
            return Err(format!("{last}; tried for {SEND_WITHIN:?}"));
        }
        sleep(SEND_AGAIN_AFTER).await;
    }
    Err(format!("{last}; tried {SENDINGS_MAX} times"))
}
