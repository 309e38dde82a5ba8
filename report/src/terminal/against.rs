//! Variants against each other: those that a claim names one by one, the others folded to a line.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, ContentArrangement};
use shared::run_report::{ComparisonReport, RunReport};

use super::Page;
use super::ink::printable;
use super::operations::plain_table;
use crate::figures;

/// Most comparisons listed one by one, likewise.
const LISTED_MAX: usize = 20;

/// Adds the comparisons.
pub(super) fn comparisons(page: &mut Page, report: &RunReport) {
    let (primary, exploratory): (Vec<_>, Vec<_>) = report.comparisons.iter().partition(|it| it.primary);
    if !primary.is_empty() {
        page.title("Comparisons that claims name");
        let mut table = plain_table();
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(u16::try_from(page.width).unwrap_or(u16::MAX));
        table.set_header(["what", "ratio", "95 % interval", "says"]);
        for comparison in primary.iter().take(LISTED_MAX) {
            table.add_row(row(comparison));
        }
        table
            .column_iter_mut()
            .skip(1)
            .take(1)
            .for_each(|column| column.set_cell_alignment(CellAlignment::Right));
        page.table(&table);
        super::more(page, primary.len(), LISTED_MAX, "comparisons");
    }
    if !exploratory.is_empty() {
        let mut words: BTreeMap<&str, usize> = BTreeMap::new();
        exploratory.iter().for_each(|it| *words.entry(it.says.as_str()).or_default() += 1);
        let counts: Vec<String> = words.iter().map(|(word, count)| format!("{count} {word}")).collect();
        page.line("");
        page.aside(&format!(
            "Exploratory, of metrics that no claim names: {} ({}); --json tells them",
            counted(exploratory.len()),
            counts.join(", ")
        ));
    }
    differences(page, report);
    notes(page, report);
}

fn row(comparison: &ComparisonReport) -> [String; 4] {
    let interval = comparison
        .ci95
        .map(|[low, high]| format!("{} to {}", figures::figure(low, ""), figures::figure(high, "")));
    let ratio = comparison.ratio.map(|ratio| figures::figure(ratio, ""));
    let absent = || figures::ABSENT.to_owned();
    [
        printable(&figures::comparison(comparison)),
        ratio.unwrap_or_else(absent),
        interval.unwrap_or_else(absent),
        figures::says(comparison),
    ]
}

/// In what the hosts of the two sides differ, once for all comparisons.
fn differences(page: &mut Page, report: &RunReport) {
    let mut told: Vec<&String> = Vec::new();
    for difference in report.comparisons.iter().flat_map(|it| &it.fingerprint_differences) {
        if !told.contains(&difference) {
            told.push(difference);
        }
    }
    for difference in told {
        page.aside(&format!("the hosts differ: {}", printable(difference)));
    }
}

/// What is to be known of comparisons, each sentence once; those that claims name first, as they stand.
fn notes(page: &mut Page, report: &RunReport) {
    let told = figures::notes(report);
    for note in told.iter().take(LISTED_MAX) {
        page.aside(&format!("note: {}", printable(note)));
    }
    super::more(page, told.len(), LISTED_MAX, "notes");
}

fn counted(comparisons: usize) -> String {
    if comparisons == 1 { "1 comparison".to_owned() } else { format!("{comparisons} comparisons") }
}
