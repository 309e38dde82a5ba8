//! What the kinds share that measure the host itself: on how many threads they work, and a batch of work as one operation.
//! Room: [`numbers`], data that looks random and is the same everywhere.
//!
//! Their kernels carry a version in their name (`integer/1`). What a kernel does is written in `docs/workloads.md`; one that is
//! changed gets a new version and so another name, by which jobs ask for it and runs are told apart.

pub(super) mod numbers;

use std::num::NonZeroU32;

use rustix::thread::sched_getaffinity;
use shared::job::schema::{Key, Shape};
use shared::plan::LoadShare;

use super::{Outcome, PrepareError};
use crate::engine::clock::now_ns;
use crate::policy::{Refusal, Warden};

/// Most threads of one agent: as many as the kernel's set of cores can name. More would only wait for each other.
const THREADS_MAX: u32 = 1024;
/// The word for one thread on each core.
const CORES: &str = "cores";

/// The key that says how many threads work.
pub(super) const THREADS: Key = Key::optional(
    "threads",
    Shape::OneOf(&["workers", CORES]),
    "How many threads of each agent work: `workers` (default), as many as load.workers gives it, or `cores`, one for each core that it may use.",
);

/// How many threads work under a share of the load: each worker is alone on one.
///
/// # Errors
/// When the cores cannot be read, or there would be more threads than make sense or than the agent's owner allows.
pub(super) fn threads(
    word: Option<&str>,
    load: &LoadShare,
    warden: &Warden,
) -> Result<NonZeroU32, PrepareError> {
    let threads = if word == Some(CORES) { cores()? } else { load.workers };
    let most = warden.policy().limits.workers.unwrap_or(u32::MAX);
    if threads > most {
        return Err(warden.refuse(Refusal::Workers { wanted: threads, most }).into());
    }
    let too_many = || {
        PrepareError(format!(
            "load.workers gives this agent {threads} workers, each of them a thread of its own, and there are at most {THREADS_MAX}: ask for fewer"
        ))
    };
    NonZeroU32::new(threads).filter(|threads| threads.get() <= THREADS_MAX).ok_or_else(too_many)
}

fn cores() -> Result<u32, PrepareError> {
    let allowed = sched_getaffinity(None)
        .map_err(|error| PrepareError(format!("threads: the cores of this agent cannot be read: {error}")))?;
    Ok(allowed.count())
}

/// Does one batch of work on this thread, and notes when.
pub(super) async fn batch<T>(outcome: &mut Outcome, work: impl FnOnce() -> T) -> T {
    // So that the thread's other tasks, the end of the trial among them, come up between any two batches.
    tokio::task::yield_now().await;
    outcome.sent_ns = now_ns();
    let done = work();
    outcome.ended_ns = now_ns();
    done
}

/// How long the batch of an outcome took, in seconds; never zero.
pub(super) fn seconds(outcome: &Outcome) -> f64 {
    outcome.ended_ns.saturating_sub(outcome.sent_ns).max(1) as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use shared::job::{Warmup, Window};

    use super::*;
    use crate::policy::Policy;

    fn share(workers: u32) -> LoadShare {
        crate::engine::tests::load(workers, Warmup::Iterations(0), Window::Iterations(1))
    }

    #[test]
    fn workers_or_cores_are_the_threads() {
        let warden = Warden::new(Arc::new(Policy::unrestricted()));
        let count = |word, workers| threads(word, &share(workers), &warden).map(NonZeroU32::get);
        assert_eq!(count(None, 3), Ok(3));
        assert_eq!(count(Some("workers"), 1), Ok(1));
        assert_eq!(count(Some("cores"), 1), Ok(cores().unwrap()));
        assert!(count(None, 2_000).is_err_and(|error| error.0.contains("at most 1024")));
    }

    #[test]
    fn an_owners_limit_on_workers_holds_for_cores_too() {
        let mut policy = Policy::unrestricted();
        policy.limits.workers = Some(0);
        let warden = Warden::new(Arc::new(policy));
        assert!(threads(Some("cores"), &share(1), &warden).is_err());
        assert!(matches!(warden.refused(), Some(Refusal::Workers { most: 0, .. })));
    }
}
