//! Agents and pairs that stand apart: a row for each, and nothing merged over them.

use shared::run_report::{ALL_OPERATIONS, AgentTotals, OperationReport, TrialReport, VariantReport};

use super::operations::{self, Figures, Row};
use super::{AGENTS_LISTED_MAX, Page, doubts, metrics, more, trials_table};

/// Whether a variant's agents each made all of the load, alone or in pairs.
pub(super) fn is_apart(variant: &VariantReport) -> bool {
    variant.trials.iter().any(|trial| subject(trial).is_some())
}

/// Who a trial is about; `None`: all agents, who shared one load.
pub(super) fn subject(trial: &TrialReport) -> Option<String> {
    let pair = trial.pair.as_ref().map(ToString::to_string);
    pair.or_else(|| trial.agent.as_ref().map(ToString::to_string))
}

/// Adds the figures of a variant, row by row. `prefix` is its name, where there are several.
pub(super) fn section(page: &mut Page, variant: &VariantReport, prefix: &str) {
    let what = if variant.trials.iter().any(|trial| trial.pair.is_some()) { "pair" } else { "agent" };
    let several = variant.estimates.iter().any(|estimate| estimate.n > 1);
    let merged = if several { ", merged over its valid trials" } else { "" };
    let mut figures = Figures::new(page.width);
    let listed = &variant.agents[..variant.agents.len().min(AGENTS_LISTED_MAX)];
    if listed.is_empty() {
        page.title(&format!("{prefix}No {what} has a trial that is valid"));
    } else {
        let rows: Vec<Row<'_>> = listed.iter().flat_map(rows_of).collect();
        figures.table(
            page,
            &format!("{prefix}Each {what} by itself: latencies of successes{merged}"),
            what,
            &rows,
        );
        more(page, variant.agents.len(), AGENTS_LISTED_MAX, &format!("{what}s"));
    }
    let named: Vec<OperationReport> = listed.iter().flat_map(renamed).collect();
    metrics::tables(page, &mut figures, &named);
    let is_telling = |trial: &TrialReport| !trial.valid || trial.block > 0 || trial.attempt > 0;
    if variant.trials.iter().any(is_telling) {
        trials_table(page, &mut figures, variant);
    }
    if several {
        operations::estimates(
            page,
            variant,
            &format!("Over the trials of each {what}, all operations together"),
        );
    }
    figures.footnote(page);
    doubts::errors(page, &named);
}

/// Who measured what, as a row is named by it.
fn name(totals: &AgentTotals) -> String {
    totals.pair.as_ref().map_or_else(|| totals.name.to_string(), ToString::to_string)
}

/// A row for each operation, the only one under the agent's name alone.
fn rows_of(totals: &AgentTotals) -> Vec<Row<'_>> {
    let is_only = totals.operations.len() == 1;
    let row = |operation| Row {
        name: if is_only {
            name(totals)
        } else {
            format!("{} {}", name(totals), operations::name(operation))
        },
        operation,
    };
    totals.operations.iter().map(row).collect()
}

/// The operations of an agent under names that tell them from those of others; all of them together say nothing new.
fn renamed(totals: &AgentTotals) -> Vec<OperationReport> {
    let own = totals.operations.iter().filter(|operation| operation.name != ALL_OPERATIONS);
    let is_only = totals.operations.len() == 1;
    own.map(|operation| {
        let name = if is_only { name(totals) } else { format!("{} {}", name(totals), operation.name) };
        OperationReport { name, ..operation.clone() }
    })
    .collect()
}
