//! What became of what was exported, told in `/metrics`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Protocol;

/// What became of the seconds of one destination.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    sent: AtomicU64,
    refused: AtomicU64,
    dropped: AtomicU64,
    failures: AtomicU64,
}

impl Tally {
    /// A second was taken.
    pub(super) fn note_sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// A second was refused for good.
    pub(super) fn note_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// So many seconds had to go for newer ones.
    pub(super) fn note_dropped(&self, seconds: u64) {
        self.dropped.fetch_add(seconds, Ordering::Relaxed);
    }

    /// An attempt failed, and will be made again.
    pub(super) fn note_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Seconds by what became of them.
    pub(crate) fn outcomes(&self) -> [(&'static str, u64); 3] {
        [("sent", &self.sent), ("refused", &self.refused), ("dropped", &self.dropped)]
            .map(|(outcome, count)| (outcome, count.load(Ordering::Relaxed)))
    }

    /// Attempts that failed.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}

/// Those of all destinations.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tallies(Arc<[(Protocol, Arc<Tally>)]>);

impl Tallies {
    /// One for each.
    pub(crate) fn of(protocols: impl IntoIterator<Item = Protocol>) -> Self {
        Self(protocols.into_iter().map(|protocol| (protocol, Arc::default())).collect())
    }

    /// Whether nothing is exported.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each with where its figures go.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Protocol, &Arc<Tally>)> {
        self.0.iter().map(|(protocol, tally)| (*protocol, tally))
    }
}
