//! Figures of finished runs, beside their summaries. They are made from the report and can be made again, so what is lost of
//! them is no damage; but figures of a run that is not vouched for are not given out.

use shared::ids::RunId;
use shared::run_figures::RunFigures;

use crate::store::error::StoreError;

use super::SledStore;
use super::database::{Fault, Shelf, Writes};
use super::keys::{Kind, ValueKey};
use super::values::{self, Trouble};
use super::verify;
use super::writing::require_room;

pub(super) fn save(store: &mut SledStore, figures: &RunFigures) -> Result<(), StoreError> {
    let run = figures.run;
    require_finished(store, run)?;
    let json = values::to_json(figures, "the run's figures")?;
    require_room(store, json.len())?;
    // On disk with the next flush: what a crash loses is made again.
    store.write(&format!("store the figures of run {run}"), |database| {
        let mut writes = Writes::default();
        values::put(database, Shelf::Runs, &mut writes, ValueKey::of_run(run, Kind::Figures), &json)?;
        database.apply(Shelf::Runs, writes)
    })
}

pub(super) fn of_run(store: &SledStore, run: RunId) -> Result<Option<RunFigures>, StoreError> {
    if let Some(Some(what)) = super::reading::damage_known(store, run) {
        return Err(StoreError::damaged(run, what));
    }
    let Some(entry) = store.known(run)? else {
        return Err(StoreError::damaged(run, "the ledger does not name it"));
    };
    store.read(run, |database| {
        let Some(ending) = verify::ending_of(database, run, &entry.standing)? else { return Ok(None) };
        verify::examine_summary(database, run, ending)?;
        match values::get_json::<RunFigures>(database, run, Kind::Figures) {
            Ok(figures) => Ok(figures.map(|(figures, _)| figures).filter(|figures| figures.run == run)),
            Err(Trouble::Damage(_) | Trouble::Fault(Fault::Corrupt(_))) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    })
}

fn require_finished(store: &SledStore, run: RunId) -> Result<(), StoreError> {
    let is_finished = store.known(run)?.is_some_and(|entry| entry.standing.is_finished());
    if is_finished { Ok(()) } else { Err(StoreError::UnknownRun(run.to_string())) }
}
