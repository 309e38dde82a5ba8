//! Several workloads at once: each of the kinds that it is made of does its own operations, as if it were alone.
//!
//! A worker has a worker of every workload, each with its own connections or programs, and hands an operation to the one whose it
//! is. Which operation that is, the engine draws among all of them. Only here do operations go through a box: a workload that is
//! alone is driven by its kind's own code.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use shared::ids::OperationIndex;
use shared::interval::Remark;
use shared::metric::MetricSpec;
use shared::plan::Assignment;

use super::{Outcome, PrepareError, Seat, Worker, Workload};
use crate::engine::{AnyDesk, AnyWorker, Drive, boxed};
use crate::policy::Warden;

/// Weyl constant of SplitMix64: keeps the seeds of a seat's workers apart.
const SEED_STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Makes every workload of a mix ready for one trial.
pub(super) fn prepare(assignment: &Assignment, warden: &Arc<Warden>) -> Result<Arc<dyn Drive>, PrepareError> {
    let names: Vec<String> = assignment.mixed().iter().map(|part| part.name.to_string()).collect();
    let mut mix = Mix { workloads: Vec::new(), routes: Vec::new().into() };
    let mut routes = Vec::new();
    for (part, name) in assignment.clone().parts().into_iter().zip(names) {
        let place = mix.workloads.len();
        // At most 256 operations (shared::interval::OPERATIONS_MAX) fit a u16.
        let own = 0..part.operations.len() as u16;
        routes.extend(own.map(|operation| Route { workload: place, operation: OperationIndex(operation) }));
        let of_part = |error: PrepareError| PrepareError(format!("the workload {name}: {error}"));
        let prepared = super::prepare(&part, warden).map_err(of_part)?;
        if prepared.own_threads().is_some() {
            return Err(of_part(PrepareError(format!(
                "`kind = \"{}\"` measures the host itself, whose cores others must leave alone; give it a job of its own",
                part.kind
            ))));
        }
        mix.workloads.push(prepared);
    }
    mix.routes = routes.into();
    Ok(boxed(mix))
}

/// A mix made ready for one trial.
struct Mix {
    workloads: Vec<Arc<dyn Drive>>,
    /// Whose each operation is.
    routes: Arc<[Route]>,
}

/// Where an operation is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Route {
    /// The place of its workload.
    workload: usize,
    /// Its number there.
    operation: OperationIndex,
}

impl Workload for Mix {
    type Desk = Vec<Box<dyn AnyDesk>>;
    type Worker = MixWorker;

    fn desk(&self) -> Self::Desk {
        self.workloads.iter().map(|workload| Arc::clone(workload).desk()).collect()
    }

    fn worker(&self, desks: &Self::Desk, seat: Seat) -> MixWorker {
        // Values that are drawn at random must not be alike in two of them.
        let seat_of =
            |place: u64| Seat { seed: seat.seed.wrapping_add(place.wrapping_mul(SEED_STEP)), ..seat };
        let workers = (0..).zip(desks).map(|(place, desk)| desk.worker(seat_of(place))).collect();
        MixWorker { workers, routes: Arc::clone(&self.routes) }
    }

    fn operation_timeout_max(&self) -> Duration {
        self.workloads.iter().map(|workload| workload.operation_timeout_max()).max().unwrap_or_default()
    }

    fn metrics(&self, operation: OperationIndex) -> &[MetricSpec] {
        let route = self.routes.get(usize::from(operation.0));
        route.map_or(&[], |route| self.workloads[route.workload].metrics(route.operation))
    }

    fn conclude(&self) -> Vec<(OperationIndex, Remark)> {
        let mut told = Vec::new();
        for (place, workload) in self.workloads.iter().enumerate() {
            let own = self.routes.iter().zip(0_u16..).filter(|(route, _)| route.workload == place);
            let own: Vec<OperationIndex> = own.map(|(_, operation)| OperationIndex(operation)).collect();
            let remarks = workload.conclude().into_iter();
            told.extend(remarks.filter_map(|(operation, remark)| {
                own.get(usize::from(operation.0)).map(|operation| (*operation, remark))
            }));
        }
        told
    }
}

/// One closed loop: a worker of each workload.
struct MixWorker {
    workers: Vec<Box<dyn AnyWorker>>,
    routes: Arc<[Route]>,
}

impl Worker for MixWorker {
    async fn ready(&mut self) {
        join_all(self.workers.iter_mut().map(|worker| worker.ready())).await;
    }

    async fn run(&mut self, operation: OperationIndex, outcome: &mut Outcome) {
        let route = self.routes[usize::from(operation.0)];
        self.workers[route.workload].run(route.operation, outcome).await;
    }

    fn describe(&self, operation: OperationIndex) -> Option<String> {
        let route = self.routes[usize::from(operation.0)];
        self.workers[route.workload].describe(route.operation)
    }
}

#[cfg(test)]
mod tests;
