//! Runs that an earlier coordinator left unfinished: read for the schedule to take up, or ended when that cannot be.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::ids::{AgentId, TrialKey};
use shared::job::{Kinds, confidences};
use shared::run_record::{RunRecord, RunState};

use crate::director::Director;
use crate::reporting;
use crate::schedule::{Adoption, Submission, trial_under_way};
use crate::secrets::SecretStore;
use crate::store::{ResultStore, StoreError, StoreHandle};

/// Reads all of them. One that cannot be read whole is ended here: what was measured of it is kept.
///
/// # Errors
/// When the store cannot be read at all.
pub async fn read(store: &StoreHandle, secrets: &SecretStore) -> Result<Vec<Adoption>, StoreError> {
    let mut adoptions = Vec::new();
    for run in store.read(|store| store.unfinished()).await?? {
        let record = match store.read(move |store| store.run(run)).await? {
            Ok(Some(record)) => record,
            Ok(None) => continue,
            Err(error) => {
                tracing::error!(%run, %error, "an unfinished run cannot be read");
                continue;
            }
        };
        match adoption(store, secrets, record.clone()).await {
            Ok(adoption) => adoptions.push(adoption),
            Err(error) => end(store, record, error.as_ref()).await,
        }
    }
    Ok(adoptions)
}

/// Has a director take them up. One that it cannot go on with is ended.
pub async fn take_up(store: &StoreHandle, director: &mut Director, adoptions: Vec<Adoption>) {
    for (record, error) in director.adopt(adoptions) {
        end(store, record, &error).await;
    }
}

/// Ends a run that cannot be taken up.
async fn end(store: &StoreHandle, record: RunRecord, why: &dyn std::error::Error) {
    let run = record.id;
    let reason = format!("the coordinator ended while it ran, and it cannot be taken up again: {why}");
    let record = RunRecord {
        state: RunState::Failed,
        reason: Some(reason),
        finished_at_ms: Some(crate::unix_ms()),
        bookmark: None,
        ..record
    };
    if let Err(error) = reporting::finish(store, record).await {
        tracing::error!(%run, %error, "an unfinished run cannot be ended");
    }
}

async fn adoption(
    store: &StoreHandle,
    secrets: &SecretStore,
    record: RunRecord,
) -> Result<Adoption, Box<dyn std::error::Error + Send + Sync>> {
    let job = shared::job::parse(&record.job_toml, Kinds::Unchecked).map_err(|errors| errors.to_string())?;
    let mut files = BTreeMap::new();
    for path in record.files.keys().cloned() {
        let (run, name) = (record.id, path.clone());
        files.insert(path, store.read(move |store| store.file(run, &name)).await??);
    }
    let stored = match trial_under_way(&record)? {
        Some(trial) => store.read(move |store| next_sequences(store, trial)).await??,
        None => BTreeMap::new(),
    };
    // What came with the job itself was never written down.
    let wanted = confidences::of_job(&record.job_toml);
    let confidential = Arc::new(secrets.confide(&job.name, wanted, &BTreeMap::new())?);
    let submission = Submission { record, job: Arc::new(job), files: Arc::new(files), confidential };
    Ok(Adoption { submission, stored })
}

/// For each agent the lowest number of its intervals that is not stored.
fn next_sequences(store: &dyn ResultStore, trial: TrialKey) -> Result<BTreeMap<AgentId, u64>, StoreError> {
    let mut next: BTreeMap<AgentId, u64> = BTreeMap::new();
    store.trial_intervals(trial, &mut |interval| {
        let expected = next.entry(interval.agent).or_default();
        // They come in order; past a gap nothing was ever acknowledged.
        if interval.sequence.0 == *expected {
            *expected += 1;
        }
    })?;
    Ok(next)
}
