//! `[search]`: the highest value at which a bound holds, and the jobs that its values make.
//!
//! Rooms: `check` (whether it makes sense), `keep` (the bound), [`values`] (which may be tried), `decode`.

mod check;
mod decode;
mod keep;
pub mod values;

pub(super) use check::check;
pub(super) use decode::decode;

use super::{Job, JobVariant};
use crate::claim::Claim;
use crate::plan::Plan;

/// How far apart neighbouring values are where the job does not say, as a share.
pub const RESOLUTION_DEFAULT: f64 = 0.1;

/// What is searched for.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// The path whose value is varied.
    pub vary: String,
    /// What must hold, as a claim about each value.
    pub keep: Claim,
    /// The same as the job has it.
    pub keep_text: String,
    /// How far apart neighbouring values are at most, as a share.
    pub resolution: f64,
    /// Every value that may be tried, lowest first; at least two.
    pub values: Vec<f64>,
    /// The job with each of them, in their order.
    pub steps: Vec<JobVariant>,
}

impl Job {
    /// The job as a run with this plan has it: those values of its search that were tried are its variants, in the order in
    /// which they were. Without a search it stays as it is.
    #[must_use]
    pub fn as_planned(mut self, plan: &Plan) -> Self {
        if let Some(search) = &self.search {
            let step = |name: &String| search.steps.iter().find(|step| step.name == *name);
            self.variants = plan.variants.iter().filter_map(|tried| step(&tried.name).cloned()).collect();
        }
        self
    }
}
