//! An assignment of several workloads: what each of them is told.

use super::Assignment;
use crate::job::uses::Uses;
use crate::job::{MixedWorkload, OperationSpec};

/// Whether an assignment is of one workload, or of several.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Mix {
    /// Of one.
    #[default]
    Alone,
    /// Of these, two at least, in the job's order. The assignment has the operations of all of them, and no settings.
    Of(Vec<MixedWorkload>),
    /// Of one that others run beside ([`Assignment::parts`]).
    Part {
        /// Its place among them, from 0.
        index: u32,
        /// How many there are.
        count: u32,
    },
}

impl Assignment {
    /// An assignment for each of its workloads, with the data and files that it uses, as if it were alone; itself where it is of
    /// one.
    ///
    /// Each takes all of its data by itself, and has its operations under numbers of its own, from 0.
    pub fn parts(self) -> Vec<Assignment> {
        let mut whole = self;
        let mix = match std::mem::take(&mut whole.mix) {
            Mix::Of(mix) => mix,
            other => return vec![Assignment { mix: other, ..whole }],
        };
        // A plan has far fewer workloads than that (shared::interval::OPERATIONS_MAX).
        let count = mix.len() as u32;
        let mut operations = std::mem::take(&mut whole.operations).into_iter();
        let (columns, files) = (std::mem::take(&mut whole.data), std::mem::take(&mut whole.files));
        let part = |(index, mixed): (u32, MixedWorkload)| {
            let operations: Vec<OperationSpec> = operations.by_ref().take(mixed.operations).collect();
            let uses = Uses::of_part(&mixed.settings, &operations);
            let data = uses.data(&columns);
            Assignment {
                kind: mixed.kind,
                files: uses.files(&files, &data),
                data,
                settings: mixed.settings,
                operations,
                is_scenario: mixed.is_scenario,
                mix: Mix::Part { index, count },
                ..whole.clone()
            }
        };
        (0..).zip(mix).map(part).collect()
    }

    /// The workloads of a mix; none where it is of one.
    pub fn mixed(&self) -> &[MixedWorkload] {
        match &self.mix {
            Mix::Of(mix) => mix,
            Mix::Alone | Mix::Part { .. } => &[],
        }
    }

    /// The kinds of its workloads, in the job's order.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        let mixed = self.mixed();
        let only = mixed.is_empty().then_some(self.kind.as_str());
        only.into_iter().chain(mixed.iter().map(|mixed| mixed.kind.as_str()))
    }
}
