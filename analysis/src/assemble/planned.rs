//! What there must be: every cell that the plan names, and those of them that are not there.

use std::collections::BTreeSet;

use shared::finding::{Finding, FindingCode};
use shared::ids::TrialIndex;
use shared::plan::PlannedTrial;
use shared::run_record::{RunRecord, RunState};
use shared::run_report::{Coverage, OperationReport, TrialReport};

use super::subject::Subject;
use super::variant::VariantSum;

/// Everything planned that has no attempt gets a line of its own, unless it may still begin.
pub(super) fn name_what_never_began(record: &RunRecord, variants: &mut [VariantSum]) {
    if !record.state.is_over() {
        return;
    }
    let attempted = |trial: TrialIndex| record.trials.iter().filter(move |attempt| attempt.trial == trial);
    for planned in record.trials_needed() {
        let begun: BTreeSet<Subject> = attempted(planned.index)
            .flat_map(|attempt| match attempt.cells.as_slice() {
                [] => vec![Subject::All],
                cells => cells.iter().map(Subject::from).collect(),
            })
            .collect();
        if let Some(variant) = variants.get_mut(planned.variant.0 as usize) {
            let missing = subjects(planned).into_iter().filter(|subject| !begun.contains(subject));
            variant.report.trials.extend(missing.map(|subject| never_begun(record, planned, &subject)));
        }
    }
}

/// A run without any planned trial has shown nothing, so it is not whole either.
pub(super) fn has_a_valid_attempt_of_each(record: &RunRecord, variants: &[VariantSum]) -> bool {
    let of_variant = |(place, variant): (usize, &VariantSum)| {
        let valid = variant.report.trials.iter().filter(|trial| trial.valid);
        valid.map(|trial| (place, trial.block, trial.order, Subject::of(trial))).collect::<Vec<_>>()
    };
    let valid: BTreeSet<(usize, u32, u32, Subject)> =
        variants.iter().enumerate().flat_map(of_variant).collect();
    let is_valid = |planned: &PlannedTrial| {
        let place = |subject| (planned.variant.0 as usize, planned.block, planned.order, subject);
        subjects(planned).into_iter().all(|subject| valid.contains(&place(subject)))
    };
    !record.plan.trials.is_empty() && record.trials_needed().all(is_valid)
}

fn subjects(planned: &PlannedTrial) -> Vec<Subject> {
    match planned.cells.as_slice() {
        [] => vec![Subject::All],
        cells => cells.iter().map(Subject::from).collect(),
    }
}

fn never_begun(record: &RunRecord, planned: &PlannedTrial, subject: &Subject) -> TrialReport {
    let why = record.reason.as_ref().map_or(String::new(), |reason| format!(" ({reason})"));
    let message = match record.state {
        RunState::Cancelled => format!("it never began: the run was cancelled before{why}"),
        RunState::Failed => format!("it never began: the run failed before{why}"),
        RunState::Finished if *subject != Subject::All => {
            "it never began: an agent of it was lost before, and the run went on without it".to_owned()
        }
        RunState::Queued | RunState::Running | RunState::Finished => {
            format!("it never began: the run ended before{why}")
        }
    };
    let agents_planned = match subject {
        Subject::All => record.plan.agents.unwrap_or(0),
        Subject::Agent(_) | Subject::Pair(_) => 1,
    };
    TrialReport {
        block: planned.block,
        order: planned.order,
        attempt: 0,
        valid: false,
        agent: subject.agent(),
        pair: subject.pair(),
        findings: vec![Finding::of_trial(FindingCode::TrialNotRun, message)],
        start_skew_us: None,
        start_skew_error_us: None,
        coverage: Coverage { agents_planned, ..Coverage::default() },
        operations: Vec::<OperationReport>::new(),
        agents: Vec::new(),
        observers: Vec::new(),
        slowest: Vec::new(),
        plans: Vec::new(),
    }
}
