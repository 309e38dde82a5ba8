//! What was stored of a run before anybody looked at it.

use std::sync::Arc;

use report::series::rolling::Rolling;
use shared::ids::RunId;
use shared::run_record::RunRecord;
use tokio::sync::Mutex;

use crate::rpc::codec;
use crate::store::StoreHandle;
use crate::store::bounded::intervals_up_to;

/// Most bytes of intervals that are read, so that the store's one thread is not held up: some hours of a few agents. Charts of a larger
/// run begin when somebody looks; its report has all.
const SEED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Whether there is any use in reading it once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seed {
    /// What is stored is within the bound.
    Fits,
    /// It is beyond, and will only grow.
    TooLarge,
}

/// Adds what is stored, if that is not too much.
pub(super) async fn sow(
    store: &StoreHandle,
    run: RunId,
    record: RunRecord,
    rolling: &Arc<Mutex<Rolling>>,
) -> Seed {
    let read = store.read(move |store| intervals_up_to(store, run, SEED_BYTES_MAX));
    let stored = match read.await.and_then(|read| read) {
        Ok(Some(stored)) => stored,
        Ok(None) => return Seed::TooLarge,
        Err(error) => {
            tracing::warn!(%run, %error, "charts of a run begin late: what was stored of it cannot be read");
            return Seed::Fits;
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
    Seed::Fits
}
