//! Leaving the straight way: broken trials, deadlines that passed, cancellations; and awaiting what is still stored.

use shared::finding::FindingCode;
use shared::ids::AgentId;
use shared::run_record::RunState;

use super::super::Action;
use super::super::step::Step;
use super::ActiveRun;
use crate::fleet::{Fleet, Moment};

impl ActiveRun {
    /// Where a run goes whose trial is broken or that is to end; `None`: on as planned.
    pub(super) fn detour(&mut self) -> Option<Step> {
        if let Some(ending) = self.ending.clone() {
            if self.step == Step::BeforeRun {
                return Some(Step::AfterRun);
            }
            if matches!(self.step, Step::Regroup | Step::Join) {
                return Some(Step::StopLastTarget);
            }
            if self.has_open_trial() && self.step < Step::Collect && !self.trial.is_broken {
                self.break_trial(
                    FindingCode::TrialNotRun,
                    None,
                    format!("the run was {}: {}", ending.state.as_str(), ending.reason),
                );
            }
        }
        let is_under_way = self.has_open_trial() && self.step < Step::Collect;
        (is_under_way && self.trial.is_broken).then_some(if self.trial.is_prepared {
            Step::Collect
        } else {
            Step::AfterTrial
        })
    }

    /// Tells agents that may be measuring to stop; what they measured so far is still collected.
    pub(super) fn abort(&mut self, actions: &mut Vec<Action>) {
        let first = self.trial_record().and_then(|trial| trial.findings.first());
        let reason = first.map_or_else(|| "the trial is over".to_owned(), |finding| finding.message.clone());
        for agent in self.loads() {
            self.stop_measuring(agent, reason.clone(), actions);
        }
        self.trial.abort_reason = Some(reason);
    }

    /// The deadline passed, and somebody has not answered.
    pub(super) fn give_up_waiting(&mut self, fleet: &Fleet) {
        let name = |id: AgentId| Some((id, fleet.agent(id)?.name.to_string()));
        let silent: Vec<(AgentId, String)> = self.awaited.iter().filter_map(|id| name(*id)).collect();
        let names: Vec<&str> = silent.iter().map(|(_, name)| name.as_str()).collect();
        let names = names.join(", ");
        match self.step {
            Step::Regroup => self.give_up_regrouping(fleet),
            Step::BeforeRun | Step::Join | Step::AfterRun => {
                self.fail_hook(None, format!("hooks did not end in time on {names}"));
            }
            Step::BeforeTrial | Step::AfterTrial => {
                let message = |names: &str| format!("hooks did not end in time on {names}");
                self.break_silent(FindingCode::HookFailed, None, &silent, message);
            }
            Step::ReservePort | Step::StartTarget => {
                let host = silent.first().map(|(agent, _)| *agent);
                let message = |names: &str| format!("{names} did not start the target in time");
                self.break_silent(FindingCode::TargetFailed, host, &silent, message);
            }
            // What was measured stands; but nothing more can be measured beside a target that lives on.
            Step::StopTarget | Step::StopLastTarget => {
                self.fail_unless_profiling(format!("{names} did not stop the target in time"));
            }
            Step::Prepare => self.break_silent(FindingCode::AgentFailed, None, &silent, |names| {
                format!("{names} did not get ready in time")
            }),
            Step::Arm => self.break_silent(FindingCode::AgentFailed, None, &silent, |names| {
                format!("{names} did not confirm the start in time")
            }),
            Step::Run => self.break_silent(FindingCode::AgentFailed, None, &silent, |names| {
                format!("{names} did not finish in time")
            }),
            Step::Profile => self.give_up_profilers(&silent),
            Step::Judge => {
                self.end_early(RunState::Failed, "what was stored could not be read in time".to_owned())
            }
            Step::Look => self.give_up_looking(),
            // What did not arrive is named by the report: it counts what is stored against what was numbered.
            Step::Collect | Step::Waiting | Step::Adopt | Step::BeginTrial | Step::Finished => {}
        }
        self.awaited.clear();
        self.told.clear();
    }

    /// Some agents have not answered: where cells stand apart, that is the end of theirs only. `agent`: whom it is about where
    /// all share one load.
    fn break_silent(
        &mut self,
        code: FindingCode,
        agent: Option<AgentId>,
        silent: &[(AgentId, String)],
        message: impl Fn(&str) -> String,
    ) {
        if self.trial.cells.is_empty() {
            let names: Vec<&str> = silent.iter().map(|(_, name)| name.as_str()).collect();
            return self.break_trial(code, agent, message(&names.join(", ")));
        }
        for (agent, name) in silent {
            self.break_trial(code, Some(*agent), message(name));
        }
    }

    /// While collecting: awaited are the agents whose intervals are not all stored, observers among them for a while.
    pub(super) fn await_intervals(&mut self, now: Moment, fleet: &Fleet) {
        let trial = &self.trial;
        // Of what an agent numbered, the part that it can still deliver.
        let is_whole = |agent: &AgentId| {
            let Some(reported) = trial.reported.get(agent) else { return false };
            let due = trial.deliverable.get(agent).map_or(*reported, |left| *reported.min(left));
            trial.stored.get(agent).copied().unwrap_or(0) >= due
        };
        let told = self.collected().into_iter().chain(self.observers_left(now, fleet));
        self.awaited = told.filter(|agent| !is_whole(agent)).collect();
    }
}
