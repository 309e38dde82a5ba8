//! Markdown for merge requests and job summaries: the verdicts first, everything else folded.

mod beside;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use shared::claim::ClaimSeverity;
use shared::finding::Severity;
use shared::interval::slow::SLOWEST_MAX;
use shared::run_report::{
    ClaimReport, ComparisonReport, OperationReport, RunReport, SearchStepReport, VariantReport, Verdict,
};
use shared::units::{human_count, human_ns, human_share};

use crate::figures::{self, ABSENT};
use crate::slowest;
use crate::suite::{SuiteReport, SuiteRun};
use crate::{ReportError, ReportFormat, Reporter};

/// Its line in the table.
pub const FORMAT: ReportFormat = ReportFormat {
    name: "markdown",
    doc: "Markdown: the verdicts first, details folded",
    reporter: &Markdown,
};

/// Most rows of a table: comments of code hosts hold some tens of kilobytes.
const ROWS_MAX: usize = 100;

/// Markdown as GitHub and GitLab read it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Markdown;

impl Reporter for Markdown {
    fn render(&self, report: &RunReport) -> Result<String, ReportError> {
        let mut page = Page(String::new());
        section(&mut page, report);
        Ok(page.0)
    }

    fn render_suite(&self, suite: &SuiteReport) -> Result<String, ReportError> {
        let mut page = Page(String::new());
        page.line(&format!("# Suite of {} jobs: exit code {}\n", suite.runs.len(), suite.exit_code));
        let rows: Vec<Vec<String>> = suite.runs.iter().map(suite_row).collect();
        page.table(&["came out", "job", "claims", "reason"], &rows);
        for report in suite.reports() {
            page.line(&format!("\n<a id=\"run-{}\"></a>\n", report.run.id));
            section(&mut page, report);
        }
        Ok(page.0)
    }
}

fn section(page: &mut Page, report: &RunReport) {
    header(page, report);
    claims(page, report);
    search(page, report);
    comparisons(page, report);
    notes(page, report);
    measurements(page, report);
    slow_operations(page, report);
    beside::profiles(page, report);
    beside::statement_plans(page, report);
    findings(page, report);
}

/// A line of the suite's table, which leads to the run's own section.
fn suite_row(run: &SuiteRun) -> Vec<String> {
    let name = escaped(run.name());
    let name = match &run.outcome {
        Ok(report) => format!("[{name}](#run-{})", report.run.id),
        Err(_) => name,
    };
    vec![format!("**{}**", run.word()), name, run.claims(), escaped(&run.reason())]
}

/// What has been rendered so far.
struct Page(String);

impl Page {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// A table of cells that are safe already; more than [`ROWS_MAX`] rows are counted.
    fn table(&mut self, header: &[&str], rows: &[Vec<String>]) {
        self.line(&format!("| {} |", header.join(" | ")));
        self.line(&format!("|{}", "---|".repeat(header.len())));
        for row in rows.iter().take(ROWS_MAX) {
            self.line(&format!("| {} |", row.join(" | ")));
        }
        if rows.len() > ROWS_MAX {
            self.line(&format!("\n… and {} more: the JSON report has them all.", rows.len() - ROWS_MAX));
        }
    }

    /// What is folded under a title. Without the empty lines a table would not be read as one.
    fn folded(&mut self, title: &str, write: impl FnOnce(&mut Page)) {
        self.line(&format!("\n<details><summary>{title}</summary>\n"));
        write(self);
        self.line("\n</details>");
    }
}

fn header(page: &mut Page, report: &RunReport) {
    let run = &report.run;
    page.line(&format!("## {}: {}", escaped(&run.name), outcome(report)));
    if let Some(reason) = &run.reason {
        page.line(&format!("\n{}", escaped(reason)));
    }
}

fn outcome(report: &RunReport) -> &'static str {
    match report.run.verdict {
        Verdict::None => "valid, nothing was claimed",
        verdict => verdict.as_str(),
    }
}

fn claims(page: &mut Page, report: &RunReport) {
    if report.claims.is_empty() {
        return;
    }
    page.line("");
    let rows: Vec<Vec<String>> = report.claims.iter().map(|claim| claim_row(report, claim)).collect();
    page.table(&["verdict", "claim", "value (95 % interval)", "reason"], &rows);
}

fn claim_row(report: &RunReport, claim: &ClaimReport) -> Vec<String> {
    let word = match claim.severity {
        ClaimSeverity::Gate => format!("**{}**", claim.verdict.as_str()),
        ClaimSeverity::Warn => format!("{} (only warns)", claim.verdict.as_str()),
    };
    let value = figures::with_interval(claim.value, claim.ci95, &claim.unit);
    vec![word, escaped(&figures::claim(report, claim)), escaped(&value), escaped(&claim.reason)]
}

/// The answer of a search, and what it rests on.
fn search(page: &mut Page, report: &RunReport) {
    let Some(search) = &report.search else { return };
    let answer = &search.answer;
    page.line(&format!("\n**{}**: {}\n", answer.verdict.as_str(), escaped(&answer.reason)));
    let row = |step: &SearchStepReport| {
        vec![
            step.value.to_string(),
            step.verdict.as_str().to_owned(),
            step.n.to_string(),
            escaped(&figures::with_interval(step.measured, step.ci95, &search.unit)),
        ]
    };
    let rows: Vec<Vec<String>> = search.steps.iter().map(row).collect();
    let measured = format!("{} (95 % interval)", escaped(&search.metric));
    page.table(&[&escaped(&search.vary), "verdict", "trials", &measured], &rows);
}

/// Those that a claim names first; the others have no place among verdicts.
fn comparisons(page: &mut Page, report: &RunReport) {
    let (primary, exploratory): (Vec<_>, Vec<_>) = report.comparisons.iter().partition(|it| it.primary);
    for (title, shown) in [
        ("Comparisons that claims name", primary),
        ("Exploratory comparisons: nobody claimed these in advance", exploratory),
    ] {
        if !shown.is_empty() {
            let rows: Vec<Vec<String>> = shown.into_iter().map(comparison_row).collect();
            page.folded(title, |page| page.table(&["what", "ratio (95 % interval)", "says"], &rows));
        }
    }
}

/// What is to be known of comparisons.
fn notes(page: &mut Page, report: &RunReport) {
    let told = figures::notes(report);
    for note in told.iter().take(ROWS_MAX) {
        page.line(&format!("\n> Note: {}", escaped(note)));
    }
}

fn comparison_row(comparison: &ComparisonReport) -> Vec<String> {
    let ratio = figures::with_interval(comparison.ratio, comparison.ci95, "");
    vec![escaped(&figures::comparison(comparison)), ratio, figures::says(comparison)]
}

fn measurements(page: &mut Page, report: &RunReport) {
    let rows: Vec<Vec<String>> = report.variants.iter().flat_map(rows_of).collect();
    if rows.is_empty() {
        return;
    }
    page.folded("What was measured, merged over the valid trials", |page| {
        page.table(&["variant", "operation", "count", "per s", "errors", "p50", "p95", "p99"], &rows);
    });
}

fn rows_of(variant: &VariantReport) -> Vec<Vec<String>> {
    let merged = variant.operations.iter().map(|operation| (operation.name.clone(), operation));
    let apart = variant.agents.iter().filter(|_| variant.operations.is_empty()).flat_map(|agent| {
        let whose = agent.pair.as_ref().map_or_else(|| agent.name.to_string(), ToString::to_string);
        agent.operations.iter().map(move |operation| (format!("{whose} {}", operation.name), operation))
    });
    merged.chain(apart).map(|(name, operation)| operation_row(&variant.name, &name, operation)).collect()
}

fn operation_row(variant: &str, name: &str, operation: &OperationReport) -> Vec<String> {
    let latency = &operation.latency_ns;
    let time = |ns: Option<u64>| ns.map_or_else(|| ABSENT.to_owned(), |ns| human_ns(ns as f64));
    vec![
        escaped(variant),
        escaped(name),
        human_count(operation.count as f64),
        operation.throughput_per_s.map_or_else(|| ABSENT.to_owned(), human_count),
        operation.error_ratio.map_or_else(|| ABSENT.to_owned(), human_share),
        time(latency.p50),
        time(latency.p95),
        time(latency.p99),
    ]
}

fn slow_operations(page: &mut Page, report: &RunReport) {
    let row = |slow: &slowest::Slow<'_>| {
        let first = escaped(slow.first_line());
        vec![slow.latency(), escaped(&slow.operation.operation), slow.when(), escaped(&slow.who()), first]
    };
    let rows: Vec<Vec<String>> = slowest::of(report, SLOWEST_MAX).iter().map(row).collect();
    if !rows.is_empty() {
        page.folded("Slowest operations", |page| {
            page.table(&["latency", "operation", "when", "who", "request"], &rows);
        });
    }
}

fn findings(page: &mut Page, report: &RunReport) {
    let mut rows: BTreeSet<(Reverse<Severity>, Vec<String>)> = BTreeSet::new();
    for variant in &report.variants {
        for finding in variant.trials.iter().flat_map(|trial| &trial.findings) {
            let row = vec![
                finding.severity.as_str().to_owned(),
                escaped(&variant.name),
                format!("`{}`", finding.code.as_str()),
                escaped(&finding.message),
            ];
            rows.insert((Reverse(finding.severity), row));
        }
    }
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(_, row)| row).collect();
    if !rows.is_empty() {
        page.folded("Findings", |page| page.table(&["weight", "variant", "code", "finding"], &rows));
    }
    page.line("");
    let run = &report.run;
    page.line(&format!("Run `{}`, seed {}, analysis {}.", run.id, run.seed, run.analysis_version));
}

/// A text of strangers on one line of a table: no markup, no mention of people, no link.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '@' => safe.push_str("&#64;"),
            // What code hosts would make a link of.
            ':' if letters.peek() == Some(&'/') => safe.push_str("&#58;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => safe.extend(['\\', letter]),
            letter if letter.is_control() => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn verdicts_come_first_and_details_are_folded() {
        let mut report = fixture::claims::with_claims().report;
        report.run.analysis_version = "0".to_owned();
        insta::assert_snapshot!(Markdown.render(&report).unwrap(), @r#"
        ## session-status: invalid

        | verdict | claim | value (95 % interval) | reason |
        |---|---|---|---|
        | **refuted** | reads stay under &lt;4 ms&gt; \| always | 8.14 ms (7.90 ms to 8.40 ms) | read.latency.p95 is 8.14 ms (7.90 ms to 8.40 ms over 10 trials), above 4.00 ms |
        | **supported** | read.latency.p95 below 9.00 ms | 8.14 ms (7.90 ms to 8.40 ms) | this trial only: read.latency.p95 is 8.14 ms (7.90 ms to 8.40 ms by its own samples), below 9.00 ms |
        | **inconclusive** | latency.p50 at most 0.9 × load.workers=1 | 0.874 | comparing takes at least 5 blocks: 4 more trials of each side needed |
        | **invalid** | read.latency.p95 no regression above 5 % against the baseline main | – | there is no baseline named "main" to compare with \[31m |
        | refuted (only warns) | read.latency.p95 below 4.00 ms | 8.14 ms (7.90 ms to 8.40 ms) | read.latency.p95 is 8.14 ms (7.90 ms to 8.40 ms over 10 trials), above 4.00 ms |

        <details><summary>Comparisons that claims name</summary>

        | what | ratio (95 % interval) | says |
        |---|---|---|
        | read.latency.p95 of new against old | 1.12 (1.08 to 1.16) | slower |

        </details>

        <details><summary>Exploratory comparisons: nobody claimed these in advance</summary>

        | what | ratio (95 % interval) | says |
        |---|---|---|
        | read.latency.p95 of new against old | 1.12 (1.08 to 1.16) | inconclusive, 12 more blocks would likely tell |
        | read.latency.p95 of new against old | 1.12 (1.08 to 1.16) | same |

        </details>

        <details><summary>What was measured, merged over the valid trials</summary>

        | variant | operation | count | per s | errors | p50 | p95 | p99 |
        |---|---|---|---|---|---|---|---|
        | default | read | 6.01k | 3.00k | 0.200 % | 1.43 ms | 1.90 ms | 1.95 ms |
        | default | write | 240 | 120 | 0 % | 6.36 ms | 10.4 ms | – |
        | default | \* | 6.25k | 3.12k | 0.192 % | 1.45 ms | 1.94 ms | 8.61 ms |

        </details>

        <details><summary>Findings</summary>

        | weight | variant | code | finding |
        |---|---|---|---|
        | suspect | default | `generator_saturated` | agent load-2: its busiest load thread used 93 % of a core (limits.generator\_cpu is 80 %), so fleetmark itself may be the limit |
        | note | default | `closed_model_blind` | closed model: each worker waits for its answer before it sends again, so queueing does not show in the latencies |

        </details>

        Run `018bcfe5-6800-7707-8707-070707070707`, seed 42, analysis 0.
        "#);
    }

    #[test]
    fn a_search_is_its_answer_and_what_was_tried() {
        let text = Markdown.render(&fixture::search::with_search()).unwrap();
        let (_, from) = text.split_once("## session-status: ").expect("its title");
        let (section, _) = from.split_once("<details>").expect("folded details");
        insta::assert_snapshot!(section, @"
        supported

        **supported**: read.latency.p99 &lt; 50ms holds at load.rate = 400 and no longer at 440

        | load.rate | verdict | trials | read.latency.p99 (95 % interval) |
        |---|---|---|---|
        | 100 | supported | 3 | 12.0 ms (10.8 ms to 13.2 ms) |
        | 400 | supported | 3 | 19.0 ms (17.1 ms to 20.9 ms) |
        | 420 | inconclusive | 3 | – |
        | 440 | refuted | 3 | 140 ms (126 ms to 154 ms) |
        ");
    }

    #[test]
    fn a_run_without_claims_says_so() {
        let text = Markdown.render(&fixture::assembled_of(&fixture::record(1)).report).unwrap();
        assert!(text.starts_with("## session-status: valid, nothing was claimed\n"), "{text}");
    }

    #[test]
    fn a_suites_table_leads_to_the_section_of_each_run() {
        let text = Markdown.render_suite(&fixture::suite()).unwrap();
        assert!(text.starts_with("# Suite of 2 jobs: exit code 69\n"), "{text}");
        let id = fixture::assembled().report.run.id;
        assert!(text.contains(&format!("| **invalid** | [session-status](#run-{id}) |")), "{text}");
        assert!(text.contains(&format!("<a id=\"run-{id}\"></a>\n\n## session-status: invalid\n")), "{text}");
        assert!(text.contains("| **not run** | two.toml |  | no agent &lt;came&gt; |"), "{text}");
    }

    #[test]
    fn hostile_text_is_neither_markup_nor_mention_nor_link() {
        assert_eq!(
            escaped("a|b\n<img> @team [x](http://y) `c` *d*"),
            "a\\|b &lt;img&gt; &#64;team \\[x\\](http&#58;//y) \\`c\\` \\*d\\*"
        );
    }
}
