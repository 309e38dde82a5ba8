//! Several workloads in one job: what is each one's own, and how they share the load.
//!
//! A mix has all operations in one list, so that whoever counts, names or reports them need not know that it is one. Only who runs
//! them asks for its parts.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{OperationSpec, WorkloadSpec};
use crate::ids::Name;

/// Stands between the kinds of a mix where they are told in one word.
const BETWEEN_KINDS: &str = " + ";

/// One of several workloads of a job, beside its operations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MixedWorkload {
    /// Its name among them: its kind, unless the job says otherwise.
    pub name: Name,
    /// The kind: `http`, `command`, …
    pub kind: String,
    /// Settings of the whole workload, as the kind's schema has them.
    pub settings: Map<String, Value>,
    /// How many of the job's operations are its own, at least 1: those that follow the ones of the workloads before it.
    pub operations: usize,
    /// Whether they are the steps of a scenario.
    pub is_scenario: bool,
}

/// A workload with what is its own: one of a mix, or the only one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WorkloadPart<'a> {
    /// Its name among those of a mix; `None`: it is the only one.
    pub name: Option<&'a Name>,
    /// The kind.
    pub kind: &'a str,
    /// Settings of the whole workload.
    pub settings: &'a Map<String, Value>,
    /// Its operations.
    pub operations: &'a [OperationSpec],
    /// Whether they are the steps of a scenario.
    pub is_scenario: bool,
}

impl WorkloadSpec {
    /// A mix of workloads, each with its name and its share of the load.
    ///
    /// The weight of an operation becomes its share of all: that of its workload, times its own within it. Each step of a
    /// scenario bears the share of the whole pass.
    pub(super) fn mixed(workloads: Vec<(Name, f64, WorkloadSpec)>) -> Self {
        let kinds: Vec<&str> = workloads.iter().map(|(_, _, workload)| workload.kind.as_str()).collect();
        let kind = kinds.join(BETWEEN_KINDS);
        let (mut operations, mut mix) = (Vec::new(), Vec::new());
        for (name, share, workload) in workloads {
            let WorkloadSpec { kind, settings, operations: own, is_scenario, .. } = workload;
            let sum: f64 = own.iter().map(|operation| operation.weight).sum();
            mix.push(MixedWorkload { name, kind, settings, operations: own.len(), is_scenario });
            operations.extend(own.into_iter().map(|operation| OperationSpec {
                weight: if is_scenario { share } else { share * operation.weight / sum },
                ..operation
            }));
        }
        Self { kind, settings: Map::new(), operations, is_scenario: false, mix }
    }

    /// The workloads that it consists of, in the order of the file: of a mix each, else itself.
    pub fn parts(&self) -> Vec<WorkloadPart<'_>> {
        if self.mix.is_empty() {
            let WorkloadSpec { kind, settings, operations, is_scenario, .. } = self;
            return vec![WorkloadPart { name: None, kind, settings, operations, is_scenario: *is_scenario }];
        }
        let mut rest = self.operations.as_slice();
        let part = |mixed| part_of(mixed, &mut rest);
        self.mix.iter().map(part).collect()
    }

    /// The kinds of its parts, in the order of the file.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        let only = self.mix.is_empty().then_some(self.kind.as_str());
        only.into_iter().chain(self.mix.iter().map(|mixed| mixed.kind.as_str()))
    }

    /// Whether there is a scenario in it.
    pub fn has_scenario(&self) -> bool {
        self.is_scenario || self.mix.iter().any(|mixed| mixed.is_scenario)
    }
}

impl WorkloadPart<'_> {
    /// Its share of iterations, on the scale of its operations' weights.
    pub fn weight(&self) -> f64 {
        let weights = self.operations.iter().map(|operation| operation.weight);
        // Each step has that of the whole pass.
        if self.is_scenario { weights.fold(0.0, f64::max) } else { weights.sum() }
    }
}

/// One workload of a mix with its operations, which are taken off those that are left.
fn part_of<'a>(mixed: &'a MixedWorkload, rest: &mut &'a [OperationSpec]) -> WorkloadPart<'a> {
    let MixedWorkload { name, kind, settings, operations, is_scenario } = mixed;
    let (own, others) = rest.split_at((*operations).min(rest.len()));
    *rest = others;
    WorkloadPart { name: Some(name), kind, settings, operations: own, is_scenario: *is_scenario }
}
