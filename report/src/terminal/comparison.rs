//! Two runs, baselines or variants against each other, for people: in what the hosts differ, then a row a metric.

use comfy_table::CellAlignment;
use shared::run_comparison::{ComparedSide, RunComparison};
use shared::run_report::{ComparisonReport, Says};
use shared::units::{human_count, human_share};

use super::Page;
use super::ink::{Ink, Weight, cut};
use super::operations::{ABSENT, plain_table};

/// Most metrics listed of those that no claim names.
const EXPLORATORY_LISTED_MAX: usize = 40;
/// Longest name of a side, in letters.
const NAME_LETTERS_MAX: usize = 48;

/// A comparison as text, so many columns wide.
pub fn render(comparison: &RunComparison, width: u16, is_coloured: bool) -> String {
    let mut page = Page { ink: Ink { is_coloured }, width: usize::from(width), text: String::new() };
    let title = format!("{} against {}", side(&comparison.b), side(&comparison.a));
    let title = page.ink.bold(&title);
    page.line(&title);
    for difference in &comparison.fingerprint_differences {
        let weight = page.ink.weighed(Weight::Doubtful, "the hosts differ");
        page.line(&format!("{weight}: {}", cut(difference, page.width)));
    }
    for reason in &comparison.invalid {
        page.sentence(
            "invalid",
            |word| Ink { is_coloured }.weighed(Weight::Bad, word),
            &format!(": {reason}"),
        );
    }
    let (primary, exploratory): (Vec<_>, Vec<_>) = comparison.comparisons.iter().partition(|it| it.primary);
    table(&mut page, "What claims name", &primary, comparison.margin);
    let listed = &exploratory[..exploratory.len().min(EXPLORATORY_LISTED_MAX)];
    let title =
        if primary.is_empty() { "No claim names a metric: all are exploratory" } else { "Exploratory" };
    table(&mut page, title, listed, comparison.margin);
    if exploratory.len() > listed.len() {
        page.line(&format!(" … and {} more: --json tells all", exploratory.len() - listed.len()));
    }
    if !comparison.notes.is_empty() {
        page.line("");
    }
    comparison.notes.iter().for_each(|note| page.aside(&sentence(note)));
    page.text
}

fn side(side: &ComparedSide) -> String {
    let name = cut(&side.name, NAME_LETTERS_MAX);
    match (side.is_baseline, side.runs.as_slice()) {
        (true, runs) => format!("baseline {name} ({} runs)", runs.len()),
        (false, [run]) if side.name != run.to_string() => format!("{name} ({run})"),
        (false, _) => name,
    }
}

fn table(page: &mut Page, title: &str, comparisons: &[&ComparisonReport], margin: f64) {
    if comparisons.is_empty() {
        return;
    }
    page.title(title);
    let has_subjects = comparisons.iter().any(|it| subject(it).is_some());
    let mut table = plain_table();
    table.set_header(has_subjects.then_some("agent").into_iter().chain([
        "metric",
        "b / a",
        "95 % interval",
        "",
    ]));
    for comparison in comparisons {
        let subject = has_subjects.then(|| subject(comparison).unwrap_or_default());
        let interval =
            comparison.ci95.map(|[low, high]| format!("{} to {}", human_count(low), human_count(high)));
        let ratio = comparison.ratio.map(human_count);
        let cells = [
            cut(&comparison.metric, NAME_LETTERS_MAX),
            ratio.unwrap_or_else(|| ABSENT.to_owned()),
            interval.unwrap_or_else(|| ABSENT.to_owned()),
            word(comparison, margin),
        ];
        table.add_row(subject.into_iter().chain(cells));
    }
    table
        .column_iter_mut()
        .skip(1 + usize::from(has_subjects))
        .take(1)
        .for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    page.table(&table);
}

fn subject(comparison: &ComparisonReport) -> Option<String> {
    let pair = comparison.pair.as_ref().map(ToString::to_string);
    pair.or_else(|| comparison.agent.as_ref().map(ToString::to_string))
}

fn word(comparison: &ComparisonReport, margin: f64) -> String {
    match (comparison.says, comparison.more_trials_needed) {
        (Says::Same, _) => format!("same within {}", human_share(margin)),
        (Says::Inconclusive, Some(more)) => format!("inconclusive, needs {more} more trials of each"),
        (says, _) => says.as_str().to_owned(),
    }
}

/// A note as a sentence.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().collect::<String>());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

#[cfg(test)]
mod tests {
    use shared::ids::RunId;
    use shared::run_comparison::SCHEMA;

    use super::*;

    fn row(metric: &str, says: Says, primary: bool) -> ComparisonReport {
        ComparisonReport {
            metric: metric.to_owned(),
            a: "main".to_owned(),
            b: "latest".to_owned(),
            agent: None,
            pair: None,
            n: 7,
            ratio: Some(1.12),
            ci95: (says != Says::Inconclusive).then_some([1.08, 1.16]),
            says,
            primary,
            more_trials_needed: (says == Says::Inconclusive).then_some(12),
            fingerprint_differences: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn compared(comparisons: Vec<ComparisonReport>) -> RunComparison {
        let side = |name: &str, count: u64| ComparedSide {
            name: name.to_owned(),
            job: "nightly".to_owned(),
            variant: "default".to_owned(),
            runs: (0..count).map(|number| RunId::new(number, [1; 10])).collect(),
            is_baseline: count > 1,
        };
        RunComparison {
            schema: SCHEMA.to_owned(),
            a: side("main", 6),
            b: side("latest", 1),
            margin: 0.05,
            invalid: Vec::new(),
            notes: vec!["better still, run both as variants".to_owned()],
            fingerprint_differences: vec!["a1: kernel: 6.1 and 6.8".to_owned()],
            comparisons,
            exit_code: 1,
        }
    }

    #[test]
    fn a_comparison_shows_hosts_first_then_what_was_claimed_then_the_rest() {
        let rows = vec![
            row("read.latency.p50", Says::Slower, true),
            row("read.latency.p99", Says::Inconclusive, false),
            row("read.throughput", Says::Same, false),
        ];
        insta::assert_snapshot!(render(&compared(rows), 100, false), @r#"
    latest (00000000-0000-7101-8101-010101010101) against baseline main (6 runs)
    the hosts differ: a1: kernel: 6.1 and 6.8

    What claims name
     metric            b / a  95 % interval
     read.latency.p50   1.12  1.08 to 1.16   slower

    Exploratory
     metric            b / a  95 % interval
     read.latency.p99   1.12  –              inconclusive, needs 12 more trials of each
     read.throughput    1.12  1.08 to 1.16   same within 5 %

    Better still, run both as variants.
    "#);
    }

    #[test]
    fn what_makes_it_invalid_is_said() {
        let mut invalid = compared(Vec::new());
        invalid.invalid = vec!["main and latest did not measure the same: workers (4 and 8)".to_owned()];
        let page = render(&invalid, 100, false);
        assert!(
            page.contains("invalid: main and latest did not measure the same: workers (4 and 8)"),
            "{page}"
        );
    }
}
