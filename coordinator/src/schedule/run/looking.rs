//! Looks at what is measured so far: after some blocks a run may need no more of them.

use shared::event::RunEvent;
use shared::plan::looks::Look;
use shared::run_record::{LookOutcome, Looked};

use super::super::Action;
use super::super::step::Step;
use super::ActiveRun;

impl ActiveRun {
    /// The look that is due now that a trial is judged; `None`: there is none, or the block goes on.
    pub(super) fn look_due(&self) -> Option<Look> {
        let (done, next) = (self.planned()?, self.onward()?);
        let next = self.record.plan.trials.get(next.0.0 as usize)?;
        let is_taken = self.record.looks.last().is_some_and(|looked| looked.look.blocks > done.block);
        if self.ending.is_some() || next.block == done.block || is_taken {
            return None;
        }
        self.job.looks().after(done.block + 1)
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
        let why = match outcome {
            LookOutcome::Settled => Some("every claim is decided"),
            LookOutcome::Refuted => Some("a claim is refuted beyond doubt"),
            LookOutcome::GoOn | LookOutcome::Failed(_) => None,
        };
        self.record.looks.push(Looked { look, outcome });
        if let Some(why) = why {
            let left = self.record.blocks_not_needed();
            let message = format!("{why} after {blocks} blocks; the {left} that are left are not run");
            actions.push(Action::Tell(self.record.id, RunEvent::Waiting { message }));
        }
        self.awaited.clear();
    }

    /// Nobody looked in time: the run goes on as if the look had shown nothing.
    pub(super) fn give_up_looking(&mut self) {
        if let Some(look) = self.look_due() {
            let outcome = LookOutcome::Failed("what was stored could not be read in time".to_owned());
            self.record.looks.push(Looked { look, outcome });
        }
    }
}
