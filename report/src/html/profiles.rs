//! What profilers wrote in trials that were not measured, and how to get it.

use maud::{Markup, html};
use shared::run_report::RunReport;

use crate::figures;

pub(super) fn section(report: &RunReport) -> Markup {
    html! {
        @if !report.profiles.is_empty() {
            section {
                h2 { "Profiles" }
                p.faint { "Of trials that were not measured: nothing above counts them." }
                div.scroll tabindex="0" role="region" aria-label="Profiles" {
                    table {
                        thead { tr { @for name in ["number", "variant", "host", "file", "what is to be said", "to get it"] { th scope="col" { (name) } } } }
                        tbody {
                            @for profile in &report.profiles {
                                tr {
                                    th scope="row" { (profile.number) }
                                    td { (profile.variant) }
                                    td { @if let Some(agent) = &profile.agent { (agent) } @else { "–" } }
                                    td { (figures::profile(profile)) }
                                    td { (profile.problem.as_deref().unwrap_or("–")) }
                                    td { @if profile.size_bytes.is_some() { code { (figures::profile_command(report, profile)) } } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
