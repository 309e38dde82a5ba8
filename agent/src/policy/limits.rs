//! How much a trial may ask of this agent.

use std::time::Duration;

use shared::job::{Warmup, Window};
use shared::plan::{Assignment, LoadShare};

use super::Refusal;

/// The most that a trial may ask; `None`: no bound.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Limits {
    /// Operations begun per second.
    pub rate: Option<f64>,
    /// Workers.
    pub workers: Option<u32>,
    /// From the start of a trial to the end of its window, operations that are still under way left out; and each hook.
    pub duration: Option<Duration>,
}

impl Limits {
    /// How long a hook may take that the job gives so much time, and what is said when it takes longer: `None` is for the job to
    /// say.
    pub fn hook_within(&self, given: Duration) -> (Duration, Option<Refusal>) {
        match self.duration.filter(|most| *most < given) {
            Some(most) => (most, Some(Refusal::HookOverdue(most))),
            None => (given, None),
        }
    }

    pub(super) fn check(&self, assignment: &Assignment) -> Result<(), Refusal> {
        let load = &assignment.load;
        let wanted = load.workers.max(load.workers_max);
        if let Some(most) = self.workers.filter(|most| wanted > *most) {
            return Err(Refusal::Workers { wanted, most });
        }
        if let Some(most) = self.rate {
            let wanted = rate_of(load, assignment.agent_count).ok_or(Refusal::NoRate(most))?;
            if wanted > most {
                return Err(Refusal::Rate { wanted, most });
            }
        }
        let wanted = length_of(load);
        match self.duration.filter(|most| wanted > *most) {
            Some(most) => Err(Refusal::Duration { wanted, most }),
            None => Ok(()),
        }
    }
}

/// This agent's share of the highest rate of the trial; `None`: it begins as many as it can.
fn rate_of(load: &LoadShare, agent_count: u32) -> Option<f64> {
    match (&load.arrivals, load.pace) {
        (Some(arrivals), _) => {
            let stretches = arrivals.stretches.iter();
            let highest =
                stretches.map(|stretch| stretch.from_per_s.max(stretch.to_per_s)).fold(0.0, f64::max);
            Some(highest / f64::from(agent_count.max(1)))
        }
        (None, Some(pace)) if !pace.is_zero() => Some(f64::from(load.workers) / pace.as_secs_f64()),
        (None, _) => None,
    }
}

/// How long a trial takes at least; what is counted in iterations shows only while it runs.
fn length_of(load: &LoadShare) -> Duration {
    let warmup = match load.warmup {
        Warmup::For(length) => length,
        Warmup::Iterations(_) => Duration::ZERO,
    };
    let window = match load.window {
        Window::For(length) => length,
        Window::Iterations(_) => Duration::ZERO,
    };
    warmup.saturating_add(window)
}

/// Whether how long a trial takes shows only while it runs: it counts iterations.
pub(super) fn is_length_open(load: &LoadShare) -> bool {
    matches!(load.warmup, Warmup::Iterations(_)) || matches!(load.window, Window::Iterations(_))
}
