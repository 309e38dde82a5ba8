//! What was claimed and what came out, and what was found.

use std::collections::BTreeMap;

use maud::{Markup, html};
use shared::claim::ClaimSeverity;
use shared::finding::Severity;
use shared::run_report::RunReport;

use crate::figures;

/// Findings of one kind that are listed; further ones are counted.
const LISTED_MAX: usize = 20;

pub(super) fn claims(report: &RunReport) -> Markup {
    html! {
        @if !report.claims.is_empty() {
            section {
                h2 { "Verdicts" }
                ul.claims {
                    @for claim in &report.claims {
                        li.{ "is-" (claim.verdict.as_str()) } {
                            p.claim {
                                span.verdict.{ "is-" (claim.verdict.as_str()) } { (claim.verdict.as_str()) }
                                " " (figures::claim(report, claim))
                                @if claim.severity == ClaimSeverity::Warn { " " span.faint { "(only warns)" } }
                            }
                            p { strong { (figures::with_interval(claim.value, claim.ci95, &claim.unit)) } ": " (claim.reason) }
                            @if let Some(more) = claim.more_trials_needed {
                                p.faint { "About " (more) " more trials of each side would likely settle it." }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn search(report: &RunReport) -> Markup {
    html! {
        @if let Some(search) = &report.search {
            section {
                h2 { "What the search found" }
                p { span.verdict.{ "is-" (search.answer.verdict.as_str()) } { (search.answer.verdict.as_str()) } ": " (search.answer.reason) }
                p.faint { "The highest " (search.vary) " from " (search.between[0]) " to " (search.between[1]) " at which " code { (search.keep) } " is supported." }
                div.scroll tabindex="0" role="region" aria-label="Values that were tried" {
                    table {
                        thead { tr { @for name in [search.vary.as_str(), "came out", "trials", search.metric.as_str(), "why"] { th scope="col" { (name) } } } }
                        tbody {
                            @for step in &search.steps {
                                tr {
                                    th scope="row" { (step.value) }
                                    td.verdict.{ "is-" (step.verdict.as_str()) } { (step.verdict.as_str()) }
                                    td { (step.n) }
                                    td { (figures::with_interval(step.measured, step.ci95, &search.unit)) }
                                    td { (step.reason) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn findings(report: &RunReport) -> Markup {
    let by_code = by_code(report);
    html! {
        section {
            h2 { "Findings" }
            @if by_code.is_empty() { p { "Nothing was found that speaks against these figures." } }
            @for ((severity, code), found) in &by_code {
                details open[*severity == Severity::Invalid] {
                    summary {
                        span.severity.{ "is-" (severity.as_str()) } { (severity.as_str()) }
                        " " code { (code) } " · " (found.len()) (if found.len() == 1 { " time" } else { " times" })
                    }
                    ul {
                        @for (place, message) in found.iter().take(LISTED_MAX) { li { span.faint { (place) ": " } (message) } }
                        @if found.len() > LISTED_MAX { li { "… and " (found.len() - LISTED_MAX) " more" } }
                    }
                }
            }
        }
    }
}

type Found = Vec<(String, String)>;

/// Findings by severity, gravest first, and code; each with where it was found and what it says.
fn by_code(report: &RunReport) -> Vec<((Severity, &'static str), Found)> {
    let mut by_code: BTreeMap<(u8, &'static str), (Severity, Found)> = BTreeMap::new();
    for variant in &report.variants {
        for trial in &variant.trials {
            for finding in &trial.findings {
                let whose = finding.agent.as_ref().map(|agent| format!(", {agent}")).unwrap_or_default();
                let attempt = if trial.attempt > 0 {
                    format!(", attempt {}", trial.attempt + 1)
                } else {
                    String::new()
                };
                let place = format!("{}, block {}{attempt}{whose}", variant.name, trial.block + 1);
                let rank = match finding.severity {
                    Severity::Invalid => 0,
                    Severity::Suspect => 1,
                    Severity::Note => 2,
                };
                let entry =
                    by_code.entry((rank, finding.code.as_str())).or_insert((finding.severity, Vec::new()));
                entry.1.push((place, finding.message.clone()));
            }
        }
    }
    by_code.into_iter().map(|((_, code), (severity, found))| ((severity, code), found)).collect()
}
