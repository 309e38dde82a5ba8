//! Two variants of one run against each other, by the blocks that both have: what any two can be asked for after the fact.

use shared::job::{Job, JobErrors, Kinds, parse};
use shared::run_comparison::{RunComparison, SCHEMA};
use shared::run_report::RunReport;

use crate::compare_runs::{Side, Terms, exit_code, likeness, told};
use crate::comparisons;
use crate::level::Level;

/// Compares the second side, a variant, with the first, another variant of the same run.
///
/// # Errors
/// When the run's job does not read: it was written by another version.
pub fn compare_variants(
    report: &RunReport,
    a: &Side,
    b: &Side,
    terms: Terms,
) -> Result<RunComparison, JobErrors> {
    let mut job: Job = parse(&report.run.job, Kinds::Unchecked)?;
    job.limits.margin = terms.margin.unwrap_or(job.limits.margin);
    // That they differ in shape is what they are there for.
    let invalid: Vec<String> = [a, b].into_iter().flat_map(likeness::unsoundness).collect();
    let comparisons = if invalid.is_empty() {
        let sides = [&a.variant, &b.variant].map(|name| place(report, name));
        let mut compared = match sides {
            [Some(a), Some(b)] => comparisons::between(report, &job, (a, b), Level::FIVE_PERCENT),
            _ => Vec::new(),
        };
        for comparison in &mut compared {
            (comparison.a, comparison.b) = (a.name.clone(), b.name.clone());
        }
        compared
    } else {
        Vec::new()
    };
    let blocks = comparisons.iter().map(|comparison| comparison.n).max().unwrap_or(0);
    Ok(RunComparison {
        schema: SCHEMA.to_owned(),
        a: told(a),
        b: told(b),
        margin: job.limits.margin,
        exit_code: exit_code(&invalid, &comparisons),
        invalid,
        notes: vec![format!("compared block by block, over {blocks} blocks that hold both")],
        fingerprint_differences: Vec::new(),
        comparisons,
    })
}

fn place(report: &RunReport, name: &str) -> Option<usize> {
    report.variants.iter().position(|variant| variant.name == name)
}
