//! The plans of statements, with the variant whose they are.

use shared::run_report::{PlanReport, RunReport};

/// All that were told, in the order of variants.
pub(crate) fn of(report: &RunReport) -> Vec<(&str, &PlanReport)> {
    let told = report.variants.iter().flat_map(|variant| {
        let plans = variant.trials.iter().flat_map(|trial| &trial.plans);
        plans.map(|plan| (variant.name.as_str(), plan))
    });
    told.collect()
}
