//! Looking after the store: compact, prune, export and import everything.

use std::io::{BufReader, BufWriter};

use shared::ids::{BaselineName, RunId};
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::super::Answers;
use super::{ControlRpc, spool, store_status};
use crate::director::Message;
use crate::store::folding::FoldedRun;
use crate::store::retention::{self, Pruning, Retention};
use crate::store::transfer::{self, Exported};
use crate::store::{Damage, StoreError};

/// Bytes of one part of an export: far below the largest message, and large enough that parts cost little.
const CHUNK_BYTES: u64 = 1024 * 1024;
/// Parts that may wait for the client.
const CHUNKS_MAX: usize = 8;
/// Most bytes that an import may have: many times the largest store that one machine has use for.
const IMPORT_BYTES_MAX: u64 = 1024 * 1024 * 1024 * 1024;

impl ControlRpc {
    pub(super) async fn compact(&self) -> Result<proto::CompactStoreResponse, Status> {
        self.require_quiet("compacted").await?;
        let compaction =
            self.store.write(|store| store.compact()).await.map_err(store_status)?.map_err(store_status)?;
        Ok(proto::CompactStoreResponse {
            size_bytes_before: compaction.size_bytes_before,
            size_bytes_after: compaction.size_bytes_after,
        })
    }

    pub(super) async fn prune(
        &self,
        request: proto::PruneStoreRequest,
    ) -> Result<proto::PruneStoreResponse, Status> {
        let pruning = pruning(&request, crate::unix_ms())?;
        self.require_quiet("pruned").await?;
        let pruned = self
            .store
            .write(move |store| retention::prune(store, &pruning))
            .await
            .map_err(store_status)?
            .map_err(store_status)?;
        Ok(proto::PruneStoreResponse {
            removed: pruned.removed.iter().map(Into::into).collect(),
            folded: pruned.folded.iter().map(folded_run).collect(),
        })
    }

    /// Everything, or the only run that is wanted, by way of a file. Commits of runs that are under way wait while it is written.
    pub(super) async fn export_all(&self, only: String) -> Result<Answers<proto::StoreExportPart>, Status> {
        let only = if only.is_empty() { None } else { Some(self.finished(only).await?) };
        let file = spool::create(&self.store_folder)?;
        let (file, exported) = self
            .store
            .read(move |store| {
                let mut stream = BufWriter::new(&file);
                let exported = match only {
                    None => transfer::export(store, &mut stream)?,
                    Some(run) => transfer::export_one(store, run, &mut stream)?,
                };
                drop(stream);
                Ok((file, exported))
            })
            .await
            .map_err(store_status)?
            .map_err(store_status)?;
        let mut file = spool::rewind(file).await?;
        let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
        tokio::spawn(async move {
            use proto::store_export_part::Part;
            loop {
                let (rest, chunk) = match spool::next(file, CHUNK_BYTES).await {
                    Ok(next) => next,
                    Err(status) => return drop(sender.send(Err(status)).await),
                };
                let is_last = chunk.is_empty();
                let part =
                    if is_last { Part::Exported(exported_parts(&exported)) } else { Part::Chunk(chunk) };
                let part = proto::StoreExportPart { part: Some(part) };
                if sender.send(Ok(part)).await.is_err() || is_last {
                    return;
                }
                file = rest;
            }
        });
        Ok(Box::pin(ReceiverStream::new(receiver)))
    }

    /// Takes up an export, once all of it is here.
    pub(super) async fn import(
        &self,
        mut parts: Streaming<proto::StoreImportPart>,
    ) -> Result<proto::ImportStoreResponse, Status> {
        self.require_quiet("imported into").await?;
        let mut file = spool::create(&self.store_folder)?;
        let mut size_bytes = 0;
        while let Some(part) = parts.next().await {
            let chunk = part?.chunk;
            size_bytes += chunk.len() as u64;
            if size_bytes > IMPORT_BYTES_MAX {
                return Err(Status::invalid_argument(format!(
                    "the export has more than {IMPORT_BYTES_MAX} bytes"
                )));
            }
            file = spool::append(file, chunk).await?;
        }
        let file = spool::rewind(file).await?;
        let imported = self
            .store
            .write(move |store| transfer::import(store, &mut BufReader::new(file)))
            .await
            .map_err(store_status)?
            .map_err(|error| match error {
                // Nothing that is stored is damaged: what came is.
                StoreError::BadExport(_) | StoreError::Newer { .. } => {
                    Status::invalid_argument(format!("failed to {error}"))
                }
                error => store_status(error),
            })?;
        Ok(proto::ImportStoreResponse {
            run_ids: ids(&imported.runs),
            already_there_run_ids: ids(&imported.already_there),
            baselines: names(&imported.baselines),
            already_there_baselines: names(&imported.baselines_already_there),
        })
    }

    /// A run that is over.
    async fn finished(&self, text: String) -> Result<RunId, Status> {
        let run = self.resolve(text).await?;
        match self.record_if_active(run).await? {
            None => Ok(run),
            Some(_) => Err(Status::failed_precondition(format!("run {run} is not over: wait for its end"))),
        }
    }

    /// The store's thread is taken for long: what runs measure now could not be acknowledged meanwhile.
    async fn require_quiet(&self, what: &str) -> Result<(), Status> {
        match self.ask(|reply| Message::ActiveRuns { reply }).await? {
            0 => Ok(()),
            count => Err(Status::failed_precondition(format!(
                "the store cannot be {what} while runs wait or run ({count} do now); wait until they are over, or cancel them"
            ))),
        }
    }
}

/// Something damaged, as it travels.
pub(super) fn damage(damage: &Damage) -> proto::Damage {
    proto::Damage {
        run_id: damage.run.map(|run| run.as_bytes().to_vec()).unwrap_or_default(),
        what: damage.what.clone(),
    }
}

fn pruning(request: &proto::PruneStoreRequest, now_ms: u64) -> Result<Pruning, Status> {
    let removes = request.remove_older_than_ms.is_some() || request.keep.is_some();
    if !removes && request.fold_older_than_ms.is_none() {
        return Err(Status::invalid_argument(
            "nothing to prune: say which runs to remove (older than a time, or all but the newest) or to fold",
        ));
    }
    let before = |age_ms: Option<u64>| age_ms.map(|age_ms| now_ms.saturating_sub(age_ms));
    let removal = Retention {
        keep_since_ms: before(request.remove_older_than_ms),
        keep_newest: request.keep.map_or(0, |keep| keep as usize),
        ..Retention::default()
    };
    Ok(Pruning {
        removal: removes.then_some(removal),
        fold_before_ms: before(request.fold_older_than_ms),
        is_dry_run: request.dry_run,
    })
}

fn folded_run(folded: &FoldedRun) -> proto::FoldedRun {
    proto::FoldedRun {
        run_id: folded.run.as_bytes().to_vec(),
        intervals_before: folded.intervals_before,
        intervals_after: folded.intervals_after,
        size_bytes_before: folded.size_bytes_before,
        size_bytes_after: folded.size_bytes_after,
    }
}

fn exported_parts(exported: &Exported) -> proto::StoreExported {
    proto::StoreExported {
        run_ids: ids(&exported.runs),
        unfinished_run_ids: ids(&exported.unfinished),
        damage: exported.damaged.iter().map(damage).collect(),
        baselines: names(&exported.baselines),
    }
}

fn names(baselines: &[BaselineName]) -> Vec<String> {
    baselines.iter().map(ToString::to_string).collect()
}

fn ids(runs: &[RunId]) -> Vec<Vec<u8>> {
    runs.iter().map(|run| run.as_bytes().to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pruning_removes_only_what_it_was_told_to() {
        let request = proto::PruneStoreRequest::default();
        assert_eq!(pruning(&request, 10).unwrap_err().code(), tonic::Code::InvalidArgument);
        let folds = proto::PruneStoreRequest { fold_older_than_ms: Some(3), ..request };
        let only_folds = Pruning { fold_before_ms: Some(7), ..Pruning::default() };
        assert_eq!(pruning(&folds, 10).unwrap(), only_folds);
        let old = proto::PruneStoreRequest { remove_older_than_ms: Some(30), keep: Some(2), ..request };
        let removal = pruning(&old, 10).unwrap().removal.unwrap();
        assert_eq!((removal.keep_since_ms, removal.keep_newest), (Some(0), 2));
    }
}
