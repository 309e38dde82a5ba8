//! What was measured, operation by operation, and the failures that were kept as samples.

use maud::{Markup, html};
use shared::run_report::{OperationReport, RunReport};
use shared::units::{human_count, human_ns, human_rate, human_share};

use crate::figures::ABSENT;

/// Samples of failures that are shown; further ones are in the JSON report.
const SAMPLES_MAX: usize = 60;

pub(super) fn operations(report: &RunReport) -> Markup {
    let rows: Vec<(String, &OperationReport)> = report
        .variants
        .iter()
        .flat_map(|variant| {
            let merged = variant.operations.iter().map(|operation| (variant.name.clone(), operation));
            let apart = variant.agents.iter().filter(|_| variant.operations.is_empty()).flat_map(|agent| {
                let whose = agent.pair.as_ref().map_or_else(|| agent.name.to_string(), ToString::to_string);
                agent
                    .operations
                    .iter()
                    .map(move |operation| (format!("{}, {whose}", variant.name), operation))
            });
            merged.chain(apart).collect::<Vec<_>>()
        })
        .collect();
    html! {
        section {
            h2 { "What was measured" }
            p.faint { "Over all valid trials together: this describes, it does not decide." }
            @if rows.is_empty() { p { "No valid trial." } } @else {
                div.scroll tabindex="0" role="region" aria-label="What was measured" {
                    table {
                        thead { tr { @for name in HEADER { th scope="col" { (name) } } } }
                        tbody { @for (variant, operation) in &rows { (row(variant, operation)) } }
                    }
                }
            }
        }
    }
}

const HEADER: [&str; 11] =
    ["variant", "operation", "count", "per s", "errors", "p50", "p90", "p95", "p99", "p99.9", "max"];

fn row(variant: &str, operation: &OperationReport) -> Markup {
    let latency = &operation.latency_ns;
    let time = |ns: Option<u64>| ns.map_or_else(|| ABSENT.to_owned(), |ns| human_ns(ns as f64));
    html! {
        tr {
            th scope="row" { (variant) }
            td { (operation.name) }
            td { (human_count(operation.count as f64)) }
            td { (operation.throughput_per_s.map_or_else(|| ABSENT.to_owned(), human_rate)) }
            td { (operation.error_ratio.map_or_else(|| ABSENT.to_owned(), human_share)) }
            @for quantile in [latency.p50, latency.p90, latency.p95, latency.p99, latency.p99_9, latency.max] {
                td { (time(quantile)) }
            }
        }
    }
}

pub(super) fn failures(report: &RunReport) -> Markup {
    let samples: Vec<(String, &shared::interval::ErrorSample)> = report
        .variants
        .iter()
        .flat_map(|variant| variant.trials.iter().map(move |trial| (variant, trial)))
        .flat_map(|(variant, trial)| {
            let of_operations = trial
                .operations
                .iter()
                .filter(|operation| operation.name != shared::run_report::ALL_OPERATIONS);
            of_operations.flat_map(move |operation| {
                let place = format!("{}, block {}, {}", variant.name, trial.block + 1, operation.name);
                operation.error_samples.iter().map(move |sample| (place.clone(), sample))
            })
        })
        .collect();
    html! {
        @if !samples.is_empty() {
            section {
                h2 { "Failures" }
                p.faint { "The first few of each second were kept." }
                ul.samples {
                    @for (place, sample) in samples.iter().take(SAMPLES_MAX) {
                        li { span.faint { (place) ": " } strong { (sample.kind) } pre { (visible(&sample.message)) } }
                    }
                }
                @if samples.len() > SAMPLES_MAX { p { "… and " (samples.len() - SAMPLES_MAX) " more: the JSON report has them." } }
            }
        }
    }
}

/// A text with its control characters made visible, line ends kept.
pub(super) fn visible(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' | '\t' => character,
            // The pictures of control characters stand in their order from U+2400.
            '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(character)).unwrap_or('\u{fffd}'),
            '\u{7f}' => '\u{2421}',
            _ => character,
        })
        .collect()
}
