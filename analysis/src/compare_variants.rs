//! Two variants of one run against each other, by the blocks that both have: what any two can be asked for after the fact.

use shared::calibration;
use shared::job::{Job, JobErrors, Kinds, parse};
use shared::run_comparison::{RunComparison, SCHEMA};
use shared::run_report::RunReport;

use crate::compare_runs::{Side, Terms, exit_code, gather_notes, likeness, told};
use crate::comparisons::{self, Vouching};
use crate::{identical_sides, looks};

/// Compares the second side, a variant, with the first, another variant of the same run, at the level of the look that ended it.
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
    let sides = [&a.variant, &b.variant].map(|name| place(report, name));
    // That they differ in shape is what they are there for.
    let mut invalid: Vec<String> = [a, b].into_iter().flat_map(likeness::unsoundness).collect();
    let mut comparisons = Vec::new();
    if let (true, [Some(one), Some(other)]) = (invalid.is_empty(), sides) {
        let firsts = identical_sides::firsts(&job, report.variants.len());
        if firsts[one] == firsts[other] {
            invalid.push(identical_sides::sentence(&a.variant, &b.variant));
        } else {
            comparisons = comparisons::between(report, &job, (one, other), held_to(report, &job, b));
        }
    }
    for comparison in &mut comparisons {
        (comparison.a, comparison.b) = (a.name.clone(), b.name.clone());
    }
    let blocks = comparisons.iter().map(|comparison| comparison.n).max().unwrap_or(0);
    let mut notes = vec![format!("compared block by block, over {blocks} blocks that hold both")];
    gather_notes(&mut notes, &comparisons);
    Ok(RunComparison {
        schema: SCHEMA.to_owned(),
        a: told(a),
        b: told(b),
        margin: job.limits.margin,
        exit_code: exit_code(&invalid, &comparisons),
        invalid,
        notes,
        fingerprint_differences: Vec::new(),
        comparisons,
    })
}

/// As the run itself was: by the look that ended it, and on the word of the calibration that it knew.
fn held_to<'a>(report: &RunReport, job: &Job, side: &'a Side) -> comparisons::Terms<'a> {
    let mark = side.runs.first().and_then(|run| run.calibrated_by.as_ref());
    let is_calibration = report.run.tags.contains_key(calibration::TAG);
    let vouching = if is_calibration { Vouching::Unasked } else { Vouching::By(mark) };
    comparisons::Terms { level: looks::level_of_report(job, &report.run.looks), vouching }
}

fn place(report: &RunReport, name: &str) -> Option<usize> {
    report.variants.iter().position(|variant| variant.name == name)
}

#[cfg(test)]
mod tests;
