//! The slowest operations, each with its request.

use maud::{Markup, html};
use shared::interval::slow::SLOWEST_MAX;
use shared::run_report::RunReport;

use super::measured::visible;
use crate::slowest;

pub(super) fn section(report: &RunReport) -> Markup {
    let slowest = slowest::of(report, SLOWEST_MAX);
    html! {
        @if !slowest.is_empty() {
            section {
                h2 { "Slowest operations" }
                p.faint { "The slowest successes of the trials that count; secrets are masked." }
                div.scroll tabindex="0" role="region" aria-label="Slowest operations" {
                    table {
                        thead { tr { @for name in ["latency", "operation", "when", "who", "request"] { th scope="col" { (name) } } } }
                        tbody {
                            @for slow in &slowest {
                                tr {
                                    th scope="row" { (slow.latency()) }
                                    td { (slow.operation.operation) }
                                    td { (slow.when()) }
                                    td { (slow.who()) }
                                    td { @if let Some(request) = &slow.operation.request { pre { (visible(request)) } } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
