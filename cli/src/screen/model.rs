//! What the full-screen view knows of a run: told by events, drawn from as it stands. It knows no clock and no terminal.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use report::figures;
use shared::event::{Progress, RunEvent};
use shared::finding::{Finding, FindingCode, Severity};
use shared::ids::TrialIndex;
use shared::run_report::{RunReport, Verdict};

use crate::output::printable;
use crate::progress::words::Trial;

/// Seconds of a trial that are drawn; of a longer one the last.
const POINTS_MAX: usize = 3_600;
/// Findings that are kept, the newest; nobody scrolls through more.
const FINDINGS_MAX: usize = 64;

/// A run as it stands.
#[derive(Debug, Default)]
pub(crate) struct Model {
    /// The run's id.
    pub(super) run: String,
    /// The job's name, once it is known.
    pub(super) name: String,
    pub(super) trial: Trial,
    pub(super) step: String,
    pub(super) progress: Option<Progress>,
    pub(super) points: VecDeque<Point>,
    pub(super) claims: Vec<Claim>,
    /// How many trials the report counts that decided the claims last.
    pub(super) claims_after: usize,
    /// Those of them that do not count.
    pub(super) invalid: usize,
    /// The trials of which it was told that they ended, each attempt once: who comes late or again is told of the last one only, and
    /// perhaps a second time.
    known: BTreeSet<(TrialIndex, u32)>,
    pub(super) findings: VecDeque<Told>,
    /// What there is to say beside the run's own events, such as that the coordinator went away.
    pub(super) said: Option<String>,
    pub(super) question: Option<Question>,
    pub(super) is_cancelling: bool,
}

/// One second of the running trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) at_s: f64,
    pub(super) per_s: f64,
    pub(super) errors: u64,
    pub(super) p50_ns: Option<u64>,
    pub(super) p99_ns: Option<u64>,
}

/// A claim, decided from the trials collected so far.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Claim {
    pub(super) title: String,
    pub(super) value: String,
    pub(super) verdict: Verdict,
}

/// A finding, and of which trial.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    pub(super) trial: TrialIndex,
    pub(super) severity: Severity,
    pub(super) message: String,
}

/// What is asked of whoever wants to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// Whether the run goes on without them, or is cancelled.
    LeaveOrCancel,
    /// Whether it is cancelled: it cannot go on, because its agents are ours.
    Cancel,
}

impl Model {
    /// Of a run of which nothing is known yet.
    pub(crate) fn of(run: &str) -> Self {
        Self { run: run.to_owned(), step: "waiting".to_owned(), ..Self::default() }
    }

    /// Takes in what happened.
    pub(crate) fn take(&mut self, event: &RunEvent) {
        self.said = None;
        match event {
            RunEvent::Waiting { message } => self.step = printable(message),
            RunEvent::TrialPreparing { agents, .. } => {
                self.step = format!("preparing on {} agent{}", agents.len(), plural(agents.len()));
            }
            RunEvent::TrialStarted { .. } => {
                self.trial = Trial::of(event).unwrap_or_default();
                self.step = "started".to_owned();
                self.progress = None;
                self.points.clear();
            }
            RunEvent::Progress(progress) => self.note(progress),
            RunEvent::TrialFinished { trial, attempt, findings, .. } => {
                self.step = "collected".to_owned();
                if self.known.insert((*trial, *attempt)) {
                    findings.iter().for_each(|finding| self.keep(*trial, finding));
                }
            }
            RunEvent::Ended { verdict, .. } => self.step = format!("ended: {}", verdict.as_str()),
        }
    }

    /// Says something beside the run's own events, until the next of them.
    pub(crate) fn say(&mut self, message: &str) {
        self.said = Some(printable(message));
    }

    /// Takes in the claims as the trials collected so far decide them.
    pub(crate) fn decide(&mut self, report: &RunReport) {
        self.name = report.run.name.clone();
        let collected = collected(report);
        self.claims_after = collected.len();
        self.invalid = collected.values().filter(|is_valid| !**is_valid).count();
        let claims = report.claims.iter().map(|claim| Claim {
            title: printable(&figures::claim(report, claim)),
            value: figures::with_interval(claim.value, claim.ci95, &claim.unit),
            // Before the first trial nothing is missing yet that would make a claim invalid.
            verdict: if claim.n == 0 && collected.is_empty() { Verdict::None } else { claim.verdict },
        });
        self.claims = claims.collect();
    }

    /// Asks whoever wants to go.
    pub(crate) fn ask(&mut self, question: Option<Question>) {
        self.question = question;
    }

    /// Whether a question is open.
    pub(crate) fn is_asking(&self) -> bool {
        self.question.is_some()
    }

    /// The run was asked to end.
    pub(crate) fn cancel(&mut self) {
        self.question = None;
        self.is_cancelling = true;
    }

    /// Of how many trials it was told that they ended: when there are more, the claims are to be decided anew.
    pub(crate) fn known(&self) -> usize {
        self.known.len()
    }

    fn note(&mut self, progress: &Progress) {
        let at_s = progress.elapsed.as_secs_f64().round();
        let errors_before =
            self.points.iter().rev().find(|point| point.at_s < at_s).map_or(0, |point| point.errors);
        let point = Point {
            at_s,
            per_s: progress.recent_per_s,
            errors: progress.errors.max(errors_before),
            p50_ns: progress.recent_p50_ns,
            p99_ns: progress.recent_p99_ns,
        };
        // Agents report a second one after another: what came first is only part of it.
        if self.points.back().is_some_and(|last| last.at_s >= at_s) {
            self.points.pop_back();
        }
        if self.points.len() == POINTS_MAX {
            self.points.pop_front();
        }
        self.points.push_back(point);
        self.step = if progress.is_warming_up { "warming up" } else { "measuring" }.to_owned();
        self.progress = Some(progress.clone());
    }

    fn keep(&mut self, trial: TrialIndex, finding: &Finding) {
        if self.findings.len() == FINDINGS_MAX {
            self.findings.pop_back();
        }
        let message = printable(&finding.message);
        self.findings.push_front(Told { trial, severity: finding.severity, message });
    }
}

/// An attempt at a trial, as a report has it: its variant's place, block, order and attempt.
type Attempt = (usize, u32, u32, u32);

/// The attempts of a report that were collected, and whether each counts: where agents stand apart, if all of its parts do.
fn collected(report: &RunReport) -> BTreeMap<Attempt, bool> {
    let mut attempts: BTreeMap<Attempt, bool> = BTreeMap::new();
    let mut under_way: BTreeSet<Attempt> = BTreeSet::new();
    for (place, variant) in report.variants.iter().enumerate() {
        for trial in &variant.trials {
            let attempt = (place, trial.block, trial.order, trial.attempt);
            *attempts.entry(attempt).or_insert(true) &= trial.valid;
            // So an attempt is called that has not come to its end yet.
            if trial.findings.iter().any(|finding| finding.code == FindingCode::TrialNotRun) {
                under_way.insert(attempt);
            }
        }
    }
    attempts.retain(|attempt, _| !under_way.contains(attempt));
    attempts
}

/// The letter that several of a thing have more.
pub(super) fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shared::run_report::{Coverage, TrialReport, VariantReport};

    use super::*;

    fn second(at_s: u64, count: u64) -> RunEvent {
        let elapsed = Duration::from_secs(at_s);
        RunEvent::Progress(Progress { elapsed, recent_per_s: count as f64, count, ..Progress::default() })
    }

    #[test]
    fn what_agents_say_later_of_a_second_replaces_what_was_drawn() {
        let mut model = Model::of("r");
        [second(1, 10), second(2, 5), second(2, 11)].iter().for_each(|event| model.take(event));
        let drawn: Vec<f64> = model.points.iter().map(|point| point.per_s).collect();
        assert_eq!(drawn, [10.0, 11.0]);
    }

    #[test]
    fn a_run_of_days_keeps_its_last_hour() {
        let mut model = Model::of("r");
        (0..10_000).for_each(|at_s| model.take(&second(at_s, 1)));
        assert_eq!(model.points.len(), POINTS_MAX);
        assert_eq!(model.points.back().map(|point| point.at_s), Some(9_999.0));
    }

    fn finished(trial: u32, attempt: u32) -> RunEvent {
        let findings = vec![Finding::of_trial(FindingCode::GeneratorSaturated, "93 % of its core")];
        RunEvent::TrialFinished { trial: TrialIndex(trial), attempt, is_valid: false, findings }
    }

    fn trial(block: u32, attempt: u32, code: Option<FindingCode>) -> TrialReport {
        TrialReport {
            block,
            order: 0,
            attempt,
            valid: code.is_none(),
            agent: None,
            pair: None,
            findings: code.map(|code| Finding::of_trial(code, "found")).into_iter().collect(),
            start_skew_us: None,
            start_skew_error_us: None,
            coverage: Coverage::default(),
            operations: Vec::new(),
            agents: Vec::new(),
            observers: Vec::new(),
            slowest: Vec::new(),
            plans: Vec::new(),
        }
    }

    /// A run with these trials that still goes on.
    fn report(trials: Vec<TrialReport>) -> RunReport {
        let run = serde_json::json!({
            "id": shared::ids::RunId::new(1, [0; 10]), "name": "j", "state": "running", "verdict": "inconclusive",
            "exit_code": 2, "reason": null, "started_at": "", "finished_at": null, "seed": 1, "tags": {},
            "fleetmark_version": "", "analysis_version": "", "job": "",
        });
        RunReport {
            schema: shared::run_report::SCHEMA.to_owned(),
            run: serde_json::from_value(run).unwrap(),
            variants: vec![VariantReport {
                name: "default".to_owned(),
                parameters: BTreeMap::new(),
                trials,
                operations: Vec::new(),
                agents: Vec::new(),
                estimates: Vec::new(),
            }],
            claims: Vec::new(),
            comparisons: Vec::new(),
            sweeps: Vec::new(),
            search: None,
            profiles: Vec::new(),
            hosts: Vec::new(),
        }
    }

    #[test]
    fn who_comes_late_counts_the_trials_that_the_report_has() {
        let mut model = Model::of("r");
        model.take(&finished(2, 0));
        let lost = Some(FindingCode::AgentLost);
        let under_way = Some(FindingCode::TrialNotRun);
        let trials = [(0, 0, None), (1, 0, lost), (1, 1, None), (2, 0, lost), (3, 0, under_way)];
        let trials = trials.map(|(block, attempt, code)| trial(block, attempt, code));
        model.decide(&report(trials.to_vec()));
        assert_eq!((model.claims_after, model.invalid), (4, 2));
    }

    #[test]
    fn an_end_that_is_told_twice_is_listed_once() {
        let mut model = Model::of("r");
        [finished(0, 0), finished(0, 0), finished(0, 1)].iter().for_each(|event| model.take(event));
        assert_eq!((model.known(), model.findings.len()), (2, 2));
    }

    #[test]
    fn a_sentence_of_strangers_cannot_move_the_cursor() {
        let mut model = Model::of("r");
        model.take(&RunEvent::Waiting { message: "waits\u{1b}[2J".to_owned() });
        assert_eq!(model.step, "waits [2J");
    }
}
