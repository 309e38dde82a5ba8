//! What workloads leave to be undone: after a trial, or once a run is over, whatever became of its trials.
//!
//! A trial that runs to its end undoes what it did itself and says how that went. What a trial leaves that was stopped is undone before the
//! next one of its run, or with what belongs to the whole run: when the coordinator says that the run is over.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::ids::{RunId, TrialKey};

/// Most runs of which anything is remembered: agents run one after the other, and coordinators that were lost say of none that it is over.
const RUNS_MAX: usize = 64;
/// Most of what one run leaves: as many variants as a job may have, several times.
const DEBTS_MAX: usize = 10_000;

/// How something is undone; it blocks, for as long as whoever left it allows itself.
pub type Undo = Box<dyn FnOnce() -> Result<(), String> + Send>;

/// What the workloads of an agent left to be undone.
#[derive(Debug, Default)]
pub struct Undertakings {
    runs: Mutex<BTreeMap<RunId, Arc<Mutex<Run>>>>,
}

/// What one run left.
#[derive(Debug, Default)]
struct Run {
    debts: Vec<Debt>,
}

struct Debt {
    owner: Owner,
    undo: Option<Undo>,
}

/// What something belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Owner {
    Trial(TrialKey),
    /// The run, under a name for what was done: it is done once.
    Run(String),
}

impl Undertakings {
    /// Does something once in a run, under a name for what it is; `undo` is how it is undone when the run is over.
    ///
    /// # Errors
    /// Why it was not done; it is tried again when it is asked for again.
    pub fn once<E>(
        &self,
        run: RunId,
        name: String,
        undo: Option<Undo>,
        work: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let entry = self.entry(run);
        // Held meanwhile: whoever else of the run needs it waits until it is done.
        let mut entry = held(&entry);
        let owner = Owner::Run(name);
        if entry.debts.iter().any(|debt| debt.owner == owner) {
            return Ok(());
        }
        let done = work();
        if done.is_ok() || undo.is_some() {
            let owner = if done.is_ok() { owner } else { Owner::Run(String::new()) };
            entry.note(Debt { owner, undo });
        }
        done
    }

    /// Notes how something of a trial is undone.
    pub fn owe(&self, trial: TrialKey, undo: Undo) {
        held(&self.entry(trial.run)).note(Debt { owner: Owner::Trial(trial), undo: Some(undo) });
    }

    /// Undoes what a trial left.
    ///
    /// # Errors
    /// What could not be undone.
    pub fn settle(&self, trial: TrialKey) -> Result<(), String> {
        self.undo(trial.run, |owner| *owner == Owner::Trial(trial))
    }

    /// Undoes what other trials of the same run left, which were stopped.
    ///
    /// # Errors
    /// What could not be undone.
    pub fn settle_others(&self, trial: TrialKey) -> Result<(), String> {
        self.undo(trial.run, |owner| matches!(owner, Owner::Trial(other) if *other != trial))
    }

    /// Undoes all that a run left, what was done last first.
    ///
    /// # Errors
    /// What could not be undone.
    pub fn end(&self, run: RunId) -> Result<(), String> {
        let undone = self.undo(run, |_| true);
        held(&self.runs).remove(&run);
        undone
    }

    fn undo(&self, run: RunId, is_due: impl Fn(&Owner) -> bool) -> Result<(), String> {
        let Some(entry) = held(&self.runs).get(&run).cloned() else { return Ok(()) };
        let mut entry = held(&entry);
        let (due, kept) = std::mem::take(&mut entry.debts).into_iter().partition(|debt| is_due(&debt.owner));
        entry.debts = kept;
        let due: Vec<Debt> = due;
        let failed = due.into_iter().rev().filter_map(|debt| debt.undo?().err()).collect::<Vec<_>>();
        if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
    }

    fn entry(&self, run: RunId) -> Arc<Mutex<Run>> {
        let mut runs = held(&self.runs);
        if runs.len() >= RUNS_MAX && !runs.contains_key(&run) {
            // Identifiers of runs begin with their time: the first is the oldest.
            runs.pop_first();
        }
        Arc::clone(runs.entry(run).or_default())
    }
}

impl Run {
    fn note(&mut self, debt: Debt) {
        if self.debts.len() >= DEBTS_MAX {
            self.debts.remove(0);
        }
        self.debts.push(debt);
    }
}

impl fmt::Debug for Debt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Debt").field("owner", &self.owner).finish_non_exhaustive()
    }
}

/// Whoever panicked with it left it as it was: nothing in it is half done.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::engine::tests::assignment;
    use shared::job::{Warmup, Window};

    fn trial() -> TrialKey {
        assignment(1, Warmup::Iterations(0), Window::Iterations(1)).trial
    }

    fn counting(count: &Arc<AtomicU32>, answer: Result<(), &'static str>) -> Undo {
        let count = Arc::clone(count);
        Box::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
            answer.map_err(ToOwned::to_owned)
        })
    }

    #[test]
    fn what_is_done_once_in_a_run_is_undone_once_at_its_end() {
        let (undertakings, run) = (Undertakings::default(), trial().run);
        let (done, undone) = (AtomicU32::new(0), Arc::default());
        for _ in 0..3 {
            let work = || {
                done.fetch_add(1, Ordering::Relaxed);
                Ok::<_, ()>(())
            };
            undertakings.once(run, "tables".to_owned(), Some(counting(&undone, Ok(()))), work).unwrap();
        }
        assert_eq!(undertakings.settle_others(trial()), Ok(()));
        assert_eq!((done.load(Ordering::Relaxed), undone.load(Ordering::Relaxed)), (1, 0));
        assert_eq!((undertakings.end(run), undertakings.end(run)), (Ok(()), Ok(())));
        assert_eq!(undone.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn what_was_not_done_is_tried_again_and_what_it_left_is_undone() {
        let (undertakings, run, undone) = (Undertakings::default(), trial().run, Arc::default());
        let once =
            |answer| undertakings.once(run, "tables".to_owned(), Some(counting(&undone, Ok(()))), || answer);
        assert_eq!((once(Err(1)), once(Ok(()))), (Err(1), Ok(())));
        assert_eq!(undertakings.end(run), Ok(()));
        assert_eq!(undone.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn what_a_stopped_trial_left_is_undone_with_its_run_and_failures_are_told() {
        let (undertakings, undone) = (Undertakings::default(), Arc::default());
        undertakings.owe(trial(), counting(&undone, Err("no such table")));
        undertakings.owe(trial(), counting(&undone, Err("gone")));
        assert_eq!(undertakings.end(trial().run), Err("gone; no such table".to_owned()));
        assert_eq!((undertakings.settle(trial()), undone.load(Ordering::Relaxed)), (Ok(()), 2));
    }
}
