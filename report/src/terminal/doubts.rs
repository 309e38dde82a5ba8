//! What casts doubt on the figures: errors with samples of them, and every finding with its reason.

use std::cmp::Reverse;

use comfy_table::{ColumnConstraint, ContentArrangement, Width};
use shared::finding::Finding;
use shared::run_report::{ALL_OPERATIONS, OperationReport, RunReport, TrialReport};
use shared::units::human_count;

use super::ink::{cut, printable};
use super::{Page, operations, trial_name};

/// Blanks before an error sample.
const SAMPLE_INDENT: usize = 3;

/// Adds the errors of operations by kind, with samples.
pub(super) fn errors(page: &mut Page, operations: &[OperationReport]) {
    let mut failed =
        operations.iter().filter(|it| it.name != ALL_OPERATIONS && !it.errors.is_empty()).peekable();
    if failed.peek().is_none() {
        return;
    }
    page.title("Errors");
    for operation in failed {
        let kinds: Vec<String> = operation
            .errors
            .iter()
            .map(|(kind, count)| format!("{kind} {}", human_count(*count as f64)))
            .collect();
        page.line(&format!(" {}: {}", operations::name(operation), kinds.join(", ")));
        for sample in &operation.error_samples {
            let text = format!("{}: {}", sample.kind, sample.message);
            let text = page.ink.faint(&cut(&text, page.width.saturating_sub(SAMPLE_INDENT)));
            page.line(&format!("{:SAMPLE_INDENT$}{text}", ""));
        }
    }
}

/// A finding with the trials that have it.
struct Grouped<'a> {
    finding: &'a Finding,
    trials: Vec<String>,
}

/// Adds every finding once, the heaviest first, with the trials that have it.
pub(super) fn findings(page: &mut Page, report: &RunReport) {
    let is_only_variant = report.variants.len() == 1;
    let mut groups: Vec<Grouped<'_>> = Vec::new();
    let mut trials = 0;
    for variant in &report.variants {
        for trial in &variant.trials {
            trials += 1;
            let name = if is_only_variant {
                trial_name(trial)
            } else {
                format!("{} {}", variant.name, trial_name(trial))
            };
            group(&mut groups, trial, &name);
        }
    }
    if groups.is_empty() {
        return;
    }
    groups.sort_by_key(|group| Reverse(group.finding.severity));
    page.title("Findings");
    for group in groups {
        finding(page, &group, trials);
    }
}

fn group<'a>(groups: &mut Vec<Grouped<'a>>, trial: &'a TrialReport, name: &str) {
    for finding in &trial.findings {
        let is_same = |it: &&mut Grouped<'_>| {
            (it.finding.code, &it.finding.message) == (finding.code, &finding.message)
        };
        match groups.iter_mut().find(is_same) {
            Some(group) => group.trials.push(name.to_owned()),
            None => groups.push(Grouped { finding, trials: vec![name.to_owned()] }),
        }
    }
}

/// One finding: how much it weighs, then its sentence, wrapped beside it.
fn finding(page: &mut Page, group: &Grouped<'_>, trials: usize) {
    /// Most trials named for one finding; more are counted.
    const TRIALS_NAMED_MAX: usize = 4;
    const WEIGHT_WIDTH: u16 = 9;
    let scope = match group.trials.as_slice() {
        all if all.len() == trials => String::new(),
        few if few.len() <= TRIALS_NAMED_MAX => format!("{}: ", few.join(", ")),
        many => format!("in {} trials: ", many.len()),
    };
    let Finding { code, severity, message, .. } = group.finding;
    let weight = severity.as_str();
    let mut table = operations::plain_table();
    table
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(page.width).unwrap_or(u16::MAX));
    table.add_row([weight.to_owned(), format!("{scope}{} [{}]", printable(message), code.as_str())]);
    if let Some(column) = table.column_mut(0) {
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(WEIGHT_WIDTH)));
    }
    for line in table.lines() {
        let painted = page.ink.weighed((*severity).into(), weight);
        page.line(&line.trim_end().replacen(weight, &painted, 1));
    }
}
