//! Where a run stands at one moment: what those are told who look at it.

use serde::Serialize;
use shared::event::{Progress, RunEvent};
use shared::finding::Finding;
use shared::ids::RunId;
use shared::run_record::{RunRecord, RunState};
use shared::run_report::Verdict;

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(in crate::web) struct Frame {
    /// Its place among all that were told of the run, from 1.
    pub(in crate::web) sequence: u64,
    /// The run.
    pub(in crate::web) run: RunId,
    /// The job's name.
    pub(in crate::web) name: String,
    /// Whether it waits, runs or is over.
    pub(in crate::web) state: RunState,
    /// What it waits for, or why it ended as it did; `null`: nothing is to be said.
    pub(in crate::web) message: Option<String>,
    /// Measurements that ran to their end.
    pub(in crate::web) trials_complete: usize,
    /// Measurements that are needed; a search does not know beforehand.
    pub(in crate::web) trials_planned: usize,
    /// The trial under way; `null`: none.
    pub(in crate::web) trial: Option<TrialNow>,
    /// How it fares; `null`: nothing was reported yet.
    pub(in crate::web) progress: Option<ProgressNow>,
    /// What was found in the trial that ended last.
    pub(in crate::web) findings: Vec<Finding>,
    /// What came out; `null`: it is not over.
    pub(in crate::web) verdict: Option<Verdict>,
    /// The contract's exit code; `null`: it is not over.
    pub(in crate::web) exit_code: Option<u8>,
}

/// The trial under way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(in crate::web) struct TrialNow {
    /// Its place in the plan, from 0.
    pub(in crate::web) trial: u32,
    /// Its variant; `null`: it is being prepared.
    pub(in crate::web) variant: Option<String>,
    /// Planned length of warm-up and window together, seconds; `null`: it is counted in iterations, or being prepared.
    pub(in crate::web) planned_s: Option<f64>,
}

/// How the trial under way fares, over all agents.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(in crate::web) struct ProgressNow {
    /// Time since its start, seconds.
    pub(in crate::web) elapsed_s: f64,
    /// Whether it still warms up.
    pub(in crate::web) is_warming_up: bool,
    /// Operations that ended in the window.
    pub(in crate::web) count: u64,
    /// Of these, errors.
    pub(in crate::web) errors: u64,
    /// Successes per second over the last second.
    pub(in crate::web) recent_per_s: f64,
    /// Median latency so far, ns; `null`: too few successes to bound it.
    pub(in crate::web) p50_ns: Option<u64>,
    /// 99th percentile of latency so far, ns; `null` likewise.
    pub(in crate::web) p99_ns: Option<u64>,
    /// Agents that have reported.
    pub(in crate::web) agents_reporting: u32,
    /// A sentence worth showing.
    pub(in crate::web) hint: Option<String>,
}

impl Frame {
    /// A run as its record has it.
    pub(in crate::web) fn of_record(record: &RunRecord) -> Self {
        let mut frame = Self {
            sequence: 0,
            run: record.id,
            name: record.name.to_string(),
            state: record.state,
            message: None,
            trials_complete: 0,
            trials_planned: 0,
            trial: None,
            progress: None,
            findings: Vec::new(),
            verdict: None,
            exit_code: None,
        };
        frame.take_record(record);
        frame
    }

    /// Takes over what the record says now.
    pub(in crate::web) fn take_record(&mut self, record: &RunRecord) {
        if !self.state.is_over() {
            self.state = record.state;
        }
        self.trials_complete = record.trials.iter().map(|trial| trial.measurements_complete()).sum();
        self.trials_planned = record.measurements_needed();
    }

    /// Takes in what happened.
    pub(in crate::web) fn take(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Waiting { message } => self.message = Some(message.clone()),
            RunEvent::TrialPreparing { trial, .. } => {
                (self.message, self.progress) = (None, None);
                self.trial = Some(TrialNow { trial: trial.0, variant: None, planned_s: None });
            }
            RunEvent::TrialStarted { trial, variant, warmup, duration, .. } => {
                let planned = duration.map(|duration| duration + warmup.unwrap_or_default());
                let planned_s = planned.map(|planned| planned.as_secs_f64());
                self.trial = Some(TrialNow { trial: trial.0, variant: Some(variant.clone()), planned_s });
            }
            RunEvent::Progress(progress) => self.progress = Some(progress.into()),
            RunEvent::TrialFinished { findings, .. } => self.findings.clone_from(findings),
            RunEvent::Ended { state, verdict, exit_code, reason } => {
                (self.state, self.message) = (*state, reason.clone());
                (self.trial, self.progress) = (None, None);
                (self.verdict, self.exit_code) = (Some(*verdict), Some(*exit_code));
            }
        }
    }
}

impl From<&Progress> for ProgressNow {
    fn from(progress: &Progress) -> Self {
        Self {
            elapsed_s: progress.elapsed.as_secs_f64(),
            is_warming_up: progress.is_warming_up,
            count: progress.count,
            errors: progress.errors,
            recent_per_s: progress.recent_per_s,
            p50_ns: progress.p50_ns,
            p99_ns: progress.p99_ns,
            agents_reporting: progress.agents_reporting,
            hint: progress.hint.clone(),
        }
    }
}
