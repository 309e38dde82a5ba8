//! Profilers of a session: each runs in a task of its own beside a trial that is not measured, and what it wrote is sent to the
//! coordinator before it is told that it ended.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use shared::ids::TrialKey;
use shared::profile::ProfileName;
use shared::secret::mask::Mask;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::Statement;
use crate::child::profiler::{Desk, Profile};
use crate::policy::Policy;
use crate::rpc::uplink::{SendError, Uplink};

/// How long one sending may take: the largest profile over a link of ten megabits a second.
const SEND_WITHIN: Duration = Duration::from_secs(60);
/// How often it is tried where the coordinator has no room or the link breaks: by then it has given up waiting.
const SENDINGS_MAX: u32 = 10;
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
}

/// A profiler that may be started.
pub(super) struct Profiling {
    pub(super) trial: TrialKey,
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
        let (within, overdue) = self.policy.limits.hook_within(self.order.duration);
        let sizes = (self.order.size_bytes_max, self.takes_file);
        let programs = (self.fleetmark.as_path(), &self.policy.launch);
        let ran = self.desk.run(programs, &self.command, within, sizes).await;
        let problem = match ran {
            Err(error) => Some(format!("failed to run the profiler: {error}")),
            Ok(profile) => {
                let sent = send(&mut self.uplink.clone(), self.trial, &profile).await;
                let unsent = sent.err().map(|reason| format!("failed to send the profile: {reason}"));
                let cut = overdue.filter(|_| profile.was_interrupted).map(|_| {
                    format!(
                        "it was interrupted after {within:?}: the agent allows no more (`limits.duration`)"
                    )
                });
                unsent.or(profile.problem).or(cut)
            }
        };
        Statement::Profiled(self.trial, problem.map(|problem| self.mask.hide(problem)))
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
    for _ in 0..SENDINGS_MAX {
        let standing =
            uplink.wait_for(Option::is_some).await.map_err(|_| "the session ended".to_owned())?.clone();
        let Some(standing) = standing else { continue };
        match timeout(SEND_WITHIN, standing.send(trial, profile)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(SendError::Refused(reason))) => return Err(reason),
            Ok(Err(SendError::Again(reason))) => last = reason,
            Err(_) => last = format!("it took more than {SEND_WITHIN:?}"),
        }
        sleep(SEND_AGAIN_AFTER).await;
    }
    Err(format!("{last}; tried {SENDINGS_MAX} times"))
}
