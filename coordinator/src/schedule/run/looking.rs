//! Looks at what is measured so far: after some blocks a run may need no more of them, and after each trial a search may turn
//! elsewhere.

use std::sync::Arc;

use shared::event::RunEvent;
use shared::job::{Job, Search};
use shared::plan::looks::{Look, LookKind};
use shared::plan::search::Course;
use shared::run_record::{LookOutcome, Looked, RunState};

use super::super::Action;
use super::super::step::Step;
use super::ActiveRun;

impl ActiveRun {
    /// The look that is due now that a trial is judged; `None`: there is none, or the block goes on.
    pub(super) fn look_due(&self) -> Option<Look> {
        let done = self.planned()?;
        if self.ending.is_some() {
            return None;
        }
        if let Some(search) = &self.job.search {
            return self.onward().is_none().then(|| self.look_of(search));
        }
        let next = self.onward()?;
        let next = self.record.plan.trials.get(next.0.0 as usize)?;
        let is_taken = self.record.looks.last().is_some_and(|looked| looked.look.blocks > done.block);
        if next.block == done.block || is_taken {
            return None;
        }
        self.job.looks().after(done.block + 1)
    }

    /// The look of a search, which plans one trial at a time: its number is that of those that it has planned.
    fn look_of(&self, search: &Search) -> Look {
        let blocks = u32::try_from(self.record.plan.trials.len()).unwrap_or(u32::MAX);
        let alpha = Course::of(search, self.job.load.trials).alpha();
        Look { blocks, kind: LookKind::Search, alpha }
    }

    /// Has what is stored looked at.
    pub(super) fn look(&mut self, actions: &mut Vec<Action>) {
        if let Some(look) = self.look_due() {
            actions.push(Action::Look(look, Box::new(self.record.clone())));
            self.await_nobody();
        }
    }

    /// What came of the look that is waited for.
    pub(in super::super) fn note_looked(
        &mut self,
        blocks: u32,
        outcome: LookOutcome,
        actions: &mut Vec<Action>,
    ) {
        let Some(look) = self.look_due().filter(|due| self.step == Step::Look && due.blocks == blocks) else {
            return;
        };
        self.awaited.clear();
        if look.kind == LookKind::Search {
            return self.turn_search(outcome, actions);
        }
        let why = match outcome {
            LookOutcome::Settled => Some("every claim is decided"),
            LookOutcome::Refuted => Some("a claim is refuted beyond doubt"),
            LookOutcome::GoOn | LookOutcome::Failed(_) | LookOutcome::Try(_) | LookOutcome::Found => None,
        };
        self.record.looks.push(Looked { look, outcome });
        if let Some(why) = why {
            let left = self.record.blocks_not_needed();
            let message = format!("{why} after {blocks} blocks; the {left} that are left are not run");
            actions.push(Action::Tell(self.record.id, RunEvent::Waiting { message }));
        }
    }

    /// Nobody looked in time: the run goes on as if the look had shown nothing, unless it is a search, which does not know where
    /// to go.
    pub(super) fn give_up_looking(&mut self) {
        let Some(look) = self.look_due() else { return };
        let outcome = LookOutcome::Failed("what was stored could not be read in time".to_owned());
        if look.kind == LookKind::Search {
            return self.turn_search(outcome, &mut Vec::new());
        }
        self.record.looks.push(Looked { look, outcome });
    }

    /// Plans what a search tries next. When that is nothing, the plan is done.
    fn turn_search(&mut self, outcome: LookOutcome, actions: &mut Vec<Action>) {
        match outcome {
            LookOutcome::Try(place) => self.try_value(place, actions),
            LookOutcome::Failed(why) => {
                let reason = format!("it is not known which value the search is to try next: {why}");
                self.end_early(RunState::Failed, reason);
            }
            LookOutcome::GoOn | LookOutcome::Settled | LookOutcome::Refuted | LookOutcome::Found => {}
        }
    }

    /// Plans one more trial of a value; one that was not tried before is told, and is a variant of its own from now on.
    fn try_value(&mut self, place: u32, actions: &mut Vec<Action>) {
        let Some(search) = &self.job.search else { return };
        if !self.record.plan.try_value(search, place as usize) {
            return;
        }
        let name = self.record.plan.variants.last().map_or("", |variant| variant.name.as_str());
        let message = format!("the search tries {name}");
        actions.push(Action::Tell(self.record.id, RunEvent::Waiting { message }));
        self.job = Arc::new(Job::as_planned((*self.job).clone(), &self.record.plan));
    }
}
