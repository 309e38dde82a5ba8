//! The end-of-run result for people: what came out, the figures, and everything that casts doubt on them.
//!
//! Rooms: `ink` (colour and text that is safe to print), `operations` (the tables of figures), `metrics` (those
//! of phases and of metrics), `apart` (agents whose figures are not merged), `hosts` (how they fared), `summary`
//! (what came out, in words), `claims` (the verdicts), `against` (variants against each other), `sweeps` (which value is best),
//! `search` (which is the highest that holds), `profiles` (what profilers wrote), `doubts` (errors and findings), `suite` (several runs in a table); [`trend`], a metric
//! over many runs, [`comparison`], two of them against each other, [`mod@host_comparison`], the hosts
//! of one, and [`calibration`], whether any of that can be trusted.

mod against;
mod apart;
pub mod calibration;
mod claims;
pub mod comparison;
mod doubts;
pub mod host_comparison;
mod hosts;
mod ink;
mod metrics;
mod operations;
mod profiles;
mod search;
mod slowest;
mod suite;
mod summary;
mod sweeps;
pub mod trend;

use comfy_table::Table;
use shared::run_report::{AgentTotals, OperationReport, RunReport, TrialReport, VariantReport};

use self::ink::Ink;
use self::operations::{Figures, Row};
use crate::suite::SuiteReport;
use crate::{ReportError, Reporter};

/// Most trials listed one by one; more make a screenful that nobody reads.
const TRIALS_LISTED_MAX: usize = 20;
/// Most agents listed one by one, likewise.
const AGENTS_LISTED_MAX: usize = 20;

/// Renders for a terminal, or for a file that people read.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    /// Columns that fit; figures that do not fit are left out, the least telling first.
    pub width: u16,
    /// Whether to colour.
    pub is_coloured: bool,
}

impl Reporter for Terminal {
    fn render(&self, report: &RunReport) -> Result<String, ReportError> {
        let ink = Ink { is_coloured: self.is_coloured };
        let mut page = Page { ink, width: usize::from(self.width), text: String::new() };
        summary::header(&mut page, report);
        claims::verdicts(&mut page, report);
        against::comparisons(&mut page, report);
        search::table(&mut page, report);
        let is_only = report.variants.len() == 1;
        for variant in report.variants.iter().filter(|variant| search::is_shown(report, variant)) {
            variant_section(&mut page, variant, is_only);
        }
        sweeps::tables(&mut page, report);
        slowest::section(&mut page, report);
        profiles::section(&mut page, report);
        hosts::tables(&mut page, report);
        doubts::findings(&mut page, report);
        summary::footer(&mut page, report);
        Ok(page.text)
    }

    fn render_suite(&self, suite: &SuiteReport) -> Result<String, ReportError> {
        let ink = Ink { is_coloured: self.is_coloured };
        let mut page = Page { ink, width: usize::from(self.width), text: String::new() };
        suite::table(&mut page, suite);
        Ok(page.text)
    }
}

/// The profiles of a run alone, so wide.
pub fn profiles_page(report: &RunReport, width: u16) -> String {
    let mut page = Page { ink: Ink { is_coloured: false }, width: usize::from(width), text: String::new() };
    match report.profiles.is_empty() {
        true => page.line("This run has no profiles: its job has no [profile]."),
        false => profiles::section(&mut page, report),
    }
    page.text
}

/// What has been rendered so far, and how.
struct Page {
    ink: Ink,
    width: usize,
    text: String,
}

impl Page {
    /// Adds a line.
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// Adds a sentence, wrapped, its beginning painted.
    fn sentence(&mut self, beginning: &str, paint: impl Fn(&str) -> String, rest: &str) {
        for (place, line) in ink::wrapped(&format!("{beginning}{rest}"), self.width).iter().enumerate() {
            match line.strip_prefix(beginning).filter(|_| place == 0) {
                Some(rest) => self.line(&format!("{}{rest}", paint(beginning))),
                None => self.line(line),
            }
        }
    }

    /// Adds a sentence that is less important than the rest, wrapped.
    fn aside(&mut self, text: &str) {
        for line in ink::wrapped(text, self.width) {
            let line = self.ink.faint(&line);
            self.line(&line);
        }
    }

    /// Begins a section: an empty line and its title, wrapped.
    fn title(&mut self, title: &str) {
        self.line("");
        for line in ink::wrapped(title, self.width) {
            let line = self.ink.bold(&line);
            self.line(&line);
        }
    }

    /// Adds the lines of a table, its header less important than the rest.
    fn table(&mut self, table: &Table) {
        for (place, line) in table.lines().enumerate() {
            let line = line.trim_end();
            let line = if place == 0 { self.ink.faint(line) } else { line.to_owned() };
            self.line(&line);
        }
    }
}

fn variant_section(page: &mut Page, variant: &VariantReport, is_only: bool) {
    if apart::is_apart(variant) {
        let prefix = if is_only { String::new() } else { format!("{}: ", variant.name) };
        return apart::section(page, variant, &prefix);
    }
    let valid: Vec<&TrialReport> = variant.trials.iter().filter(|trial| trial.valid).collect();
    let title = |text: &str| {
        if is_only { capitalised(text) } else { format!("{}: {text}", variant.name) }
    };
    let mut figures = Figures::new(page.width);
    let shown = match valid.as_slice() {
        [] => {
            let Some(trial) = variant.trials.iter().rfind(|trial| !trial.operations.is_empty()) else {
                page.title(&title("nothing was measured"));
                return;
            };
            let which = format!("{}, which is not valid: these figures do not count", trial_name(trial));
            figures.table(page, &title(&which), "operation", &operation_rows(&trial.operations));
            &trial.operations
        }
        [_] => {
            figures.table(
                page,
                &title("latencies of successes"),
                "operation",
                &operation_rows(&variant.operations),
            );
            &variant.operations
        }
        several => {
            let which = format!("latencies of successes, merged over {} valid trials", several.len());
            figures.table(page, &title(&which), "operation", &operation_rows(&variant.operations));
            &variant.operations
        }
    };
    metrics::tables(page, &mut figures, shown);
    agents_table(page, &mut figures, &variant.agents);
    if valid.len() != 1 {
        trials_table(page, &mut figures, variant);
    }
    if valid.len() > 1 {
        let title = format!("Over {} trials, all operations together", valid.len());
        operations::estimates(page, variant, &title);
    }
    figures.footnote(page);
    doubts::errors(page, shown);
}

fn operation_rows(operations: &[OperationReport]) -> Vec<Row<'_>> {
    operations.iter().map(|operation| Row { name: operations::name(operation), operation }).collect()
}

fn agents_table(page: &mut Page, figures: &mut Figures, agents: &[AgentTotals]) {
    if agents.len() < 2 {
        return;
    }
    let listed = agents.iter().take(AGENTS_LISTED_MAX);
    let rows: Vec<Row<'_>> = listed
        .filter_map(|agent| Some(Row { name: agent.name.to_string(), operation: agent.operations.last()? }))
        .collect();
    figures.table(page, "By agent, all operations together", "agent", &rows);
    more(page, agents.len(), AGENTS_LISTED_MAX, "agents");
}

fn trials_table(page: &mut Page, figures: &mut Figures, variant: &VariantReport) {
    let measured: Vec<&TrialReport> =
        variant.trials.iter().filter(|trial| !trial.operations.is_empty()).collect();
    if measured.len() < 2 {
        return;
    }
    let row = |trial: &&'_ TrialReport| {
        let name = trial_name(trial);
        name.strip_prefix("trial ").unwrap_or(&name).to_owned() + if trial.valid { "" } else { " (invalid)" }
    };
    let rows: Vec<Row<'_>> = measured
        .iter()
        .take(TRIALS_LISTED_MAX)
        .filter_map(|trial| Some(Row { name: row(trial), operation: trial.operations.last()? }))
        .collect();
    figures.table(page, "By trial, all operations together", "trial", &rows);
    more(page, measured.len(), TRIALS_LISTED_MAX, "trials");
}

fn more(page: &mut Page, count: usize, listed: usize, what: &str) {
    if count > listed {
        page.line(&format!(" … and {} more {what}: --json tells all", count - listed));
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// Trials are counted from 1 for people.
fn trial_name(trial: &TrialReport) -> String {
    let whose = apart::subject(trial).map_or_else(String::new, |subject| format!(" of {subject}"));
    match trial.attempt {
        0 => format!("trial {}{whose}", trial.block + 1),
        attempt => format!("trial {}{whose}, attempt {}", trial.block + 1, attempt + 1),
    }
}

#[cfg(test)]
mod tests;
