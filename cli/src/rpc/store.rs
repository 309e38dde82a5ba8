//! Asking the coordinator to look after its store.

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use proto::convert::run_id;
use shared::ids::RunId;
use shared::run_record::RunSummary;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use super::{Client, describe, failure};
use crate::exit_code::{Failure, INTERNAL, OUTPUT, REFUSED, USAGE};

/// Bytes of one part of an import.
const CHUNK_BYTES: usize = 1024 * 1024;
/// Parts read ahead of the coordinator.
const CHUNKS_MAX: usize = 4;

/// What a check of a store found.
pub(crate) struct StoreCheck {
    pub(crate) runs_checked: u64,
    pub(crate) intervals_checked: u64,
    pub(crate) damage: Vec<Damage>,
}

/// Something damaged: which run (`None`: the store itself), and what is wrong with it.
pub(crate) type Damage = (Option<RunId>, String);

/// Bytes on disk before and after a compaction.
pub(crate) struct Compaction {
    pub(crate) size_bytes_before: u64,
    pub(crate) size_bytes_after: u64,
}

/// Which runs to remove, and which to fold.
pub(crate) struct Pruning {
    pub(crate) remove_older_than: Option<Duration>,
    pub(crate) keep: Option<u32>,
    pub(crate) fold_older_than: Option<Duration>,
    pub(crate) is_dry_run: bool,
}

/// What a pruning did, or would do.
pub(crate) struct Pruned {
    pub(crate) removed: Vec<RunSummary>,
    pub(crate) folded: Vec<FoldedRun>,
}

/// A run that was folded.
pub(crate) struct FoldedRun {
    pub(crate) run: RunId,
    pub(crate) intervals_before: u64,
    pub(crate) intervals_after: u64,
    pub(crate) size_bytes_before: u64,
    pub(crate) size_bytes_after: u64,
}

/// What an export of a store holds.
pub(crate) struct Exported {
    pub(crate) runs: Vec<RunId>,
    pub(crate) unfinished: Vec<RunId>,
    pub(crate) damage: Vec<Damage>,
    pub(crate) baselines: Vec<String>,
}

/// What an import took up.
pub(crate) struct Imported {
    pub(crate) runs: Vec<RunId>,
    pub(crate) already_there: Vec<RunId>,
    pub(crate) baselines: Vec<String>,
    pub(crate) baselines_already_there: Vec<String>,
}

impl Client {
    pub(crate) async fn check_store(&mut self) -> anyhow::Result<StoreCheck> {
        let request = proto::CheckStoreRequest {};
        let check = self.control.check_store(request).await.map_err(|status| failure(&status))?.into_inner();
        Ok(StoreCheck {
            runs_checked: check.runs_checked,
            intervals_checked: check.intervals_checked,
            damage: check.damage.into_iter().map(damage).collect::<anyhow::Result<_>>()?,
        })
    }

    pub(crate) async fn compact_store(&mut self) -> anyhow::Result<Compaction> {
        let request = proto::CompactStoreRequest {};
        let answer =
            self.control.compact_store(request).await.map_err(|status| refusal(&status))?.into_inner();
        Ok(Compaction {
            size_bytes_before: answer.size_bytes_before,
            size_bytes_after: answer.size_bytes_after,
        })
    }

    pub(crate) async fn prune_store(&mut self, pruning: Pruning) -> anyhow::Result<Pruned> {
        let ms = |age: Option<Duration>| age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        let request = proto::PruneStoreRequest {
            remove_older_than_ms: ms(pruning.remove_older_than),
            keep: pruning.keep,
            fold_older_than_ms: ms(pruning.fold_older_than),
            dry_run: pruning.is_dry_run,
        };
        let pruned = self.control.prune_store(request).await.map_err(|status| refusal(&status))?.into_inner();
        let folded = |folded: proto::FoldedRun| {
            Ok(FoldedRun {
                run: run_id(&folded.run_id)?,
                intervals_before: folded.intervals_before,
                intervals_after: folded.intervals_after,
                size_bytes_before: folded.size_bytes_before,
                size_bytes_after: folded.size_bytes_after,
            })
        };
        Ok(Pruned {
            removed: pruned
                .removed
                .into_iter()
                .map(|run| Ok(run.try_into()?))
                .collect::<anyhow::Result<_>>()?,
            folded: pruned.folded.into_iter().map(folded).collect::<anyhow::Result<_>>()?,
        })
    }

    /// Writes everything that is stored, or only one run of it, to `out`, named `target` in messages.
    ///
    /// # Errors
    /// 64 when the run is unknown or not over; 73 when `out` cannot be written.
    pub(crate) async fn export_store(
        &mut self,
        only: Option<&str>,
        out: &mut dyn Write,
        target: &Path,
    ) -> anyhow::Result<Exported> {
        use proto::store_export_part::Part;
        let request = proto::ExportStoreRequest { run: only.unwrap_or_default().to_owned() };
        let mut parts =
            self.control.export_store(request).await.map_err(|status| failure(&status))?.into_inner();
        while let Some(part) = parts.next().await {
            match part.map_err(|status| failure(&status))?.part {
                Some(Part::Chunk(chunk)) => out.write_all(&chunk).map_err(|error| {
                    Failure::with_code(OUTPUT, format!("{} cannot be written: {error}", target.display()))
                })?,
                Some(Part::Exported(exported)) => {
                    return Ok(Exported {
                        runs: run_ids(&exported.run_ids)?,
                        unfinished: run_ids(&exported.unfinished_run_ids)?,
                        baselines: exported.baselines,
                        damage: exported.damage.into_iter().map(damage).collect::<anyhow::Result<_>>()?,
                    });
                }
                None => {}
            }
        }
        Err(Failure::with_code(INTERNAL, "the export ended before its end"))
    }

    /// Has the store take up what is read from `source`, named `name` in messages.
    ///
    /// # Errors
    /// 64 when it cannot be read or is no whole export.
    pub(crate) async fn import_store(
        &mut self,
        mut source: impl Read + Send + 'static,
        name: &Path,
    ) -> anyhow::Result<Imported> {
        let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
        let reader = tokio::task::spawn_blocking(move || {
            loop {
                let mut chunk = Vec::new();
                Read::take(&mut source, CHUNK_BYTES as u64).read_to_end(&mut chunk)?;
                // The coordinator may have refused: its answer says why.
                if chunk.is_empty() || sender.blocking_send(proto::StoreImportPart { chunk }).is_err() {
                    return std::io::Result::Ok(());
                }
            }
        });
        let answer = self.control.import_store(ReceiverStream::new(receiver)).await;
        reader.await?.map_err(|error| {
            Failure::with_code(USAGE, format!("{} cannot be read: {error}", name.display()))
        })?;
        let imported = answer.map_err(|status| refusal(&status))?.into_inner();
        Ok(Imported {
            runs: run_ids(&imported.run_ids)?,
            already_there: run_ids(&imported.already_there_run_ids)?,
            baselines: imported.baselines,
            baselines_already_there: imported.already_there_baselines,
        })
    }
}

/// A status of something that is refused while runs wait or run.
fn refusal(status: &Status) -> anyhow::Error {
    match status.code() {
        Code::FailedPrecondition => Failure::with_code(REFUSED, describe(status)),
        _ => failure(status),
    }
}

fn damage(damage: proto::Damage) -> anyhow::Result<Damage> {
    let run = if damage.run_id.is_empty() { None } else { Some(run_id(&damage.run_id)?) };
    Ok((run, damage.what))
}

fn run_ids(ids: &[Vec<u8>]) -> anyhow::Result<Vec<RunId>> {
    ids.iter().map(|id| Ok(run_id(id)?)).collect()
}
