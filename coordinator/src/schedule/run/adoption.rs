//! Runs that outlive their coordinator: a bookmark at each step, and going on from it.
//!
//! An agent goes on measuring while the coordinator is away, answers an order that it knows without doing it again, and
//! repeats what it said last. So a step that waits for answers is simply entered once more. Only a start is never given
//! twice: what was started goes on, and what was not is not started late.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::event::RunEvent;
use shared::finding::FindingCode;
use shared::ids::{AgentId, AgentName, LeaseEpoch, TrialKey};
use shared::run_record::{AgentPart, RunRecord, RunState};

use super::super::step::Step;
use super::super::{Action, Ending};
use super::keeping::parts;
use super::loss::Group;
use super::target::Target;
use super::{ActiveRun, CurrentTrial};
use crate::fleet::{Fleet, Moment};

/// Why a run cannot be taken up.
#[derive(Debug, thiserror::Error)]
#[error("its bookmark cannot be read: {0}")]
pub struct BookmarkError(#[from] serde_json::Error);

/// Where a run stands.
#[derive(Debug, Serialize, Deserialize)]
struct Bookmark {
    step: Step,
    trial: CurrentTrial,
    #[serde(default)]
    targets: BTreeMap<AgentId, Target>,
    group: Group,
    newcomers: Vec<AgentId>,
    /// Leased agents that are not lost, what is to be known of them until they are back, and the slots of their hosts.
    agents: Vec<(AgentPart, u32)>,
    /// Agents that were lost while an earlier coordinator awaited them: their places may be other runs' by now.
    #[serde(default)]
    lost: Vec<(AgentId, AgentName)>,
    ending: Option<Ending>,
}

/// What is to be done once all agents are back.
#[derive(Debug)]
pub(super) struct Resumption {
    /// The step that the run was in.
    step: Step,
    /// Agents that did not come back.
    pub(super) lost: Vec<(AgentId, AgentName)>,
}

/// The trial that was under way when a run's record was saved; `None`: there was none.
///
/// # Errors
/// When the bookmark cannot be read.
pub fn trial_under_way(record: &RunRecord) -> Result<Option<TrialKey>, BookmarkError> {
    let Some(bookmark) = bookmark_of(record)? else { return Ok(None) };
    let Bookmark { trial, .. } = bookmark;
    Ok(Some(TrialKey { run: record.id, trial: trial.index, attempt: trial.attempt }))
}

fn bookmark_of(record: &RunRecord) -> Result<Option<Bookmark>, BookmarkError> {
    record.bookmark.clone().map(serde_json::from_value).transpose().map_err(BookmarkError)
}

impl Resumption {
    /// The step that the run was in.
    pub(super) fn step(&self) -> Step {
        self.step
    }
}

impl ActiveRun {
    /// The run as an earlier coordinator left it; of its agents' intervals `stored` says what is stored. One without a
    /// bookmark waits for agents as if it were new.
    ///
    /// # Errors
    /// When the bookmark cannot be read.
    pub(in super::super) fn adopted(
        self,
        stored: BTreeMap<AgentId, u64>,
        now: Moment,
        fleet: &mut Fleet,
        actions: &mut Vec<Action>,
    ) -> Result<Self, BookmarkError> {
        let bookmark = bookmark_of(&self.record)?;
        let mut run = self;
        let Some(Bookmark { step, trial, targets, group, newcomers, agents, lost, ending }) = bookmark else {
            return Ok(run);
        };
        for (part, slots) in &agents {
            fleet.expect_back(now, part, *slots, run.record.id, run.record.reservation.as_deref());
        }
        run.missing_since = None;
        run.is_adopted = true;
        (run.trial, run.targets, run.group, run.newcomers, run.ending) =
            (trial, targets, group, newcomers, ending);
        run.names = agents.iter().map(|(part, _)| (part.id, part.name.clone())).collect();
        run.names.extend(lost.iter().cloned());
        run.awaited = agents.iter().map(|(part, _)| part.id).collect();
        let mut agents: Vec<_> = agents.into_iter().map(|(part, _)| (part.name, part.id)).collect();
        agents.extend(lost.iter().map(|(id, name)| (name.clone(), *id)));
        agents.sort();
        run.agents = agents.into_iter().map(|(_, id)| id).collect();
        run.trial.stored = stored;
        (run.step, run.resumption) = (Step::Adopt, Some(Resumption { step, lost }));
        if step >= Step::BeginTrial && step <= Step::Judge {
            let from = |agent: &AgentId| (*agent, run.trial.stored.get(agent).copied().unwrap_or(0));
            let known = run.loads().iter().chain(&run.trial.observers).map(from).collect();
            actions.push(Action::OpenTrial(run.key(), run.trial.epoch, known));
        }
        let message = "the coordinator was restarted; waiting for the run's agents".to_owned();
        actions.push(Action::Tell(run.record.id, RunEvent::Waiting { message }));
        Ok(run)
    }

    /// An agent's connection stands again.
    pub(in super::super) fn came_back(&mut self, agent: AgentId) {
        if self.step == Step::Adopt {
            self.answered(agent);
        }
    }

    /// All agents are back or lost: on from where the run stood.
    pub(super) fn go_on(
        &mut self,
        now: Moment,
        fleet: &Fleet,
        epoch: &mut LeaseEpoch,
        actions: &mut Vec<Action>,
    ) {
        let Some(Resumption { step, lost }) = self.resumption.take() else { return };
        self.step = step;
        self.awaited.clear();
        match step {
            Step::Arm | Step::Run => {
                self.awaited =
                    self.measuring().into_iter().filter(|id| !self.trial.reported.contains_key(id)).collect();
                self.step = Step::Run;
                self.deadline = self.deadline_of(Step::Run, now, Duration::ZERO);
                // A coordinator that ended in between has told nobody. Whose load is over starts none any more.
                if self.is_profiling() && !self.awaited.is_empty() {
                    self.begin_profilers(actions);
                }
            }
            // It had moved on to the next attempt already.
            Step::Regroup => self.await_regrouping(now),
            _ => self.enter(step, now, fleet, epoch, actions),
        }
        lost.iter().for_each(|(agent, name)| self.lose(*agent, name, actions));
        if !lost.is_empty() {
            self.keep_bookmark(fleet, actions);
        }
    }

    /// An agent of a trial that was started says that it still waits for its start.
    pub(super) fn never_started(&mut self, agent: AgentId) {
        let message =
            "it had not been started when the coordinator ended, and is not started late".to_owned();
        self.break_trial(FindingCode::AgentFailed, Some(agent), message);
    }

    /// Agents that were started and such that were not cannot measure together.
    pub(super) fn check_start(&mut self) {
        if !self.trial.was_started {
            return;
        }
        // Where they share a load, one is enough to break it.
        let told = if self.trial.cells.is_empty() { 1 } else { usize::MAX };
        let unstarted: Vec<AgentId> = self.trial.are_ready.iter().copied().take(told).collect();
        unstarted.into_iter().for_each(|agent| self.never_started(agent));
    }

    /// Has the run's record saved with where it stands, if it waits there: a step that waits for nobody is left at once,
    /// and the next one that waits says all that it did. While its agents are awaited nothing new is to be said but who was lost.
    pub(in super::super) fn keep_bookmark(&mut self, fleet: &Fleet, actions: &mut Vec<Action>) {
        let (step, lost) = match &self.resumption {
            Some(resumption) if resumption.lost.is_empty() => return,
            Some(resumption) => (resumption.step, resumption.lost.clone()),
            None => (self.step, Vec::new()),
        };
        if self.awaited.is_empty() || matches!(step, Step::Waiting | Step::Adopt | Step::Finished) {
            return;
        }
        let slots = |part: &AgentPart| fleet.agent(part.id).map_or(1, |agent| agent.slots);
        let is_left = |part: &AgentPart| lost.iter().all(|(id, _)| *id != part.id);
        let agents = parts(&self.agents, fleet).into_iter().filter(is_left);
        let bookmark = Bookmark {
            step,
            trial: self.trial.clone(),
            targets: self.targets.clone(),
            group: self.group.clone(),
            newcomers: self.newcomers.clone(),
            agents: agents.map(|part| (part.clone(), slots(&part))).collect(),
            lost,
            ending: self.ending.clone(),
        };
        // What is made of plain values always becomes JSON.
        self.record.bookmark = serde_json::to_value(&bookmark).ok();
        debug_assert!(self.record.bookmark.is_some() && self.record.state == RunState::Running);
        actions.push(Action::Save(Box::new(self.record.clone())));
    }
}
