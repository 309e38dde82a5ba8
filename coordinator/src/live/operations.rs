//! The operations of a running trial one by one, as far as displays list them.

use analysis::quantile;
use shared::event::progress::{OPERATIONS_TOLD_MAX, OperationProgress};
use shared::histogram::Histogram;
use shared::interval::OperationInterval;

/// The first operations of a job, each merged over the trial's agents.
#[derive(Debug, Default)]
pub(super) struct LiveOperations(Vec<LiveOperation>);

#[derive(Debug)]
struct LiveOperation {
    name: String,
    latency: Histogram,
    count: u64,
    errors: u64,
}

impl LiveOperations {
    /// Of a job with these operations; nothing is kept where there is but one, of which the sums tell all.
    pub(super) fn named(names: Vec<String>) -> Self {
        if names.len() < 2 {
            return Self::default();
        }
        let fresh = |name| LiveOperation { name, latency: Histogram::new(), count: 0, errors: 0 };
        Self(names.into_iter().take(OPERATIONS_TOLD_MAX).map(fresh).collect())
    }

    pub(super) fn add(&mut self, told: &OperationInterval) {
        let Some(operation) = self.0.get_mut(usize::from(told.operation.0)) else { return };
        if let Some(latency) = &told.latency {
            operation.latency.add_encoded(latency);
        }
        operation.count += told.count();
        operation.errors += told.failed_count();
    }

    pub(super) fn remember(&mut self, earlier: &Self) {
        for (operation, before) in self.0.iter_mut().zip(&earlier.0) {
            operation.latency.add(&before.latency);
            operation.count += before.count;
            operation.errors += before.errors;
        }
    }

    /// How each fares; its rate is the sum of what the agents said last.
    pub(super) fn progress(&self, recent_per_s: impl Fn(usize) -> f64) -> Vec<OperationProgress> {
        let told = self.0.iter().enumerate().map(|(index, operation)| OperationProgress {
            name: operation.name.clone(),
            count: operation.count,
            errors: operation.errors,
            recent_per_s: recent_per_s(index),
            p50_ns: quantile::quantile(&operation.latency, 0.5),
            p99_ns: quantile::quantile(&operation.latency, 0.99),
        });
        told.collect()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
