//! What was stored of a run before anybody looked at it.

use std::sync::Arc;

use report::series::rolling::Rolling;
use shared::ids::RunId;
use shared::run_record::RunRecord;
use tokio::sync::Mutex;

use crate::rpc::codec;
use crate::store::StoreHandle;

/// Most bytes of intervals that are read, so that the store's one thread is not held up: some hours of a few agents. Charts of a larger
/// run begin when somebody looks; its report has all.
const SEED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Adds what is stored.
pub(super) async fn sow(store: &StoreHandle, run: RunId, record: RunRecord, rolling: &Arc<Mutex<Rolling>>) {
    let read = store.read(move |store| {
        let (mut stored, mut size_bytes) = (Vec::new(), 0);
        store.intervals(run, &mut |interval| {
            size_bytes += interval.bytes.len();
            if size_bytes <= SEED_BYTES_MAX {
                stored.push(interval.bytes);
            }
        })?;
        Ok::<_, crate::store::StoreError>(if size_bytes <= SEED_BYTES_MAX { stored } else { Vec::new() })
    });
    let stored = match read.await.and_then(|read| read) {
        Ok(stored) => stored,
        Err(error) => {
            tracing::warn!(%run, %error, "charts of a run begin late: what was stored of it cannot be read");
            return;
        }
    };
    let rolling = rolling.clone();
    let sowing = tokio::task::spawn_blocking(move || {
        let mut rolling = rolling.blocking_lock();
        // What does not read is named by the report.
        for interval in stored.iter().filter_map(|bytes| codec::decode_interval(bytes).ok()) {
            rolling.add(&record, &interval);
        }
    });
    if let Err(error) = sowing.await {
        tracing::error!(%run, %error, "charts of a run begin late");
    }
}
