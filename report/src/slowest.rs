//! The slowest operations of a run, for people: which they are, and how they are told.

use shared::run_report::{RunReport, SlowReport, TrialReport};
use shared::units::human_ns;

/// One of them, and in which trial it was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slow<'a> {
    /// The variant's name.
    pub(crate) variant: &'a str,
    pub(crate) trial: &'a TrialReport,
    pub(crate) operation: &'a SlowReport,
}

/// The slowest of all trials that count, slowest first.
pub(crate) fn of(report: &RunReport, at_most: usize) -> Vec<Slow<'_>> {
    let mut slowest = Vec::new();
    for variant in &report.variants {
        for trial in variant.trials.iter().filter(|trial| trial.valid) {
            let told = trial.slowest.iter();
            slowest.extend(told.map(|operation| Slow { variant: &variant.name, trial, operation }));
        }
    }
    slowest.sort_by_key(|slow| std::cmp::Reverse(slow.operation.latency_ns));
    slowest.truncate(at_most);
    slowest
}

impl Slow<'_> {
    /// Its latency: `12.1 ms`.
    pub(crate) fn latency(&self) -> String {
        human_ns(self.operation.latency_ns as f64)
    }

    /// When it ended: `3.2 s into block 1 of new, at 2026-…`; the variant stands there where there are several.
    pub(crate) fn when(&self) -> String {
        let offset = human_ns(self.operation.offset_ns as f64);
        let of = if self.variant == "default" { String::new() } else { format!(" of {}", self.variant) };
        let at = self.operation.ended_at.as_ref().map_or_else(String::new, |at| format!(", {at}"));
        format!("{offset} into block {}{of}{at}", self.trial.block + 1)
    }

    /// Who did it: `load-1, worker 3`.
    pub(crate) fn who(&self) -> String {
        format!("{}, worker {}", self.operation.agent, self.operation.worker)
    }

    /// The first line of its request; nothing where there is none.
    pub(crate) fn first_line(&self) -> &str {
        self.operation.request.as_deref().and_then(|request| request.lines().next()).unwrap_or("")
    }
}
