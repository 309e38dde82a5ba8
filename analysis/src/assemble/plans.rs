//! The plans of statements that an agent told in a trial.

use shared::interval::RemarkKind;
use shared::job::Job;
use shared::run_report::PlanReport;

use super::tally::Tally;

/// What was told, in the order of the job's operations.
pub(super) fn of(job: &Job, tallies: &[Tally]) -> Vec<PlanReport> {
    let told = job.workload.operations.iter().zip(tallies).flat_map(|(operation, tally)| {
        let plans = tally.remarks().iter().filter(|remark| remark.kind == RemarkKind::Plan);
        plans.map(|plan| PlanReport { operation: operation.name.to_string(), plan: plan.text.clone() })
    });
    told.collect()
}
