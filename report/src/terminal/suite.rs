//! A suite for people: one table, a line for each job.

use shared::run_report::Verdict;

use super::Page;
use super::ink::{Weight, cut, printable};
use super::operations::plain_table;
use crate::suite::{SuiteReport, SuiteRun};

/// Longest name and reason in the table, in characters.
const CELL_LETTERS_MAX: usize = 48;

/// Adds the table, and what came out of all of it.
pub(super) fn table(page: &mut Page, suite: &SuiteReport) {
    page.title(&format!("Suite of {} jobs", suite.runs.len()));
    let mut table = plain_table();
    table.set_header(["job", "came out", "claims", "exit", "run", ""]);
    for run in &suite.runs {
        let id = run.outcome.as_ref().map_or(String::new(), |report| report.run.id.to_string());
        let cell = |text: &str| cut(&printable(text), CELL_LETTERS_MAX);
        let exit_code = run.exit_code.to_string();
        table.add_row([
            cell(run.name()),
            run.word().to_owned(),
            run.claims(),
            exit_code,
            id,
            cell(&run.reason()),
        ]);
    }
    page.table(&table);
    let bad = suite.runs.iter().filter(|run| weight(run) != Weight::Good).count();
    let words = match bad {
        0 => page.ink.weighed(Weight::Good, "all is well"),
        bad => page.ink.weighed(Weight::Bad, &format!("{bad} of {} are not well", suite.runs.len())),
    };
    page.line(&format!(" {words}: exit code {}", suite.exit_code));
}

fn weight(run: &SuiteRun) -> Weight {
    match run.outcome.as_ref().map(|report| report.run.verdict) {
        Ok(Verdict::Supported | Verdict::None) if run.exit_code == 0 => Weight::Good,
        _ => Weight::Bad,
    }
}

#[cfg(test)]
mod tests {
    use crate::terminal::Terminal;
    use crate::{Reporter, fixture};

    #[test]
    fn a_suite_is_one_table_and_its_exit_code() {
        let page = Terminal { width: 100, is_coloured: false }.render_suite(&fixture::suite()).unwrap();
        let lines: Vec<&str> = page.lines().map(str::trim).collect();
        assert_eq!(lines[1], "Suite of 2 jobs");
        assert!(lines[3].starts_with("session-status  invalid") && lines[3].contains(" 3 "), "{page}");
        assert!(
            lines[4].starts_with("two.toml        not run") && lines[4].ends_with("no agent <came>"),
            "{page}"
        );
        assert_eq!(lines[5], "2 of 2 are not well: exit code 69");
    }
}
