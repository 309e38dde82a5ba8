//! Events in words, for the bar and the lines alike.

use std::time::Duration;

use shared::event::{Progress, RunEvent};
use shared::units::{human_count, human_ns, human_rate};

/// What is known of the trial that runs.
#[derive(Debug, Default)]
pub(crate) struct Trial {
    pub(crate) number: u32,
    pub(super) of: u32,
    pub(super) variant: String,
    pub(super) planned: Option<Duration>,
    pub(super) iterations: Option<u64>,
}

impl Trial {
    /// A trial that started; `None` for other events.
    pub(crate) fn of(event: &RunEvent) -> Option<Self> {
        let RunEvent::TrialStarted { trial, trials_planned, variant, warmup, duration, iterations } = event
        else {
            return None;
        };
        let planned = warmup.zip(*duration).map(|(warmup, duration)| warmup + duration);
        Some(Self {
            number: trial.0 + 1,
            of: *trials_planned,
            variant: variant.clone(),
            planned,
            iterations: *iterations,
        })
    }

    /// Its name among the run's trials.
    pub(crate) fn title(&self) -> String {
        let variant = if self.variant.is_empty() || self.variant == "default" {
            String::new()
        } else {
            format!(" {}", self.variant)
        };
        match self.of {
            0 => format!("trial {}{variant}", self.number),
            1 => format!("running{variant}"),
            of => format!("trial {}/{of}{variant}", self.number),
        }
    }

    /// How much of it is done, 0 to 1, and how long it still takes.
    pub(crate) fn done(&self, progress: &Progress) -> (f64, Option<Duration>) {
        if let Some(planned) = self.planned.filter(|planned| !planned.is_zero()) {
            let share = progress.elapsed.as_secs_f64() / planned.as_secs_f64();
            return (share.min(1.0), Some(planned.saturating_sub(progress.elapsed)));
        }
        let Some(iterations) = self.iterations.filter(|iterations| *iterations > 0) else {
            return (0.0, None);
        };
        let left = iterations.saturating_sub(progress.count) as f64;
        let left = (progress.recent_per_s > 0.0)
            .then(|| Duration::from_secs_f64((left / progress.recent_per_s).min(1e6)));
        ((progress.count as f64 / iterations as f64).min(1.0), left)
    }
}

/// The figures so far.
pub(super) fn figures(progress: &Progress) -> String {
    let latency = |value: Option<u64>| value.map_or_else(|| "–".to_owned(), |value| human_ns(value as f64));
    let rate = human_rate(progress.recent_per_s);
    if progress.is_warming_up {
        return format!("warming up, {rate}");
    }
    let errors = match progress.errors {
        0 => "no errors".to_owned(),
        1 => "1 error".to_owned(),
        more => format!("{} errors", human_count(more as f64)),
    };
    format!("{rate}, {errors}, p50 {}, p99 {}", latency(progress.p50_ns), latency(progress.p99_ns))
}

/// Events that are worth a line of their own.
pub(super) fn line(event: &RunEvent) -> Option<String> {
    match event {
        RunEvent::Waiting { message } => Some(message.clone()),
        RunEvent::TrialFinished { trial, is_valid: false, .. } => {
            Some(format!("trial {} does not count; the result says why", trial.0 + 1))
        }
        _ => None,
    }
}
