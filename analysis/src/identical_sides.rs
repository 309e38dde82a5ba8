//! Variants that are one job to the last value: program, arguments, environment, load and data.

use shared::finding::{Finding, FindingCode};
use shared::ids::VariantIndex;
use shared::job::Job;
use shared::run_report::VariantReport;

/// For each variant the first one that measures the same: itself, unless it is a repetition. With `limits.aa` repetitions are
/// meant, and each variant stands for itself.
pub fn firsts(job: &Job, variants: usize) -> Vec<usize> {
    if job.limits.aa || variants < 2 {
        return (0..variants).collect();
    }
    let of = |variant: usize| {
        job.of_variant(VariantIndex(u32::try_from(variant).unwrap_or(u32::MAX))).measurement()
    };
    let measurements: Vec<_> = (0..variants).map(of).collect();
    let first = |variant: usize| {
        (0..variant).find(|other| measurements[*other] == measurements[variant]).unwrap_or(variant)
    };
    (0..variants).map(first).collect()
}

/// What is said of two variants that measure the same.
pub fn sentence(one: &str, other: &str) -> String {
    format!(
        "{one} and {other} are one job to the last value, so comparing them says nothing; if that is meant, set limits.aa = true"
    )
}

/// Adds a finding to every trial of variants that measure the same as another one.
pub fn tell(job: &Job, variants: &mut [VariantReport]) {
    let firsts = firsts(job, variants.len());
    for variant in 0..variants.len() {
        let is_other = |other: &usize| *other != variant && firsts[*other] == firsts[variant];
        let Some(other) = (0..variants.len()).find(is_other) else { continue };
        let message = sentence(&variants[variant].name, &variants[other].name);
        let finding = Finding::of_trial(FindingCode::IdenticalSides, message);
        variants[variant].trials.iter_mut().for_each(|trial| trial.findings.push(finding.clone()));
    }
}
