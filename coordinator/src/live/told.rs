//! Runs that were heard of lately, with what they and their operations are called: what Prometheus reads, and what is exported.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use shared::ids::RunId;

use super::counted::{CountedRun, OTHERS};
use super::onlookers::Onlookers;
use crate::control::{Control, ControlError};
use crate::reporting::{self, ReportingError};
use crate::store::{ResultStore, StoreError};

/// What operations are called together that have no counters of their own.
const OTHERS_NAME: &str = "(others)";

/// A run, and what was counted of it.
#[derive(Debug)]
pub(crate) struct ToldRun {
    /// Which.
    pub(crate) run: RunId,
    /// What it and its operations are called.
    pub(crate) names: Arc<Names>,
    /// What was counted so far.
    pub(crate) counted: CountedRun,
}

/// What one run and its operations are called.
#[derive(Debug)]
pub(crate) struct Names {
    /// The job's name.
    pub(crate) job: String,
    /// Those of its operations, in its order.
    pub(crate) operations: Vec<String>,
}

impl Names {
    /// What the operation at a place of [`CountedRun`] is called.
    pub(crate) fn operation(&self, place: u32) -> &str {
        match place {
            OTHERS => OTHERS_NAME,
            place => self.operations.get(place as usize).map_or(OTHERS_NAME, String::as_str),
        }
    }
}

/// What runs and their operations are called, kept as long as they are told of.
#[derive(Debug, Default)]
pub(crate) struct RunNames(Mutex<HashMap<RunId, Arc<Names>>>);

impl RunNames {
    /// Every run that was heard of lately.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn told(
        &self,
        control: &Control,
        onlookers: &Onlookers,
    ) -> Result<Vec<ToldRun>, ControlError> {
        let counted = onlookers.counted();
        let known = self.among(&counted);
        let mut told = Vec::with_capacity(counted.len());
        for (run, counted) in counted {
            let names = match known.get(&run) {
                Some(names) => names.clone(),
                None => match names_of(control, run).await {
                    Ok(names) => self.keep(run, names),
                    // A run that was removed or is damaged is told of elsewhere.
                    Err(ControlError::Reporting(_)) => continue,
                    Err(error) => return Err(error),
                },
            };
            told.push(ToldRun { run, names, counted });
        }
        Ok(told)
    }

    /// Those that are told of; others are forgotten.
    fn among(&self, counted: &[(RunId, CountedRun)]) -> HashMap<RunId, Arc<Names>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|run, _| counted.iter().any(|(counted, _)| counted == run));
        known.clone()
    }

    fn keep(&self, run: RunId, names: Names) -> Arc<Names> {
        let names = Arc::new(names);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(run, names.clone());
        names
    }
}

async fn names_of(control: &Control, run: RunId) -> Result<Names, ControlError> {
    let stored = move |store: &dyn ResultStore| -> Result<_, StoreError> { store.run(run) };
    let record = match control.record_if_active(run).await? {
        Some(record) => record,
        None => {
            let stored = control.store.read(stored).await?.map_err(ReportingError::Store)?;
            stored.ok_or(ReportingError::UnknownRun(run))?
        }
    };
    let job = reporting::job_of(&record)?;
    let operations = job.workload.operations.iter().map(|operation| operation.name.to_string()).collect();
    Ok(Names { job: record.name.to_string(), operations })
}
