//! All that is stored of a run, streamed: its record first, then its intervals as they were received.

use std::ops::ControlFlow;

use shared::ids::RunId;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::super::Answers;
use super::{ControlRpc, store_status};
use crate::store::StoreError;

/// Parts that may wait for the client. The store's thread waits for no client: see [`ControlRpc::parts`].
const PARTS_MAX: usize = 64;
/// Most bytes of intervals that one export may hold in memory while its client reads: an hour of ten agents.
const EXPORT_BYTES_MAX: usize = 1024 * 1024 * 1024;

impl ControlRpc {
    /// The parts of an export.
    ///
    /// The run is read at once, since nothing of it may be shown before all of it is verified, and since the store's
    /// one thread must not wait for a slow client.
    pub(super) async fn parts(&self, run: RunId) -> Result<Answers<proto::ExportPart>, Status> {
        let active = self.record_if_active(run).await?;
        let (record, intervals) = self
            .store
            .read(move |store| {
                let record = match active {
                    Some(record) => record,
                    None => store.run(run)?.ok_or_else(|| StoreError::UnknownRun(run.to_string()))?,
                };
                let mut intervals = Vec::new();
                let mut size_bytes = 0;
                store.intervals(run, &mut |stored| {
                    size_bytes += stored.bytes.len();
                    if size_bytes <= EXPORT_BYTES_MAX {
                        intervals.push(stored.bytes);
                    }
                    // Beyond the bound it is still said how much there is.
                    ControlFlow::Continue(())
                })?;
                if size_bytes > EXPORT_BYTES_MAX {
                    let what = format!("the export of run {run}");
                    return Err(StoreError::TooLarge { what, size_bytes, size_bytes_max: EXPORT_BYTES_MAX });
                }
                Ok((record, intervals))
            })
            .await
            .map_err(store_status)?
            .map_err(store_status)?;
        let record_json =
            serde_json::to_string(&record).map_err(|error| Status::internal(error.to_string()))?;
        let (sender, receiver) = mpsc::channel(PARTS_MAX);
        tokio::spawn(async move {
            let record = std::iter::once(proto::export_part::Part::RecordJson(record_json));
            for part in record.chain(intervals.into_iter().map(proto::export_part::Part::Interval)) {
                if sender.send(Ok(proto::ExportPart { part: Some(part) })).await.is_err() {
                    return;
                }
            }
        });
        Ok(Box::pin(ReceiverStream::new(receiver)))
    }
}
