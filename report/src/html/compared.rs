//! Two runs, baselines or variants against each other, as part of a page.

use maud::{Markup, html};
use shared::run_comparison::{ComparedSide, RunComparison};
use shared::run_report::ComparisonReport;
use shared::units::{human_count, human_share};

use crate::chart::forest;
use crate::figures::{self, ABSENT};

/// Rows of what no claim names; further ones are counted.
const EXPLORATORY_MAX: usize = 200;

/// What is compared, what is to be known of it, the table, and the plot.
pub fn section(comparison: &RunComparison) -> Markup {
    let (primary, exploratory): (Vec<_>, Vec<_>) = comparison.comparisons.iter().partition(|it| it.primary);
    let shown = &exploratory[..exploratory.len().min(EXPLORATORY_MAX)];
    html! {
        section {
            h2 { (side(&comparison.b)) " against " (side(&comparison.a)) }
            p.verdict.{ "is-" (class(comparison.exit_code)) } { (outcome(comparison.exit_code)) }
            p.faint { "Differences of less than " (human_share(comparison.margin)) " count as none." }
            (sentences("Worth nothing, because", &comparison.invalid))
            (sentences("The hosts differ", &comparison.fingerprint_differences))
            (table("What claims name", &primary))
            (table(if primary.is_empty() { "No claim names a metric: all are exploratory" } else { "Exploratory" }, shown))
            @if exploratory.len() > shown.len() {
                p { "… and " (exploratory.len() - shown.len()) " more: the JSON has them all." }
            }
            @if let Some(plot) = forest::chart(&comparison.comparisons, comparison.margin) { (plot) }
            (sentences("To be known", &comparison.notes))
        }
    }
}

fn side(side: &ComparedSide) -> String {
    let job = match side.variant.as_str() {
        "default" => side.job.clone(),
        variant => format!("{}, {variant}", side.job),
    };
    if side.is_baseline {
        format!("baseline {} ({} runs of {job})", side.name, side.runs.len())
    } else {
        format!("{} ({job})", side.name)
    }
}

const fn outcome(exit_code: u8) -> &'static str {
    match exit_code {
        0 => "nothing is worse",
        1 => "something is slower",
        2 => "it cannot be told",
        _ => "invalid",
    }
}

const fn class(exit_code: u8) -> &'static str {
    match exit_code {
        0 => "supported",
        1 => "refuted",
        2 => "inconclusive",
        _ => "invalid",
    }
}

fn sentences(title: &str, sentences: &[String]) -> Markup {
    html! {
        @if !sentences.is_empty() {
            h3 { (title) }
            ul { @for sentence in sentences { li { (sentence) } } }
        }
    }
}

fn table(title: &str, comparisons: &[&ComparisonReport]) -> Markup {
    html! {
        @if !comparisons.is_empty() {
            h3 { (title) }
            div.scroll tabindex="0" role="region" aria-label=(title) {
                table {
                    thead { tr { @for name in ["metric", "second / first", "95 % interval", "says"] { th scope="col" { (name) } } } }
                    tbody { @for comparison in comparisons { (row(comparison)) } }
                }
            }
        }
    }
}

fn row(comparison: &ComparisonReport) -> Markup {
    let pair = comparison.pair.as_ref().map(ToString::to_string);
    let whose = pair.or_else(|| comparison.agent.as_ref().map(ToString::to_string));
    let interval =
        comparison.ci95.map(|[low, high]| format!("{} to {}", human_count(low), human_count(high)));
    html! {
        tr {
            th scope="row" { (comparison.metric) @if let Some(whose) = whose { " (" (whose) ")" } }
            td { (comparison.ratio.map_or_else(|| ABSENT.to_owned(), human_count)) }
            td { (interval.as_deref().unwrap_or(ABSENT)) }
            td.{ "says-" (comparison.says) } { (figures::says(comparison)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::run_comparison::SCHEMA;

    use super::*;

    #[test]
    fn what_makes_it_worth_nothing_is_said_and_names_are_escaped() {
        let side = |name: &str| ComparedSide {
            name: name.to_owned(),
            job: "<b>job".to_owned(),
            variant: "default".to_owned(),
            runs: Vec::new(),
            is_baseline: name == "main",
        };
        let comparison = RunComparison {
            schema: SCHEMA.to_owned(),
            a: side("main"),
            b: side("latest"),
            margin: 0.05,
            invalid: vec!["the jobs differ".to_owned()],
            notes: Vec::new(),
            fingerprint_differences: Vec::new(),
            comparisons: Vec::new(),
            exit_code: 3,
        };
        let text = section(&comparison).into_string();
        assert!(text.contains("latest (&lt;b&gt;job) against baseline main (0 runs of"), "{text}");
        assert!(text.contains("the jobs differ") && text.contains("is-invalid"), "{text}");
    }
}
